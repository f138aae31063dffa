"""Salla's trial and subscription events, and orders, as tests of plans send them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.models import Merchant
from integrations.models import Standing
from tests.conftest import work
from tests.salla import payload

Deliver = Callable[..., Any]
DAY = timedelta(days=1)


def event(store: int, name: str, at: datetime, **data: Any) -> dict[str, Any]:
    """The documented body of `app.<name>`, of this store and moment."""
    body = payload(f"app.{name}")
    return {**body, "merchant": store, "created_at": at.isoformat(), "data": {**body["data"], **data}}


def trial(store: int, what: str, at: datetime, *, ends_at: datetime | None = None, plan: str | None = "Pro") -> Any:
    end = (ends_at or at + 14 * DAY).isoformat()
    return event(store, f"trial.{what}", at, plan_name=plan, start_date=at.isoformat(), end_date=end)


def subscription(store: int, what: str, at: datetime, **data: Any) -> dict[str, Any]:
    """A plan's, for 30 days from `at`, unless told otherwise."""
    dates = {"start_date": at.isoformat(), "end_date": (at + 30 * DAY).isoformat()}
    return event(store, f"subscription.{what}", at, **{"subscription_id": 7, "plan_name": "Growth", **dates, **data})


def orders(deliver: Deliver, merchant: Merchant, count: int, *, first: int = 1, **data: Any) -> None:
    """So many, placed now."""
    body = payload("order.created")
    placed = {"date": clock.now().isoformat(), "timezone": "UTC"}
    for number in range(first, first + count):
        fields = {**body["data"], "id": number, "reference_id": number, "date": placed, **data}
        deliver({**body, "merchant": merchant.salla_id, "created_at": clock.now().isoformat(), "data": fields})
    work()


def standing(merchant: Merchant) -> tuple[str, str, str]:
    """State, plan and reason, as they are stored."""
    row = Standing.unscoped.get(merchant=merchant)
    return row.state, row.plan, row.reason
