"""Writing messages down: to send, to send later, or not to send, and why."""

from datetime import datetime
from typing import Any

from django.conf import settings

from core import clock, doorbell
from core.models import Merchant
from events.facts import OptInRequested
from events.models import Event
from features.selectors import language_of
from notifications import policy, tasks
from notifications.models import Message
from visitors.models import Channel, Contact, Purpose


def notify(
    merchant: Merchant,
    *,
    key: str,
    template: str,
    contact: Contact,
    purpose: Purpose,
    channel: Channel | None = None,
    language: str = "",
    data: dict[str, Any] | None = None,
    due_at: datetime | None = None,
) -> Message:
    """One message; the same `key` again is the same message, and changes nothing. Silence is written down too.

    Call it inside the transaction that makes it wanted. `data` holds ids only.
    """
    wanted = Message(
        merchant=merchant,
        key=key,
        template=template,
        contact=contact,
        purpose=purpose,
        channel=channel or contact.channels[0],
        language=language if language in dict(settings.LANGUAGES) else language_of(merchant),
        data=data or {},
        due_at=due_at or clock.now(),
    )
    if wanted.due_at <= clock.now() and (reason := policy.refusal(wanted)):
        wanted.state, wanted.reason, wanted.ended_at = Message.State.SKIPPED, reason, clock.now()
    merchant.messages.bulk_create([wanted], ignore_conflicts=True)
    held = merchant.messages.select_related("contact").get(key=key)
    if held.public_id == wanted.public_id and held.state == Message.State.QUEUED:
        doorbell.ring(tasks.send_messages)
    return held


def wake() -> None:
    """Ring for messages whose doorbell was lost, whose moment has come, or whose worker died."""
    doorbell.ring(tasks.send_messages)


def ask(event: Event) -> None:
    """Whether an address is his, only its reader can say: once, and once more a day later."""
    fact = event.fact
    if not isinstance(fact, OptInRequested):
        return
    asked = event.merchant.opt_ins.select_related("contact").filter(pk=fact.optin_id).first()
    if asked is not None:
        notify(
            event.merchant,
            key=event.key,
            template="optin",
            contact=asked.contact,
            purpose=Purpose.CONFIRMATION,
            language=asked.language,
            data={"optin_id": asked.pk},
        )
