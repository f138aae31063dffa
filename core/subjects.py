"""What is held of a person, and its erasure: each app registers what it holds, in its `subjects.py`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from django.db import transaction
from django.utils.translation import ngettext_lazy

from core.contact_values import email_of, phone_of
from core.models import Merchant
from core.schema_errors import Text

# One thing names another, which names a third; no person's go further than this.
ROUNDS = 4
Counted = tuple[Text, int]
ENTRIES = ngettext_lazy("%(count)s entry", "%(count)s entries", "count")


@dataclass(frozen=True)
class Subject:
    """By what a person is known in a store: addresses and numbers in their one form, Salla's number, visitor keys."""

    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    customers: frozenset[int] = frozenset()
    visitors: frozenset[str] = frozenset()

    def __or__(self, other: "Subject") -> "Subject":
        return Subject(*(getattr(self, each.name) | getattr(other, each.name) for each in fields(self)))

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))


def _same(merchant: Merchant, subject: Subject) -> Subject:
    return subject


def _nothing(merchant: Merchant, subject: Subject) -> list[Counted]:
    return []


@dataclass(frozen=True)
class Holder:
    """What one app holds of people.

    `widen` adds by what else it knows the subject; `export` gives plain rows in the reader's language; `erase` says how
    many rows it changed, `count` what an erasure would reach, for the question before it. `is_for_reader`: also whoever
    proved no more than that he reads an address may see it; `entries` is how many rows there are in words.
    """

    title: Text
    export: Callable[[Merchant, Subject], list[dict[str, Any]]]
    erase: Callable[[Merchant, Subject], int]
    widen: Callable[[Merchant, Subject], Subject] = _same
    count: Callable[[Merchant, Subject], list[Counted]] = _nothing
    is_for_reader: bool = False
    entries: Any = ENTRIES


_holders: dict[str, Holder] = {}


def hold(name: str, holder: Holder) -> Holder:
    """Called once by each app's `subjects.py`, from the roof down."""
    if name in _holders:
        raise ValueError(f"{name} is registered twice")
    _holders[name] = holder
    return holder


def holders() -> dict[str, Holder]:
    return dict(_holders)


def find(merchant: Merchant, *, email: str = "", phone: str = "", customer_id: int | None = None) -> Subject:
    """Everything by which whoever is told of is known in this store."""
    subject = Subject(
        emails=frozenset({found} if (found := email_of(email)) else ()),
        phones=frozenset({found} if (found := phone_of(phone)) else ()),
        customers=frozenset({customer_id} if customer_id else ()),
    )
    for _round in range(ROUNDS):
        wider = subject
        for holder in _holders.values():
            wider |= holder.widen(merchant, wider)
        if wider == subject:
            break
        subject = wider
    return subject


def export(merchant: Merchant, subject: Subject, *, is_reader: bool = False) -> dict[str, list[dict[str, Any]]]:
    """The rows by what holds them."""
    wanted = {name: each for name, each in _holders.items() if each.is_for_reader or not is_reader}
    return {name: holder.export(merchant, subject) for name, holder in wanted.items()}


def count(merchant: Merchant, subject: Subject) -> list[Counted]:
    """What there is of it, from the floor up; what is not there is left out."""
    counted = [each for holder in reversed(_holders.values()) for each in holder.count(merchant, subject)]
    return [(title, number) for title, number in counted if number]


@transaction.atomic
def erase(merchant: Merchant, subject: Subject) -> dict[str, int]:
    """All of it, or nothing when one holder fails. Upper apps first, since their rows point at lower ones."""
    return {name: holder.erase(merchant, subject) for name, holder in _holders.items()}


def export_subject(
    merchant: Merchant, *, email: str = "", phone: str = "", customer_id: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """What is held of a person."""
    return export(merchant, find(merchant, email=email, phone=phone, customer_id=customer_id))


def erase_subject(
    merchant: Merchant, *, email: str = "", phone: str = "", customer_id: int | None = None
) -> dict[str, int]:
    """Erase a person, by whatever he is told of."""
    return erase(merchant, find(merchant, email=email, phone=phone, customer_id=customer_id))
