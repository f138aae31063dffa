"""The addresses that go into messages: each is signed, names one contact, and does one thing."""

from core import addresses, links
from core.models import Merchant
from visitors.models import Channel, Contact, OptIn, Purpose

PREFERENCES, UNSUBSCRIBE, CONFIRM = "visitors.preferences", "visitors.unsubscribe", "visitors.optin"


def preferences(merchant: Merchant, contact: Contact | None) -> str:
    """Where its reader decides what he gets; nothing for a contact that is gone."""
    return addresses.public("contacts:preferences", preferences_token(merchant, contact)) if contact else ""


def preferences_token(merchant: Merchant, contact: Contact) -> str:
    return links.seal(PREFERENCES, str(merchant.public_id), contact.pk)


def preferences_of(token: str) -> Contact | None:
    """Whose page it is; None for a forged address, and for whoever was erased."""
    match links.unseal(PREFERENCES, token):
        case [str(store), int(pk)]:
            contact = _contact(store, pk)
            return contact if contact and contact.erased_at is None else None
    return None


def unsubscribe(merchant: Merchant, contact: Contact, *, purpose: Purpose, channel: Channel) -> str:
    """Ends one purpose on one channel (RFC 8058)."""
    token = links.seal(UNSUBSCRIBE, str(merchant.public_id), contact.pk, purpose, channel)
    return addresses.public("contacts:unsubscribe", token)


def unsubscribe_of(token: str) -> tuple[Contact, Purpose, Channel] | None:
    """Also of whoever was erased: mail programs press the button of old messages too."""
    match links.unseal(UNSUBSCRIBE, token):
        case [str(store), int(pk), str(purpose), str(channel)]:
            contact = _contact(store, pk)
            return (contact, Purpose(purpose), Channel(channel)) if contact else None
    return None


def confirm(asked: OptIn) -> str:
    return addresses.public("contacts:confirm", confirm_token(asked))


def confirm_token(asked: OptIn) -> str:
    return links.seal(CONFIRM, str(asked.merchant.public_id), asked.pk)


def question_of(token: str) -> OptIn | None:
    """The question that a link answers, open or not; None for a forged one."""
    match links.unseal(CONFIRM, token):
        case [str(store), int(pk)]:
            merchant = Merchant.objects.filter(public_id=store).first()
        case _:
            return None
    return merchant.opt_ins.select_related("contact", "merchant").filter(pk=pk).first() if merchant else None


def _contact(store: str, pk: int) -> Contact | None:
    merchant = Merchant.objects.filter(public_id=store).first()
    return merchant.contacts.select_related("merchant").filter(pk=pk).first() if merchant else None
