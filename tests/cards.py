"""A card for tests of what every card shares; its words are ones that the catalogue has anyway."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from django.utils.translation import gettext_lazy as _

from core import schema
from core.models import Merchant
from features import registry
from features.registry import BadRequestError, Card, Category


class Row(schema.Settings):
    title: str = schema.field("", label=_("name"), public=True)
    note: str = schema.field("", label=_("reason"))


class Settings(schema.Settings):
    title: str = schema.field(_("orders"), label=_("name"), max_length=20_000, public=True)
    note: str = schema.field("", label=_("reason"), max_length=20_000)
    delay_seconds: int = schema.field(5, label=_("total"), ge=0, le=600, public=True)
    is_bold: bool = schema.field(False, label=_("status"), public=True)
    position: Literal["start", "end"] = schema.field(
        "end", label=_("store"), choices={"start": _("city"), "end": _("country")}, public=True
    )
    rows: list[Row] = schema.field([], label=_("items"), max_length=5, public=True)
    share: float = schema.field(0.5, label=_("quantity"), ge=0, le=1)


def echo(merchant: Merchant, *, settings: Settings, data: Any) -> object:
    """Whatever it was told, or trouble on demand."""
    match data:
        case "nothing":
            return None
        case "nonsense":
            raise BadRequestError
        case "trouble":
            raise RuntimeError("a card's own mistake")
    return {"store": merchant.salla_id, "title": settings.title, "data": data}


def a_card(**changes: Any) -> Card[Settings]:
    """Not registered."""
    declared: dict[str, Any] = {
        "slug": "test_card",
        "name": _("orders"),
        "summary": _("products"),
        "icon": "★",
        "category": Category.IN_STORE,
        "settings": Settings,
        "actions": {"echo": echo},
    }
    return Card(**declared | changes)


@contextmanager
def only(*cards: Card[Any]) -> Iterator[None]:
    """These are all the cards there are, for as long as the block runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_cards", {card.slug: card for card in cards})
        yield


@contextmanager
def registered(card: Card[Any]) -> Iterator[Card[Any]]:
    """In the registry, beside the real ones, for as long as the block runs."""
    with only(*registry.cards()):
        yield registry.register(card)
