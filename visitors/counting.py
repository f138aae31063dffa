"""What tallies are told of visits, pages, products and cards, and by which words reports ask for it.

A visit counts on the day on which it began, and so do the steps it came to later: shares of them are shares of it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from events import tallies
from events.tallies import BOTS, Count
from features import registry
from visitors.hints import Hints, shown_path
from visitors.visit_models import Visit
from visitors.vocabulary import OTHER, vocabulary

VISITS = "visits"
# The steps of a visit on its way to an order.
VIEWED, CARTED, ORDERED = "visits.viewed", "visits.carted", "visits.ordered"
PAGES, PRODUCTS = "page.viewed", "product.viewed"
CARDS = "card."
UNKNOWN = "?"

Line = tuple[int, str, str, datetime]  # store, name, dimension, a quarter of an hour


def of_visits(name: str, visits: Iterable[Visit]) -> list[Count]:
    return _counted(line for visit in visits for line in _visit(name, visit))


def of_named(name: str, visits: Iterable[Visit]) -> list[Count]:
    """Visits that were counted while nobody knew whose they are: as if it had been known."""
    counts = []
    for visit in visits:
        at = tallies.quarter_of(visit.started_at)
        for word, count in (("no", -1), (_known(visit), 1)):
            counts.append(Count(visit.merchant_id, name, at, dimension=f"known:{word}", count=count))
    return counts


def _visit(name: str, visit: Visit) -> Iterator[Line]:
    at = tallies.quarter_of(visit.started_at)
    if visit.is_bot:
        if name == VISITS:
            yield visit.merchant_id, name, BOTS, at
        return
    words = {
        "channel": visit.channel,
        "source": visit.source,
        "device": visit.device,
        "country": visit.country or UNKNOWN,
        "page": visit.landing_slug,
        "known": _known(visit),
    }
    yield visit.merchant_id, name, "", at
    for kind, word in words.items():
        if word:
            yield visit.merchant_id, name, f"{kind}:{_admitted(visit.merchant_id, at, kind, word)}", at


def _known(visit: Visit) -> str:
    """Whether somebody came again can be known of those alone who agreed to it."""
    if visit.visitor is None:
        return "no"
    return "again" if visit.is_returning else "new"


def of_beacons(beacons: Iterable[Hints], known_products: frozenset[tuple[int, int]]) -> list[Count]:
    """What people looked at and what cards did, also where no visits are kept. Bots are counted by ingest alone."""
    people = (hints for hints in beacons if not hints.beacon.is_bot)
    return _counted(line for hints in people for line in _beacon(hints, known_products))


def _beacon(hints: Hints, known_products: frozenset[tuple[int, int]]) -> Iterator[Line]:
    store = hints.beacon.merchant_id
    for event in hints.beacon.events:
        at = tallies.quarter_of(event.occurred_at)
        if event.name == PAGES:
            for kind, word in (("page", hints.slug), ("path", shown_path(hints.path))):
                if word:
                    yield store, PAGES, f"{kind}:{_admitted(store, at, kind, word)}", at
        elif event.name.startswith(CARDS):
            slug = event.data.get("card")
            card = registry.get(slug) if isinstance(slug, str) else None
            yield store, event.name, f"card:{card.slug if card else OTHER}", at
    for number in hints.products:
        at = tallies.quarter_of(hints.ended_at)
        word = str(number) if (store, number) in known_products else OTHER
        yield store, PRODUCTS, f"product:{_admitted(store, at, 'product', word)}", at


def _admitted(store: int, at: datetime, kind: str, word: str) -> str:
    return vocabulary.admit(store, at.date(), kind, word)


def _counted(lines: Iterable[Line]) -> list[Count]:
    return [
        Count(store, name, at, dimension=dimension, count=count)
        for (store, name, dimension, at), count in Counter(lines).items()
    ]
