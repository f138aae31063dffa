"""Whom of many a store may write offers to, in a few queries; of one message `consents.may_send` decides."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from core.models import Merchant
from visitors import suppressions
from visitors.consents import BY_THE_PERSON
from visitors.models import Channel, Consent, Contact, Purpose

State = Consent.State
# Which kind of contact a channel reaches.
KINDS = {
    Channel.EMAIL: Contact.Kind.EMAIL,
    Channel.SMS: Contact.Kind.PHONE,
    Channel.WHATSAPP: Contact.Kind.PHONE,
}
AT_ONCE = 5000


def agreed(
    merchant: Merchant, contacts: QuerySet[Any], *, channel: Channel, purpose: Purpose = Purpose.MARKETING
) -> QuerySet[Any]:
    """Those of the contacts whose ledger says yes: its newest line, but no declaration after an end of their own."""
    lines = merchant.consents.filter(contact=OuterRef("pk"), purpose=purpose, channel=channel)
    newest = Subquery(lines.order_by("-at", "-pk").values("state")[:1])
    later = Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), pk__gt=OuterRef("pk"))
    given_later = merchant.consents.filter(
        later, contact=OuterRef("contact"), purpose=purpose, channel=channel, state=State.GIVEN
    )
    own_end = lines.filter(~Exists(given_later), state=State.WITHDRAWN, source__in=BY_THE_PERSON)
    rows: QuerySet[Any] = contacts.filter(kind=KINDS[channel], erased_at=None).annotate(_state=newest)
    return rows.filter(Q(_state=State.GIVEN) | (Q(_state=State.DECLARED) & ~Exists(own_end)))


def writable(merchant: Merchant, contacts: QuerySet[Any], *, channel: Channel) -> QuerySet[Any]:
    """Those who agreed and whom Salla does not keep from it; suppressions are not looked at."""
    same = Q(salla_id=OuterRef("customer_salla_id"))
    same |= Q(email=OuterRef("value")) if channel == Channel.EMAIL else Q(phone=OuterRef("value"))
    refused = merchant.customers.filter(same).exclude(is_notifications_enabled=True)
    return agreed(merchant, contacts, channel=channel).filter(~Exists(refused))


def count_writable(merchant: Merchant, contacts: QuerySet[Any]) -> int:
    """How many people (`visitors.people`) of these contacts offers may be written to, by whichever channel."""
    found: set[str] = set()
    for channel in Channel:
        rows = writable(merchant, contacts, channel=channel).order_by().values_list("value", "person")
        for part in _parts(rows.iterator(chunk_size=AT_ONCE)):
            closed = suppressions.channels_by_value(merchant, [value for value, _person in part])
            found.update(person for value, person in part if channel not in closed.get(value, ()))
    return len(found)


def _parts(rows: Iterable[tuple[str, str]]) -> Iterable[list[tuple[str, str]]]:
    part: list[tuple[str, str]] = []
    for row in rows:
        part.append(row)
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part
