"""What a store may use: judged from its trial, its subscriptions and its orders of a month (docs/adr/0007).

Every card works, or none does: plans differ by the orders of a month alone.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property, reduce
from operator import or_

from django.db import transaction
from django.db.models import Count, Q

from core import clock
from core.models import Merchant
from events import facts
from events.services import record
from integrations import lifecycle, plans
from integrations.billing import Standing, Subscription
from integrations.models import Connection, Order
from integrations.plans import FREE, Plan

log = logging.getLogger(__name__)

State, Reason, Item = Standing.State, Standing.Reason, Subscription.Item
# Past the end that Salla named, for word that it was renewed: a webhook can be lost, and the list is read once a day.
GRACE = timedelta(days=3)
REVIEW_EVERY = timedelta(hours=6)
NEAR = Decimal("0.8")  # of a limit
AFTER_A_FAILURE = timedelta(hours=1)
SLICE_SECONDS = 20.0
# Others go on until Salla says that they ended.
DATED_TYPES = {"recurring"}


@dataclass(frozen=True)
class Month:
    """A month of the store's own calendar; `ends_at` is the beginning of the next."""

    starts_at: datetime
    ends_at: datetime

    @property
    def before(self) -> "Month":
        return month_of(self.starts_at - timedelta(days=1))


def month_of(local: datetime) -> Month:
    """`local` is in the store's zone."""
    first = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Month(first, (first + timedelta(days=32)).replace(day=1))


def this_month(merchant: Merchant) -> Month:
    return month_of(clock.now().astimezone(merchant.zone))


def orders_in(merchant: Merchant, *months: Month) -> list[int]:
    """How many each month counts, in one query: neither drafts, deleted nor canceled ones, nor any from before the app
    was there or from while it was gone.
    """
    held = _held(merchant)
    rows = merchant.orders.filter(is_draft=False, is_deleted=False, placed_at__gte=merchant.created_at)
    rows = rows.exclude(status=Order.Status.CANCELED)
    if held.gone_at is not None and held.back_at is not None:
        rows = rows.exclude(placed_at__gte=held.gone_at, placed_at__lt=held.back_at)
    within = [Q(placed_at__gte=month.starts_at, placed_at__lt=month.ends_at) for month in months]
    rows = rows.filter(reduce(or_, within))
    counts = rows.aggregate(**{str(place): Count("pk", filter=each) for place, each in enumerate(within)})
    return [counts[str(place)] for place, _ in enumerate(within)]


def end_of(row: Subscription, now: datetime) -> datetime | None:
    """When it stopped; None while it holds."""
    if row.status and row.status != Subscription.Status.ACTIVE:
        return row.told_at
    is_dated = row.item == Item.TRIAL or row.plan_type in DATED_TYPES
    if is_dated and row.ends_at is not None and row.ends_at + GRACE <= now:
        return row.ends_at + GRACE
    return None


@dataclass
class Judgement:
    """Of one store, now."""

    merchant: Merchant
    connection: Connection
    now: datetime = field(default_factory=clock.now)

    @cached_property
    def rows(self) -> list[Subscription]:
        return list(self.merchant.subscriptions.order_by("key"))

    def standing(self) -> Standing:
        """Unsaved."""
        if self.connection.state == Connection.State.UNINSTALLED:
            return Standing(state=State.UNINSTALLED, plan=FREE.slug, order_limit=FREE.orders)
        row, state = self._base()
        plan = FREE if row is None else _plan_of(row)
        found = Standing(state=state, plan=plan.slug, order_limit=self._limit(plan, self.now))
        found.ends_at = row.ends_at if row is not None else None
        if state == State.RESTRICTED and row is not None:
            found.reason, found.ends_at = _reason_of(row), end_of(row, self.now)
        elif self._was_over(found.order_limit):
            found.state, found.reason = State.RESTRICTED, Reason.OVER_LIMIT
        found.review_at = self._next_review(found)
        return found

    def _base(self) -> tuple[Subscription | None, Standing.State]:
        """The row that decides, whatever the orders are."""
        holding = [row for row in self.rows if end_of(row, self.now) is None]
        if plans_held := [row for row in holding if row.item == Item.PLAN]:
            return max(plans_held, key=lambda row: (_size(_plan_of(row)), row.key)), State.ACTIVE
        if trial := [row for row in holding if row.item == Item.TRIAL]:
            return trial[0], State.TRIAL
        ended = [row for row in self.rows if row.item != Item.ADD_ON]
        if ended:
            return max(ended, key=lambda row: (end_of(row, self.now), row.item, row.key)), State.RESTRICTED
        return None, State.INSTALLED

    def _limit(self, plan: Plan, moment: datetime) -> int | None:
        """The plan's orders and those of the add-ons held at `moment`."""
        if plan.orders is None:
            return None
        add_ons = [row for row in self.rows if row.item == Item.ADD_ON and self._held_between(row, moment, moment)]
        return plan.orders + sum(plans.ADD_ONS.get(row.item_slug, 0) * row.quantity for row in add_ons)

    def _held_between(self, row: Subscription, start: datetime, end: datetime) -> bool:
        ended_at = end_of(row, self.now)
        began_at = row.starts_at or row.source_updated_at
        return began_at <= end and (ended_at is None or ended_at > start)

    def _was_over(self, limit: int | None) -> bool:
        """Last month went over both what was held then and what is held now: a larger plan opens at once."""
        if limit is None:
            return False
        month = month_of(self.now.astimezone(self.merchant.zone)).before
        (orders,) = orders_in(self.merchant, month)
        if orders <= limit:
            return False
        held = [row for row in self.rows if row.item != Item.ADD_ON and self._held_between(row, *_ends(month))]
        then = max([FREE, *map(_plan_of, held)], key=_size)
        limit_then = self._limit(then, month.ends_at - timedelta(microseconds=1))
        return limit_then is not None and orders > limit_then

    def _next_review(self, found: Standing) -> datetime:
        """A month's end opens and closes; so does the end of what is held."""
        month = month_of(self.now.astimezone(self.merchant.zone))
        ends = [row.ends_at + GRACE for row in self.rows if row.ends_at is not None]
        moments = [month.ends_at, *(each for each in ends if each > self.now)]
        if found.order_limit is not None:
            moments.append(self.now + REVIEW_EVERY)
        return min(moments)


def _plan_of(row: Subscription) -> Plan:
    return plans.plan_called(row.plan_name, plan_type=row.plan_type)


def _size(plan: Plan) -> float:
    return float("inf") if plan.orders is None else plan.orders


def _reason_of(row: Subscription) -> Standing.Reason:
    if row.item == Item.TRIAL:
        return Reason.TRIAL_ENDED
    return Reason.CANCELED if row.status == Subscription.Status.CANCELED else Reason.EXPIRED


def _ends(month: Month) -> tuple[datetime, datetime]:
    return month.starts_at, month.ends_at


# Writing it down


@transaction.atomic
def review(merchant: Merchant) -> Standing:
    """Judge the store anew, and say so where that changes what it may use."""
    connection = lifecycle.locked(merchant)
    held = _held(connection.merchant)
    was_restricted = held.state == State.RESTRICTED
    if held.state == State.UNINSTALLED and connection.state != Connection.State.UNINSTALLED:
        # Before judging, which counts by it: what it sold without us is none of ours.
        held.gone_at, held.back_at = held.since, clock.now()
    found = Judgement(connection.merchant, connection).standing()
    if held.pk is None or (held.state, held.reason) != (found.state, found.reason):
        held.state, held.reason, held.since = found.state, found.reason, clock.now()
    held.plan, held.order_limit = found.plan, found.order_limit
    held.ends_at, held.review_at = found.ends_at, found.review_at
    held.save()
    _tell_change(held, was_restricted=was_restricted)
    _tell_use(held)
    return held


def _held(merchant: Merchant) -> Standing:
    return getattr(merchant, "standing", None) or Standing(merchant=merchant)


def _tell_change(held: Standing, *, was_restricted: bool) -> None:
    merchant, since = held.merchant, held.since.isoformat()
    if held.state == State.RESTRICTED and not was_restricted:
        record(merchant, facts.StoreRestricted(reason=held.reason), key=f"store:restricted:{since}")
    elif was_restricted and held.state not in {State.RESTRICTED, State.UNINSTALLED}:
        record(merchant, facts.StoreRestored(), key=f"store:restored:{since}")


def _tell_use(held: Standing) -> None:
    """That the month comes near its limit, and that it went over: each once a month for each limit."""
    if held.order_limit is None or held.state == State.UNINSTALLED:
        return
    month = this_month(held.merchant)
    (orders,) = orders_in(held.merchant, month)
    told = f"{month.starts_at:%Y-%m}:{held.order_limit}"
    if orders > held.order_limit:
        fact = facts.LimitExceeded(orders=orders, limit=held.order_limit)
        record(held.merchant, fact, key=f"limit:exceeded:{told}")
    elif is_near(orders, held.order_limit):
        record(held.merchant, facts.LimitNeared(orders=orders, limit=held.order_limit), key=f"limit:neared:{told}")


def is_near(orders: int, limit: int) -> bool:
    return orders >= limit * NEAR


def review_due() -> bool:
    """Judge the stores whose moment has come, for a while; whether none was left."""
    deadline = time.monotonic() + SLICE_SECONDS
    while time.monotonic() < deadline:
        merchant = _next_due()
        if merchant is None:
            return True
        try:
            review(merchant)
        except Exception:
            log.exception("the plan of store %s could not be judged", merchant.salla_id)
            held = _held(merchant)
            held.review_at = clock.now() + AFTER_A_FAILURE
            held.save()
    return False


def _next_due() -> Merchant | None:
    """Also a store that was there before there were plans."""
    is_due = Q(standing__review_at__lte=clock.now()) | Q(standing=None, connection__isnull=False)
    return Merchant.objects.filter(is_due).order_by("standing__review_at").first()
