"""The room `visitors`: it stands, and says its name in both languages."""

from django.apps import apps
from django.utils import translation


def test_the_room_has_its_name() -> None:
    name = apps.get_app_config("visitors").verbose_name
    with translation.override("en"):
        assert str(name) == "Visitors"
    with translation.override("ar"):
        assert str(name) == "الزوّار"
