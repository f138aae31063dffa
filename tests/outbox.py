"""What went out to shoppers, and what became of each message."""

import re
from datetime import timedelta

from django.core import mail
from django.core.mail import EmailMultiAlternatives

from core.models import Merchant
from notifications.models import Message
from notifications.tasks import send_messages
from tests.conftest import work

LATER = timedelta(hours=3)


def send() -> None:
    """What the workers would do now."""
    work()
    send_messages()


def again() -> None:
    """Whatever waits has waited long enough."""
    Message.unscoped.filter(state__in=["queued", "deferred"]).update(due_at="2000-01-01T00:00Z")
    send()


def outcome(merchant: Merchant, template: str = "optin") -> list[tuple[str, str]]:
    """State and reason of each message of that template."""
    return list(merchant.messages.filter(template=template).order_by("pk").values_list("state", "reason"))


def mails() -> list[EmailMultiAlternatives]:
    return list(mail.outbox)  # type: ignore[arg-type]


def link_in(message: EmailMultiAlternatives, page: str) -> str:
    """The path of the link to that page, as the text has it."""
    found = re.search(rf"http://localhost:8000(/{page}/\S+)", str(message.body))
    assert found, message.body
    return found[1]
