"""What a merchant may say about the latest purchases."""

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _

from core import schema
from features.rules import Page, StorefrontSettings, pages_field

MOST_WORDS = 100


class Settings(StorefrontSettings):
    """Few of these reach shoppers: what is shown is decided here, not there."""

    position: Literal["start", "end"] = schema.field(
        "start",
        label=_("Position"),
        choices={"start": _("Bottom left (right in Arabic)"), "end": _("Bottom right (left in Arabic)")},
        public=True,
    )
    window_hours: int = schema.field(
        48, label=_("Purchases of the last hours"), help_text=_("From 1 hour to 7 days (168 hours)."), ge=1, le=168
    )
    seconds_between: int = schema.field(
        20, label=_("Seconds between two purchases"), help_text=_("From 15 to 300."), ge=15, le=300, public=True
    )
    max_items: int = schema.field(
        3, label=_("Purchases on one page"), help_text=_("From 1 to 10."), ge=1, le=10, public=True
    )
    show_place: bool = schema.field(
        True, label=_("Show the city or region"), help_text=_("The city only when many orders came from it.")
    )
    show_first_name: bool = schema.field(
        False,
        label=_("Show the first name"),
        help_text=_("Only if your customers agreed to it. A name never stands beside a place."),
    )
    excluded: str = schema.field(
        "",
        label=_("Never show"),
        help_text=_("Words, SKUs or product numbers, one per line. Intimate and medical products are never shown."),
        widget=forms.Textarea,
        max_length=2000,
    )
    city_minimum: int = schema.field(
        20,
        label=_("Orders before a city is named"),
        help_text=_("At least 20; below it the region is named, so that nobody is recognised."),
        ge=20,
        le=1000,
    )
    pages: list[Page] = pages_field("home", "product", "listing")

    @property
    def excluded_words(self) -> list[str]:
        return [line.strip() for line in self.excluded.splitlines() if line.strip()][:MOST_WORDS]
