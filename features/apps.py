"""Django's registration of `features`, and the import of every card's folder."""

from importlib import import_module
from pathlib import Path

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from features import registry


class FeaturesConfig(AppConfig):
    name = "features"
    verbose_name = _("Cards")

    def ready(self) -> None:
        for folder in settings.CARD_FOLDERS:
            load(folder)


def load(folder: Path) -> None:
    """Import the folder's `card.py`, which registers it, and its `handlers.py` if it has one."""
    package = ".".join(folder.relative_to(settings.BASE_DIR).parts)
    import_module(f"{package}.card")
    if registry.get(folder.name) is None:
        raise ImproperlyConfigured(f"{package}.card registers no card with the slug {folder.name}")
    if (folder / "handlers.py").exists():
        import_module(f"{package}.handlers")
