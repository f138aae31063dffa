"""What a store's team does with a contact by hand; each leaves a line in the activity log, which names nobody."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import get_language, gettext_noop

from core import activity, subjects
from core.models import Merchant, User
from visitors import consents, contacts
from visitors.consents import Source, Words
from visitors.contact_lists import ConsentForm
from visitors.models import Contact

DECLARED = activity.declare("consent.declared", gettext_noop("%(who)s added a consent to a contact by hand"))
ENDED = activity.declare("consent.ended", gettext_noop("%(who)s ended the messages to a contact"))
ERASED = activity.declare("contact.erased", gettext_noop("%(who)s erased a contact and all of the person's data"))
GIVEN = activity.declare("contact.given", gettext_noop("%(who)s downloaded the data of a contact"))


def add(merchant: Merchant, kind: Contact.Kind, value: str, *, name: str) -> Contact:
    """One that is known already stays as it is."""
    return contacts.ensure(merchant, kind=kind, value=value, source=Source.MERCHANT, name=name)


@transaction.atomic
def declare(merchant: Merchant, contact: Contact, form: ConsentForm, *, by: User) -> None:
    purposes, channels = form.places()
    told = form.cleaned_data
    words = Words(
        Source.MERCHANT, text=told["text"], page=told["page"], reason=told["reason"], language=get_language() or ""
    )
    consents.give(merchant, contact, purposes=purposes, channels=channels, words=words, is_declared=True)
    activity.note(merchant, DECLARED, user=by)


@transaction.atomic
def end(merchant: Merchant, contact: Contact, *, reason: str, by: User) -> None:
    """Everything promotional, on every channel."""
    consents.withdraw(merchant, contact, words=Words(Source.MERCHANT, reason=reason))
    activity.note(merchant, ENDED, user=by)


@dataclass(frozen=True)
class Reach:
    """What erasing a contact takes along: every address and number of the person, and what else there is of him."""

    values: list[str]
    counts: list[subjects.Counted]


def reach(merchant: Merchant, contact: Contact) -> Reach:
    subject = _subject(merchant, contact)
    return Reach([*sorted(subject.emails), *sorted(subject.phones)], subjects.count(merchant, subject))


@transaction.atomic
def erase(merchant: Merchant, contact: Contact, *, by: User) -> None:
    """The whole person, by whatever else the store knows him."""
    subjects.erase(merchant, _subject(merchant, contact))
    activity.note(merchant, ERASED, user=by)


@transaction.atomic
def export(merchant: Merchant, contact: Contact, *, by: User) -> dict[str, list[dict[str, Any]]]:
    activity.note(merchant, GIVEN, user=by)
    return subjects.export(merchant, _subject(merchant, contact))


def _subject(merchant: Merchant, contact: Contact) -> subjects.Subject:
    is_email = contact.kind == Contact.Kind.EMAIL
    return subjects.find(merchant, email=contact.value if is_email else "", phone="" if is_email else contact.value)
