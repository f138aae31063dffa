"""What a merchant may say about the live counter."""

from typing import Literal

from django.utils.translation import gettext_lazy as _

from core import schema
from features.rules import StorefrontSettings
from visitors.counter import LEAST_NOW, LEAST_TODAY


class Settings(StorefrontSettings):
    """Shoppers get where it stands and what it counts; from which number on is decided at the server."""

    position: Literal["start", "end"] = schema.field(
        "end",
        label=_("Position"),
        choices={"start": _("Bottom left (right in Arabic)"), "end": _("Bottom right (left in Arabic)")},
        public=True,
    )
    counts: Literal["product", "store"] = schema.field(
        "product",
        label=_("On a product's page"),
        help_text=_("With too few on a product's page, it tells how many are in the store."),
        choices={"product": _("How many are viewing this product"), "store": _("How many are in the store")},
        public=True,
    )
    now_minimum: int = schema.field(
        LEAST_NOW,
        label=_("Shoppers now before their number shows"),
        help_text=_("At least 3. With fewer, it tells how many came today, if there are enough."),
        ge=LEAST_NOW,
        le=10_000,
    )
    today_minimum: int = schema.field(
        LEAST_TODAY,
        label=_("Visitors today before their number shows"),
        help_text=_("At least 20. With fewer, shoppers see no counter."),
        ge=LEAST_TODAY,
        le=1_000_000,
    )
