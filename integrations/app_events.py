"""Salla's `app.*` events: the app's life in a store. Each one may be the first that we hear of the store."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.models import Merchant
from core.webhooks import Envelope
from core.work import IgnoredError
from events import facts
from events.services import record
from integrations import app_form, app_payloads, entitlements, lifecycle, subscriptions
from integrations.models import Connection

# Sent only while the app is installed; the rest may trail an uninstall and must not undo it.
OPENING = frozenset({"app.installed", "app.updated", "app.settings.updated", "app.trial.started"})
SOLD = ("app.trial.", "app.subscription.")

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
    connection = _connection(envelope, body, at)
    _keep(connection.merchant, envelope.event, body, at)
    key = ":".join(str(part) for part in (envelope.event, body.subscription_id or "", at.isoformat()))
    record(connection.merchant, make_fact(body), key=key, occurred_at=at)
    entitlements.review(connection.merchant)
    return connection.merchant


def _connection(envelope: Envelope, body: app_payloads.App, at: datetime) -> Connection:
    """The store's; opened by what Salla sends to an installed app. A trial was sold even if the store left since."""
    store_type = body.store_type or ""
    if envelope.event in OPENING:
        try:
            return lifecycle.install(envelope.store_id, at=at, store_type=store_type, scopes=body.app_scopes)
        except IgnoredError:
            if not envelope.event.startswith(SOLD):
                raise
    return lifecycle.meet(envelope.store_id, store_type=store_type)


def _keep(merchant: Merchant, event: str, body: app_payloads.App, at: datetime) -> None:
    """What an event says beyond its fact."""
    if event.startswith(SOLD):
        subscriptions.take_event(merchant, event, body, at=at)
    elif event == "app.settings.updated" and body.settings is not None:
        app_form.keep(merchant, body.settings, at=at)


def _authorized(envelope: Envelope, at: datetime) -> Merchant:
    connection = lifecycle.authorize(envelope.store_id, app_payloads.Tokens.read(envelope.data), at=at)
    fact = facts.StoreConnected(expires_at=connection.expires_at)
    record(connection.merchant, fact, key=f"{envelope.event}:{at.isoformat()}", occurred_at=at)
    entitlements.review(connection.merchant)
    return connection.merchant


def _uninstalled(envelope: Envelope, at: datetime) -> Merchant:
    body = app_payloads.App.read(envelope.data)
    connection = lifecycle.uninstall(envelope.store_id, at=at, store_type=body.store_type or "")
    if connection.state == Connection.State.UNINSTALLED:  # else installed again since: nobody must be told
        fact = facts.StoreUninstalled(store_type=body.store_type or "")
        record(connection.merchant, fact, key=f"{envelope.event}:{at.isoformat()}", occurred_at=at)
    entitlements.review(connection.merchant)
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
