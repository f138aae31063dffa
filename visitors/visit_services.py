"""What is done with visits: putting orders to them, forgetting them, giving or erasing what one visitor left."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from core import activity, clock
from core.models import Merchant, User
from features import registry
from features.services import settings_of
from visitors import visit_orders
from visitors.visit_models import LATE, VISITOR_DATA, Visit, Visitor

# A visit is kept as long as last year's season is worth comparing with, or shorter, as the merchant chose.
MOST_MONTHS = 13
MONTH = timedelta(days=30.5)
AT_ONCE = 2000
EVENTS_GIVEN = 5000

ERASED = activity.declare("visitor.erased", gettext_noop("%(who)s erased a visitor and all visits of theirs"))


@transaction.atomic
def link_order(merchant: Merchant, *, order_id: int) -> None:
    """Find the visit that the order was made in, if there is one."""
    order = merchant.orders.select_related("customer").filter(salla_id=order_id, is_draft=False).first()
    if order is not None:
        visit_orders.link_order(merchant, order)


@transaction.atomic
def erase(merchant: Merchant, *, visitor: Visitor, by: User | None = None) -> None:
    """The visitor, the visits and what the browser told in them. What was counted of them names nobody, and stays."""
    merchant.storefront_events.filter(visitor_key=visitor.key, received_at__gte=visitor.first_seen_at - LATE).delete()
    merchant.visits.filter(visitor_key=visitor.key).delete()
    visitor.delete()
    activity.note(merchant, ERASED, user=by)


def told_of(merchant: Merchant, visitor: Visitor) -> dict[str, Any]:
    """Everything that is kept of a visitor, as data."""
    orders: dict[int, list[int]] = {}
    for visit, number in merchant.visit_orders.filter(visit__visitor=visitor).values_list("visit", "order_salla_id"):
        orders.setdefault(visit, []).append(number)
    events = merchant.storefront_events.filter(
        visitor_key=visitor.key, received_at__gte=visitor.first_seen_at - LATE
    ).order_by("received_at", "number")
    return {
        "visitor": _row(visitor),
        "visits": [
            {**_row(visit), "orders": orders.get(visit.pk, [])} for visit in visitor.visits.order_by("started_at", "pk")
        ],
        "events": list(events.values("name", "page", "data", "occurred_at")[:EVENTS_GIVEN]),
    }


INNER = {"id", "merchant", "visitor", "visit_key", "visitor_key", "key"}


def _row(row: Visit | Visitor) -> dict[str, Any]:
    names = [field.attname for field in row._meta.concrete_fields if field.name not in INNER]
    return {name: getattr(row, name) for name in names}


def forget_all(merchant: Merchant) -> None:
    """Whatever is kept of anybody who visited this store."""
    while _forget(merchant, clock.now() + MONTH):
        pass


def forget_old() -> None:
    """In each store what is older than it wants to keep. Turning the card off keeps what there is until then."""
    card = registry.get(VISITOR_DATA)
    for merchant in Merchant.objects.filter(features__slug=VISITOR_DATA).order_by("pk"):
        months = settings_of(merchant, card).retention_months if card else MOST_MONTHS
        while _forget(merchant, clock.now() - months * MONTH):
            pass


@transaction.atomic
def _forget(merchant: Merchant, before: datetime) -> bool:
    """A part of what was last heard of before this moment; whether there was any."""
    visits = list(merchant.visits.filter(last_seen_at__lt=before).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    merchant.visit_orders.filter(visit__in=visits).delete()
    merchant.visits.filter(pk__in=visits).delete()
    gone = merchant.visitors.filter(last_seen_at__lt=before).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]
    merchant.visitors.filter(pk__in=list(gone)).delete()
    return bool(visits) or len(gone) > 0
