"""The catalogue of cards: what each declares; it knows none by name, and cards come to it when they are imported."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core import schema
from core.schema_errors import Text
from core.schema_form import look_of

if TYPE_CHECKING:
    from core.models import Merchant  # features/apps.py imports this before Django allows models to be imported

SLUG = re.compile("[a-z][a-z0-9_]{0,63}")
BEACON = re.compile(r"[a-z_]{1,30}\.[a-z_]{1,30}")

S = TypeVar("S", bound=schema.Settings)
S_in = TypeVar("S_in", bound=schema.Settings, contravariant=True)
# What a store still has to do before the card can work, in a few words that name the next step; None when nothing.
Missing = Callable[["Merchant"], Text | None]


@dataclass(frozen=True)
class Measure:
    """A number of the card's chart and file: tallies of that name, by default those of the card's own dimension.

    `definition` says what is counted and what is not.
    """

    name: str
    label: Text
    definition: Text
    dimension: str | None = None


@dataclass(frozen=True)
class Sample:
    """What the widget gets in the preview: the answer of each action. An example is marked as one."""

    answers: Mapping[str, Any]
    is_example: bool = False


@dataclass(frozen=True)
class Asker:
    """Who asks, as our server saw it, whatever `data` says. `network` is what limits count; nobody keeps it whole."""

    network: str = ""


class Action(Protocol[S_in]):
    """Answers a widget with plain data; None for nothing. Raises `BadRequestError`."""

    def __call__(self, merchant: "Merchant", /, *, settings: S_in, data: Any, asker: Asker) -> Any: ...


class Sampler(Protocol[S_in]):
    """What the widget shows in the preview, of the merchant's own data and in his store's language."""

    def __call__(self, merchant: "Merchant", settings: S_in, language: str, /) -> Sample: ...


class Reporter(Protocol[S_in]):
    """Says in translated lines why shoppers see what they see."""

    def __call__(self, merchant: "Merchant", settings: S_in, /) -> list[str]: ...


@dataclass(frozen=True)
class Panel:
    """A part of the card's page that only it has: one of its own templates, and what that draws as `panel`."""

    template: str
    data: Any


class Drawer(Protocol[S_in]):
    """What the card's page shows beside the settings."""

    def __call__(self, merchant: "Merchant", settings: S_in, /) -> Panel: ...


class Welcome(Protocol[S_in]):
    """What whoever has just confirmed what the card asked reads on that page: the merchant's own words, or nothing."""

    def __call__(self, settings: S_in, /) -> str: ...


class BadRequestError(Exception):
    """Raised by an action: the widget sent something that no widget of ours sends."""


def _nothing(merchant: "Merchant") -> Text | None:
    return None


class Category(TextChoices):
    """The groups of the grid, in its order."""

    IN_STORE = "store", _("In your store")
    MESSAGES = "messages", _("Your messages")
    NUMBERS = "numbers", _("Your numbers")


@dataclass(frozen=True)
class Card(Generic[S]):
    """One feature that a merchant switches on. `slug` is the name of its folder; `icon` is a character or two.

    `actions` are what its widget may ask. While something is `missing`, the dashboard says what instead of "on"; asking
    costs at most one query. `sample` feeds the widget in the preview, where it asks nobody. `measures` are what its
    chart counts, in place of how often it was shown and clicked. `beacons` are the names of what only its widget tells
    of, such as "subscription.asked". `panel` is a part of its page, `welcome` what subscribers read once they have
    confirmed. `Card[Settings](…)` lets mypy hold them all to the card's own settings.
    """

    slug: str
    name: Text
    summary: Text
    icon: str
    category: Category
    settings: type[S]
    actions: Mapping[str, Action[S]] = field(default_factory=dict)
    missing: Missing = _nothing
    sample: Sampler[S] | None = None
    health: Reporter[S] | None = None
    measures: Sequence[Measure] | None = None
    beacons: tuple[str, ...] = ()
    panel: Drawer[S] | None = None
    welcome: Welcome[S] | None = None

    def __post_init__(self) -> None:
        for name in (self.slug, *self.actions):
            if not SLUG.fullmatch(name):
                raise ValueError(f"{name!r}: small letters, digits and _ only, beginning with a letter")
        for name in self.beacons:
            if not BEACON.fullmatch(name):
                raise ValueError(f"{name!r}: what was done to what, such as subscription.asked")
        for name, info in self.settings.model_fields.items():
            if look_of(info).widget is schema.Secret:
                raise TypeError(f"{self.slug}.{name}: a card keeps no secrets; its settings are shown as JSON")

    @property
    def has_public_settings(self) -> bool:
        return any(look_of(info).public for info in self.settings.model_fields.values())


def dimension_of(card: Card[Any]) -> str:
    """Under which the card's own events are tallied."""
    return f"card:{card.slug}"


_cards: dict[str, Card[Any]] = {}


def register(card: Card[S]) -> Card[S]:
    """Called once by each card's `card.py`. Raises `ValueError` for a slug that is taken."""
    if card.slug in _cards:
        raise ValueError(f"the card {card.slug} is registered twice")
    _cards[card.slug] = card
    return card


def get(slug: str) -> Card[Any] | None:
    return _cards.get(slug)


def cards() -> list[Card[Any]]:
    """Every card, by group and then by slug."""
    order = list(Category)
    return sorted(_cards.values(), key=lambda card: (order.index(card.category), card.slug))


def groups() -> Iterator[tuple[Category, list[Card[Any]]]]:
    """The groups that have cards."""
    for category in Category:
        if found := [card for card in cards() if card.category == category]:
            yield category, found
