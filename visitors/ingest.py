"""What becomes of each batch of beacons: visits, visitors, the orders they led to, and tallies of all of it.

It runs in the transaction of `events.ingest`, which writes every beacon once: so does this. A batch costs the same few
queries however many beacons, visits and stores it holds, and three more where a visitor agreed to be known meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.models import Merchant
from events import tallies
from events.stream import Beacon
from events.tallies import Count
from features import registry
from integrations.models import ABSENT, Product, Standing
from visitors import counting, hints, visit_orders, visit_rows
from visitors.hints import Hints
from visitors.sessions import SILENCE, STABLE, Sessions
from visitors.sources import own_hosts
from visitors.visit_models import VISITOR_DATA, Visit, Visitor


@dataclass(frozen=True, slots=True)
class Shop:
    """Of a store, what reading its beacons takes."""

    own: frozenset[str]
    keeps_visits: bool


def take(beacons: Sequence[Beacon]) -> None:
    """Must run inside a transaction."""
    shops = _shops({beacon.merchant_id for beacon in beacons})
    read = [hints.read(beacon, shops[beacon.merchant_id].own) for beacon in beacons]
    known = _known_products(read)
    counts = counting.of_beacons(read, known)
    kept = [each for each in read if shops[each.beacon.merchant_id].keeps_visits and each.beacon.visitor_key]
    if kept:
        counts += _keep(kept, known)
    tallies.add(counts)


def _keep(read: Sequence[Hints], known: frozenset[tuple[int, int]]) -> list[Count]:
    sessions = Sessions(_open_visits(read), _visitors(read))
    for each in read:
        store = each.beacon.merchant_id
        sessions.take(each, frozenset(number for number in each.products if (store, number) in known))
    claimed = visit_orders.orders_claimed(sessions.claims)
    named = [visit for _key, visit in sorted(sessions.named.items()) if visit.pk is not None]
    visit_orders.hold_still(named)
    _write(sessions, named)
    visit_orders.link_claimed(claimed)
    return [
        *counting.of_named(counting.VISITS, named),
        *counting.of_named(counting.VIEWED, [each for each in named if each.products and each not in sessions.viewed]),
        *counting.of_named(counting.CARTED, [each for each in named if each.has_cart and each not in sessions.carted]),
        *counting.of_named(counting.ORDERED, [each for each in named if each.orders_count]),
        *counting.of_visits(counting.VISITS, sessions.begun),
        *counting.of_visits(counting.VIEWED, sessions.viewed),
        *counting.of_visits(counting.CARTED, sessions.carted),
    ]


# Reading


def _shops(ids: Iterable[int]) -> dict[int, Shop]:
    columns = ("pk", "domain", "connection__state", "standing__state")
    stores = Merchant.objects.filter(pk__in=ids)
    on: set[int] = set()
    if registry.get(VISITOR_DATA) is not None:
        on = set(stores.filter(features__slug=VISITOR_DATA, features__is_on=True).values_list("pk", flat=True))
    return {
        row.pk: Shop(
            own=own_hosts(row.domain),
            keeps_visits=row.pk in on
            and row.connection__state not in ABSENT
            and row.standing__state != Standing.State.RESTRICTED,
        )
        for row in stores.values_list(*columns, named=True)
    }


def _known_products(read: Sequence[Hints]) -> frozenset[tuple[int, int]]:
    """Those of the numbers told that are products of their stores."""
    told = {(each.beacon.merchant_id, number) for each in read for number in each.products}
    if not told:
        return frozenset()
    rows = Product.unscoped.filter(
        merchant_id__in={store for store, _number in told}, salla_id__in={number for _store, number in told}
    )
    return frozenset(told.intersection(rows.values_list("merchant_id", "salla_id")))


def _open_visits(read: Sequence[Hints]) -> list[Visit]:
    """Those that may still go on, the latest of each visitor last."""
    since: datetime = min(each.began_at for each in read) - SILENCE
    formers = {each.beacon.former for each in read if each.beacon.former}
    rows = Visit.unscoped.filter(
        merchant_id__in={each.beacon.merchant_id for each in read},
        visitor_key__in={each.beacon.visitor_key for each in read} | formers,
        last_seen_at__gte=since,
    )
    return list(rows.order_by("last_seen_at", "pk"))


def _visitors(read: Sequence[Hints]) -> list[Visitor]:
    keys = {each.beacon.visitor_key for each in read if each.beacon.visitor_key.startswith(STABLE)}
    if not keys:
        return []
    rows = Visitor.unscoped.filter(merchant_id__in={each.beacon.merchant_id for each in read}, key__in=keys)
    return list(rows)


# Writing


def _write(sessions: Sessions, named: Sequence[Visit]) -> None:
    Visitor.unscoped.bulk_create(
        [visitor for _key, visitor in sorted(sessions.visitors.items())],
        update_conflicts=True,
        unique_fields=["merchant", "key"],
        update_fields=["last_seen_at", "visits_count", "customer_salla_id"],
    )
    for visit in sessions.visits.values():
        visit.visitor = visit.visitor  # whose number is known now
    visit_rows.write([visit for _key, visit in sorted(sessions.visits.items())])
    visit_rows.name(named)
