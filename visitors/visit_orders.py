"""Which visit an order was made in. Browsers only give signs; the order, and what it is worth, is the mirror's.

A visit that names the order's cart wins over one that saw its page of thanks, and that over one of the same customer;
of several the latest that began before the order was placed. An order has one visit, and keeps it.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db.models import F, Q

from core import clock
from core.models import Merchant
from events import tallies
from integrations.models import Order
from visitors import counting
from visitors.visit_models import Visit, VisitOrder

Sign = VisitOrder.Sign
# A cart waits, but not for ever; who is only known by his login was here a moment ago.
CART_WAITS = timedelta(days=7)
JUST_NOW = timedelta(hours=1)
# Salla's clock and ours, and a beacon that was on its way.
SLACK = timedelta(minutes=5)
# An order's beacons come with it: older orders are no answer to a claim.
FRESH = timedelta(hours=2)


def link_order(merchant: Merchant, order: Order) -> VisitOrder | None:
    """An order that came after the visit that names it. Must run inside a transaction."""
    _lock([merchant.pk])
    if merchant.visit_orders.filter(order_salla_id=order.salla_id).exists():
        return None
    found = _visit_of(merchant, order)
    return _write([found])[0] if found else None


def orders_claimed(visits: Sequence[Visit]) -> list[tuple[Visit, Order, VisitOrder.Sign]]:
    """Orders that these visits name and that came before them, of any store; also locks those stores' links."""
    if not visits:
        return []
    carts = {(visit.merchant_id, visit.cart_id): visit for visit in visits if visit.cart_id}
    hints = {(visit.merchant_id, visit.order_hint): visit for visit in visits if visit.order_hint}
    orders = _fresh_orders(visits)
    found: list[tuple[Visit, Order, VisitOrder.Sign]] = []
    for order in orders:
        by_cart = carts.get((order.merchant_id, order.cart_salla_id or 0))
        by_page = hints.get((order.merchant_id, order.salla_id))
        if visit := by_cart or by_page:
            found.append((visit, order, Sign.CART if by_cart else Sign.PAGE))
    _lock({order.merchant_id for _visit, order, _sign in found})
    taken = _taken(order for _visit, order, _sign in found)
    return [each for each in found if (each[1].merchant_id, each[1].salla_id) not in taken]


def link_claimed(found: Sequence[tuple[Visit, Order, VisitOrder.Sign]]) -> None:
    """Once their visits are written."""
    _write([(visit, order.salla_id, sign) for visit, order, sign in found])


def hold_still(visits: Iterable[Visit]) -> None:
    """These visits know how many orders they have, and until the transaction ends no more are put to them."""
    held = {visit.pk: visit for visit in visits}
    if not held:
        return
    _lock({visit.merchant_id for visit in held.values()})
    for pk, count in Visit.unscoped.filter(pk__in=held).values_list("pk", "orders_count"):
        held[pk].orders_count = count


def _visit_of(merchant: Merchant, order: Order) -> tuple[Visit, int, VisitOrder.Sign] | None:
    placed = order.placed_at or clock.now()
    people = merchant.visits.filter(is_bot=False, started_at__lte=placed + SLACK).order_by("-last_seen_at", "-pk")
    tries = [
        (Sign.CART, Q(cart_id=order.cart_salla_id), order.cart_salla_id, placed - CART_WAITS),
        (Sign.PAGE, Q(order_hint=order.salla_id), order.salla_id, placed - FRESH),
        (Sign.CUSTOMER, *_customer(order), placed - JUST_NOW),
    ]
    for sign, condition, value, since in tries:
        if value and (visit := people.filter(condition, last_seen_at__gte=since).first()):
            return visit, order.salla_id, sign
    return None


def _customer(order: Order) -> tuple[Q, int | None]:
    number = order.customer.salla_id if order.customer else None
    return Q(customer_salla_id=number), number


def _fresh_orders(visits: Sequence[Visit]) -> list[Order]:
    since = min(visit.last_seen_at for visit in visits) - FRESH
    carts, hints = {visit.cart_id for visit in visits} - {None}, {visit.order_hint for visit in visits} - {None}
    rows = Order.unscoped.filter(merchant_id__in={visit.merchant_id for visit in visits}, placed_at__gte=since)
    named = rows.filter(Q(cart_salla_id__in=carts) | Q(salla_id__in=hints), is_draft=False)
    return list(named.only("merchant_id", "salla_id", "cart_salla_id", "placed_at"))


def _taken(orders: Iterable[Order]) -> set[tuple[int, int]]:
    keys = {(order.merchant_id, order.salla_id) for order in orders}
    if not keys:
        return set()
    rows = VisitOrder.unscoped.filter(
        merchant_id__in={merchant for merchant, _number in keys}, order_salla_id__in={number for _, number in keys}
    )
    return set(rows.values_list("merchant_id", "order_salla_id"))


def _lock(merchants: Iterable[int]) -> None:
    """Links of a store are made by one at a time, and always before rows of its visits are written."""
    rows = Merchant.objects.select_for_update(no_key=True).filter(pk__in=list(merchants)).order_by("pk")
    list(rows.values_list("pk", flat=True))


def _write(found: Sequence[tuple[Visit, int, VisitOrder.Sign]]) -> list[VisitOrder]:
    if not found:
        return []
    links = [
        VisitOrder(merchant_id=visit.merchant_id, visit=visit, order_salla_id=number, sign=sign)
        for visit, number, sign in found
    ]
    VisitOrder.unscoped.bulk_create(links)
    first: dict[int, Visit] = {}
    for visit, _number, _sign in found:
        if not Visit.unscoped.filter(pk=visit.pk, orders_count__gt=0).exists():
            first.setdefault(visit.pk, visit)
        Visit.unscoped.filter(pk=visit.pk).update(orders_count=F("orders_count") + 1)
    tallies.add(counting.of_visits(counting.ORDERED, first.values()))
    return links
