"""What the outbox holds of a person: that there were messages, and no word of them."""

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from core import clock
from core.models import Merchant
from core.subjects import Counted, Holder, Subject, hold
from notifications.delivery import WAITING
from notifications.models import Message
from visitors.consents import Reason
from visitors.contacts import of_subject


def _messages(merchant: Merchant, subject: Subject) -> QuerySet[Message]:
    return merchant.messages.filter(contact__in=of_subject(merchant, subject)).order_by("pk")


def _export(merchant: Merchant, subject: Subject) -> list[dict[str, Any]]:
    columns = ("created_at", "ended_at", "channel", "purpose", "template", "language", "state", "reason")
    return list(_messages(merchant, subject).values(*columns))


def _count(merchant: Merchant, subject: Subject) -> list[Counted]:
    held = _messages(merchant, subject)
    waiting = held.filter(state__in=WAITING)
    return [
        (_("Messages that wait and are not sent any more"), waiting.count()),
        (_("Messages of before, of which a line without a name stays"), held.exclude(state__in=WAITING).count()),
    ]


def _erase(merchant: Merchant, subject: Subject) -> int:
    """What waits is not sent any more."""
    waiting = _messages(merchant, subject).filter(state__in=WAITING)
    return waiting.update(state=Message.State.SKIPPED, reason=Reason.ERASED, ended_at=clock.now())


MESSAGES = ngettext_lazy("%(count)s message", "%(count)s messages", "count")
hold("messages", Holder(_("Messages"), _export, _erase, count=_count, is_for_reader=True, entries=MESSAGES))
