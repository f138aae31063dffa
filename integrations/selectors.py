"""What a dashboard may know of the connection to Salla, and of what the store has of us there."""

from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.utils.translation import gettext

from core.models import Merchant
from integrations import agenda, entitlements, plans
from integrations.billing import Standing
from integrations.models import Sync


@dataclass(frozen=True)
class Progress:
    """How far the first reading of one kind is. `total` is None until Salla said it; `error` is for the merchant."""

    kind: str
    label: str
    done: int
    total: int | None
    state: str  # of core.work.Work
    error: str


def sync_progress(merchant: Merchant) -> list[Progress]:
    """The latest first reading of each kind, in the order in which they run; empty before the first."""
    first = merchant.syncs.filter(purpose=Sync.Purpose.FIRST).order_by("kind", "-pk").distinct("kind")
    latest = {row.kind: row for row in first}
    return [_progress_of(latest[kind]) for kind in agenda.FIRST_KINDS if kind in latest]


def _progress_of(row: Sync) -> Progress:
    return Progress(
        kind=row.kind,
        label=row.get_kind_display(),
        done=row.read - len(row.pending),
        total=row.total,
        state=row.state,
        error=gettext(row.reason) if row.reason else "",
    )


@dataclass(frozen=True)
class Account:
    """What a store has of us, and how much of this month it has used. `limit` is None without one."""

    standing: Standing
    plan: plans.Plan
    larger: list[plans.Plan]
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
    def is_over(self) -> bool:
        return self.limit is not None and self.orders > self.limit


def standing_of(merchant: Merchant) -> Standing:
    """One query; a store that nothing was judged of yet is installed, on the free plan."""
    return getattr(merchant, "standing", None) or Standing(merchant=merchant)


def account(merchant: Merchant) -> Account:
    standing = standing_of(merchant)
    plan = plans.plan_of(standing.plan)
    month = entitlements.this_month(merchant)
    orders, before = entitlements.orders_in(merchant, month, month.before)
    return Account(
        standing=standing,
        plan=plan,
        larger=[each for each in plans.PLANS if each.price > plan.price],
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
