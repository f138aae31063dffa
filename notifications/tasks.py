"""The worker that tells teams what they should know."""

from celery import shared_task

from core import doorbell, work
from notifications import alerts
from notifications.models import Alert, AlertMail


@shared_task
def send_alerts() -> None:
    """Decide whom the due alerts go to, then send what is due."""
    decided = work.drain(Alert.unscoped.select_related("merchant"), alerts.address)
    rows = AlertMail.unscoped.select_related("merchant", "alert__merchant", "user")
    if not (work.drain_steps(rows, alerts.send) and decided):
        doorbell.ring(send_alerts)
