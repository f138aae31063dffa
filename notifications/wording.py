"""The messages that shoppers get: of each template, what it needs to be made, and whether it is still needed.

A new one is an entry here and two files in `templates/mail/`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core import mail
from integrations import app_form
from notifications.models import Message
from notifications.providers.contract import Rendered
from visitors import contact_links
from visitors.models import PROMOTIONAL, Channel, OptIn, Purpose


@dataclass(frozen=True)
class Template:
    """`context` is asked in the message's language, and only for a message that `is_needed`."""

    context: Callable[[Message], dict[str, Any]]
    is_needed: Callable[[Message], bool] = lambda message: True


def is_needed(message: Message) -> bool:
    return TEMPLATES[message.template].is_needed(message)


def rendered(message: Message) -> Rendered:
    """The message in words. Its contact is there: whoever was erased was found out before."""
    template = TEMPLATES[message.template]
    context = {**_frame(message), **template.context(message)}
    subject, text, html = mail.render(message.template, context, language=message.language)
    return Rendered(
        reference=f"message-{message.public_id}",
        subject=subject,
        text=text,
        html=html,
        sender=str(message.merchant),
        reply_to=app_form.contact_email(message.merchant),
        headers=_headers(message),
    )


def _frame(message: Message) -> dict[str, Any]:
    """What stands in every message: from which store it comes, and where its reader decides."""
    store = message.merchant
    return {
        "store": str(store),
        "store_address": store.address,
        "preferences_address": contact_links.preferences(store, message.contact),
        "is_promotional": message.purpose in PROMOTIONAL,
        "unsubscribe_address": _unsubscribe(message),
    }


def _unsubscribe(message: Message) -> str:
    if message.purpose not in PROMOTIONAL or message.contact is None:
        return ""
    purpose, channel = Purpose(message.purpose), Channel(message.channel)
    return contact_links.unsubscribe(message.merchant, message.contact, purpose=purpose, channel=channel)


def _headers(message: Message) -> dict[str, str]:
    headers = {"Auto-Submitted": "auto-generated"}
    address = _unsubscribe(message)
    return headers | mail.unsubscribe_headers(address) if address else headers


# The templates


def _question(message: Message) -> OptIn | None:
    return message.merchant.opt_ins.filter(pk=message.data["optin_id"]).first()


def _still_asks(message: Message) -> bool:
    asked = _question(message)
    return asked is not None and asked.is_open


def _asking(message: Message) -> dict[str, Any]:
    asked = _question(message)
    assert asked is not None  # noqa: S101 - a message without one is not needed
    return {
        "address": contact_links.confirm(asked),
        "text": asked.text,
        "asked_at": asked.asked_at,
        "is_reminder": asked.asked_again_at is not None,
    }


TEMPLATES = {"optin": Template(_asking, _still_asks)}
