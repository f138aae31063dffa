"""Segments: kept, changed, deleted and counted, and the people of one, for whoever writes to them or gives to them."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import activity, clock
from core.models import Merchant, User
from core.schema import SettingError, SettingsError
from integrations.models import Customer
from visitors import people as persons
from visitors import reach
from visitors.models import Contact, Segment, Visitor
from visitors.people import People
from visitors.segment_definition import Definition

MOST_SEGMENTS = 50

SAVED = activity.declare("segment.saved", gettext_noop("%(who)s saved the segment “%(detail)s”"))
DELETED = activity.declare("segment.deleted", gettext_noop("%(who)s deleted the segment “%(detail)s”"))


class TooManyError(Exception):
    """The store has MOST_SEGMENTS already."""


# Who belongs to one


def definition_of(segment: Segment) -> Definition:
    """Raises `SettingsError` for rules that an older version wrote and this one does not know."""
    return Definition.parse(segment.rules)


def people(merchant: Merchant, segment: Segment) -> People:
    """The names of its people (`visitors.people`); nobody where its rules are not understood any more."""
    try:
        return definition_of(segment).people(merchant)
    except SettingsError:
        return persons.nobody(merchant)


def contacts(merchant: Merchant, segment: Segment) -> QuerySet[Contact]:
    """Its addresses and numbers; whether one may be written to is asked right before (`consents.may_send`)."""
    return persons.among(persons.contacts(merchant), people(merchant, segment))


def customers(merchant: Merchant, segment: Segment) -> QuerySet[Customer]:
    return persons.among(persons.customers(merchant), people(merchant, segment))


def visitors(merchant: Merchant, segment: Segment) -> QuerySet[Visitor]:
    """Browsers of its people that agreed to be known again."""
    return persons.among(persons.visitors(merchant), people(merchant, segment))


def count(merchant: Merchant, definition: Definition) -> tuple[int, int]:
    """How many people it means, and how many of them offers may be written to."""
    found = definition.people(merchant)
    return found.count(), reach.count_writable(merchant, persons.among(persons.contacts(merchant), found))


# Keeping


@transaction.atomic
def save(
    merchant: Merchant, *, name: str, definition: Definition, segment: Segment | None = None, by: User | None = None
) -> Segment:
    """Keep a new one, or change `segment`. Raises `SettingsError`, and `TooManyError`."""
    if problems := list(definition.problems(merchant)):
        raise SettingsError(problems)
    if segment is None and merchant.segments.count() >= MOST_SEGMENTS:
        raise TooManyError
    row = segment or Segment(merchant=merchant)
    row.name, row.rules = name, definition.dump()
    _count(merchant, row, definition)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise SettingsError([SettingError(("name",), _("Another segment has this name."))]) from None
    activity.note(merchant, SAVED, user=by, detail=name[:64])
    return row


@transaction.atomic
def delete(merchant: Merchant, *, segment: Segment, by: User | None = None) -> None:
    segment.delete()
    activity.note(merchant, DELETED, user=by, detail=segment.name[:64])


def recount(merchant: Merchant, segment: Segment) -> None:
    """How many belong to it by now."""
    try:
        definition = definition_of(segment)
    except SettingsError:
        return
    _count(merchant, segment, definition)
    columns: dict[str, Any] = {
        name: getattr(segment, name) for name in ("people_count", "writable_count", "counted_at")
    }
    merchant.segments.filter(pk=segment.pk).update(**columns)


def recount_all() -> None:
    for merchant in Merchant.objects.filter(segments__isnull=False).distinct().order_by("pk"):
        for segment in merchant.segments.order_by("pk"):
            recount(merchant, segment)


def _count(merchant: Merchant, segment: Segment, definition: Definition) -> None:
    segment.people_count, segment.writable_count = count(merchant, definition)
    segment.counted_at = clock.now()
