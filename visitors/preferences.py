"""What a contact's own reader chooses: which messages, on which channel, how often; his data, and its end."""

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core import subjects
from core.models import Merchant
from core.subjects import Subject
from visitors import consents, contacts, suppressions
from visitors.consents import Source, Standing, Words, standing
from visitors.models import Channel, Contact, Purpose, Suppression

# What his own choice takes back; that an address is none, or that he reported us, it does not.
BY_CHOICE = (
    Suppression.Reason.STOPPED,
    Suppression.Reason.REFUSED,
    Suppression.Reason.ERASED,
    Suppression.Reason.IMPORTED,
)


def field_of(purpose: str, channel: str) -> str:
    return f"{purpose}-{channel}"


def words_of(purpose: str, channel: str) -> str:
    """A choice as the page names it, which is what the ledger keeps."""
    return f"{Purpose(purpose).label} · {Channel(channel).label}"


class PreferencesForm(forms.Form):
    """A switch for each purpose and channel, and how often."""

    pace = forms.ChoiceField(label=_("How often"), choices=Contact.Pace.choices, widget=forms.RadioSelect)

    def __init__(self, contact: Contact, held: Standing, data: Any = None) -> None:
        self.places = consents.places_of(contact)
        initial = {field_of(*place): held.allows(*place) for place in self.places}
        super().__init__(data, initial={"pace": contact.pace, **initial})
        for place in self.places:
            self.fields[field_of(*place)] = forms.BooleanField(label=words_of(*place), required=False)
        self.order_fields([field_of(*place) for place in self.places])

    def chosen(self) -> set[tuple[str, str]]:
        return {place for place in self.places if self.cleaned_data[field_of(*place)]}


def form_of(merchant: Merchant, contact: Contact, data: Any = None) -> PreferencesForm:
    """As things stand: what is suppressed is off, whatever was agreed to."""
    held = standing(merchant, contact)
    for channel in contact.channels:
        if suppressions.reasons(merchant, value=contact.value, channel=channel):
            held.states = {place: state for place, state in held.states.items() if place[1] != channel}
    return PreferencesForm(contact, held, data)


@transaction.atomic
def choose(merchant: Merchant, contact: Contact, form: PreferencesForm, *, network: str) -> None:
    """Keep what was chosen: a line for each switch that was turned, and none for the others."""
    if form.chosen():
        contacts.verify(merchant, contact)
    chosen, before = form.chosen(), {place for place in form.places if form.initial[field_of(*place)]}
    for purpose, channel in form.places:
        ways: dict[str, Any] = {"purposes": [Purpose(purpose)], "channels": [Channel(channel)]}
        words = _words(merchant, purpose, channel, network)
        if (purpose, channel) in chosen - before:
            suppressions.lift(merchant, value=contact.value, channels=ways["channels"], reasons=BY_CHOICE)
            consents.give(merchant, contact, words=words, **ways)
        elif (purpose, channel) in before - chosen:
            consents.withdraw(merchant, contact, words=words, **ways)
    merchant.contacts.filter(pk=contact.pk).update(pace=form.cleaned_data["pace"])


def _words(merchant: Merchant, purpose: str, channel: str, network: str) -> Words:
    text = f"{merchant} · {words_of(purpose, channel)}"
    return Words(Source.CENTRE, text=text, language=get_language() or "", network=network)


# Everything else


def reader_of(contact: Contact) -> Subject:
    """As far as whoever reads an address has proved who he is: that address, and the browser he confirmed it in."""
    value = frozenset({contact.value})
    is_email = contact.kind == Contact.Kind.EMAIL
    return Subject(
        emails=value if is_email else frozenset(),
        phones=frozenset() if is_email else value,
        visitors=frozenset({contact.visitor_key} - {""}),
    )


def data_of(merchant: Merchant, contact: Contact) -> dict[str, list[dict[str, Any]]]:
    return subjects.export(merchant, reader_of(contact), is_reader=True)


def erase(merchant: Merchant, contact: Contact) -> None:
    subjects.erase(merchant, reader_of(contact))
