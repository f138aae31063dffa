"""The ledger of consent: what stands by its lines, what may be sent by them, and how lines are added."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.models import Merchant
from events import facts
from events.services import record
from visitors import suppressions
from visitors.models import PROMOTIONAL, Channel, Consent, Contact, Purpose, Suppression

State, Source = Consent.State, Consent.Source
# Who ended it himself is not brought back by what a merchant says.
BY_THE_PERSON = (Source.CENTRE, Source.UNSUBSCRIBE, Source.SALLA, Source.FORM)

# What keeps a message from a contact that is suppressed; promotional ones are kept from it by any reason.
_KEEPS_FROM = {
    Purpose.SERVICE: {Suppression.Reason.BOUNCED},
    Purpose.CONFIRMATION: {
        Suppression.Reason.BOUNCED,
        Suppression.Reason.COMPLAINED,
        Suppression.Reason.REFUSED,
    },
}


class Reason(models.TextChoices):
    """Why a message may not go to somebody."""

    ERASED = "erased", _("the person was erased")
    NO_CHANNEL = "no_channel", _("it cannot be reached this way")
    SUPPRESSED = "suppressed", _("nobody writes there any more")
    WITHDRAWN = "withdrawn", _("unsubscribed")
    NO_CONSENT = "no_consent", _("no consent")
    SALLA = "salla", _("notifications are off, or not known to be on, at Salla")


@dataclass(frozen=True)
class Words:
    """How and where somebody agreed or ended it, as the ledger keeps it."""

    source: Consent.Source
    text: str = ""
    page: str = ""
    language: str = ""
    network: str = ""
    reason: str = ""

    @property
    def columns(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "text": self.text,
            "page": self.page[:300],
            "language": self.language[:10],
            "network": self.network,
            "reason": self.reason[:200],
        }


@dataclass
class Standing:
    """By purpose and channel, the state that counts; what has no line is not in it.

    `own_ends` are those that the person ended himself and has not given again.
    """

    states: dict[tuple[str, str], Consent.State] = field(default_factory=dict)
    own_ends: set[tuple[str, str]] = field(default_factory=set)

    def of(self, purpose: str, channel: str) -> Consent.State | None:
        return self.states.get((purpose, channel))

    def allows(self, purpose: str, channel: str) -> bool:
        return self.of(purpose, channel) in {State.GIVEN, State.DECLARED}


def standing(merchant: Merchant, contact: Contact) -> Standing:
    """What the contact's lines come to."""
    lines = merchant.consents.filter(contact=contact).order_by("at", "pk")
    return come_to(lines.values_list("purpose", "channel", "state", "source"))


def standings(merchant: Merchant, contacts: Iterable[Contact | int]) -> dict[int, Standing]:
    """The same of many, by the number of each contact that has lines; one query."""
    lines: dict[int, list[tuple[str, str, str, str]]] = {}
    held = merchant.consents.filter(contact__in=contacts).order_by("at", "pk")
    for contact, purpose, channel, state, source in held.values_list(
        "contact", "purpose", "channel", "state", "source"
    ):
        lines.setdefault(contact, []).append((purpose, channel, state, source))
    return {contact: come_to(each) for contact, each in lines.items()}


def come_to(lines: Iterable[tuple[str, str, str, str]]) -> Standing:
    """Of one contact's lines, oldest first. The newest counts; a declaration undoes nobody's own withdrawal."""
    found = Standing()
    for purpose, channel, state, source in lines:
        place = (purpose, channel)
        if state == State.DECLARED and (place in found.own_ends or found.states.get(place) == State.GIVEN):
            continue
        if state == State.WITHDRAWN and source in BY_THE_PERSON:
            found.own_ends.add(place)
        elif state == State.GIVEN:
            found.own_ends.discard(place)
        found.states[place] = State(state)
    return found


def may_send(
    merchant: Merchant, contact: Contact, *, purpose: Purpose, channel: Channel | None = None
) -> Reason | None:
    """Why nothing of this purpose may be sent there now; None where it may. Ask right before sending."""
    fresh = merchant.contacts.filter(pk=contact.pk, erased_at=None).first()
    if fresh is None:
        return Reason.ERASED
    channel = channel or fresh.channels[0]
    if channel not in fresh.channels:
        return Reason.NO_CHANNEL
    held = suppressions.reasons(merchant, value=fresh.value, channel=channel)
    if held & _KEEPS_FROM.get(purpose, set(Suppression.Reason)):
        return Reason.SUPPRESSED
    return _lacking(merchant, fresh, purpose, channel) if purpose in PROMOTIONAL else None


def _lacking(merchant: Merchant, contact: Contact, purpose: Purpose, channel: Channel) -> Reason | None:
    state = standing(merchant, contact).of(purpose, channel)
    if state is None:
        return Reason.NO_CONSENT
    if state == State.WITHDRAWN:
        return Reason.WITHDRAWN
    return Reason.SALLA if is_refused_at_salla(merchant, contact) else None


def is_refused_at_salla(merchant: Merchant, contact: Contact) -> bool:
    """A customer whose flag is false or unknown gets no marketing; one whom Salla does not know has no flag."""
    customers = merchant.customers.filter(same_person(contact))
    return customers.exclude(is_notifications_enabled=True).exists()


def same_person(contact: Contact) -> Q:
    """Salla's customers that are this contact: by number, address or phone."""
    known = Q(salla_id=contact.customer_salla_id) if contact.customer_salla_id else Q(pk=None)
    column = "email" if contact.kind == Contact.Kind.EMAIL else "phone"
    return known | Q(**{column: contact.value})


@transaction.atomic
def give(
    merchant: Merchant,
    contact: Contact,
    *,
    purposes: Iterable[Purpose],
    channels: Iterable[Channel],
    words: Words,
    is_declared: bool = False,
) -> None:
    """Add that somebody agreed, or, with `is_declared`, that the merchant says so."""
    state = State.DECLARED if is_declared else State.GIVEN
    for line in _add(merchant, contact, _places(purposes, channels), state, words):
        fact = facts.ConsentGiven(
            contact_id=contact.pk, purpose=line.purpose, channel=line.channel, is_declared=is_declared
        )
        record(merchant, fact, key=f"consent:{line.pk}", occurred_at=line.at, visitor_key=contact.visitor_key)


@transaction.atomic
def withdraw(
    merchant: Merchant,
    contact: Contact,
    *,
    words: Words,
    purposes: Iterable[Purpose] = PROMOTIONAL,
    channels: Iterable[Channel] | None = None,
) -> None:
    """Add that it ended, also where nothing was agreed to: an answer of his own that no declaration undoes.

    What has ended already gets no second line.
    """
    held = standing(merchant, contact)
    places = _places(purposes, contact.channels if channels is None else channels)
    ended = [place for place in places if held.of(*place) != State.WITHDRAWN]
    for line in _add(merchant, contact, ended, State.WITHDRAWN, words):
        fact = facts.ConsentWithdrawn(contact_id=contact.pk, purpose=line.purpose, channel=line.channel)
        record(merchant, fact, key=f"consent:{line.pk}", occurred_at=line.at, visitor_key=contact.visitor_key)


def places_of(contact: Contact) -> list[tuple[str, str]]:
    """Everything that can be agreed to at this contact."""
    return _places(PROMOTIONAL, contact.channels)


def _places(purposes: Iterable[Purpose], channels: Iterable[Channel]) -> list[tuple[str, str]]:
    ways = list(channels)
    return [(purpose, channel) for purpose in purposes for channel in ways]


def _add(
    merchant: Merchant, contact: Contact, places: list[tuple[str, str]], state: Consent.State, words: Words
) -> list[Consent]:
    """One writer of a contact's lines at a time, so that their order is the order of what happened."""
    merchant.contacts.select_for_update().get(pk=contact.pk)
    rows = [
        Consent(merchant=merchant, contact=contact, purpose=purpose, channel=channel, state=state, **words.columns)
        for purpose, channel in places
    ]
    return merchant.consents.bulk_create(rows)
