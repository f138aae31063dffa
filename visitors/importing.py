"""Checking a file of people and bringing it in: the work of a worker, whole or not at all."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain

from django.utils.translation import gettext_noop
from redis import RedisError

from core import activity, clock, redis, work
from events import facts
from events.services import record
from visitors import pairs, suppressions
from visitors.import_files import FileError, rows_of
from visitors.import_models import ContactImport
from visitors.import_rows import KINDS, WRITTEN, Judge, Judged, Key, Verdict, people, summed
from visitors.models import Consent, Contact, Purpose, Suppression

Step = ContactImport.Step
PROGRESS_SECONDS = 3600
NO_CONTENT = gettext_noop("its content was deleted")
IMPORTED = activity.declare("contacts.imported", gettext_noop("%(who)s brought in a file of contacts: %(detail)s new"))


def run(row: ContactImport) -> None:
    """The next step of a row that waits. Must run inside a transaction."""
    if row.content is None:
        raise work.HopelessError(NO_CONTENT)
    if row.step == Step.CHECKING:
        _check(row)
    elif row.step == Step.RUNNING:
        _bring_in(row)
    else:
        raise work.IgnoredError(row.step)


def rows_in(row: ContactImport) -> Iterator[list[str]]:
    return rows_of(bytes(row.content or b""), row.form)


def judged(row: ContactImport) -> Iterator[list[Judged]]:
    """Every row of the file, a batch at a time. Raises `work.HopelessError` for a file that cannot be read any more."""
    try:
        yield from Judge(row.merchant, row).judged(people(row, rows_in(row)))
    except FileError as error:
        raise work.HopelessError(str(error)) from error


def _check(row: ContactImport) -> None:
    letters = "".join(_letters(row, batch) for batch in _noted(row, judged(row)))
    row.verdicts, row.counts, row.step = letters.encode(), summed(letters.encode()), Step.CHECKED
    row.save(update_fields=["verdicts", "counts", "step"])


def _bring_in(row: ContactImport) -> None:
    """Judged anew: what happened since the check counts."""
    row.ran_at = clock.now()
    letters = []
    for batch in _noted(row, judged(row)):
        letters.append(_letters(row, batch))
        if row.kind == ContactImport.Kind.SUPPRESSIONS:
            _suppress(row, batch, row.ran_at)
        else:
            _write(row, batch, row.ran_at)
            pairs.join(row.merchant, _pairs(batch), is_declared=True)
    row.verdicts = "".join(letters).encode()
    row.counts, row.step, row.content = summed(row.verdicts), Step.DONE, None
    row.save(update_fields=["verdicts", "counts", "step", "content", "ran_at"])
    added = sum(row.counts.get(verdict, 0) for verdict in WRITTEN)
    fact = facts.ContactsImported(import_id=row.pk, count=added)
    record(row.merchant, fact, key=f"import:{row.pk}", occurred_at=row.ran_at)
    activity.note(row.merchant, IMPORTED, user=row.by, detail=str(added))


def _letters(row: ContactImport, batch: Sequence[Judged]) -> str:
    return "".join(each.letters for each in batch)


def _written(batch: Sequence[Judged]) -> Iterator[tuple[Judged, Key]]:
    for each in batch:
        for _role, kind in KINDS:
            key = each.person.keys[kind]
            if key is not None and each.verdicts[kind] in WRITTEN:
                yield each, key


def _suppress(row: ContactImport, batch: Sequence[Judged], at: datetime) -> None:
    judge = Judge(row.merchant, row)
    places = [(key[1], channel) for _each, key in _written(batch) for channel in judge.channels_of(key[0])]
    suppressions.suppress_all(row.merchant, places, reason=Suppression.Reason.IMPORTED, at=at)


def _write(row: ContactImport, batch: Sequence[Judged], at: datetime) -> None:
    """Contacts, then the lines of the ledger, whose order is the order of what happened to each contact."""
    merchant, written = row.merchant, list(_written(batch))
    customers = _customers(row, [key for _each, key in written])
    merchant.contacts.bulk_create(
        [
            Contact(
                merchant=merchant, kind=key[0], value=key[1], name=each.person.name, source=Consent.Source.IMPORT,
                created_at=at, customer_salla_id=customers.get(key),
            )
            for each, key in written
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    values = [key[1] for _each, key in written]
    held = merchant.contacts.select_for_update().filter(erased_at=None, value__in=values).order_by("pk")
    contacts = {(contact.kind, contact.value): contact for contact in held}
    judge = Judge(merchant, row)
    merchant.consents.bulk_create(
        Consent(
            merchant=merchant,
            contact=contacts[key],
            purpose=Purpose.MARKETING,
            channel=channel,
            state=Consent.State.DECLARED,
            source=Consent.Source.IMPORT,
            text=each.person.declared.words,
            page=f"{each.person.declared.where} · {each.person.declared.when}"[:300],
            at=at,
        )
        for each, key in written
        for channel in judge.channels_of(key[0])
    )


def _pairs(batch: Sequence[Judged]) -> Iterator[tuple[Key, Key]]:
    """Of each row with both, its address and its number; what stood in an earlier row is that row's person's."""
    for each in batch:
        email, phone = (each.person.keys[kind] for _role, kind in KINDS)
        if email and phone and Verdict.DUPLICATE not in each.verdicts.values():
            yield email, phone


def _customers(row: ContactImport, keys: Sequence[Key]) -> dict[Key, int]:
    """Which of Salla's customers has each address or number; the newest where several have."""
    emails = [value for kind, value in keys if kind == Contact.Kind.EMAIL]
    phones = [value for kind, value in keys if kind == Contact.Kind.PHONE]
    rows = row.merchant.customers.order_by("source_updated_at")
    by_email = rows.filter(email__in=emails).values_list("email", "salla_id")
    by_phone = rows.filter(phone__in=phones).values_list("phone", "salla_id")
    found = chain(
        (((Contact.Kind.EMAIL.value, value), number) for value, number in by_email),
        (((Contact.Kind.PHONE.value, value), number) for value, number in by_phone),
    )
    return dict(found)


# How far it is, for whoever looks on: nothing of it is seen in the database before the end


def _noted(row: ContactImport, batches: Iterator[list[Judged]]) -> Iterator[list[Judged]]:
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        _note(row, done)


def _note(row: ContactImport, done: int) -> None:
    try:
        redis.client().set(_progress_key(row), done, ex=PROGRESS_SECONDS)
    except RedisError:
        return  # it goes on unseen


def progress(row: ContactImport) -> int:
    """Rows behind it; 0 where nobody knows."""
    try:
        return int(redis.client().get(_progress_key(row)) or 0)
    except RedisError:
        return 0


def _progress_key(row: ContactImport) -> str:
    return redis.key("import", f"{row.pk}:{row.step}")
