"""How somebody becomes a contact, says that an address is his, and leaves; the one way in for forms and pages."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core import clock
from core.http import truncated
from core.limiter import Limit
from core.models import Merchant
from core.subjects import Subject
from events import facts
from events.services import record
from integrations.models import Customer
from visitors import consents, suppressions
from visitors.consents import Reason, Source, Words, may_send, withdraw
from visitors.contact_links import question_of
from visitors.models import Channel, Consent, Contact, OptIn, Purpose, Suppression
from visitors.values import is_disposable, mailbox_of, normalised

__all__ = [
    "Outcome",
    "Reason",
    "Words",
    "confirm",
    "ensure",
    "find",
    "may_send",
    "stop_all",
    "subscribe",
    "withdraw",
]

log = logging.getLogger(__name__)

# Closed without Redis: each time sends a message to a stranger's address.
BY_MINUTE = Limit("optin:minute", 5, 60)
BY_HOUR = Limit("optin:hour", 20, 3600)
# Of one mailbox, whichever stores are asked, and by whichever of its addresses.
EVERYWHERE = Limit("optin:everywhere", 3, 86_400)
AGAIN_AFTER = timedelta(hours=24)
LIFETIME = timedelta(days=7)
# Of a contact that never answered; nobody agreed to its being kept.
KEEP_UNANSWERED = timedelta(days=30)
LONGEST_NAME = 200
ASKED_AT_ONCE = 500
ENDED = Consent.State.WITHDRAWN


class Outcome(models.TextChoices):
    """What whoever filled a form in is told. Known and unknown addresses get the same."""

    ASKED = "asked", _("One more step: press the button in the message that we have just sent to you.")
    INVALID = "invalid", _("This is no address that we can write to. Please look at it once more.")
    DISPOSABLE = "disposable", _("This address soon ends. Please use one that you will still read next month.")
    BUSY = "busy", _("Too many people ask from your network at the moment. Please try again later.")


# In


def subscribe(
    merchant: Merchant,
    *,
    kind: str,
    value: str,
    text: str,
    page: str,
    source: str = Source.FORM,
    visitor_key: str = "",
    network: str = "",
    language: str = "",
    name: str = "",
    purposes: Sequence[Purpose] = (Purpose.MARKETING,),
) -> Outcome:
    """Somebody asks for messages at an address; it is his once a message there was answered.

    `text` is exactly what he agreed to, `network` what the limits count by. Nothing but that message is sent before.
    """
    normal = normalised(kind, value)
    if normal is None:
        return Outcome.INVALID
    if kind == Contact.Kind.EMAIL and is_disposable(normal):
        return Outcome.DISPOSABLE
    if not (BY_MINUTE.allow(network) and BY_HOUR.allow(network)):
        return Outcome.BUSY
    asked = OptIn(
        merchant=merchant, source=source, text=text, page=page[:300], language=language[:10], name=name[:LONGEST_NAME],
        network=truncated(network), visitor_key=visitor_key[:64], purposes=list(purposes),
    )  # fmt: skip
    _ask(merchant, Contact.Kind(kind), normal, asked)
    return Outcome.ASKED


@transaction.atomic
def _ask(merchant: Merchant, kind: Contact.Kind, value: str, asked: OptIn) -> None:
    """Once a day for each address; more often, or where nobody may ask, nothing is written and nothing goes out."""
    contact = merchant.contacts.select_for_update().get(
        pk=ensure(merchant, kind=kind, value=value, source=asked.source, language=asked.language).pk
    )
    day_ago = clock.now() - AGAIN_AFTER
    recent = contact.opt_ins.filter(Q(asked_at__gt=day_ago) | Q(asked_again_at__gt=day_ago))
    if recent.exists() or may_send(merchant, contact, purpose=Purpose.CONFIRMATION):
        return
    if not EVERYWHERE.allow(mailbox_of(value)):
        return
    asked.contact, asked.channels = contact, list(contact.channels)
    asked.expires_at = asked.asked_at + LIFETIME
    asked.save()
    _record_request(asked, "1")


def _record_request(asked: OptIn, which: str) -> None:
    fact = facts.OptInRequested(contact_id=asked.contact_id, optin_id=asked.pk)
    record(asked.merchant, fact, key=f"optin:{asked.pk}:{which}", visitor_key=asked.visitor_key)


def ensure(
    merchant: Merchant, *, kind: Contact.Kind, value: str, source: str, language: str = "", name: str = ""
) -> Contact:
    """The contact of this value, which stands in its one form; new where there is none. Salla's customer is joined."""
    defaults = {"source": source, "language": language[:10], "name": name[:LONGEST_NAME]}
    contact, is_new = merchant.contacts.get_or_create(kind=kind, value=value, erased_at=None, defaults=defaults)
    if is_new:
        join_customer(merchant, contact)
    return contact


def join_customer(merchant: Merchant, contact: Contact) -> None:
    """Note which of Salla's customers this is, the newest where several have the address."""
    found = merchant.customers.filter(consents.same_person(contact)).order_by("-source_updated_at").first()
    if found is not None and contact.customer_salla_id is None:
        merchant.contacts.filter(pk=contact.pk).update(customer_salla_id=found.salla_id)
        contact.customer_salla_id = found.salla_id


def find(merchant: Merchant, *, kind: str, value: str) -> Contact | None:
    """The contact of an address or a number in whatever form."""
    normal = normalised(kind, value)
    return merchant.contacts.filter(kind=kind, value=normal, erased_at=None).first() if normal else None


# The answer


@transaction.atomic
def confirm(token: str) -> OptIn | None:
    """Whoever reads the address says yes; saying it twice is once. None for a link that no longer works."""
    asked = question_of(token)
    if asked is None or not asked.is_answerable:
        return None
    merchant = asked.merchant
    contact = merchant.contacts.select_for_update().filter(pk=asked.contact_id, erased_at=None).first()
    if contact is None:  # erased at this moment
        return None
    pending = merchant.opt_ins.filter(pk=asked.pk, state=OptIn.State.PENDING)
    if pending.update(state=OptIn.State.CONFIRMED, confirmed_at=clock.now()) == 1:
        contact.name = asked.name or contact.name
        contact.language = asked.language or contact.language
        contact.visitor_key = asked.visitor_key or contact.visitor_key
        contact.save(update_fields=["name", "language", "visitor_key"])
        verify(merchant, contact)
        channels = [Channel(each) for each in asked.channels]
        suppressions.lift(merchant, value=contact.value, channels=channels)
        words = Words(Source(asked.source), asked.text, asked.page, asked.language, asked.network)
        purposes = [Purpose(each) for each in asked.purposes]
        consents.give(merchant, contact, purposes=purposes, channels=channels, words=words)
    asked.refresh_from_db()
    return asked


def verify(merchant: Merchant, contact: Contact) -> None:
    """Whoever reads the address has acted on a message there."""
    contact.verified_at = contact.verified_at or clock.now()
    contact.save(update_fields=["verified_at"])
    fact = facts.ContactVerified(contact_id=contact.pk)
    record(merchant, fact, key=f"contact:{contact.pk}:verified", visitor_key=contact.visitor_key)


# Out


@transaction.atomic
def stop_all(merchant: Merchant, contact: Contact, *, words: Words) -> None:
    """Nothing promotional goes there any more; whoever never agreed to anything is not even asked again."""
    is_known = contact.verified_at or consents.standing(merchant, contact).states
    withdraw(merchant, contact, words=words)
    contact.opt_ins.filter(state=OptIn.State.PENDING).update(state=OptIn.State.EXPIRED)
    reason = Suppression.Reason.STOPPED if is_known else Suppression.Reason.REFUSED
    suppressions.suppress(merchant, value=contact.value, channels=contact.channels, reason=reason)


# By themselves


def ask_again() -> None:
    """Once more, a day later, whoever has not answered; never while another question of his is newer."""
    for asked in _due().select_related("merchant", "contact").order_by("asked_at")[:ASKED_AT_ONCE]:
        if EVERYWHERE.allow(mailbox_of(asked.contact.value)):
            _ask_again(asked)


def _due() -> QuerySet[OptIn]:
    now = clock.now()
    newer = OptIn.unscoped.filter(contact=OuterRef("contact"), asked_at__gt=OuterRef("asked_at"))
    waiting = OptIn.unscoped.filter(state=OptIn.State.PENDING, asked_again_at=None, expires_at__gt=now)
    return waiting.filter(~Exists(newer), asked_at__lte=now - AGAIN_AFTER)


@transaction.atomic
def _ask_again(asked: OptIn) -> None:
    list(asked.merchant.contacts.select_for_update().filter(pk=asked.contact_id))  # he may be asking anew
    if _due().filter(pk=asked.pk).update(asked_again_at=clock.now()) == 1:
        _record_request(asked, "2")


def forget_unanswered() -> None:
    """End the questions that were not answered in time; what came of nothing is deleted a while later."""
    now = clock.now()
    late = OptIn.unscoped.filter(state=OptIn.State.PENDING, expires_at__lte=now)
    late.update(state=OptIn.State.EXPIRED)
    old = OptIn.unscoped.filter(state=OptIn.State.EXPIRED, expires_at__lte=now - KEEP_UNANSWERED)
    old.delete()
    agreed = Exists(Consent.unscoped.filter(contact=OuterRef("pk")))
    asked = Exists(OptIn.unscoped.filter(contact=OuterRef("pk")))
    strangers = Contact.unscoped.filter(~agreed, ~asked, verified_at=None, erased_at=None, source=Source.FORM)
    strangers.filter(created_at__lte=now - KEEP_UNANSWERED).delete()


def forget_people(merchant: Merchant) -> None:
    """Of a store whose personal data is deleted. Hashes stay, also of those who ended what they agreed to: should the
    store come back, it does not write to them.
    """
    for contact in merchant.contacts.filter(erased_at=None).iterator():
        ended = {place[1] for place, state in consents.standing(merchant, contact).states.items() if state == ENDED}
        channels, reason = [Channel(each) for each in sorted(ended)], Suppression.Reason.STOPPED
        suppressions.suppress(merchant, value=contact.value, channels=channels, reason=reason)
    for rows in (merchant.consents, merchant.opt_ins, merchant.contacts):
        rows.all().delete()


def hear_salla(merchant: Merchant, customer_id: int, *, is_enabled: bool) -> None:
    """Whoever turns notifications off at Salla ends what he agreed to here; turning them on proves nothing."""
    customer = merchant.customers.filter(salla_id=customer_id).first()
    if is_enabled or customer is None:
        return
    for contact in contacts_of(merchant, customer):
        if consents.standing(merchant, contact).states:
            withdraw(merchant, contact, words=Words(Source.SALLA))


def contacts_of(merchant: Merchant, customer: Customer) -> QuerySet[Contact]:
    """The addresses and numbers of one of Salla's customers."""
    same = Q(customer_salla_id=customer.salla_id)
    if customer.email:
        same |= Q(kind=Contact.Kind.EMAIL, value=customer.email)
    if customer.phone:
        same |= Q(kind=Contact.Kind.PHONE, value=customer.phone)
    return merchant.contacts.filter(same, erased_at=None)


def of_subject(merchant: Merchant, subject: Subject) -> QuerySet[Contact]:
    """The addresses and numbers of a person. A browser names nobody's: several people may share one."""
    same = Q(kind=Contact.Kind.EMAIL, value__in=subject.emails) | Q(kind=Contact.Kind.PHONE, value__in=subject.phones)
    same |= Q(customer_salla_id__in=subject.customers)
    return merchant.contacts.filter(same, erased_at=None).select_related("merchant").order_by("pk")


def join_contacts(merchant: Merchant, customer_id: int) -> None:
    """A new customer may have been a contact before."""
    customer = merchant.customers.filter(salla_id=customer_id).first()
    if customer is not None:
        contacts_of(merchant, customer).filter(customer_salla_id=None).update(customer_salla_id=customer_id)
