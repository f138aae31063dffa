"""Tallies: what happened how often, and to how many, in each hour and day of a store. All that reports read.

Hours and days are those of the store's own zone. Whoever counts gives `Count`s to `add`, in the transaction that
writes down what is counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import QuerySet, Sum

from core.models import Merchant
from events import sketches
from events.models import Tally

Period = Tally.Period
BOTS = "bots"
# The name under which ingest counts people: how many, only by their keys.
VISITORS = "visitors"
HOUR, QUARTER = timedelta(hours=1), 900

UPSERT = """
INSERT INTO events_tally AS held (merchant_id, period, name, dimension, starts_at, count, amount)
SELECT * FROM unnest(
    %s::bigint[], %s::varchar[], %s::varchar[], %s::varchar[], %s::timestamptz[], %s::bigint[], %s::numeric[]
)
ON CONFLICT (merchant_id, period, name, dimension, starts_at)
DO UPDATE SET count = held.count + excluded.count, amount = held.amount + excluded.amount
RETURNING merchant_id, period, name, dimension, starts_at, sketch
"""
KEEP = """
UPDATE events_tally AS held SET sketch = new.sketch FROM unnest(
    %s::bigint[], %s::varchar[], %s::varchar[], %s::varchar[], %s::timestamptz[], %s::bytea[]
) AS new (merchant_id, period, name, dimension, starts_at, sketch)
WHERE (held.merchant_id, held.period, held.name, held.dimension, held.starts_at)
    = (new.merchant_id, new.period, new.name, new.dimension, new.starts_at)
"""


@dataclass(frozen=True, slots=True)
class Count:
    """Something to add. `keys` are of those to whom it happened: of them only how many differ is kept."""

    merchant_id: int
    name: str
    at: datetime
    dimension: str = ""
    count: int = 1
    amount: Decimal = Decimal(0)
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """An hour or a day of a series."""

    starts_at: datetime
    count: int
    amount: Decimal
    uniques: int


@dataclass(frozen=True, slots=True)
class Total:
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Ranked:
    dimension: str
    count: int
    amount: Decimal

    @property
    def word(self) -> str:
        """Of `kind:word`."""
        return self.dimension.partition(":")[2]


class Row(NamedTuple):
    """Which row of `Tally`."""

    merchant_id: int
    period: str
    name: str
    dimension: str
    starts_at: datetime


class _Sum:
    __slots__ = ("amount", "count", "keys")

    def __init__(self) -> None:
        self.count, self.amount, self.keys = 0, Decimal(0), set[str]()

    def take(self, count: Count) -> None:
        self.count += count.count
        self.amount += count.amount
        self.keys.update(count.keys)


# Counting


def add(counts: Iterable[Count]) -> None:
    """Add to the hours and days that these lie in. Must run inside a transaction."""
    sums = _summed(list(counts))
    if not sums:
        return
    rows = sorted(sums)  # everybody locks rows in the same order
    values: list[list[Any]] = [[sums[row].count for row in rows], [sums[row].amount for row in rows]]
    with connection.cursor() as cursor:
        cursor.execute(UPSERT, [*_columns(rows), *values])
        held = {Row(*key): sketch for *key, sketch in cursor.fetchall() if sums[Row(*key)].keys}
        fresh = {row: sketches.merged([sketch], sums[row].keys) for row, sketch in sorted(held.items(), key=_by_row)}
        grown = [row for row in fresh if fresh[row] != held[row]]
        if grown:
            cursor.execute(KEEP, [*_columns(grown), [fresh[row] for row in grown]])


def quarter_of(at: datetime) -> datetime:
    """A moment that lies in the same hour and day of any store; for who adds up before counting."""
    return _quarter(int(at.timestamp()) // QUARTER)


@lru_cache(maxsize=4096)
def _quarter(number: int) -> datetime:
    return datetime.fromtimestamp(number * QUARTER, UTC)


def starts_of(zone: ZoneInfo, at: datetime) -> tuple[datetime, datetime]:
    """When the hour and the day began that a moment lies in."""
    return _starts(zone, int(at.timestamp()) // QUARTER)


@lru_cache(maxsize=4096)
def _starts(zone: ZoneInfo, quarter: int) -> tuple[datetime, datetime]:
    """No zone's hours begin within a quarter of an hour."""
    local = datetime.fromtimestamp(quarter * QUARTER, zone)
    hour = local.replace(minute=0)
    day = local.replace(hour=0, minute=0, fold=0)
    return hour.astimezone(UTC), day.astimezone(UTC)


def _summed(counts: Sequence[Count]) -> dict[Row, _Sum]:
    ids = {count.merchant_id for count in counts}
    zones = {merchant.pk: merchant.zone for merchant in Merchant.objects.filter(pk__in=ids).only("pk", "time_zone")}
    sums: dict[Row, _Sum] = {}
    for count in counts:
        hour, day = starts_of(zones[count.merchant_id], count.at)
        for period, starts_at in ((Period.HOUR, hour), (Period.DAY, day)):
            row = Row(count.merchant_id, period.value, count.name, count.dimension, starts_at)
            sums.setdefault(row, _Sum()).take(count)
    return sums


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _by_row(item: tuple[Row, object]) -> Row:
    return item[0]


# Reading


def series(
    merchant: Merchant, name: str, *, period: Period, since: datetime, until: datetime, dimension: str = ""
) -> list[Point]:
    """Every hour or day from the one that `since` lies in to the last that begins before `until`, also empty ones."""
    starts = list(_begins(merchant.zone, period, since, until))
    if not starts:
        return []
    rows = merchant.tallies.filter(
        period=period, name=name, dimension=dimension, starts_at__gte=starts[0], starts_at__lt=until
    )
    held = {row.starts_at: Point(row.starts_at, row.count, row.amount, row.uniques) for row in rows}
    return [held.get(start, Point(start, 0, Decimal(0), 0)) for start in starts]


def total(merchant: Merchant, name: str, *, since: datetime, until: datetime, dimension: str = "") -> Total:
    """Of the whole days of `series`."""
    found = _days(merchant, name, since, until).filter(dimension=dimension)
    sums = found.aggregate(counted=Sum("count"), worth=Sum("amount"))
    return Total(int(sums["counted"] or 0), sums["worth"] or Decimal(0))


def top(merchant: Merchant, name: str, *, since: datetime, until: datetime, limit: int, kind: str = "") -> list[Ranked]:
    """The dimensions that were counted most in those days; with a `kind`, only such as `kind:…`."""
    found = _days(merchant, name, since, until).exclude(dimension__in=["", BOTS])
    if kind:
        found = found.filter(dimension__startswith=f"{kind}:")
    sums = found.values("dimension").annotate(counted=Sum("count"), worth=Sum("amount"))
    rows = sums.order_by("-counted", "dimension").values_list("dimension", "counted", "worth")[:limit]
    return [Ranked(dimension, int(counted), worth) for dimension, counted, worth in rows]


def uniques(merchant: Merchant, name: str, *, since: datetime, until: datetime, dimension: str = "") -> int:
    """How many different keys were counted in those days together."""
    found = _days(merchant, name, since, until).filter(dimension=dimension, sketch__isnull=False)
    return sketches.estimate(sketches.merged(found.values_list("sketch", flat=True)))


def _days(merchant: Merchant, name: str, since: datetime, until: datetime) -> QuerySet[Tally]:
    _, first = starts_of(merchant.zone, since)
    return merchant.tallies.filter(period=Period.DAY, name=name, starts_at__gte=first, starts_at__lt=until)


def _begins(zone: ZoneInfo, period: Period, since: datetime, until: datetime) -> Iterator[datetime]:
    hour, day = starts_of(zone, since)
    at = hour if period == Period.HOUR else day
    while at < until:
        yield at
        # A day is 23 to 25 hours long.
        at = at + HOUR if period == Period.HOUR else starts_of(zone, at + 36 * HOUR)[1]
