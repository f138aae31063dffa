"""One visitor, or one visit, as the dashboard tells of it: what happened, in its order, with the mirror's names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from core import addresses
from core.models import Merchant
from events.models import StorefrontEvent
from integrations.models import Customer, Order, Product
from integrations.selectors import paid_sums
from visitors import words
from visitors.models import Consent, Visit, Visitor
from visitors.visit_lists import Line, lines, minutes, orders_of
from visitors.visit_models import LATE

VISITS_TOLD = 50
EVENTS_TOLD = 300
ORDERS_TOLD = 50


@dataclass(frozen=True)
class Moment:
    """One line of a timeline."""

    at: datetime
    kind: str
    text: str
    detail: str = ""
    address: str = ""
    total: Decimal | None = None
    currency: str = ""
    line: Line | None = None
    order: Order | None = None


@dataclass(frozen=True)
class Profile:
    """A visitor: who he says he is at the store, and what came of his visits."""

    visitor: Visitor
    customer: Customer | None
    orders: list[Order]
    paid: list[dict[str, Any]]  # {amount, currency}
    timeline: list[Moment]
    is_cut: bool


def profile(merchant: Merchant, visitor: Visitor) -> Profile:
    """At most eight queries."""
    visits = list(merchant.visits.filter(visitor=visitor).order_by("-started_at", "-pk")[: VISITS_TOLD + 1])
    of_visits = orders_of(merchant, visits)
    linked = {order.salla_id: order for orders in of_visits.values() for order in orders}
    customer = (
        merchant.customers.filter(salla_id=visitor.customer_salla_id).first() if visitor.customer_salla_id else None
    )
    moments = [_of_visit(visit, of_visits.get(visit.pk, [])) for visit in visits[:VISITS_TOLD]]
    moments += [_of_order(order) for order in linked.values() if order.placed_at]
    moments += [_of_consent(line) for line in _consents(merchant, visitor)]
    sums = paid_sums(merchant, linked.values())
    return Profile(
        visitor=visitor,
        customer=customer,
        orders=sorted(linked.values(), key=lambda order: order.pk),
        paid=[{"amount": amount, "currency": currency} for currency, amount in sums.items()],
        timeline=sorted(moments, key=lambda moment: moment.at, reverse=True),
        is_cut=len(visits) > VISITS_TOLD,
    )


def _of_visit(visit: Visit, orders: list[Order]) -> Moment:
    line = Line(visit, minutes(visit.started_at, visit.last_seen_at), orders)
    return Moment(visit.started_at, "visit", line.source, line=line)


def _of_order(order: Order) -> Moment:
    assert order.placed_at is not None  # noqa: S101 - asked before
    return Moment(order.placed_at, "order", str(order), detail=str(order.get_status_display()), order=order)


def _of_consent(line: Consent) -> Moment:
    text = f"{line.get_purpose_display()} · {line.get_channel_display()}"
    return Moment(line.at, "consent", text, detail=str(line.get_state_display()))


def _consents(merchant: Merchant, visitor: Visitor) -> Iterable[Consent]:
    """What was agreed to by the contacts that this browser, or the customer it was signed in as, is known to have."""
    own = merchant.consents.filter(contact__visitor_key=visitor.key)
    if visitor.customer_salla_id:
        own = own | merchant.consents.filter(contact__customer_salla_id=visitor.customer_salla_id)
    return own.order_by("-at")[:VISITS_TOLD]


# One visit


@dataclass(frozen=True)
class Told:
    """A visit and what was done in it, as far as it is still kept.

    `was_nobodys`: it began before its visitor agreed to be known, and those steps are tied to nobody.
    """

    line: Line
    products: list[Product]
    events: list[Moment]
    is_cut: bool
    was_nobodys: bool


def told(merchant: Merchant, visit: Visit) -> Told:
    """At most four queries."""
    rows = merchant.storefront_events.filter(
        visitor_key=visit.visitor_key,
        received_at__gte=visit.started_at,
        received_at__lte=visit.last_seen_at + LATE,
        occurred_at__gte=visit.started_at,
        occurred_at__lte=visit.last_seen_at,
        name__in=words.EVENTS_TOLD,
    ).order_by("occurred_at", "number")
    events = _without_empty_carts(rows[: EVENTS_TOLD + 1]) if visit.visitor_key else []
    numbers = {number for event in events if (number := _number(event))} | set(visit.products)
    held = {product.salla_id: product for product in merchant.products.filter(salla_id__in=numbers)} if numbers else {}
    return Told(
        line=lines(merchant, [visit])[0],
        products=[held[number] for number in visit.products if number in held],
        events=[_of_event(event, held) for event in events[:EVENTS_TOLD]],
        is_cut=len(events) > EVENTS_TOLD,
        was_nobodys=visit.visitor is not None and visit.started_at < visit.visitor.first_seen_at,
    )


def _without_empty_carts(events: Iterable[StorefrontEvent]) -> list[StorefrontEvent]:
    """Shops tell of the cart on every page: one that is empty is of interest once something was in it."""
    found, was_filled = [], False
    for event in events:
        is_empty = event.name == "cart.updated" and _is_empty(event)
        was_filled = was_filled or (event.name == "cart.updated" and not is_empty)
        if was_filled or not is_empty:
            found.append(event)
    return found


def _is_empty(event: StorefrontEvent) -> bool:
    count, total = event.data.get("count"), event.data.get("total")
    return count == 0 or (count is None and total == 0)


def _number(event: StorefrontEvent) -> int | None:
    number = event.data.get("product_id") if isinstance(event.data, dict) else None
    return number if isinstance(number, int) else None


def _of_event(event: StorefrontEvent, products: Mapping[int, Product]) -> Moment:
    product = products.get(_number(event) or 0)
    total, currency = _cart(event)
    return Moment(
        at=event.occurred_at,
        kind=event.name,
        text=words.event(event.name),
        detail=str(product) if product else _detail(event),
        address=addresses.web(product.url) if product else "",
        total=total,
        currency=currency,
    )


def _detail(event: StorefrontEvent) -> str:
    data = event.data if isinstance(event.data, dict) else {}
    match event.name:
        case "page.viewed":
            return words.page(event.page)
        case "coupon.applied" | "coupon.denied" | "coupon.removed":
            return str(data.get("code", ""))
        case "card.shown" | "card.clicked" | "card.closed":
            return words.tool(data.get("card"))
    return ""


def _cart(event: StorefrontEvent) -> tuple[Decimal | None, str]:
    """What the cart was worth, as the browser told."""
    data = event.data if event.name == "cart.updated" and isinstance(event.data, dict) else {}
    total, currency = data.get("total"), data.get("currency")
    worth = Decimal(str(total)) if isinstance(total, int | float) else None
    return worth, currency.upper() if isinstance(currency, str) else ""
