"""Receiving deliveries, forgetting their bodies, and reading stores."""

import hashlib
from datetime import timedelta

from django.db import connection
from django.db.models import Q

from core import clock, doorbell, fields
from core.models import Merchant
from integrations import agenda, lifecycle, tasks
from integrations.models import Connection, Delivery, Sync
from integrations.tokens import EARLY, MOST_LEAD, is_due_ahead

Kind, Purpose = Sync.Kind, Sync.Purpose
KEEP_BODIES = timedelta(days=30)
KEEP_READINGS = timedelta(days=30)
HISTORY = agenda.HISTORY
# One pair that no key opens must not stop the others.
TOKEN_COLUMNS = ("access_token", "refresh_token")
# One round trip: the limit holds for this statement only, and in autocommit both commit together.
INSERT = """
SET LOCAL statement_timeout = '5s';
INSERT INTO integrations_delivery
    (body_sha256, body, size, received_at, due_at, state, attempts, reason, event)
VALUES (%s, %s, %s, %s, %s, 'waiting', 0, '', '')
ON CONFLICT (body_sha256) DO NOTHING
"""


def receive(body: bytes) -> bool:
    """Store an authentic delivery and wake a worker; False when these bytes were received before.

    Raises `django.db.Error` when it is not stored. Raw SQL, because this is the hottest write (docs/adr/0003).
    """
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [hashlib.sha256(body).digest(), fields.encrypt(body), len(body), now, now])
        is_new: bool = cursor.rowcount == 1
    if is_new:
        doorbell.ring(tasks.process_deliveries)
    return is_new


def sweep_deliveries() -> None:
    """Ring for deliveries whose doorbell was lost, whose next attempt has come, or which overtook their install."""
    lifecycle.revive_overtaking_deliveries()
    doorbell.ring(tasks.process_deliveries)


def begin_reading(merchant: Merchant) -> None:
    """Read a newly connected store: who it is, then what it holds and sold in the last 60 days."""
    now = clock.now()
    since = now - HISTORY
    agenda.schedule(merchant, Kind.STORE, Purpose.UPKEEP, due_at=now)
    agenda.schedule(merchant, Kind.PLANS, Purpose.UPKEEP, due_at=now)
    for place, kind in enumerate(agenda.FIRST_KINDS, 1):
        # In this order, a moment apart: the plan sets the rate limit, and orders take longest.
        due_at = now + timedelta(milliseconds=place)
        agenda.schedule(merchant, kind, Purpose.FIRST, since=since, due_at=due_at)
    doorbell.ring(tasks.sync_stores)


def check(merchant: Merchant, *, window: timedelta) -> None:
    """Compare the orders and carts of that time with Salla's and take over what is missing or different."""
    now = clock.now()
    for kind in agenda.CHECKED_KINDS:
        agenda.schedule(merchant, kind, Purpose.CHECK, since=now - window, due_at=now)
    doorbell.ring(tasks.sync_stores)


def check_all(purpose: Sync.Purpose, *, window: timedelta, within: timedelta) -> None:
    """`check` every connected store, spread over `within`."""
    now = clock.now()
    connected = Connection.unscoped.filter(state=Connection.State.CONNECTED).select_related("merchant")
    for held in connected.defer(*TOKEN_COLUMNS).iterator():
        due_at = now + within * agenda.spread(held.merchant_id)
        for kind in agenda.CHECKED_KINDS:
            agenda.schedule(held.merchant, kind, purpose, since=now - window, due_at=due_at)


def check_plans(*, within: timedelta) -> None:
    """Ask Salla what every connected store has of us, spread over `within`."""
    now = clock.now()
    connected = Connection.unscoped.filter(state=Connection.State.CONNECTED).select_related("merchant")
    for held in connected.defer(*TOKEN_COLUMNS).iterator():
        due_at = now + within * agenda.spread(held.merchant_id)
        agenda.schedule(held.merchant, Kind.PLANS, Purpose.UPKEEP, due_at=due_at)


def review_standings() -> None:
    """Ring for the stores whose plan is to be judged anew: a month, a trial or a subscription may have ended."""
    doorbell.ring(tasks.review_standings)


def sweep_syncs() -> None:
    """Ring for readings whose doorbell was lost or whose next step has come."""
    doorbell.ring(tasks.sync_stores)


def refresh_idle_tokens() -> None:
    """Have the tokens refreshed that would soon expire, also of stores that nobody calls.

    Where no refresh is left and the token has expired, Salla is asked once more: its refusal is what the merchant is
    told by, and nobody else may call for weeks.
    """
    now = clock.now()
    connected = Connection.unscoped.filter(state=Connection.State.CONNECTED).select_related("merchant")
    stuck = Q(refresh_started_at__isnull=False) | Q(refresh_token__isnull=True)
    soon = connected.exclude(stuck).filter(expires_at__lt=now + EARLY * MOST_LEAD)
    for held in soon.defer(*TOKEN_COLUMNS):
        if is_due_ahead(held, now):
            agenda.schedule(held.merchant, Kind.TOKENS, Purpose.UPKEEP)
    for held in connected.filter(stuck, expires_at__lt=now).defer(*TOKEN_COLUMNS):
        agenda.schedule(held.merchant, Kind.STORE, Purpose.UPKEEP)
    doorbell.ring(tasks.sync_stores)


def sweep_purges() -> None:
    """Ring for the deletions of personal data whose date has come."""
    doorbell.ring(tasks.purge_stores)


def forget_readings() -> None:
    """Delete the readings that ended well long ago. The first of a store stay: its progress is shown."""
    ended = Sync.unscoped.filter(state__in=[Sync.State.PROCESSED, Sync.State.IGNORED])
    ended.exclude(purpose=Purpose.FIRST).filter(created_at__lt=clock.now() - KEEP_READINGS).delete()


def forget_bodies() -> int:
    """Drop the bodies of old deliveries; their hashes stay, so that a replayed one is still known. Returns how many.

    Of what is never used nothing is kept for longer than it could still be: old tokens, and events of stores that left.
    """
    old = Q(received_at__lt=clock.now() - KEEP_BODIES)
    unused_tokens = Q(event="app.store.authorize", state=Delivery.State.IGNORED)
    left = [lifecycle.UNINSTALLED_STORE, lifecycle.OLDER_THAN_UNINSTALL]
    unused = unused_tokens | Q(reason__in=left, due_at__lt=clock.now() - lifecycle.OVERTAKING)
    kept = Delivery.objects.filter(body__isnull=False).exclude(state=Delivery.State.WAITING)
    return kept.filter(old | unused).update(body=None)
