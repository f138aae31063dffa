"""Writes a batch of visits in one statement, new ones and those that went on: the ORM took three times as long."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection

from visitors.visit_models import Visit

# What a beacon may add to a visit that is there; its orders are counted where they are linked.
GROWING = (
    "last_seen_at", "pages", "exit", "exit_slug", "products", "has_cart", "cart_id", "cart_total", "cart_currency",
    "customer_salla_id", "order_hint",
)  # fmt: skip


def write(visits: Sequence[Visit]) -> None:
    """They know their numbers afterwards. Must run inside a transaction."""
    if not visits:
        return
    by_key = {(visit.merchant_id, visit.visit_key): visit for visit in visits}
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [[_value(field, visit) for visit in visits] for field in _fields()])
        for pk, merchant_id, visit_key in cursor.fetchall():
            by_key[merchant_id, visit_key].pk = pk


def _value(field: Any, visit: Visit) -> Any:
    value = getattr(visit, field.attname)
    return f"{{{','.join(map(str, value))}}}" if isinstance(field, ArrayField) else value


@cache
def _fields() -> tuple[Any, ...]:
    return tuple(field for field in Visit._meta.concrete_fields if not field.primary_key)


@cache
def _statement() -> str:
    """An array of arrays would lose its inner ones: they come as texts."""
    names = [field.column for field in _fields()]
    kinds = ["text" if isinstance(field, ArrayField) else field.db_type(connection) for field in _fields()]
    taken = [f"{field.column}::{field.db_type(connection)}" for field in _fields()]
    grown = ", ".join(f"{name} = excluded.{name}" for name in GROWING)
    return (
        f"INSERT INTO {Visit._meta.db_table} ({', '.join(names)}) "  # noqa: S608 - names of our own columns
        f"SELECT {', '.join(taken)} FROM unnest({', '.join(f'%s::{kind}[]' for kind in kinds)}) "
        f"AS fresh ({', '.join(names)}) "
        f"ON CONFLICT (merchant_id, visit_key) DO UPDATE SET {grown} RETURNING id, merchant_id, visit_key"
    )
