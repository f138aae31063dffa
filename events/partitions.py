"""The days of `StorefrontEvent`: a partition of its table for each, made ahead of time and dropped when it is old."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from core import clock
from events.models import StorefrontEvent

TABLE = StorefrontEvent._meta.db_table
AHEAD = timedelta(days=7)
KEPT = timedelta(days=60)
# Dropping waits for whoever reads, and everybody else for the dropping: rather another time than long.
PATIENCE = "2s"
LOCK = 0x5A11C << 40


def ensure(moments: Iterable[datetime]) -> None:
    """See to it that rows received at these moments have a place."""
    days = sorted({moment.astimezone(UTC).date() for moment in moments})
    missing = [day for day in days if not _is_there(_name_of(day))]
    if missing:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            for day in missing:
                if not _is_there(_name_of(day)):
                    _create(day)


def create_ahead() -> None:
    now = clock.now()
    ensure(now + timedelta(days=number) for number in range(AHEAD.days + 1))


def drop_old() -> list[str]:
    """The names of what was dropped: days whose youngest row is older than `KEPT`."""
    youngest = _name_of((clock.now() - KEPT).astimezone(UTC).date())
    old = [name for name in names() if name < youngest]
    with transaction.atomic(), connection.cursor() as cursor:
        if old:
            cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        for name in old:
            cursor.execute(f'DROP TABLE "{name}"')
    return old


def names() -> list[str]:
    """Of all partitions, by day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = to_regclass(%s) ORDER BY relname",
            [TABLE],
        )
        return [name for (name,) in cursor.fetchall()]


def _name_of(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _is_there(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        (is_there,) = cursor.fetchone()
        return bool(is_there)


def _create(day: date) -> None:
    """Made aside and then attached, for which nobody who reads or writes has to wait."""
    name, ends = _name_of(day), day + timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE TABLE "{name}" (LIKE "{TABLE}" INCLUDING ALL)')
        cursor.execute(
            f'ALTER TABLE "{TABLE}" ATTACH PARTITION "{name}"'
            f" FOR VALUES FROM ('{day} 00:00:00+00') TO ('{ends} 00:00:00+00')"
        )
