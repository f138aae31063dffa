"""Writing down what Salla says of trials, plans and add-ons. Must run inside a transaction, the connection locked."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from core.models import Merchant
from integrations import mirror, plans
from integrations.api_payloads import Subscription as Listed
from integrations.app_payloads import App
from integrations.billing import Subscription
from integrations.payload_fields import known

log = logging.getLogger(__name__)

Item, Status = Subscription.Item, Subscription.Status
# By the last word of the event.
STATUSES = {
    "started": Status.ACTIVE,
    "renewed": Status.ACTIVE,
    "expired": Status.EXPIRED,
    "canceled": Status.CANCELED,
}
TRIAL_KEY = "trial"
# The list has days where events have moments.
DAY = timedelta(days=1)


def take_event(merchant: Merchant, event: str, body: App, *, at: datetime) -> None:
    """One `app.trial.*` or `app.subscription.*`; older than what is held, it changes nothing."""
    _app, kind, what = event.split(".")
    stated = {"status": STATUSES[what], **_columns(body, body.start_date, body.end_date)}
    if kind == "trial":
        _state(merchant, TRIAL_KEY, {**stated, "item": Item.TRIAL}, at)
        return
    _note_unknown(merchant, body)
    row = _state(merchant, f"id:{body.subscription_id or 0}", stated, at)
    # The list names no number: what it showed is now known by its own.
    for listed in merchant.subscriptions.filter(key=_listed_key(row.item, row.item_slug)):
        if _is_same_start(listed, row.starts_at):
            listed.delete()


def _note_unknown(merchant: Merchant, body: App) -> None:
    """The portal sells something that integrations/plans.py lacks."""
    if body.item_type == Item.ADD_ON:
        if body.item_slug not in plans.ADD_ONS:
            log.warning("store %s: the add-on %r is none that we know", merchant.salla_id, body.item_slug)
    elif body.plan_type != "free" and not plans.is_known(body.plan_name or ""):
        log.warning("store %s: the plan %r is none that we know", merchant.salla_id, body.plan_name)


def take_list(merchant: Merchant, bodies: Iterable[Listed], *, at: datetime) -> None:
    """What Salla listed at `at`. It brings what no event brought, and later ends; it ends nothing."""
    for body in bodies:
        item = body.item_type if body.item_type in Item.values else Item.PLAN
        slug = body.item_slug or ""
        held = _held(merchant, item, slug, body.starts_at)
        if held is None and (body.ends_at is None or body.ends_at > at):
            stated = {"status": Status.ACTIVE, "item": item, **_columns(body, body.starts_at, body.ends_at)}
            _state(merchant, _listed_key(item, slug), stated, at)
        elif held is not None and held.status != Status.CANCELED and _is_later(body.ends_at, held.ends_at):
            _state(merchant, held.key, {"status": Status.ACTIVE, "ends_at": body.ends_at}, at)


def _state(merchant: Merchant, key: str, stated: dict[str, Any], at: datetime) -> Subscription:
    merchant.subscriptions.get_or_create(key=key, defaults={"source_updated_at": at})
    row: Subscription = merchant.subscriptions.select_for_update().get(key=key)
    mirror.merge(row, stated, at)
    row.save()
    return row


def _columns(body: App | Listed, starts_at: datetime | None, ends_at: datetime | None) -> dict[str, Any]:
    return known(
        {
            "item": body.item_type if body.item_type in Item.values else None,
            "item_slug": body.item_slug,
            "plan_name": body.plan_name,
            "plan_type": body.plan_type,
            "plan_period": body.plan_period,
            "quantity": body.quantity,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
    )


def _listed_key(item: str, slug: str) -> str:
    return f"listed:{item}:{slug}"


def _held(merchant: Merchant, item: str, slug: str, starts_at: datetime | None) -> Subscription | None:
    """The row that the list means; of several that began together the one that Salla spoke of last."""
    rows = merchant.subscriptions.filter(item=item, item_slug=slug)
    same = [row for row in rows if _is_same_start(row, starts_at)]
    return max(same, key=lambda row: (row.told_at, row.pk), default=None)


def _is_same_start(row: Subscription, starts_at: datetime | None) -> bool:
    return row.starts_at is None or starts_at is None or abs(row.starts_at - starts_at) < DAY


def _is_later(ends_at: datetime | None, held: datetime | None) -> bool:
    return ends_at is not None and held is not None and ends_at - held > DAY
