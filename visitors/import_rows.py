"""What becomes of each row of a file of people, judged a thousand at a time; the judgement writes nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import Merchant
from visitors import consents, suppressions
from visitors.consents import Standing
from visitors.import_columns import Role
from visitors.import_models import ContactImport
from visitors.models import Channel, Contact, Purpose
from visitors.values import is_disposable, normalised

AT_ONCE = 1_000
KINDS = ((Role.EMAIL, Contact.Kind.EMAIL), (Role.PHONE, Contact.Kind.PHONE))
LONGEST_NAME = 200
Key = tuple[str, str]  # the kind of contact and its value in the one form


class Verdict(models.TextChoices):
    """One letter for each address and number."""

    NONE = "-", _("Empty")
    NEW = "n", _("New")
    KNOWN = "k", _("Known already; the consent is added")
    SAME = "s", _("Known already, nothing to add")
    DUPLICATE = "d", _("Stands in an earlier row")
    BAD = "b", _("Not valid")
    TEMPORARY = "t", _("Lasts for minutes only")
    SUPPRESSED = "x", _("Wants no messages: left out")
    WITHDRAWN = "w", _("Unsubscribed here: left out")
    NO_CONSENT = "c", _("No consent stated: left out")


WRITTEN = (Verdict.NEW, Verdict.KNOWN)


@dataclass(frozen=True)
class Declared:
    """Where, when and in which words people agreed, as the merchant says."""

    where: str = ""
    when: str = ""
    words: str = ""

    @property
    def is_whole(self) -> bool:
        return bool(self.where and self.when and self.words)


@dataclass(frozen=True)
class Person:
    """A row: its values as they were typed, and in their one form; None for what is neither."""

    typed: dict[str, str]
    keys: dict[str, Key | None]
    name: str
    declared: Declared


@dataclass
class Judged:
    """A row and what becomes of its address and its number."""

    person: Person
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @property
    def letters(self) -> str:
        return "".join(self.verdicts[kind] for _role, kind in KINDS)


def people(row: ContactImport, rows: Iterable[Sequence[str]]) -> Iterator[Person]:
    """Without the row that names the columns."""
    places = {role: place for place, role in enumerate(row.roles) if role}
    whole = Declared(**row.declared)
    for cells in islice(rows, int(row.has_names), None):

        def cell(role: Role, cells: Sequence[str] = cells) -> str:
            place = places.get(role)
            return cells[place] if place is not None and place < len(cells) else ""

        typed = {kind.value: cell(role) for role, kind in KINDS}
        keys = {kind: _key(kind, text) for kind, text in typed.items()}
        declared = Declared(
            cell(Role.WHERE) or whole.where, cell(Role.WHEN) or whole.when, cell(Role.WORDS) or whole.words
        )
        yield Person(typed, keys, cell(Role.NAME)[:LONGEST_NAME], declared)


def _key(kind: str, text: str) -> Key | None:
    value = normalised(kind, text)
    return None if value is None else (kind, value)


class Judge:
    """Remembers what stood in earlier rows."""

    def __init__(self, merchant: Merchant, row: ContactImport) -> None:
        self.merchant, self.row = merchant, row
        self.seen: set[Key] = set()
        self.is_suppressing = row.kind == ContactImport.Kind.SUPPRESSIONS

    def judged(self, persons: Iterable[Person]) -> Iterator[list[Judged]]:
        rest = iter(persons)
        while batch := list(islice(rest, AT_ONCE)):
            yield self._batch(batch)

    def channels_of(self, kind: str) -> list[Channel]:
        """Of the channels that were stated, those that reach this kind of contact."""
        reaching = Contact(kind=kind).channels
        if self.is_suppressing:
            return list(reaching)
        return [channel for channel in reaching if channel in self.row.channels]

    def _batch(self, batch: list[Person]) -> list[Judged]:
        keys = {key for person in batch for key in person.keys.values() if key}
        held = _Held(self.merchant, keys)
        return [
            Judged(person, {kind: self._verdict(person, kind.value, held) for _role, kind in KINDS}) for person in batch
        ]

    def _verdict(self, person: Person, kind: str, held: "_Held") -> Verdict:
        key = person.keys[kind]
        if not person.typed[kind]:
            return Verdict.NONE
        if key is None:
            return Verdict.BAD
        if key in self.seen:
            return Verdict.DUPLICATE
        self.seen.add(key)
        channels = self.channels_of(kind)
        if self.is_suppressing:
            return Verdict.SAME if held.is_suppressed(key, channels, by_all=True) else Verdict.NEW
        return self._of_consent(person, key, channels, held)

    def _of_consent(self, person: Person, key: Key, channels: list[Channel], held: "_Held") -> Verdict:
        if key[0] == Contact.Kind.EMAIL and is_disposable(key[1]):
            return Verdict.TEMPORARY
        if held.is_suppressed(key, channels or list(Contact(kind=key[0]).channels)):
            return Verdict.SUPPRESSED
        standing = held.standing(key)
        places = [(Purpose.MARKETING.value, channel.value) for channel in channels]
        if standing.own_ends & set(places):
            return Verdict.WITHDRAWN
        if not channels or not person.declared.is_whole:
            return Verdict.NO_CONSENT
        if key not in held.contacts:
            return Verdict.NEW
        return Verdict.SAME if all(standing.allows(*place) for place in places) else Verdict.KNOWN


class _Held:
    """What the store knows of some addresses and numbers, in three queries."""

    def __init__(self, merchant: Merchant, keys: set[Key]) -> None:
        rows = merchant.contacts.filter(erased_at=None, value__in={value for _kind, value in keys})
        self.contacts = {(row.kind, row.value): row.pk for row in rows.only("kind", "value")}
        self.standings = consents.standings(merchant, self.contacts.values())
        self.suppressed = suppressions.channels_by_value(merchant, {value for _kind, value in keys})

    def is_suppressed(self, key: Key, channels: Sequence[Channel], *, by_all: bool = False) -> bool:
        held = self.suppressed.get(key[1], set())
        return all(each in held for each in channels) if by_all else any(each in held for each in channels)

    def standing(self, key: Key) -> Standing:
        return self.standings.get(self.contacts.get(key, 0), Standing())


def summed(letters: bytes) -> dict[str, int]:
    """How often each verdict was given, the empty cells left out."""
    counts = Counter(letters.decode())
    return {verdict.value: counts[verdict.value] for verdict in Verdict if verdict != Verdict.NONE and counts[verdict]}
