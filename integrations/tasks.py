"""Workers of the front door: turning deliveries into mirror rows and facts, and reading what they did not bring."""

from celery import shared_task
from django.utils.translation import gettext_noop

from core import doorbell, logs, webhooks, work
from integrations import entitlements, lifecycle, purge, sync, translate
from integrations.models import Delivery, Purge, Sync

# Beginnings of the names of events with other people's secrets and messages, which Salla may send and we never use:
# not kept for a moment longer than needed.
NEVER_KEPT = ("customer.otp.request", "communication.")


@shared_task
def process_deliveries() -> None:
    """Translate the deliveries that are due."""
    # Each run opens its own body: one that no key opens is that row's failure and stops no other.
    if not work.drain(Delivery.objects.defer("body"), _process, identify=_identify):
        doorbell.ring(process_deliveries)


@shared_task
def sync_stores() -> None:
    """Take the next step of every reading that is due."""
    if not work.drain_steps(Sync.unscoped.select_related("merchant"), sync.step):
        doorbell.ring(sync_stores)


@shared_task
def purge_stores() -> None:
    """Delete the personal data of the stores that left long enough ago."""
    if not work.drain(Purge.unscoped.select_related("merchant"), purge.run):
        doorbell.ring(purge_stores)


@shared_task
def review_standings() -> None:
    """Judge anew what the stores may use whose moment has come."""
    if not entitlements.review_due():
        doorbell.ring(review_standings)


def _process(delivery: Delivery) -> None:
    delivery.merchant = translate.translate(_read(delivery), received_at=delivery.received_at)
    delivery.save(update_fields=["merchant"])
    if delivery.event == "app.store.authorize":
        _forget_body(delivery)  # the tokens now stand in the connection alone


def _identify(delivery: Delivery) -> None:
    envelope = _read(delivery)
    delivery.event = envelope.event
    delivery.store_id = envelope.store_id
    delivery.sent_at = envelope.created_at
    delivery.merchant = lifecycle.merchant_of(envelope.store_id)
    logs.add(merchant=delivery.merchant_id)
    delivery.save(update_fields=["event", "store_id", "sent_at", "merchant"])
    if envelope.event.startswith(NEVER_KEPT):
        _forget_body(delivery)
        raise work.IgnoredError(lifecycle.EVENT_NOT_USED)


def _forget_body(delivery: Delivery) -> None:
    delivery.body = None
    delivery.save(update_fields=["body"])


def _read(delivery: Delivery) -> webhooks.Envelope:
    if delivery.body is None:
        raise work.HopelessError(gettext_noop("its body was forgotten"))
    try:
        return webhooks.parse(bytes(delivery.body))
    except webhooks.UnreadableBodyError as error:
        raise work.HopelessError(str(error)) from error
