"""Writes a batch of visits in two statements, new ones and those that went on: the ORM took many times as long.

A third is for the few whose visitor agreed meanwhile to be known again.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection

from core import copying
from visitors.visit_models import Visit

TABLE = Visit._meta.db_table
# What a beacon may add to a visit that is there; its orders are counted where they are linked.
GROWING = (
    "last_seen_at", "pages", "exit", "exit_slug", "products", "has_cart", "cart_id", "cart_total", "cart_currency",
    "customer_salla_id", "order_hint",
)  # fmt: skip
NAMED = ("visitor", "visitor_key", "is_returning")  # what agreeing changes
NUMBERS = "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)"


def write(visits: Sequence[Visit]) -> None:
    """They know their numbers afterwards. Must run inside a transaction."""
    begun = [visit for visit in visits if visit.pk is None]
    grown = [visit for visit in visits if visit.pk is not None]
    if begun:
        _insert(begun)
    if grown:
        _update(grown, GROWING)


def name(visits: Sequence[Visit]) -> None:
    """They are their visitors' from now on. Must run inside a transaction."""
    if visits:
        _update(visits, NAMED)


def _insert(visits: Sequence[Visit]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, [TABLE, len(visits)])
        for visit, (pk,) in zip(visits, cursor.fetchall(), strict=True):
            visit.pk = pk
    fields = Visit._meta.concrete_fields
    lines = ("\t".join([_text(getattr(visit, field.attname)) for field in fields]) + "\n" for visit in visits)
    copying.copy(TABLE, [str(field.column) for field in fields], lines)


def _text(value: Any) -> str:
    """As COPY reads it."""
    match value:
        case str():
            return copying.escaped(value)
        case None:
            return copying.NULL
        case datetime():
            return value.isoformat()
        case list():
            return f"{{{','.join(map(str, value))}}}"
    return str(value)


def _update(visits: Sequence[Visit], names: tuple[str, ...]) -> None:
    columns = [[_value(field, visit) for visit in visits] for field in _fields(names)]
    with connection.cursor() as cursor:
        cursor.execute(_statement(names), [[visit.pk for visit in visits], *columns])


def _value(field: Any, visit: Visit) -> Any:
    """An array of arrays would lose its inner ones: they come as texts."""
    value = getattr(visit, field.attname)
    return _text(value) if isinstance(field, ArrayField) else value


@cache
def _fields(names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(Visit._meta.get_field(name) for name in names)


@cache
def _statement(names: tuple[str, ...]) -> str:
    fields = _fields(names)
    kinds = ["text" if isinstance(field, ArrayField) else str(field.db_type(connection)) for field in fields]
    grown = ", ".join(f"{field.column} = fresh.{field.column}::{field.db_type(connection)}" for field in fields)
    return (
        f"UPDATE {TABLE} AS held SET {grown} "  # noqa: S608 - names of our own columns
        f"FROM unnest(%s::bigint[], {', '.join(f'%s::{kind}[]' for kind in kinds)}) "
        f"AS fresh (id, {', '.join(field.column for field in fields)}) "
        "WHERE held.id = fresh.id"
    )
