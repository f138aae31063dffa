"""How many are in a store, as shoppers are told and as its merchant is: every number true, or none at all.

The ladder: so many now, else so many today, else nothing. Nothing is multiplied, and nothing is made up.
"""

import logging
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings as project
from django.db import DatabaseError
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from redis import RedisError

from core import clock, schema
from core.memory import Memory
from core.models import Merchant
from events import tallies
from events.tallies import Period
from features import registry, services
from features.rules import StorefrontSettings
from visitors import presence

log = logging.getLogger(__name__)

LEAST_NOW, LEAST_TODAY = 3, 20
LONGEST_ID = 16  # digits
# How long a process may go on with what it told, and with what it draws for everybody.
MEMORY_SECONDS = 3.0
STORES_REMEMBERED = 2_000


class CounterSettings(StorefrontSettings):
    """The base of the settings of a card that tells shoppers how many they are."""

    now_minimum: int = schema.field(
        LEAST_NOW,
        label=_("Shoppers now before the number shows"),
        help_text=_("At least 3. With fewer, the number of today shows, if there are enough."),
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


@dataclass(frozen=True)
class Rung:
    """Of the ladder, with the number that may be told there."""

    name: Literal["now", "today", "hidden"]
    count: int = 0


HIDDEN = Rung("hidden")


@dataclass(frozen=True)
class Crowd:
    """How many are in the store: `now` is None while nobody knows."""

    now: int | None
    today: int

    def rung(self, settings: CounterSettings) -> Rung:
        if self.now is None:
            return HIDDEN
        if self.now >= settings.now_minimum:
            return Rung("now", self.now)
        return Rung("today", self.today) if self.today >= settings.today_minimum else HIDDEN


@dataclass(frozen=True)
class Board:
    """What stands on the page behind the counter, and on the card's page in the dashboard."""

    merchant: Merchant
    settings: CounterSettings
    crowd: Crowd
    hours: list[tuple[str, int]]

    @property
    def rung(self) -> Rung:
        return self.crowd.rung(self.settings)


@dataclass(frozen=True)
class _Counter:
    """A store's counter as shoppers are told it; without settings it has none that is on."""

    merchant: Merchant | None = None
    settings: CounterSettings | None = None
    rung: Rung = HIDDEN


_counters: Memory[int, _Counter] = Memory(seconds=MEMORY_SECONDS, most=STORES_REMEMBERED)
_boards: Memory[int, Board] = Memory(seconds=MEMORY_SECONDS, most=STORES_REMEMBERED)


def told(salla_id: int, *, product_id: int | None = None) -> dict[str, Any]:
    """What a widget is told; never fails: where nobody knows, it is told nothing."""
    store = services.storefront_config(salla_id)
    counter = _counter(store.merchant_id) if store.is_listening else _Counter()
    product = None if product_id is None else _told(_of_product(counter, product_id))
    return {**_told(counter.rung), "product": product, "about": f"{project.PUBLIC_URL}/live/{salla_id}/"}


def public_board(salla_id: int) -> Board | None:
    """None where shoppers have no counter."""
    store = services.storefront_config(salla_id)
    counter = _counter(store.merchant_id) if store.is_listening else _Counter()
    if counter.merchant is None or counter.settings is None:
        return None
    found = _boards.get(store.merchant_id)
    return found or _boards.put(store.merchant_id, board(counter.merchant, settings=counter.settings))


def board(merchant: Merchant, *, settings: CounterSettings) -> Board:
    """The true numbers, also those that shoppers are not told."""
    now = clock.now()
    midnight = now.astimezone(merchant.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    points = tallies.series(merchant, tallies.VISITORS, period=Period.HOUR, since=midnight, until=now)
    hours = [(f"{localtime(point.starts_at, merchant.zone):%H:%M}", point.uniques) for point in points]
    return Board(merchant, settings, crowd(merchant), hours)


def crowd(merchant: Merchant) -> Crowd:
    try:
        now = presence.count(merchant)
    except RedisError as error:
        log.warning("how many are in a store: %s", type(error).__name__)
        return Crowd(None, presence.today(merchant))
    return Crowd(now, presence.today(merchant))


def _counter(merchant_id: int) -> _Counter:
    found = _counters.get(merchant_id)
    return found or _counters.put(merchant_id, _read(merchant_id))


def _read(merchant_id: int) -> _Counter:
    try:
        merchant = Merchant.objects.filter(pk=merchant_id).first()
        settings = _active(merchant) if merchant else None
        if merchant is None or settings is None:
            return _Counter()
        return _Counter(merchant, settings, crowd(merchant).rung(settings))
    except DatabaseError as error:
        log.warning("how many are in a store: %s", type(error).__name__)
        return _Counter()


def _active(merchant: Merchant) -> CounterSettings | None:
    """Of the first card that counts and is on."""
    cards = (card for card in registry.cards() if issubclass(card.settings, CounterSettings))
    return next(filter(None, (services.active_settings(merchant, card) for card in cards)), None)


def _of_product(counter: _Counter, product_id: int) -> Rung:
    """A product has only the first rung."""
    if counter.merchant is None or counter.settings is None:
        return HIDDEN
    try:
        now = presence.count(counter.merchant, product_id=product_id)
    except RedisError:
        return HIDDEN
    return Crowd(now, 0).rung(counter.settings)


def _told(rung: Rung) -> dict[str, Any]:
    return {"rung": rung.name, "count": rung.count}
