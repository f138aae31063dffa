"""Salla's `app.*` events: the app's life in a store. Each one may be the first that we hear of the store."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.models import Merchant
from core.webhooks import Envelope
from core.work import IgnoredError
from events import facts
from events.services import record
from integrations import app_payloads, lifecycle
from integrations.models import Connection

# Sent only while the app is installed; the rest may trail an uninstall and must not undo it.
OPENING = frozenset({"app.installed", "app.updated", "app.settings.updated", "app.trial.started"})

FactMaker = Callable[[app_payloads.App], facts.Fact]


def translate(envelope: Envelope, *, at: datetime) -> Merchant:
    """Apply one event that happened at `at`; returns the store. Raises `IgnoredError` or `ValidationError`."""
    if envelope.event == "app.store.authorize":
        return _authorized(envelope, at)
    if envelope.event == "app.uninstalled":
        return _uninstalled(envelope, at)
    make_fact = _fact_makers.get(envelope.event)
    if make_fact is None:
        raise IgnoredError(lifecycle.EVENT_NOT_USED)
    body = app_payloads.App.read(envelope.data)
    store_type = body.store_type or ""
    if envelope.event in OPENING:
        connection = lifecycle.install(envelope.store_id, at=at, store_type=store_type, scopes=body.app_scopes)
    else:
        connection = lifecycle.meet(envelope.store_id, store_type=store_type)
    key = ":".join(str(part) for part in (envelope.event, body.subscription_id or "", at.isoformat()))
    record(connection.merchant, make_fact(body), key=key, occurred_at=at)
    return connection.merchant


def _authorized(envelope: Envelope, at: datetime) -> Merchant:
    connection = lifecycle.authorize(envelope.store_id, app_payloads.Tokens.read(envelope.data), at=at)
    fact = facts.StoreConnected(expires_at=connection.expires_at)
    record(connection.merchant, fact, key=f"{envelope.event}:{at.isoformat()}", occurred_at=at)
    return connection.merchant


def _uninstalled(envelope: Envelope, at: datetime) -> Merchant:
    body = app_payloads.App.read(envelope.data)
    connection = lifecycle.uninstall(envelope.store_id, at=at, store_type=body.store_type or "")
    if connection.state != Connection.State.UNINSTALLED:
        return connection.merchant  # installed again since: nobody must be told that it left
    fact = facts.StoreUninstalled(store_type=body.store_type or "")
    record(connection.merchant, fact, key=f"{envelope.event}:{at.isoformat()}", occurred_at=at)
    return connection.merchant


def _store(kind: type[facts.StoreFact]) -> FactMaker:
    return lambda body: kind(store_type=body.store_type or "")


def _trial(kind: type[facts.TrialFact]) -> FactMaker:
    return lambda body: kind(**_plan_of(body))


def _subscription(kind: type[facts.SubscriptionFact]) -> FactMaker:
    return lambda body: kind(
        **_plan_of(body),
        subscription_id=body.subscription_id,
        item_type=body.item_type or "",
        item_slug=body.item_slug or "",
        quantity=body.quantity or 1,
        total=body.total,
    )


def _plan_of(body: app_payloads.App) -> dict[str, Any]:
    return {
        "store_type": body.store_type or "",
        "plan_type": body.plan_type or "",
        "starts_at": body.start_date,
        "ends_at": body.end_date,
    }


_fact_makers: dict[str, FactMaker] = {
    "app.installed": _store(facts.StoreInstalled),
    "app.updated": _store(facts.StoreUpgraded),
    "app.settings.updated": lambda _: facts.SettingsUpdated(),
    "app.feedback.created": lambda body: facts.FeedbackGiven(rating=body.stars),
    "app.trial.started": _trial(facts.TrialStarted),
    "app.trial.expired": _trial(facts.TrialExpired),
    "app.trial.canceled": _trial(facts.TrialCanceled),
    "app.subscription.started": _subscription(facts.SubscriptionStarted),
    "app.subscription.renewed": _subscription(facts.SubscriptionRenewed),
    "app.subscription.expired": _subscription(facts.SubscriptionExpired),
    "app.subscription.canceled": _subscription(facts.SubscriptionCanceled),
}
