"""Bringing people in from another tool, step by step: the file, its columns, a check, the import, and back again."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_noop

from core import activity, clock, doorbell
from core.export import file_name
from core.models import Merchant, User
from visitors import consents, import_columns, tasks
from visitors.consents import Source, Words
from visitors.import_columns import Role
from visitors.import_files import Encoding, FileError, form_of, rows_of
from visitors.import_models import KEPT_FOR, ContactImport
from visitors.import_rows import Declared
from visitors.models import Channel, Consent, Purpose, Suppression

Step, Kind = ContactImport.Step, ContactImport.Kind
SAMPLE_ROWS, LONGEST_NAME = 3, 100
UNDONE = activity.declare("contacts.import_undone", gettext_noop("%(who)s took back a file of contacts"))


def begin(merchant: Merchant, *, by: User, kind: str, name: str, content: bytes) -> ContactImport:
    """Keep the file, and guess what its columns are. Raises `FileError` for one that cannot be read."""
    form = form_of(content)
    rows = list(rows_of(content, form))
    if not rows:
        raise FileError(import_columns.NOBODY)
    has_names = import_columns.has_names(rows[0])
    if len(rows) == has_names:
        raise FileError(import_columns.NOBODY)
    ending = "xlsx" if form.encoding == Encoding.XLSX else "csv"
    row: ContactImport = merchant.contact_imports.create(
        by=by,
        kind=kind,
        state=ContactImport.State.PROCESSED,
        file_name=file_name(name.rpartition(".")[0] or name, ending)[-LONGEST_NAME:],
        content=content,
        encoding=form.encoding,
        separator=form.separator,
        has_names=has_names,
        rows_count=len(rows) - has_names,
        roles=import_columns.guessed(rows[0] if has_names else [], rows[has_names:][: import_columns.SAMPLE]),
    )
    return row


def choose(
    row: ContactImport, *, roles: Sequence[str], declared: Declared | None = None, channels: Sequence[str] = ()
) -> bool:
    """What the columns are and what the merchant states; a worker then checks the rows. False when it is too late."""
    stated = declared or Declared()
    return _go_on(
        row,
        {Step.UPLOADED, Step.CHECKED},
        step=Step.CHECKING,
        roles=list(roles),
        declared={"where": stated.where, "when": stated.when, "words": stated.words},
        channels=[Channel(each).value for each in channels],
    )


def bring_in(row: ContactImport) -> bool:
    """A worker writes what the check allowed. False when it is too late."""
    return _go_on(row, {Step.CHECKED}, step=Step.RUNNING)


def change(row: ContactImport) -> bool:
    """Back to the columns; nothing was written yet."""
    return (
        _rows(row, {Step.CHECKED, Step.CHECKING}).update(step=Step.UPLOADED, state=ContactImport.State.PROCESSED) == 1
    )


@transaction.atomic
def _go_on(row: ContactImport, steps: set[ContactImport.Step], **values: Any) -> bool:
    work = {"state": ContactImport.State.WAITING, "attempts": 0, "due_at": clock.now(), "reason": ""}
    done = _rows(row, steps).update(**values, **work) == 1
    if done:
        doorbell.ring(tasks.import_contacts)
    return done


def _rows(row: ContactImport, steps: set[ContactImport.Step]) -> QuerySet[ContactImport]:
    return row.merchant.contact_imports.filter(pk=row.pk, step__in=steps, content__isnull=False)


def cancel(row: ContactImport) -> bool:
    """Forget a file that was not brought in."""
    unwritten = {Step.UPLOADED, Step.CHECKING, Step.CHECKED}
    return row.merchant.contact_imports.filter(pk=row.pk, step__in=unwritten).delete()[0] == 1


@transaction.atomic
def undo(row: ContactImport, *, by: User) -> bool:
    """Within a day: who came by the file alone is forgotten; elsewhere a line of the ledger ends what it declared."""
    merchant, at = row.merchant, row.ran_at
    if at is None or not row.is_undoable:
        return False
    done = merchant.contact_imports.filter(pk=row.pk, step=Step.DONE)
    if done.update(step=Step.UNDONE, undone_at=clock.now()) != 1:
        return False
    merchant.suppressions.filter(reason=Suppression.Reason.IMPORTED, at=at).delete()
    lines = merchant.consents.filter(source=Consent.Source.IMPORT, at=at)
    later = merchant.consents.filter(contact=OuterRef("pk")).exclude(source=Consent.Source.IMPORT, at=at)
    asked = merchant.opt_ins.filter(contact=OuterRef("pk"))
    new = merchant.contacts.filter(source=Consent.Source.IMPORT, created_at=at, verified_at=None)
    new.filter(~Exists(later), ~Exists(asked)).delete()
    for contact in merchant.contacts.filter(pk__in=lines.values("contact")).order_by("pk"):
        held = consents.standing(merchant, contact)
        channels = [each for each in contact.channels if held.of(Purpose.MARKETING, each) == Consent.State.DECLARED]
        consents.withdraw(
            merchant, contact, words=Words(Source.MERCHANT), purposes=[Purpose.MARKETING], channels=channels
        )
    activity.note(merchant, UNDONE, user=by)
    return True


def sample(row: ContactImport) -> list[dict[str, Any]]:
    """Each column: its name, what stands in it first, and what it is taken for."""
    rows = list(rows_of(bytes(row.content or b""), row.form)) if row.content is not None else []
    names, first = (rows[0] if row.has_names and rows else []), rows[int(row.has_names) :][:SAMPLE_ROWS]
    return [
        {
            "name": names[place] if place < len(names) else "",
            "cells": [cells[place] for cells in first if place < len(cells)],
            "role": Role(role),
        }
        for place, role in enumerate(row.roles)
    ]


def wake() -> None:
    """Ring for files whose doorbell was lost, or whose next attempt has come."""
    doorbell.ring(tasks.import_contacts)


def forget_old() -> None:
    """Files that nobody went on with, and those whose worker gave up."""
    before = clock.now() - KEPT_FOR
    left = ContactImport.unscoped.filter(created_at__lt=before).exclude(step__in=[Step.DONE, Step.UNDONE])
    left.exclude(state=ContactImport.State.WAITING).delete()


def forget_all(merchant: Merchant) -> None:
    """Of a store that left."""
    merchant.contact_imports.all().delete()
