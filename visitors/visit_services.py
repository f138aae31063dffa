"""What is done with visits: putting orders to them, forgetting them, giving or erasing what one visitor left."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from core import activity, clock
from core.models import Merchant, User
from core.subjects import Subject
from events import partitions
from features import registry
from features.services import settings_of
from visitors import visit_orders
from visitors.visit_models import LATE, VISITOR_DATA, Visit, Visitor

# A visit is kept as long as last year's season is worth comparing with, or shorter, as the merchant chose.
MOST_MONTHS = 13
MONTH = timedelta(days=30.5)
AT_ONCE = 2000
EVENTS_GIVEN = 5000

GIVEN = activity.declare("visitor.given", gettext_noop("%(who)s downloaded all data of a visitor"))
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
    erase_of(merchant, Subject(visitors=frozenset({visitor.key})))
    merchant.contacts.filter(visitor_key=visitor.key).update(visitor_key="")
    merchant.opt_ins.filter(visitor_key=visitor.key).update(visitor_key="")
    activity.note(merchant, ERASED, user=by)


def visits_of(merchant: Merchant, subject: Subject) -> QuerySet[Visit]:
    """Of these browsers, and those in which this customer was signed in without agreeing to be known again."""
    of_browsers = Q(visitor_key__in=subject.visitors)
    return merchant.visits.filter(of_browsers | Q(customer_salla_id__in=subject.customers))


def erase_of(merchant: Merchant, subject: Subject) -> int:
    """Visits, visitors and events of a person; how many visits it were."""
    visits = visits_of(merchant, subject)
    since = clock.now() - partitions.KEPT  # also what came while no visits were kept
    keys = set(visits.values_list("visitor_key", flat=True)) | subject.visitors
    merchant.storefront_events.filter(visitor_key__in=keys - {""}, received_at__gte=since).delete()
    count = visits.count()
    visits.delete()
    merchant.visitors.filter(Q(key__in=subject.visitors) | Q(customer_salla_id__in=subject.customers)).delete()
    return count


def give(merchant: Merchant, visitor: Visitor, *, by: User) -> dict[str, Any]:
    """Everything that is kept of a visitor, for somebody who is noted to have it."""
    activity.note(merchant, GIVEN, user=by)
    return told_of(merchant, visitor)


def told_of(merchant: Merchant, visitor: Visitor) -> dict[str, Any]:
    """Everything that is kept of a visitor, as data."""
    events = merchant.storefront_events.filter(
        visitor_key=visitor.key, received_at__gte=visitor.first_seen_at - LATE
    ).order_by("received_at", "number")
    return {
        "visitor": _row(visitor),
        "visits": visits_told(merchant.visits.filter(visitor=visitor)),
        "events": list(events.values("name", "page", "data", "occurred_at")[:EVENTS_GIVEN]),
    }


def visits_told(visits: QuerySet[Visit]) -> list[dict[str, Any]]:
    """With the numbers of their orders; two queries."""
    rows = visits.order_by("started_at", "pk").prefetch_related("orders")
    return [{**_row(visit), "orders": [link.order_salla_id for link in visit.orders.all()]} for visit in rows]


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
