"""Raising alerts, and what a person wants by e-mail."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Max, Q
from redis import RedisError

from core import clock, digest, doorbell
from core.models import Merchant, User
from events.facts import LimitExceeded, LimitNeared, OrderPaid
from events.models import Event
from features import registry, seen
from features.models import Feature
from features.registry import Category
from integrations import entitlements
from integrations.models import Connection
from notifications import tasks
from notifications.models import Alert

log = logging.getLogger(__name__)

Kind = Alert.Kind
UNSEEN = timedelta(hours=24)
PLAN_KINDS = {
    "limit.neared": Kind.LIMIT_NEARED,
    "limit.exceeded": Kind.LIMIT_EXCEEDED,
    "store.restricted": Kind.RESTRICTED,
}
# On Sunday, on the store's clock. Who was away then catches up for a day; later it is no news.
DIGEST_AT, DIGEST_FOR = timedelta(hours=9), timedelta(hours=24)


def tell(merchant: Merchant, kind: Kind, *, key: str, data: dict[str, Any] | None = None) -> None:
    """Raise an alert; the same `key` again is the same occurrence, and changes nothing."""
    _alert, is_new = merchant.alerts.get_or_create(key=key, defaults={"kind": kind, "data": data or {}})
    if is_new:
        doorbell.ring(tasks.send_alerts)


def wake_alerts() -> None:
    """Ring for alerts whose doorbell was lost or whose next attempt has come."""
    doorbell.ring(tasks.send_alerts)


def tell_disconnected(event: Event) -> None:
    tell(event.merchant, Kind.DISCONNECTED, key=event.key)


def tell_of_plan(event: Event) -> None:
    """With the month and the limit that it is about, where it is about such."""
    merchant, fact = event.merchant, event.fact
    data: dict[str, Any] = {}
    if isinstance(fact, LimitNeared | LimitExceeded):
        month = entitlements.month_of(event.occurred_at.astimezone(merchant.zone))
        data = {"month_ends_at": month.ends_at.isoformat(), "limit": fact.limit}
    tell(merchant, PLAN_KINDS[event.name], key=event.key, data=data)


def tell_first_sale(event: Event) -> None:
    """The first paid order that was placed after the first card went on: from then on it may be our doing."""
    merchant, fact = event.merchant, event.fact
    if not isinstance(fact, OrderPaid) or merchant.alerts.filter(kind=Kind.FIRST_SALE).exists():
        return
    first_on = merchant.revisions.filter(after__is_on=True).order_by("at").values_list("at", flat=True).first()
    order = merchant.orders.filter(salla_id=fact.order_id, is_draft=False).first()
    if first_on and order and order.placed_at and order.placed_at >= first_on:
        tell(merchant, Kind.FIRST_SALE, key="first-sale", data={"order_id": fact.order_id})


def watch_scripts() -> None:
    """Tell the stores whose pages have not asked for their cards in the day since one was turned on."""
    before = clock.now() - UNSEEN
    try:
        if seen.remembered_since() > before:
            return  # Redis is new, and knows nothing of what was seen before
        for merchant, slug, on_at in _on_since(before):
            last = seen.last(merchant.salla_id)
            if last is None or last < on_at:
                _tell_unseen(merchant, slug, on_at, last)
    except RedisError as error:
        log.warning("scripts not watched: %s", type(error).__name__)


def _on_since(before: datetime) -> list[tuple[Merchant, str, datetime]]:
    """Connected stores with a card on their pages that went on before then: the one that has been on for longest."""
    slugs = [card.slug for card in registry.cards() if card.category != Category.MESSAGES]
    connected = Q(is_on=True, slug__in=slugs, merchant__connection__state=Connection.State.CONNECTED)
    went_on = Max("revisions__at", filter=Q(revisions__after__is_on=True, revisions__before__is_on=False))
    rows = Feature.unscoped.filter(connected).annotate(on_at=went_on).filter(on_at__lt=before)
    oldest: dict[int, Any] = {}
    for row in rows.select_related("merchant").order_by("-on_at"):
        oldest[row.merchant_id] = (row.merchant, row.slug, row.on_at)
    return list(oldest.values())


def _tell_unseen(merchant: Merchant, slug: str, on_at: datetime, last: datetime | None) -> None:
    """Once for a silence, whichever cards are turned on and off during it."""
    told = merchant.alerts.filter(kind=Kind.SCRIPT_UNSEEN)
    if last is not None:
        told = told.filter(created_at__gt=last)
    if not told.exists():
        data = {"slug": slug, "on_at": on_at.isoformat()}
        tell(merchant, Kind.SCRIPT_UNSEEN, key=f"script-unseen:{on_at.isoformat()}", data=data)


def raise_digests() -> None:
    """On Sunday morning of each store's own clock."""
    now = clock.now()
    connected = Merchant.objects.filter(connection__state=Connection.State.CONNECTED)
    for name in connected.order_by().values_list("time_zone", flat=True).distinct():
        week = digest.week_before(now, name)
        if DIGEST_AT <= now - week.ends < DIGEST_AT + DIGEST_FOR:
            until = week.ends.date().isoformat()
            stores = connected.filter(time_zone=name, created_at__lt=week.ends)
            for merchant in stores.exclude(alerts__key=f"digest:{until}"):
                tell(merchant, Kind.DIGEST, key=f"digest:{until}", data={"until": until})


def choose(merchant: Merchant, user: User, *, wants_digest: bool, language: str | None = None) -> None:
    """Keep what a person wants; `language` None leaves it as it is."""
    values: dict[str, Any] = {"wants_digest": wants_digest, "changed_at": clock.now()}
    if language is not None:
        values["language"] = language if language in dict(settings.LANGUAGES) else ""
    merchant.mail_choices.update_or_create(user=user, defaults=values)


def forget_people(merchant: Merchant) -> None:
    """Of a store whose personal data is deleted; that there were alerts names nobody."""
    merchant.alert_mails.all().delete()
    merchant.mail_choices.all().delete()
    merchant.alerts.filter(state__in=[Alert.State.WAITING, Alert.State.DEAD]).update(reason="")
