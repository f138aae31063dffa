"""Django's registration of `events`."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = _("Facts")

    def ready(self) -> None:
        """Import every app's `handlers.py`, so that the bus knows them."""
        autodiscover_modules("handlers")
