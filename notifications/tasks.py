"""The workers that tell teams what they should know, and shoppers what they asked for."""

from celery import shared_task

from core import doorbell, work
from notifications import alerts, delivery
from notifications.models import Alert, AlertMail, Message


@shared_task
def send_alerts() -> None:
    """Decide whom the due alerts go to, then send what is due."""
    decided = work.drain(Alert.unscoped.select_related("merchant"), alerts.address)
    rows = AlertMail.unscoped.select_related("merchant", "alert__merchant", "user")
    if not (work.drain_steps(rows, alerts.send) and decided):
        doorbell.ring(send_alerts)


@shared_task
def send_messages() -> None:
    """Send the messages that are due; what a worker left behind on its way is given up first."""
    delivery.give_up_lost(Message.unscoped.all())
    if not delivery.drain(Message.unscoped.select_related("merchant", "contact")):
        doorbell.ring(send_messages)
