"""Django's registration of `attributions`."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AttributionsConfig(AppConfig):
    name = "attributions"
    verbose_name = _("Attribution")
