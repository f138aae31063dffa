"""Contacts of a store, all or those looked for, as a file that an import takes in again: with what each agreed to."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.export import Table
from core.models import Merchant
from core.schema_errors import Text
from visitors import consents, suppressions
from visitors.import_columns import Role
from visitors.models import Channel, Consent, Contact, Purpose

AT_ONCE = 1_000
AGREED = {Consent.State.GIVEN, Consent.State.DECLARED}


def table(merchant: Merchant, contacts: QuerySet[Contact]) -> Table:
    """Of these contacts, none of them erased. The first six columns are those that an import knows by their names."""
    headers: list[Text] = [
        *(Role(role).label for role in ("email", "phone", "name", "where", "when", "words")),
        *(f"{Purpose.MARKETING.label} · {channel.label}" for channel in Channel),
        *(f"{Purpose.REMINDERS.label} · {channel.label}" for channel in Channel),
        gettext_lazy("Nobody writes there"),
        gettext_lazy("Confirmed on"),
        gettext_lazy("Added on"),
    ]
    name = f"{_('Contacts')} {merchant.today}"
    return Table(name, headers, _rows(merchant, contacts), merchant.zone)


def _rows(merchant: Merchant, contacts: QuerySet[Contact]) -> Iterator[Sequence[Any]]:
    rest = contacts.order_by("pk").iterator(chunk_size=AT_ONCE)
    while batch := list(islice(rest, AT_ONCE)):
        yield from _batch(merchant, batch)


def _batch(merchant: Merchant, batch: list[Contact]) -> Iterator[Sequence[Any]]:
    lines: dict[int, list[Consent]] = {}
    for line in merchant.consents.filter(contact__in=[contact.pk for contact in batch]).order_by("at", "pk"):
        lines.setdefault(line.contact_id, []).append(line)
    suppressed = suppressions.channels_by_value(merchant, [contact.value for contact in batch])
    for contact in batch:
        yield _row(contact, lines.get(contact.pk, []), suppressed.get(contact.value, set()))


def _row(contact: Contact, lines: list[Consent], suppressed: set[str]) -> Sequence[Any]:
    standing = consents.come_to((line.purpose, line.channel, line.state, line.source) for line in lines)
    agreed = next((line for line in reversed(lines) if line.state in AGREED), None)
    is_email = contact.kind == Contact.Kind.EMAIL
    return [
        contact.value if is_email else "",
        "" if is_email else contact.value,
        contact.name,
        *((agreed.page or agreed.get_source_display(), agreed.at, agreed.text) if agreed else ("", None, "")),
        *(_state(standing.of(purpose, each)) for purpose in (Purpose.MARKETING, Purpose.REMINDERS) for each in Channel),
        ", ".join(str(Channel(each).label) for each in Channel if each in suppressed),
        contact.verified_at,
        contact.created_at,
    ]


def _state(state: Consent.State | None) -> Any:
    return state.label if state else ""
