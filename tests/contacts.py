"""People who want messages, as a form of the store brings them."""

from typing import Any

from core.models import Merchant
from visitors import contact_links, contacts
from visitors.contacts import Outcome
from visitors.models import Contact, OptIn

TEXT = "أوافق على وصول العروض إلى بريدي من متجر الواحة"


def ask(merchant: Merchant, value: str = "sara@example.com", /, **changes: Any) -> Outcome:
    """Fill the form in, each time from a network of its own unless one is given."""
    ask.count += 1
    number = ask.count
    told: dict[str, Any] = {
        "kind": "email",
        "text": TEXT,
        "page": "/products/oud",
        "network": f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}",
        "language": "ar",
    }
    return contacts.subscribe(merchant, value=value, **told | changes)


ask.count = 0


def answer(asked: OptIn) -> OptIn | None:
    """Press the button in the message."""
    return contacts.confirm(contact_links.confirm_token(asked))


def subscribed(merchant: Merchant, value: str = "sara@example.com", /, **changes: Any) -> Contact:
    """Somebody who asked and said yes."""
    assert ask(merchant, value, **changes) == Outcome.ASKED
    done = answer(merchant.opt_ins.latest("pk"))
    assert done is not None
    return done.contact


def ledger(merchant: Merchant) -> list[tuple[str, str, str, str]]:
    """Purpose, channel, state and source of each line, oldest first."""
    return list(merchant.consents.order_by("pk").values_list("purpose", "channel", "state", "source"))
