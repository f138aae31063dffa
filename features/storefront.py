"""The storefront's config as bytes, and each process's short memory of it; nothing here touches the database."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from django.conf import settings
from django.templatetags.static import static
from django.utils import translation

from core import schema
from core.memory import Memory
from features import registry
from features.registry import Card
from features.rules import StorefrontSettings

# How long a process may go on with a config that another one has changed.
MEMORY_SECONDS = 5.0
STORES_REMEMBERED = 2_000
UNKNOWN_REMEMBERED = 10_000
# Parts of the loader, in `static/js/storefront`.
MODULES = ("rules", "beacons", "vitals", "try")
# What would end a script element or a line of JavaScript; JSON has these inside texts only, where it may escape them.
_UNSAFE = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


@dataclass(frozen=True)
class Served:
    """Bytes ready to leave. Not `is_sure`: the database is away and nothing is remembered; nobody should keep them.

    `is_store`: a store that has us installed, whether or not a card is on. `merchant_id`, our own number of it, and its
    time zone are told of those whose shoppers may get something; `is_listening` where a card is on that may hear them.
    """

    body: bytes
    etag: str
    is_sure: bool = True
    is_store: bool = True
    merchant_id: int = 0
    time_zone: str = ""
    is_listening: bool = False


def script_safe(data: object) -> bytes:
    """JSON that may also stand inside a script element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_UNSAFE).encode()


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


@dataclass(frozen=True)
class On:
    """A card that is on, as its store has set it, and how often its comparison group was begun."""

    card: Card[Any]
    settings: schema.Settings
    groups_dealt: int = 0


def render(version: int, cards: Sequence[On]) -> bytes:
    """Public settings and rules of these cards; one with nothing to do in a storefront stays unnamed.

    While any of them is on, the loader listens to what happens in the shop.
    """
    entries = [_entry(each) for each in cards if is_for_shoppers(each.card)]
    needed = ["beacons", "vitals"] if cards else []
    needed += ["rules"] if any("rules" in entry for entry in entries) else []
    modules = {name: module_url(name) for name in needed}
    return script_safe({"version": version, "listens": bool(cards), "modules": modules, "cards": entries})


def _entry(on: On) -> dict[str, Any]:
    slug = on.card.slug
    entry = {"slug": slug, "widget": widget_url(slug), "settings": on.settings.dump(public=True)}
    if isinstance(on.settings, StorefrontSettings) and (rules := on.settings.rules()):
        entry["rules"] = rules
        if "holdout_percent" in rules:
            entry["salt"] = str(on.groups_dealt)
    return entry


EMPTY_BODY = script_safe({"version": 0, "listens": False, "modules": {}, "cards": []})
EMPTY = Served(EMPTY_BODY, etag_of(EMPTY_BODY))
NO_STORE = Served(EMPTY_BODY, EMPTY.etag, is_store=False)
AWAY = Served(EMPTY_BODY, EMPTY.etag, is_sure=False, is_store=False)


def silenced(served: Served) -> Served:
    """The same store while nothing may be shown anywhere."""
    return replace(served, body=EMPTY.body, etag=EMPTY.etag, is_listening=False)


def is_for_shoppers(card: Card[Any]) -> bool:
    return card.has_public_settings or widget_url(card.slug) is not None


def widget_url(slug: str) -> str | None:
    """The address of the card's `static/widget.js`, hashed in production; the loader resolves it against its own."""
    files = (folder / "static" / "widget.js" for folder in settings.CARD_FOLDERS if folder.name == slug)
    return static(f"cards/{slug}/widget.js") if any(file.exists() for file in files) else None


def module_url(name: str) -> str:
    """The address of a part of the loader that is fetched when it is needed."""
    return static(f"js/storefront/{name}.js")


def fingerprint(language: str) -> str:
    """Of all that the code and its catalogues put into a config of this language: another one makes stored ones old."""
    return _fingerprint(tuple((card.slug, card.settings) for card in registry.cards()), language)


@cache
def _fingerprint(declarations: tuple[tuple[str, type[schema.Settings]], ...], language: str) -> str:
    modules = [module_url(name) for name in MODULES]
    with translation.override(language):
        declared = [
            [slug, widget_url(slug), declaration.model_json_schema(), declaration().dump(public=True)]
            for slug, declaration in declarations
        ]
    return hashlib.sha256(json.dumps([modules, declared], sort_keys=True).encode()).hexdigest()


class Configs:
    """What this process remembers, by Salla's store id, for `MEMORY_SECONDS`.

    Unknown ids have room of their own, so that somebody who guesses numbers pushes no store out.
    """

    def __init__(self) -> None:
        self._stores: Memory[int, Served] = Memory(seconds=MEMORY_SECONDS, most=STORES_REMEMBERED)
        self._unknown: Memory[int, Served] = Memory(seconds=MEMORY_SECONDS, most=UNKNOWN_REMEMBERED)

    def get(self, salla_id: int) -> Served | None:
        return self._stores.get(salla_id) or self._unknown.get(salla_id)

    def stale(self, salla_id: int) -> Served | None:
        return self._stores.stale(salla_id)

    def put(self, salla_id: int, served: Served, *, is_known: bool) -> Served:
        rows, others = (self._stores, self._unknown) if is_known else (self._unknown, self._stores)
        others.drop(salla_id)
        return rows.put(salla_id, served)

    def drop(self, salla_id: int) -> None:
        self._stores.drop(salla_id)
        self._unknown.drop(salla_id)
