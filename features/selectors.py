"""Reading cards: stored settings, the grid, and a card's history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext

from core.models import Merchant
from core.schema_errors import Text
from core.schema_form import Look, look_of
from features import registry
from features.models import Revision
from features.registry import Card, Category, S
from integrations.models import Standing
from integrations.selectors import standing_of

REVISIONS_SHOWN = 20
LONGEST_SHOWN = 80  # characters of a value in the history


@dataclass(frozen=True)
class Tile:
    """A card as it stands in one store; it is not running while it lacks what `missing` names.

    `withheld` says why none of the store's cards runs, whatever they are set to.
    """

    card: Card[Any]
    is_on: bool
    missing: Text | None = None
    withheld: Text | None = None

    @property
    def can_switch(self) -> bool:
        """What is on can always be turned off."""
        return self.is_on or not (self.missing or self.withheld)


@dataclass(frozen=True)
class Difference:
    """One setting on either side of a change; without values where they are too long for a line."""

    label: Text
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Change:
    """A revision, and what it changed in the settings."""

    revision: Revision
    differences: list[Difference]


def load(merchant: Merchant, card: Card[S], stored: object) -> S:
    """Stored settings; texts that the merchant left alone come in the store's language, not in the reader's."""
    with translation.override(language_of(merchant)):
        return card.settings.load(stored)


def language_of(merchant: Merchant) -> str:
    return supported_language(merchant.locale)


def supported_language(locale: str) -> str:
    """Ours where we do not speak the store's."""
    try:
        return translation.get_supported_language_variant(locale)
    except LookupError:
        return settings.LANGUAGE_CODE


def grid(merchant: Merchant) -> list[tuple[Category, list[Tile]]]:
    reason = withheld(merchant)
    on = set(merchant.features.filter(is_on=True).values_list("slug", flat=True))
    return [
        (category, [Tile(card, card.slug in on, card.missing(merchant), reason) for card in cards])
        for category, cards in registry.groups()
    ]


def tile(merchant: Merchant, card: Card[Any]) -> Tile:
    is_on = merchant.features.filter(slug=card.slug, is_on=True).exists()
    return Tile(card, is_on, card.missing(merchant), withheld(merchant))


def withheld(merchant: Merchant) -> Text | None:
    """Why the store's cards are withheld from its shoppers, in a few words; None while they are not. One query."""
    standing = standing_of(merchant)
    return standing.get_reason_display() if standing.state == Standing.State.RESTRICTED else None


def history(merchant: Merchant, card: Card[Any]) -> list[Change]:
    """The latest changes, newest first."""
    rows = merchant.revisions.filter(feature__slug=card.slug).select_related("by").order_by("-pk")
    return [Change(row, list(_changed(merchant, card, row))) for row in rows[:REVISIONS_SHOWN]]


def _changed(merchant: Merchant, card: Card[Any], row: Revision) -> Iterator[Difference]:
    before, after = (load(merchant, card, side.get("settings")) for side in (row.before, row.after))
    dumped = before.dump(), after.dump()
    for name, info in card.settings.model_fields.items():
        if dumped[0][name] != dumped[1][name]:
            look = look_of(info)
            words = [
                _moment_in_words(merchant, value) if isinstance(value, datetime) else _in_words(plain[name], look)
                for value, plain in zip((getattr(before, name), getattr(after, name)), dumped, strict=True)
            ]
            is_short = all(text is not None and len(text) <= LONGEST_SHOWN for text in words)
            yield Difference(look.label, *(str(text) for text in words)) if is_short else Difference(look.label)


def _moment_in_words(merchant: Merchant, moment: datetime) -> str:
    """By the store's clock."""
    return date_format(moment.astimezone(merchant.zone), "DATETIME_FORMAT")


def _in_words(value: Any, look: Look) -> str | None:
    """As the form says it; None for what takes more than words."""
    if isinstance(value, list):
        parts = [_in_words(each, look) for each in value]
        known = [part for part in parts if part is not None]
        return pgettext("list", ", ").join(known) or "—" if len(known) == len(parts) else None
    if isinstance(value, dict):
        return None
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if value is None or value == "":
        return "—"
    return str(look.choices.get(value, value))
