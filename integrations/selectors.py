"""What a dashboard may know of the connection to Salla and of what the store has of us, and what numbers count."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.models import Merchant
from core.salla_errors import SallaError
from integrations import agenda, entitlements, plans
from integrations.billing import Standing
from integrations.models import ABSENT, Connection, Order, Sync

Purpose, State = Sync.Purpose, Sync.State
# Of a failure that has no words for the merchant.
OUR_FAULT = _("Something went wrong on our side. Our team has been told.")


@dataclass(frozen=True)
class Progress:
    """How far the first reading of one kind is. `total` is None until Salla said it; `error` is for the merchant."""

    kind: str
    label: str
    done: int
    total: int | None
    state: str  # of core.work.Work
    error: str

    @property
    def is_running(self) -> bool:
        return self.state == State.WAITING

    @property
    def is_dead(self) -> bool:
        return self.state == State.DEAD


@dataclass(frozen=True)
class Check:
    """The latest comparison of recent orders and carts with Salla's. What was missing and is not added is yet to be."""

    since: datetime | None
    finished_at: datetime | None
    looked_at: int
    missing: int
    added: int
    corrected: int


@dataclass(frozen=True)
class Readings:
    """How a store's data stands: the first reading while it runs or where it failed, then the latest check."""

    is_connected: bool
    first: list[Progress]
    is_checking: bool
    check: Check | None
    check_error: str
    last_read_at: datetime | None

    @property
    def running(self) -> list[Progress]:
        return [one for one in self.first if one.is_running]

    @property
    def failed(self) -> list[Progress]:
        return [one for one in self.first if one.is_dead]

    @property
    def is_busy(self) -> bool:
        return self.is_connected and (self.is_checking or bool(self.running))


def is_installed(merchant: Merchant) -> bool:
    """As it is now, and without opening the tokens."""
    state = Merchant.objects.filter(pk=merchant.pk).values_list("connection__state", flat=True).first()
    return state not in ABSENT


def readings(merchant: Merchant) -> Readings:
    connection = getattr(merchant, "connection", None)
    rows = _latest(merchant)
    checks = [rows[Purpose.CHECK, kind] for kind in agenda.CHECKED_KINDS if (Purpose.CHECK, kind) in rows]
    latest = [max(of_kind, key=lambda row: row.pk) for of_kind in checks]
    ended = [row for of_kind in checks for row in of_kind if row.state == State.PROCESSED]
    finished = (row.finished_at for of_kind in rows.values() for row in of_kind if row.state == State.PROCESSED)
    return Readings(
        is_connected=connection is not None and connection.state == Connection.State.CONNECTED,
        first=_first(rows),
        is_checking=any(_is_begun(row) for row in latest),
        check=_check_of(ended),
        check_error=next((_error_of(row) for row in latest if row.state == State.DEAD), ""),
        last_read_at=max((at for at in finished if at), default=None),
    )


def sync_progress(merchant: Merchant) -> list[Progress]:
    """The latest first reading of each kind, in the order in which they run; empty before the first."""
    return _first(_latest(merchant))


Rows = dict[tuple[str, str], list[Sync]]


def _latest(merchant: Merchant) -> Rows:
    """By purpose and kind the last row of each state."""
    rows = merchant.syncs.filter(kind__in=agenda.FIRST_KINDS).order_by("purpose", "kind", "state", "-pk")
    found: Rows = {}
    for row in rows.distinct("purpose", "kind", "state"):
        found.setdefault((row.purpose, row.kind), []).append(row)
    return found


def _first(rows: Rows) -> list[Progress]:
    of_kinds = [rows[Purpose.FIRST, kind] for kind in agenda.FIRST_KINDS if (Purpose.FIRST, kind) in rows]
    latest = [max(of_kind, key=lambda row: row.pk) for of_kind in of_kinds]
    return [_progress_of(_made_up_for(row, rows) or row) for row in latest]


def _made_up_for(first: Sync, rows: Rows) -> Sync | None:
    """The later check that read all that a first reading which failed was to read."""
    if first.state != State.DEAD:
        return None
    later = [row for purpose in (Purpose.CHECK, Purpose.UPKEEP) for row in rows.get((purpose, first.kind), [])]
    whole = (row for row in later if row.state == State.PROCESSED and row.pk > first.pk and _reaches_back(row))
    return next(whole, None)


def _reaches_back(row: Sync) -> bool:
    return row.since is not None and row.created_at - row.since > agenda.HISTORY - timedelta(days=1)


def _is_begun(row: Sync) -> bool:
    """The hourly check waits for its moment; this one runs, or runs again after a pause."""
    has_moved = row.attempts or row.page > 1 or row.read or row.reason
    return row.state == State.WAITING and bool(has_moved or row.due_at <= clock.now())


def _check_of(rows: list[Sync]) -> Check | None:
    if len(rows) < len(agenda.CHECKED_KINDS):
        return None
    return Check(
        since=max((row.since for row in rows if row.since), default=None),
        finished_at=max((row.finished_at for row in rows if row.finished_at), default=None),
        looked_at=sum(row.read for row in rows),
        missing=sum(row.missing for row in rows),
        added=sum(row.repaired for row in rows),
        corrected=sum(row.changed for row in rows),
    )


def _progress_of(row: Sync) -> Progress:
    return Progress(
        kind=row.kind,
        label=row.get_kind_display(),
        done=row.read - len(row.pending),
        total=row.total,
        state=row.state,
        error=_error_of(row),
    )


@dataclass(frozen=True)
class Account:
    """What a store has of us, and how much of this month it has used. `limit` is None without one."""

    standing: Standing
    plan: plans.Plan
    offered: list[plans.Plan]  # larger ones; all when it has none
    orders: int
    orders_before: int  # last month's
    month_before: date  # a day of it
    next_month: date  # its first day
    ends_on: date | None  # of the trial or the plan, or when it ended
    address: str  # of our page at Salla, where plans are chosen

    @property
    def limit(self) -> int | None:
        return self.standing.order_limit

    @property
    def is_restricted(self) -> bool:
        return self.standing.state == Standing.State.RESTRICTED

    @property
    def has_ended(self) -> bool:
        """Restricted because it has nothing of us any more."""
        return _has_ended(self.standing)

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.orders > self.limit

    @property
    def is_near(self) -> bool:
        """Of the limit, and not over it."""
        return self.limit is not None and not self.is_over and entitlements.is_near(self.orders, self.limit)


def _has_ended(standing: Standing) -> bool:
    return standing.state == Standing.State.RESTRICTED and standing.reason != Standing.Reason.OVER_LIMIT


def standing_of(merchant: Merchant) -> Standing:
    """One query; a store that nothing was judged of yet is installed, on the free plan."""
    return getattr(merchant, "standing", None) or Standing(merchant=merchant)


def account(merchant: Merchant) -> Account:
    standing = standing_of(merchant)
    plan, has_ended = plans.plan_of(standing.plan), _has_ended(standing)
    month = entitlements.this_month(merchant)
    orders, before = entitlements.orders_in(merchant, month, month.before)
    return Account(
        standing=standing,
        plan=plan,
        offered=[each for each in plans.PLANS if has_ended or each.price > plan.price],
        orders=orders,
        orders_before=before,
        month_before=month.before.starts_at.date(),
        next_month=month.ends_at.date(),
        ends_on=standing.ends_at.astimezone(merchant.zone).date() if standing.ends_at is not None else None,
        address=app_address(),
    )


def app_address() -> str:
    """Our page in Salla's app store."""
    return f"{settings.SALLA_DASHBOARD_URL}/apps/install/{settings.SALLA_APP_ID}"


def _error_of(row: Sync) -> str:
    """In the merchant's words; those of programs are for staff."""
    if not row.reason:
        return ""
    return gettext(row.reason) if row.reason in set(_words(SallaError)) else str(OUR_FAULT)


def _words(kind: type[SallaError]) -> Iterator[str]:
    yield kind.words
    for each in kind.__subclasses__():
        yield from _words(each)


# Orders


def counted_orders(merchant: Merchant) -> QuerySet[Order]:
    """What every number about orders counts; without the columns that are big and no number is made of."""
    return merchant.orders.filter(is_draft=False, is_deleted=False).defer("items", "coupon_codes")


_FULFILLING = (Order.Status.IN_PROGRESS, Order.Status.DELIVERING, Order.Status.SHIPPED)
_FULFILLED = (Order.Status.DELIVERED, Order.Status.COMPLETED)
_COD, _BANK = Order.PaymentMethod.COD, Order.PaymentMethod.BANK


def paid(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Those whose money is certain: `Order.is_paid` in SQL; tests/test_integrations.py holds the two together."""
    certain = Q(is_draft=False, is_deleted=False, is_refunded=False) & ~Q(status=Order.Status.CANCELED)
    on_delivery = Q(payment_method=_COD, status__in=_FULFILLED)
    by_transfer = Q(payment_method=_BANK, status__in=[*_FULFILLING, *_FULFILLED])
    at_once = ~Q(payment_method__in=[_COD, _BANK]) & Q(is_pending_payment=False)
    at_once &= ~Q(status__in=["", Order.Status.PAYMENT_PENDING])
    return orders.filter(certain & (on_delivery | by_transfer | at_once))


def paid_sums(merchant: Merchant, orders: Iterable[Order]) -> dict[str, Decimal]:
    """Totals whose money is certain, by currency; zero in the store's own where there are none."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for order in orders:
        if order.is_paid and order.total is not None:  # `is_paid` is one rule, and lives in Python
            sums[order.currency or merchant.currency] += order.total
    return dict(sorted(sums.items())) or {merchant.currency: Decimal(0)}
