"""From the storefront's streams into the database: rows, tallies and what the registered consumers make of them.

A shard is read by one consumer at a time, under an advisory lock that lives with the database connection, so that a
dead process's shards are free at once. What a batch brings and the place that it ends at are one transaction: killed at
any moment, nothing is written twice. What can't be written is found by halving, set aside, and the rest goes on.
"""

import json
import logging
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import DatabaseError, InterfaceError, OperationalError, connection, reset_queries, transaction
from redis import RedisError, ResponseError

from core import copying, logs, redis
from core.copying import escaped
from core.models import Merchant
from core.work import MAX_REASON, Work
from events import bus, partitions, stream, tallies
from events.models import BadBatch, StorefrontEvent, StreamCursor
from events.stream import Beacon
from events.tallies import Count

log = logging.getLogger(__name__)

BATCH = 1000  # entries
MOST_BATCHES = 20  # of one shard, before the others have their turn
LINGER_SECONDS = 0.5  # lest a quiet shop's every beacon is a batch of its own
PAUSE_SECONDS = 1.0
LOCK_SPACE = 0x5A11B << 40  # keeps our advisory locks apart from others'
# Whatever these say is no entry's fault.
OUTAGES = (OperationalError, InterfaceError, RedisError)
FIRST_MILLISECOND = 1_767_225_600_000  # 2026
COLUMNS = ("merchant_id", "received_at", "number", "occurred_at", "is_bot", "visitor_key", "page", "name", "data")
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Entry(NamedTuple):
    """Of a stream, as Redis gives it."""

    position: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a shard: how many entries, and for how long the oldest."""

    shard: int
    entries: int
    seconds: float


class LostShardError(Exception):
    """Somebody else wrote this shard's entries meanwhile."""


class NoStoreError(Exception):
    """A beacon of a store that is not there."""


def run(end: threading.Event) -> None:
    """Write down what comes until `end` is set; whoever is down is waited for."""
    is_sure = False
    while not end.is_set():
        reset_queries()  # which Django remembers in development
        try:
            if not is_sure:
                keep_ids_growing()
                is_sure = True
            if sum(visit(shard) for shard in _wait_for_news()) < BATCH:
                end.wait(LINGER_SECONDS)
        except (DatabaseError, InterfaceError, RedisError) as error:
            log.warning("ingest waits: %s", logs.masked(f"{type(error).__name__}: {error}"))
            connection.close()
            is_sure = False
            end.wait(PAUSE_SECONDS)


def drain() -> int:
    """Write down all that waits in shards that nobody else is at; returns how many beacons that were."""
    done = 0
    while found := sum(visit(shard) for shard in range(stream.SHARDS)):
        done += found
    return done


def visit(shard: int) -> int:
    """Write down some of what waits in this shard, unless somebody else is at it; returns how many beacons."""
    with _alone(shard) as is_mine:
        return _write_some(shard) if is_mine else 0


def _write_some(shard: int) -> int:
    position, done = StreamCursor.objects.get_or_create(shard=shard)[0].position, 0
    try:
        for _ in range(MOST_BATCHES):
            entries = _read(shard, position)
            if not entries:
                break
            _write(shard, position, entries)
            position = entries[-1].position
            done += len(entries)
    except LostShardError:
        log.warning("ingest: somebody else is at stream %s", shard)
    if done:
        redis.patient_client().xtrim(stream.stream_key(shard), minid=_after(position), approximate=False)
    return done


def backlogs() -> list[Backlog]:
    """Of every shard. Raises `RedisError`."""
    held, pipeline = _cursors(), redis.client().pipeline(transaction=False)
    pipeline.time()
    for shard in range(stream.SHARDS):
        pipeline.xlen(stream.stream_key(shard))
        pipeline.xrange(stream.stream_key(shard), min=f"({held.get(shard, stream.START)}", count=1)
    (seconds, microseconds), *found = pipeline.execute()
    now = seconds + microseconds / 1_000_000  # the clock that made the ids
    oldest = [now - int(waiting[0][0].split(b"-")[0]) / 1000 if waiting else 0.0 for waiting in found[1::2]]
    return [Backlog(shard, found[shard * 2], max(0.0, oldest[shard])) for shard in range(stream.SHARDS)]


def write_alone(position: str, raw: bytes) -> None:
    """An entry that was set aside, in the caller's transaction. Raises ValueError and `NoStoreError`."""
    beacon = stream.decode(position, raw)
    partitions.ensure([beacon.received_at])
    store([beacon])


def store(beacons: Sequence[Beacon]) -> None:
    """All that becomes of these beacons, in the caller's transaction."""
    _lock_stores(beacons)
    _copy_rows(beacons)
    tallies.add(_counts(beacons))
    for consume in bus.consumers():
        consume(beacons)
    connection.check_constraints()  # now, when it is known whose fault it is


# Reading


@contextmanager
def _alone(shard: int) -> Iterator[bool]:
    """Whether this shard is ours inside the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_SPACE + shard])
        (is_mine,) = cursor.fetchone()
        try:
            yield is_mine
        finally:
            if is_mine:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_SPACE + shard])


def _read(shard: int, position: str) -> list[Entry]:
    """The first entries after `position`."""
    found: Any = redis.patient_client().xrange(stream.stream_key(shard), min=f"({position}", count=BATCH)
    return [Entry(entry.decode(), fields.get(stream.FIELD.encode(), b"")) for entry, fields in found]


def _wait_for_news() -> list[int]:
    """The shards in which something waits, as soon as there is one; none after a moment."""
    keys = {stream.stream_key(shard).encode(): shard for shard in range(stream.SHARDS)}
    held = _cursors()
    ends: dict[Any, Any] = {key: held.get(shard, stream.START) for key, shard in keys.items()}
    found: Any = redis.patient_client().xread(ends, count=1, block=int(redis.MOST_BLOCKED_SECONDS * 1000))
    return [keys[key] for key, _ in found]


def keep_ids_growing() -> None:
    """A stream that Redis lost begins anew, after a fail-over with an earlier clock: never before our place in it."""
    for shard, position in _cursors().items():
        if position != stream.START:
            pipeline = redis.patient_client().pipeline()
            pipeline.xadd(stream.stream_key(shard), {stream.FIELD: b""}, id=position)
            pipeline.xdel(stream.stream_key(shard), position)
            with suppress(ResponseError):  # it is beyond that, as it should be
                pipeline.execute()


def _cursors() -> dict[int, str]:
    return dict(StreamCursor.objects.values_list("shard", "position"))


def _after(position: str) -> str:
    """The next id that there could be."""
    milliseconds, number = position.split("-")
    return f"{milliseconds}-{int(number) + 1}"


# Writing


def _write(shard: int, position: str, entries: Sequence[Entry]) -> None:
    """In one transaction or, if that fails, in halves, until those that can't be written stand alone."""
    try:
        beacons = [stream.decode(entry.position, entry.raw) for entry in entries]
        partitions.ensure({beacon.received_at for beacon in beacons})
        with transaction.atomic():
            _move(shard, position, entries[-1].position)
            store(beacons)
    except (LostShardError, *OUTAGES):
        raise
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one entry, the others are written
        fault = error
    else:
        return
    # Out here, lest the trace of one entry's fault tells those of others.
    if len(entries) == 1:
        _set_aside(shard, position, entries[0], fault)
    else:
        middle = len(entries) // 2
        _write(shard, position, entries[:middle])
        _write(shard, entries[middle - 1].position, entries[middle:])


@transaction.atomic
def _set_aside(shard: int, position: str, entry: Entry, error: Exception) -> None:
    _move(shard, position, entry.position)
    reason = _reason(error)
    trace = None if isinstance(error, DatabaseError) else error  # which repeats what the shopper sent
    log.error("ingest: %s of stream %s is set aside: %s", entry.position, shard, reason, exc_info=trace)
    BadBatch.objects.create(
        shard=shard,
        position=entry.position,
        merchant=_store_of(entry),
        body=entry.raw,
        state=Work.State.DEAD,
        reason=reason,
    )


def _reason(error: Exception) -> str:
    """What went wrong; of the database only its code, since its words have the row in them."""
    name = type(error).__name__
    if isinstance(error, DatabaseError):
        return f"{name}: {getattr(error.__cause__, 'pgcode', None) or 'no code'}"
    return logs.masked(f"{name}: {error}").replace("\0", "")[:MAX_REASON]


def _store_of(entry: Entry) -> Merchant | None:
    with suppress(ValueError):
        return Merchant.objects.filter(pk=stream.decode(entry.position, entry.raw).merchant_id).first()
    return None


def _move(shard: int, position: str, new: str) -> None:
    if not StreamCursor.objects.filter(shard=shard, position=position).update(position=new):
        raise LostShardError


def _lock_stores(beacons: Sequence[Beacon]) -> None:
    """None of them goes away before this transaction ends."""
    wanted = {beacon.merchant_id for beacon in beacons}
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM core_merchant WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [list(wanted)])
        found = {pk for (pk,) in cursor.fetchall()}
    if found != wanted:
        raise NoStoreError(f"no such store: {min(wanted - found)}")


def _copy_rows(beacons: Sequence[Beacon]) -> None:
    lines = (line for beacon in beacons for line in _lines(beacon))
    copying.copy(StorefrontEvent._meta.db_table, COLUMNS, lines)


def _lines(beacon: Beacon) -> Iterator[str]:
    """Of the columns in `COLUMNS`. What all events share is made once: this is where ingest spends its time."""
    first = _number(beacon.position)
    head = f"{beacon.merchant_id}\t{beacon.received_at.isoformat()}"
    middle = f"{'t' if beacon.is_bot else 'f'}\t{escaped(beacon.visitor_key)}\t{escaped(_page(beacon))}"
    for number, event in enumerate(beacon.events, first):
        data = escaped(_json(event.data)) if event.data else "{}"
        yield f"{head}\t{number}\t{event.occurred_at.isoformat()}\t{middle}\t{escaped(event.name)}\t{data}\n"


def _number(position: str) -> int:
    """Of the entry's first event: its time and its count within that, and room for the events. Lasts until 2060."""
    milliseconds, count = position.split("-")
    return ((int(milliseconds) - FIRST_MILLISECOND) << 23) + (int(count) << 6)


def _page(beacon: Beacon) -> str:
    page = beacon.context.get("page")
    slug = page.get("slug") if isinstance(page, dict) else ""
    return slug[: stream.LONGEST_WORD] if isinstance(slug, str) else ""


def _counts(beacons: Sequence[Beacon]) -> Iterator[Count]:
    """Every event of people and, apart from them, of bots; and the people themselves."""
    events: Counter[tuple[int, str, str, datetime]] = Counter()
    people: defaultdict[tuple[int, datetime], set[str]] = defaultdict(set)
    for beacon in beacons:
        dimension = tallies.BOTS if beacon.is_bot else ""
        for event in beacon.events:
            at = tallies.quarter_of(event.occurred_at)
            events[beacon.merchant_id, event.name, dimension, at] += 1
            if beacon.visitor_key and beacon.is_counted and not beacon.is_bot:
                people[beacon.merchant_id, at].add(beacon.visitor_key)
    for (merchant_id, name, dimension, at), count in events.items():
        yield Count(merchant_id, name, at, dimension=dimension, count=count)
    for (merchant_id, at), keys in people.items():
        yield Count(merchant_id, tallies.VISITORS, at, count=0, keys=tuple(keys))
