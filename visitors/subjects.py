"""What contacts and visits hold of a person. An erased contact leaves a hash where nobody writes, and its number."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from core import clock
from core.models import Merchant
from core.subjects import Counted, Holder, Subject, hold
from visitors import consents, pairs, suppressions, visit_services
from visitors.consents import Source, Words
from visitors.contacts import of_subject
from visitors.models import Contact, Suppression


def _widen(merchant: Merchant, subject: Subject) -> Subject:
    """Also by what came together with an address or a number, as one row of a file."""
    found = list(pairs.companions(merchant, of_subject(merchant, subject)))
    return Subject(
        emails=frozenset(contact.value for contact in found if contact.kind == Contact.Kind.EMAIL),
        phones=frozenset(contact.value for contact in found if contact.kind == Contact.Kind.PHONE),
        customers=frozenset(contact.customer_salla_id for contact in found if contact.customer_salla_id),
        visitors=frozenset(contact.visitor_key for contact in found if contact.visitor_key),
    )


def _export(merchant: Merchant, subject: Subject) -> list[dict[str, Any]]:
    return [_row(merchant, contact) for contact in of_subject(merchant, subject)]


def _row(merchant: Merchant, contact: Contact) -> dict[str, Any]:
    lines = merchant.consents.filter(contact=contact).order_by("at", "pk")
    asked = merchant.opt_ins.filter(contact=contact).order_by("pk")
    return {
        "kind": contact.kind,
        "value": contact.value,
        "name": contact.name,
        "language": contact.language,
        "source": contact.source,
        "created_at": contact.created_at,
        "verified_at": contact.verified_at,
        "pace": contact.pace,
        "customer_id": contact.customer_salla_id,
        "visitor": contact.visitor_key,
        "pair": contact.pair,
        "consents": list(
            lines.values("at", "purpose", "channel", "state", "source", "text", "reason", "language", "page", "network")
        ),
        "opt_ins": list(
            asked.values(
                "asked_at", "asked_again_at", "confirmed_at", "state", "purposes", "channels", "name", "text",
                "language", "page", "network", "visitor_key",
            )
        ),
        "suppressions": [
            {"channel": channel, "reason": reason}
            for channel in contact.channels
            for reason in sorted(suppressions.reasons(merchant, value=contact.value, channel=channel))
        ],
    }  # fmt: skip


def _erase(merchant: Merchant, subject: Subject) -> int:
    found = list(of_subject(merchant, subject))
    for contact in found:
        if any(consents.standing(merchant, contact).allows(*place) for place in consents.places_of(contact)):
            consents.withdraw(merchant, contact, words=Words(Source.ERASURE))
        reason = Suppression.Reason.ERASED
        suppressions.suppress(merchant, value=contact.value, channels=contact.channels, reason=reason)
        forget(contact)
    return len(found)


def forget(contact: Contact) -> None:
    """Whatever may name its person; its number stays, by which the ledger's lines name it."""
    merchant = contact.merchant
    merchant.opt_ins.filter(contact=contact).delete()
    merchant.consents.filter(contact=contact).update(reason="", page="", network="")
    merchant.contacts.filter(pk=contact.pk).update(
        value="", name="", visitor_key="", customer_salla_id=None, pair=None, verified_at=None, erased_at=clock.now()
    )


ADDRESSES = ngettext_lazy("%(count)s address or number", "%(count)s addresses and numbers", "count")
hold("contacts", Holder(_("Contacts and consents"), _export, _erase, _widen, is_for_reader=True, entries=ADDRESSES))


# Visits: browsers that were signed in as the customer, or in which the address was given. Who reads an address is not
# shown them: others may use the same browser.


def _widen_by_visits(merchant: Merchant, subject: Subject) -> Subject:
    signed_in = merchant.visitors.filter(customer_salla_id__in=subject.customers)
    return Subject(visitors=frozenset(signed_in.values_list("key", flat=True)))


def _export_visits(merchant: Merchant, subject: Subject) -> list[dict[str, Any]]:
    return visit_services.visits_told(visit_services.visits_of(merchant, subject))


def _erase_visits(merchant: Merchant, subject: Subject) -> int:
    return visit_services.erase_of(merchant, subject)


def _count_visits(merchant: Merchant, subject: Subject) -> list[Counted]:
    return [(_("Visits that are deleted"), visit_services.visits_of(merchant, subject).count())]


hold("visits", Holder(_("Visits"), _export_visits, _erase_visits, _widen_by_visits, _count_visits))
