"""What every storefront card has in common: for whom, where, when and how often it shows; its loader's rules."""

from decimal import Decimal
from typing import Any, Literal

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from pydantic import AwareDatetime, ValidationInfo, field_validator

from core import schema

Page = Literal["home", "product", "listing", "cart", "other"]
Device = Literal["phone", "computer"]
Trigger = Literal["now", "time", "scroll", "exit", "idle", "cart", "product"]

PAGES: dict[Page, Any] = {
    "home": _("Home page"),
    "product": _("Product pages"),
    "listing": _("Categories and search"),
    "cart": _("Cart"),
    "other": _("Other pages"),
}
DEVICES: dict[Device, Any] = {"phone": _("Phones"), "computer": _("Computers and tablets")}
TRIGGERS: dict[Trigger, Any] = {
    "now": _("At once"),
    "time": _("After some seconds on the page"),
    "scroll": _("After scrolling part of the page"),
    "exit": _("When the shopper is about to leave"),
    "idle": _("After some seconds without a touch"),
    "cart": _("When the cart reaches an amount"),
    "product": _("After viewing some products"),
}
# What each moment's number may be, and what it is when the merchant gives none; the others have no number.
TRIGGER_VALUES: dict[Trigger, tuple[int, int, int]] = {
    "time": (1, 600, 15),
    "scroll": (1, 100, 50),
    "idle": (1, 600, 20),
    "cart": (1, 1_000_000, 200),
    "product": (1, 50, 3),
}
MOST_HELD = 50


def pages_field(*shown: Page) -> Any:
    """Where a card shows unless the merchant says otherwise."""
    return schema.field(list(shown), label=_("Pages"), choices=PAGES)


def trigger_field(moment: Trigger) -> Any:
    """When a card comes up unless the merchant says otherwise."""
    return schema.field(moment, label=_("Moment"), choices=TRIGGERS)


def frequency_field(days: int) -> Any:
    """How long a card that was closed or used stays away unless the merchant says otherwise."""
    return schema.field(
        days,
        label=_("Days until it may come again"),
        help_text=_("Once a shopper has closed or used it. 0: it may come again in the next visit."),
        ge=0,
        le=365,
    )


class StorefrontSettings(schema.Settings):
    """The base of the settings of cards that shoppers see. A card redeclares a field to give it another default.

    Shoppers' browsers get these as `rules`, never among the `settings` that widgets get.
    """

    starts_at: AwareDatetime | None = schema.field(None, label=_("Shown from"), help_text=_("Empty: from now on."))
    ends_at: AwareDatetime | None = schema.field(None, label=_("Shown until"), help_text=_("Empty: without an end."))
    pages: list[Page] = pages_field("home", "product", "listing", "cart", "other")
    devices: list[Device] = schema.field(["phone", "computer"], label=_("Devices"), choices=DEVICES)
    visitors: Literal["all", "new", "returning"] = schema.field(
        "all",
        label=_("Shoppers"),
        choices={"all": _("All shoppers"), "new": _("First visit"), "returning": _("Been here before")},
    )
    login: Literal["all", "guest", "customer"] = schema.field(
        "all",
        label=_("Signed in at the store"),
        choices={"all": _("All shoppers"), "guest": _("Guests only"), "customer": _("Signed-in customers only")},
    )
    utm_source: str = schema.field(
        "",
        label=_("Came from (utm_source)"),
        help_text=_("One or more, with commas between them, such as instagram, snapchat. Empty: from anywhere."),
        max_length=200,
    )
    cart_minimum: Decimal | None = schema.field(
        None, label=_("Cart from"), help_text=_("The cart's total. Empty: any cart."), ge=0, le=10**7, decimal_places=2
    )
    cart_maximum: Decimal | None = schema.field(
        None, label=_("Cart up to"), help_text=_("The cart's total. Empty: any cart."), ge=0, le=10**7, decimal_places=2
    )
    coupon: Literal["all", "with", "without"] = schema.field(
        "all",
        label=_("Coupon in the cart"),
        choices={"all": _("With or without"), "with": _("Only with a coupon"), "without": _("Only without a coupon")},
    )
    trigger: Trigger = trigger_field("now")
    trigger_value: int | None = schema.field(
        None,
        label=_("Value for the moment"),
        help_text=_("Seconds, percent of the page, amount or products. Empty: a good one for the moment chosen."),
    )
    frequency_days: int = frequency_field(0)
    language: Literal["auto", "ar", "en"] = schema.field(
        "auto",
        label=_("Language"),
        choices={"auto": _("As the page"), "ar": _("Arabic"), "en": _("English")},
    )
    holdout_percent: int = schema.field(
        0,
        label=_("Comparison group, percent of shoppers"),
        help_text=_("They do not get it, so that what it adds can be measured: from 0 (everybody gets it) to 50."),
        ge=0,
        le=MOST_HELD,
    )
    is_shadow: bool = schema.field(
        False,
        label=_("Shadow mode"),
        help_text=_("Counts when it would have come up, and shows shoppers nothing."),
    )

    def dump(self, *, public: bool = False) -> dict[str, Any]:
        """The card's own settings come first, here as in the form."""
        values = super().dump(public=public)
        return {name: values[name] for name in sorted(values, key=lambda name: name in COMMON)}

    def rules(self) -> dict[str, Any]:
        """What a browser decides by, where it differs from what it takes for granted."""
        values = self.model_dump(mode="json", include=set(COMMON))
        rules = {name: value for name, value in values.items() if value != _TAKEN_FOR_GRANTED[name]}
        for name in ("starts_at", "ends_at"):
            if name in rules:
                rules[name] = int(getattr(self, name).timestamp())
        for name in ("cart_minimum", "cart_maximum"):
            if name in rules:
                rules[name] = float(rules[name])
        if self.utm_source:
            rules["utm_source"] = [part.strip().lower() for part in self.utm_source.split(",") if part.strip()]
        if self.trigger in TRIGGER_VALUES:
            rules["trigger_value"] = self.trigger_value or TRIGGER_VALUES[self.trigger][2]
        return rules

    @field_validator("ends_at")
    @classmethod
    def _after_its_start(cls, ends_at: Any, info: ValidationInfo) -> Any:
        starts_at = info.data.get("starts_at")
        if ends_at is not None and starts_at is not None and ends_at <= starts_at:
            raise ValueError(_("Must be later than the beginning."))
        return ends_at

    @field_validator("cart_maximum")
    @classmethod
    def _not_below_the_minimum(cls, maximum: Any, info: ValidationInfo) -> Any:
        minimum = info.data.get("cart_minimum")
        if maximum is not None and minimum is not None and maximum < minimum:
            raise ValueError(_("Must not be less than the least amount."))
        return maximum

    @field_validator("pages", "devices")
    @classmethod
    def _somewhere(cls, chosen: list[str]) -> list[str]:
        if not chosen:
            raise ValueError(_("Choose at least one. To show it nowhere, turn the card off."))
        return chosen

    @field_validator("trigger_value")
    @classmethod
    def _of_its_moment(cls, value: int | None, info: ValidationInfo) -> int | None:
        moment = info.data.get("trigger")
        if value is None or moment is None:
            return value
        if moment not in TRIGGER_VALUES:
            raise ValueError(_("This moment has no value: leave it empty."))
        least, most, _usual = TRIGGER_VALUES[moment]
        if not least <= value <= most:
            raise ValueError(format_lazy(_("For this moment: from {least} to {most}."), least=least, most=most))
        return value


COMMON = tuple(StorefrontSettings.model_fields)
_TAKEN_FOR_GRANTED = StorefrontSettings().model_dump(mode="json")
