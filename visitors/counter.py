"""How many are in a store, as shoppers are told and as its merchant is: every number true, or none at all.

The ladder: so many now, else so many today, else nothing. Nothing is multiplied, and nothing is made up.
"""

import logging
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from django.conf import settings
from django.db import DatabaseError
from django.utils.timezone import localtime
from redis import RedisError

from core import clock
from core.memory import Memory
from core.models import Merchant
from events import tallies
from events.tallies import Period
from features import services
from features.registry import Card, S
from visitors import presence

log = logging.getLogger(__name__)

LEAST_NOW, LEAST_TODAY = 3, 20
LONGEST_ID = 16  # digits
# How long a process may go on with what it told, and with what it draws for everybody.
MEMORY_SECONDS = 3.0
STORES_REMEMBERED = 2_000


class Minimums(Protocol):
    """Of the settings of a card that tells shoppers how many they are: from how many on it may."""

    @property
    def now_minimum(self) -> int: ...

    @property
    def today_minimum(self) -> int: ...


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

    def rung(self, minimums: Minimums) -> Rung:
        if self.now is None:
            return HIDDEN
        if self.now >= minimums.now_minimum:
            return Rung("now", self.now)
        return Rung("today", self.today) if self.today >= minimums.today_minimum else HIDDEN


@dataclass(frozen=True)
class Board:
    """What stands on the page behind the counter, and on the card's page in the dashboard."""

    merchant: Merchant
    minimums: Minimums
    crowd: Crowd
    hours: list[tuple[str, int]]

    @property
    def rung(self) -> Rung:
        return self.crowd.rung(self.minimums)


@dataclass(frozen=True)
class _Counter:
    """A store's counter as shoppers are told it; without minimums it has none that is on."""

    merchant: Merchant | None = None
    minimums: Minimums | None = None
    rung: Rung = HIDDEN


# The cards that tell shoppers how many they are.
_tellers: list[Card[Any]] = []
_counters: Memory[int, _Counter] = Memory(seconds=MEMORY_SECONDS, most=STORES_REMEMBERED)
_boards: Memory[int, Board] = Memory(seconds=MEMORY_SECONDS, most=STORES_REMEMBERED)


def told_by(card: Card[S]) -> Card[S]:
    """Called by the `card.py` of a card whose settings are `Minimums`: where it is on, the number is public."""
    _tellers.append(card)
    return card


def told(salla_id: int, *, product_id: int | None = None) -> dict[str, Any]:
    """What a widget is told; never fails: where nobody knows, it is told nothing."""
    store = services.storefront_config(salla_id)
    counter = _counter(store.merchant_id) if store.is_listening else _Counter()
    product = None if product_id is None else _told(_of_product(counter, product_id))
    return {**_told(counter.rung), "product": product, "about": address(salla_id)}


def address(salla_id: int) -> str:
    """Of the page that says what is counted."""
    return f"{settings.PUBLIC_URL}/live/{salla_id}/"


def public_board(salla_id: int) -> Board | None:
    """None where shoppers have no counter."""
    store = services.storefront_config(salla_id)
    counter = _counter(store.merchant_id) if store.is_listening else _Counter()
    if counter.merchant is None or counter.minimums is None:
        return None
    found = _boards.get(store.merchant_id)
    return found or _boards.put(store.merchant_id, board(counter.merchant, minimums=counter.minimums))


def board(merchant: Merchant, *, minimums: Minimums) -> Board:
    """The true numbers, also those that shoppers are not told."""
    midnight = merchant.midnight(merchant.today)
    points = tallies.series(merchant, tallies.VISITORS, period=Period.HOUR, since=midnight, until=clock.now())
    hours = [(f"{localtime(point.starts_at, merchant.zone):%H:%M}", point.uniques) for point in points]
    return Board(merchant, minimums, crowd(merchant), hours)


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
        minimums = _active(merchant) if merchant else None
        if merchant is None or minimums is None:
            return _Counter()
        return _Counter(merchant, minimums, crowd(merchant).rung(minimums))
    except DatabaseError as error:
        log.warning("how many are in a store: %s", type(error).__name__)
        return _Counter()


def _active(merchant: Merchant) -> Minimums | None:
    """Of the first card that tells, and is on."""
    return next(filter(None, (services.active_settings(merchant, card) for card in _tellers)), None)


def _of_product(counter: _Counter, product_id: int) -> Rung:
    """A product has only the first rung."""
    if counter.merchant is None or counter.minimums is None:
        return HIDDEN
    try:
        now = presence.count(counter.merchant, product_id=product_id)
    except RedisError:
        return HIDDEN
    return Crowd(now, 0).rung(counter.minimums)


def _told(rung: Rung) -> dict[str, Any]:
    return {"rung": rung.name, "count": rung.count}
