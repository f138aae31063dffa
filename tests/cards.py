"""A card for tests of what every card shares; its words are ones that the catalogue has anyway."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest
from django import forms
from django.test import Client
from django.utils.translation import gettext_lazy as _

from core import memory, schema
from core.models import Merchant
from core.schema_form import look_of
from features import registry
from features.registry import Asker, BadRequestError, Card, Category
from features.rules import StorefrontSettings


class Row(schema.Settings):
    title: str = schema.field("", label=_("name"), public=True)
    note: str = schema.field("", label=_("reason"))


class Settings(StorefrontSettings):
    title: str = schema.field(_("orders"), label=_("name"), max_length=20_000, public=True)
    note: str = schema.field("", label=_("reason"), max_length=20_000)
    delay_seconds: int = schema.field(5, label=_("total"), ge=0, le=600, public=True)
    is_bold: bool = schema.field(False, label=_("status"), public=True)
    position: Literal["start", "end"] = schema.field(
        "end", label=_("store"), choices={"start": _("city"), "end": _("country")}, public=True
    )
    rows: list[Row] = schema.field([], label=_("items"), max_length=5, public=True)
    share: float = schema.field(0.5, label=_("quantity"), ge=0, le=1)


def echo(merchant: Merchant, *, settings: Settings, data: Any, asker: Asker) -> object:
    """Whatever it was told, or trouble on demand."""
    match data:
        case "nothing":
            return None
        case "nonsense":
            raise BadRequestError
        case "trouble":
            raise RuntimeError("a card's own mistake")
        case "network":
            return asker.network
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


def posted(form: schema.SettingsForm[Any]) -> dict[str, Any]:
    """What a browser sends when the form is submitted as it stands."""
    data: dict[str, Any] = {}
    for bound in form:
        widget, value = bound.field.widget, bound.value()
        if isinstance(widget, forms.CheckboxInput):
            data |= {bound.name: "on"} if value else {}
        elif isinstance(widget, forms.CheckboxSelectMultiple):
            data[bound.name] = widget.format_value(value)
        elif isinstance(widget, forms.Select):
            data[bound.name] = widget.format_value(value)[0]
        else:
            data[bound.name] = (widget.format_value(value) or "").replace("\n", "\r\n")
    return data


def config_of(client: Client, merchant: Merchant) -> dict[str, Any]:
    """The settings that shoppers get, by card."""
    return settings_in(served(client, merchant))


def served(client: Client, merchant: Merchant) -> str:
    """The config as a browser gets it."""
    memory.forget()
    body = client.get(f"/sf/{merchant.salla_id}/config.json").content.decode()
    assert not any(unsafe in body for unsafe in "<>&\u2028\u2029")
    return body


def settings_in(config: str) -> dict[str, Any]:
    return {each["slug"]: each["settings"] for each in json.loads(config)["cards"]}


def public_only(declaration: type[schema.Settings], values: dict[str, Any]) -> dict[str, Any]:
    """Worked out by hand, to hold `dump(public=True)` to it."""
    kept = {}
    for name, info in declaration.model_fields.items():
        if look_of(info).public:
            inner = next(iter({k for k in parts_of(info.annotation) if k in groups_in(declaration)}), None)
            kept[name] = pruned(inner, values[name]) if inner else values[name]
    return kept


def pruned(declaration: type[schema.Settings], value: Any) -> Any:
    if isinstance(value, list):
        return [pruned(declaration, each) for each in value]
    return value if value is None else public_only(declaration, value)


def groups_in(declaration: type[schema.Settings]) -> set[type[schema.Settings]]:
    kinds = [part for info in declaration.model_fields.values() for part in parts_of(info.annotation)]
    return {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, schema.Settings)}


def parts_of(kind: Any) -> list[Any]:
    inner = [part for each in getattr(kind, "__args__", ()) for part in parts_of(each)]
    return [kind, *inner]
