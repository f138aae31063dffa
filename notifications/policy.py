"""Whether a message may go out now: asked when it is written down, and again right before it is given away."""

from core.models import Merchant
from features.services import is_open
from integrations.selectors import is_installed
from notifications import wording
from notifications.models import Message
from notifications.reasons import Why
from visitors.consents import Reason, may_send
from visitors.models import PROMOTIONAL, Channel, Purpose


def refusal(message: Message) -> str:
    """Why not, as one word (`notifications.reasons`); empty for yes."""
    merchant, contact = message.merchant, message.contact
    if reason := _of_store(merchant, message.purpose):
        return reason
    if contact is None:
        return Reason.ERASED
    held = may_send(merchant, contact, purpose=Purpose(message.purpose), channel=Channel(message.channel))
    if held is not None:
        return held
    return "" if wording.is_needed(message) else Why.NOT_NEEDED


def _of_store(merchant: Merchant, purpose: str) -> str:
    """A paused store's customers still get what they asked for."""
    if not is_installed(merchant):
        return Why.STORE_GONE
    return Why.STORE_PAUSED if purpose in PROMOTIONAL and not is_open(merchant) else ""
