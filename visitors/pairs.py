"""An address and a number that came together: of one person, though Salla does not say so. Who is erased goes whole."""

import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from core.models import Merchant
from visitors.models import Contact

Key = tuple[str, str]  # the kind of contact and its value in the one form


@transaction.atomic
def join(merchant: Merchant, pairs: Iterable[tuple[Key, Key]], *, is_declared: bool) -> None:
    """Note of each address and its number that they are one person's, where both are contacts; three queries for all.

    Who has a companion keeps it, and two of Salla's customers stay two. Not `is_declared` by the merchant: somebody
    typed them into a form and may have typed a stranger's, so whoever is known already is joined to nobody.
    """
    wanted = list(pairs)
    held = _held(merchant, {key for pair in wanted for key in pair})
    joined = _joined(merchant, held.values())
    changed: list[Contact] = []
    for one, other in ((held.get(one), held.get(other)) for one, other in wanted):
        if one is None or other is None or {one.pair, other.pair} & joined:
            continue
        if _are_two(one, other) or not (is_declared or _are_strangers(one, other)):
            continue
        one.pair = other.pair = uuid.uuid4()
        joined.add(one.pair)
        changed += [one, other]
    merchant.contacts.bulk_update(changed, ["pair"])


def companions(merchant: Merchant, contacts: Iterable[Contact]) -> QuerySet[Contact]:
    """These and what came together with each."""
    rows = list(contacts)
    same = Q(pk__in=[each.pk for each in rows]) | Q(pair__in={each.pair for each in rows if each.pair})
    return merchant.contacts.filter(same, erased_at=None).order_by("pk")


def _held(merchant: Merchant, keys: set[Key]) -> dict[Key, Contact]:
    rows = merchant.contacts.select_for_update().filter(erased_at=None, value__in={value for _kind, value in keys})
    return {(row.kind, row.value): row for row in rows.order_by("pk")}


def _joined(merchant: Merchant, contacts: Iterable[Contact]) -> set[uuid.UUID | None]:
    """Pairs that are whole; the other half of one may have been deleted."""
    pairs = {each.pair for each in contacts if each.pair}
    rows = merchant.contacts.filter(pair__in=pairs).order_by().values("pair").annotate(count=Count("pk"))
    return set(rows.filter(count__gt=1).values_list("pair", flat=True))


def _are_two(one: Contact, other: Contact) -> bool:
    customers = {one.customer_salla_id, other.customer_salla_id} - {None}
    return len(customers) > 1


def _are_strangers(*contacts: Contact) -> bool:
    return all(each.verified_at is None and each.customer_salla_id is None for each in contacts)
