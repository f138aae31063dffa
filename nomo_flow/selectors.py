"""What the overview of a store shows, gathered from every app."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from redis import RedisError

from core import activity
from core.models import Merchant
from features import seen
from integrations import lifecycle
from integrations.models import Cart, Connection
from integrations.selectors import counted_orders, paid_sums

WEEK_DAYS = 7
LATEST_ORDERS = 5
LATEST_ACTIVITIES = 3


@dataclass(frozen=True)
class Numbers:
    """Today and the last 7 days, this one included, in the store's time zone."""

    week_began: datetime
    place: str  # whose clock it is
    orders_today: int
    orders_week: int
    paid_week: list[dict[str, Any]]  # {amount, currency}
    customers: int
    carts: int


def numbers(merchant: Merchant) -> Numbers:
    today = merchant.midnight(merchant.today)
    week = merchant.midnight(merchant.today - timedelta(days=WEEK_DAYS - 1))
    orders = list(counted_orders(merchant).filter(placed_at__gte=week))
    paid = paid_sums(merchant, orders)
    return Numbers(
        week_began=week,
        place=merchant.place,
        orders_today=sum(order.placed_at is not None and order.placed_at >= today for order in orders),
        orders_week=len(orders),
        paid_week=[{"amount": amount, "currency": currency} for currency, amount in paid.items()],
        **_people_and_carts(merchant),
    )


def _people_and_carts(merchant: Merchant) -> dict[str, int]:
    """In one query."""
    carts = merchant.carts.filter(status=Cart.Status.ACTIVE)
    counts = (_count_of(merchant.customers.all()), _count_of(carts))
    return dict(
        zip(("customers", "carts"), Merchant.objects.filter(pk=merchant.pk).values_list(*counts).get(), strict=True)
    )


def _count_of(rows: QuerySet[Any]) -> Coalesce:
    return Coalesce(Subquery(rows.order_by().values("merchant").annotate(number=Count("pk")).values("number")), 0)


def latest(merchant: Merchant) -> dict[str, Any]:
    """What came in last: orders, what people of the team did, and word from Salla at all."""
    orders = counted_orders(merchant).exclude(placed_at=None).order_by("-placed_at", "-pk")
    rows = merchant.activities.select_related("user", "whom").order_by("-at", "-pk")
    return {
        "orders": list(orders[:LATEST_ORDERS]),
        "activities": [{"at": row.at, "text": activity.sentence_of(row)} for row in rows[:LATEST_ACTIVITIES]],
        "delivery": merchant.deliveries.aggregate(last=Max("received_at"))["last"],
    }


def next_steps(merchant: Merchant, *, has_orders: bool) -> dict[str, Any]:
    """The checklist, whose steps check themselves; `current` is the first that is not done."""
    connection = getattr(merchant, "connection", None)
    is_connected = connection is not None and connection.state == Connection.State.CONNECTED
    steps = [
        {"label": _("The store is connected to Salla"), "is_done": is_connected},
        *_script_step(merchant),
        {"label": _("Its orders arrive"), "is_done": has_orders},
        {
            "label": _("Turn on the first tool"),
            "is_done": merchant.features.filter(is_on=True).exists(),
            "address": reverse("features:cards", kwargs={"store": merchant.public_id}),
        },
    ]
    return {
        "connection": connection,
        "purge_date": connection and lifecycle.purge_date(connection),
        "steps": steps,
        "current": next((step for step in steps if not step["is_done"]), None),
    }


def _script_step(merchant: Merchant) -> list[dict[str, Any]]:
    """No step while nobody knows: a script that is there must not look missing."""
    try:
        is_seen = seen.last(merchant.salla_id) is not None
    except RedisError:
        return []
    return [{"label": _("Our script is seen in your store"), "is_done": is_seen}]
