"""Django's registration of `core`."""

from django.apps import AppConfig
from django.core.checks import Tags, register
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from core import checks


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = _("Stores and people")

    def ready(self) -> None:
        register(checks.environment)
        register(checks.production, Tags.security, deploy=True)
        autodiscover_modules("digest", "subjects")
