"""Gives the tests that lie in a card's folder what every test has."""

from tests.conftest import (
    _bell,
    _surroundings,
    bell,
    deliver,
    django_db_modify_db_settings,
    merchant,
    other_merchant,
    staff,
)

__all__ = [
    "_bell",
    "_surroundings",
    "bell",
    "deliver",
    "django_db_modify_db_settings",
    "merchant",
    "other_merchant",
    "staff",
]
