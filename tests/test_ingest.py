"""Ingest: what browsers sent stands in the database once, with its tallies, whatever is wrong with some of it."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
import time_machine
from django.db import OperationalError, connection
from hypothesis import given
from hypothesis import strategies as st
from redis import ConnectionError as RedisConnectionError
from redis import TimeoutError as RedisTimeoutError

from core import clock, redis, work
from core.models import Merchant
from events import bus, facts, handlers, ingest, partitions, services, stream, tallies
from events.models import BadBatch, StorefrontEvent, StreamCursor
from events.services import record
from events.stream import Beacon, StreamEvent
from events.tasks import react, write_bad_batches

pytestmark = pytest.mark.django_db

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
WORDS = st.text(LETTERS)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=8)

NOON = datetime(2026, 5, 1, 9, tzinfo=UTC)
TOO_MANY = b'{"m":1,"k":"","b":0,"r":0,"c":{},"e":[' + b",".join([b'["x",0,{}]'] * 65) + b"]}"
DAY = {"since": NOON, "until": NOON + timedelta(minutes=1)}


@pytest.fixture(autouse=True)
def _registries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "_consumers", {})


def beacon(merchant: Merchant, *names: str, **fields: Any) -> Beacon:
    values = {
        "merchant_id": merchant.pk,
        "visitor_key": "v:1",
        "is_bot": False,
        "received_at": NOON,
        "context": {"page": {"slug": "product.single"}},
        "events": tuple(StreamEvent(name, NOON, {}) for name in names or ["page.viewed"]),
    }
    return Beacon(**{**values, **fields})


def send(*beacons: Beacon) -> None:
    for each in beacons:
        put(stream.encode(each), stream.shard_of(each.merchant_id))


def put(raw: bytes, shard: int) -> None:
    redis.client().xadd(stream.stream_key(shard), {stream.FIELD: raw})


def waiting(merchant: Merchant) -> int:
    return redis.client().xlen(stream.stream_key(stream.shard_of(merchant.pk)))


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **options: Any) -> Any:
        raise error

    return fail


@contextlib.contextmanager
def another_session() -> Iterator[Any]:
    with contextlib.closing(psycopg2.connect(**connection.get_connection_params())) as link, link.cursor() as cursor:
        yield cursor


def kept(merchant: Merchant) -> list[str]:
    return list(merchant.storefront_events.order_by("number").values_list("name", flat=True))


def test_what_was_sent_is_kept_once(merchant):
    events = (StreamEvent("product.viewed", NOON - timedelta(seconds=5), {"product_id": 7, "text": "a\\b\tعود\n"}),)
    send(beacon(merchant, visitor_key="d:x", events=events))
    assert ingest.drain() == 1
    assert ingest.drain() == 0
    (row,) = merchant.storefront_events.all()
    assert (row.name, row.visitor_key, row.is_bot, row.page) == ("product.viewed", "d:x", False, "product.single")
    assert row.data == {"product_id": 7, "text": "a\\b\tعود\n"}
    assert (row.received_at, row.occurred_at) == (NOON, NOON - timedelta(seconds=5))
    assert waiting(merchant) == 0


def test_every_event_is_tallied_and_bots_apart(merchant, other_merchant):
    send(beacon(merchant, "page.viewed", "product.viewed"), beacon(merchant, visitor_key="v:2"))
    send(beacon(merchant, "page.viewed", is_bot=True, visitor_key="v:3"), beacon(other_merchant))
    ingest.drain()
    assert tallies.total(merchant, "page.viewed", **DAY).count == 2
    assert tallies.total(merchant, "page.viewed", dimension=tallies.BOTS, **DAY).count == 1
    assert tallies.total(merchant, "product.viewed", **DAY).count == 1
    assert tallies.uniques(merchant, "visitors", **DAY) == 2
    assert tallies.total(other_merchant, "page.viewed", **DAY).count == 1


def test_a_consumer_is_given_every_beacon_of_a_batch(merchant, other_merchant):
    seen: list[Beacon] = []

    @bus.on_batch
    def see(beacons: Sequence[Beacon]) -> None:
        assert StorefrontEvent.unscoped.count() == 2  # the rows are there already
        seen.extend(beacons)

    sent = [beacon(merchant, "page.viewed"), beacon(merchant, "page.left")]
    send(*sent)
    ingest.drain()
    assert [(each.context, each.events) for each in seen] == [(each.context, each.events) for each in sent]
    assert seen[0].position < seen[1].position


def test_what_a_consumer_refuses_is_set_aside_alone(merchant):
    @bus.on_batch
    def choke(beacons: Sequence[Beacon]) -> None:
        if any(event.name == "order.completed" for each in beacons for event in each.events):
            raise ValueError("no such order")

    send(beacon(merchant, "page.viewed"), beacon(merchant, "order.completed"), beacon(merchant, "page.left"))
    assert ingest.drain() == 3
    assert kept(merchant) == ["page.viewed", "page.left"]
    assert tallies.total(merchant, "order.completed", **DAY).count == 0
    (bad,) = BadBatch.objects.all()
    assert (bad.state, bad.reason, bad.shard) == ("dead", "ValueError: no such order", stream.shard_of(merchant.pk))
    assert stream.decode(bad.position, bytes(bad.body)).events[0].name == "order.completed"


@pytest.mark.parametrize("raw", [TOO_MANY, b"", b"junk", b"[]", b"{}", b"\xff", b'{"m":true}', b"[" * 100_000])
def test_what_is_no_beacon_is_set_aside(merchant, raw):
    shard = stream.shard_of(merchant.pk)
    send(beacon(merchant))
    put(raw, shard)
    send(beacon(merchant, "page.left"))
    ingest.drain()
    assert kept(merchant) == ["page.viewed", "page.left"]
    assert bytes(BadBatch.objects.get().body) == raw
    assert (
        StreamCursor.objects.get(shard=shard).position
        == redis.client().xinfo_stream(stream.stream_key(shard))["last-generated-id"].decode()
    )


def test_a_beacon_of_no_store_is_set_aside(merchant):
    gone = beacon(merchant, merchant_id=merchant.pk + stream.SHARDS * 1000)
    send(gone, beacon(merchant))
    ingest.drain()
    assert kept(merchant) == ["page.viewed"]
    assert BadBatch.objects.get().reason == f"NoStoreError: no such store: {gone.merchant_id}"


def test_what_postgresql_cannot_hold_is_left_out(merchant):
    data = {"te\0xt": "a\0b", "half": "\ud83d", "list": ["\0"]}
    send(beacon(merchant, visitor_key="v:\0", events=(StreamEvent("page\0.viewed", NOON, data),)))
    ingest.drain()
    (row,) = merchant.storefront_events.all()
    assert (row.name, row.visitor_key, row.data) == ("page.viewed", "v:", {"text": "ab", "half": "?", "list": [""]})


# Once, whatever happens


def test_what_was_written_but_not_trimmed_is_not_written_again(merchant, monkeypatch):
    send(beacon(merchant), beacon(merchant, "page.left"))
    with monkeypatch.context() as patch:
        patch.setattr(redis.patient_client(), "xtrim", failing(RedisConnectionError("killed")))
        with pytest.raises(RedisConnectionError):
            ingest.drain()
    assert (kept(merchant), waiting(merchant)) == (["page.viewed", "page.left"], 2)
    send(beacon(merchant, "card.shown"))
    assert ingest.drain() == 1
    assert (kept(merchant), waiting(merchant)) == (["page.viewed", "page.left", "card.shown"], 0)
    assert tallies.total(merchant, "page.viewed", **DAY).count == 1


@pytest.mark.parametrize("error", [OperationalError("the server closed the connection"), RedisTimeoutError("hung")])
def test_an_outage_is_no_entrys_fault(merchant, error):
    @bus.on_batch
    def fail(beacons: Sequence[Beacon]) -> None:
        if outage:
            raise outage.pop()

    outage = [error]
    send(beacon(merchant))
    with pytest.raises(type(error)):
        ingest.drain()
    assert (kept(merchant), BadBatch.objects.count(), waiting(merchant)) == ([], 0, 1)
    assert tallies.total(merchant, "page.viewed", **DAY).count == 0
    assert ingest.drain() == 1
    assert kept(merchant) == ["page.viewed"]


def test_many_entries_go_in_many_batches_in_their_order(merchant, monkeypatch):
    monkeypatch.setattr(ingest, "BATCH", 3)
    monkeypatch.setattr(ingest, "MOST_BATCHES", 2)
    sizes: list[int] = []

    @bus.on_batch
    def measure(beacons: Sequence[Beacon]) -> None:
        sizes.append(len(beacons))

    names = [f"card.{number}" for number in range(20)]
    send(*(beacon(merchant, name) for name in names))
    assert ingest.drain() == 20
    assert kept(merchant) == names
    assert sizes == [3, 3, 3, 3, 3, 3, 2]


def test_a_shard_that_somebody_is_at_is_left_alone(merchant):
    send(beacon(merchant))
    shard = stream.shard_of(merchant.pk)
    with another_session() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ingest.LOCK_SPACE + shard])
        assert ingest.drain() == 0
        assert kept(merchant) == []
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert ingest.drain() == 1


def test_who_lost_a_shard_without_knowing_writes_nothing(merchant, monkeypatch):
    """Behind a pooler that hands sessions around, an advisory lock would keep nobody out."""
    send(beacon(merchant))
    shard, read = stream.shard_of(merchant.pk), ingest._read

    def overtaken(*args: Any) -> list[ingest.Entry]:
        entries = read(*args)
        StreamCursor.objects.filter(shard=shard).update(position=entries[-1].position if entries else args[1])
        return entries

    monkeypatch.setattr(ingest, "_read", overtaken)
    assert ingest.visit(shard) == 0
    assert (kept(merchant), BadBatch.objects.count()) == ([], 0)


def test_a_stream_that_was_lost_goes_on_after_our_place_in_it(merchant):
    """As after a fail-over to a machine whose clock is behind."""
    shard = stream.shard_of(merchant.pk)
    send(beacon(merchant))
    ingest.drain()
    ahead = int(redis.client().time()[0] + 3600) * 1000
    StreamCursor.objects.filter(shard=shard).update(position=f"{ahead}-5")
    redis.client().delete(stream.stream_key(shard))
    ingest.keep_ids_growing()
    send(beacon(merchant, "page.left"))
    assert ingest.drain() == 1
    assert StreamCursor.objects.get(shard=shard).position == f"{ahead}-6"
    ingest.keep_ids_growing()
    assert (kept(merchant), waiting(merchant)) == (["page.viewed", "page.left"], 0)


# Set aside, and written after all


def test_what_was_set_aside_is_written_when_staff_try_it_again(
    merchant, staff, client, bell, django_capture_on_commit_callbacks
):
    broken = [True]

    @bus.on_batch
    def choke(beacons: Sequence[Beacon]) -> None:
        if broken:
            raise KeyError("page")

    send(beacon(merchant, "page.viewed", "page.left", visitor_key="v:a"))
    ingest.drain()
    bad = BadBatch.objects.get()
    assert (bad.merchant, bad.attempts) == (merchant, 0)
    client.force_login(staff)
    shown = client.get(f"/admin/events/badbatch/{bad.pk}/change/").content.decode()
    assert "KeyError" in shown
    assert "v:a" in shown
    broken.clear()
    client.post(f"/admin/events/badbatch/{bad.pk}/replay/")
    with django_capture_on_commit_callbacks(execute=True):
        services.wake_bad_batches()
    assert bell == ["events.tasks.write_bad_batches"]
    write_bad_batches()
    bad.refresh_from_db()
    assert (bad.state, bad.body) == ("processed", None)
    assert kept(merchant) == ["page.viewed", "page.left"]
    assert tallies.uniques(merchant, "visitors", **DAY) == 1
    client.post(f"/admin/events/badbatch/{bad.pk}/replay/")
    write_bad_batches()
    bad.refresh_from_db()
    assert (bad.state, bad.reason) == ("dead", "its body was forgotten")
    assert kept(merchant) == ["page.viewed", "page.left"]


def test_a_body_stands_encrypted_and_goes_after_thirty_days(merchant):
    put(b'{"canary": 1', stream.shard_of(merchant.pk))
    ingest.drain()
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM events_badbatch")
        assert b"canary" not in bytes(cursor.fetchone()[0])
    BadBatch.objects.update(set_aside_at=clock.now() - timedelta(days=29, hours=23))
    services.forget_bad_batches()
    assert BadBatch.objects.count() == 1
    BadBatch.objects.update(set_aside_at=clock.now() - timedelta(days=30, seconds=1))
    services.forget_bad_batches()
    assert BadBatch.objects.count() == 0


@pytest.mark.parametrize("raw", [b"junk", None])
def test_what_can_never_be_written_is_not_tried_for_long(merchant, raw):
    put(raw or stream.encode(beacon(merchant, merchant_id=merchant.pk + stream.SHARDS)), stream.shard_of(merchant.pk))
    ingest.drain()
    work.replay(BadBatch.objects.all())
    write_bad_batches()
    assert (BadBatch.objects.get().state, BadBatch.objects.get().attempts) == ("dead", 1)


# Keeping and forgetting


def test_a_day_has_a_partition_as_soon_as_it_needs_one(merchant):
    send(beacon(merchant), beacon(merchant, received_at=NOON + timedelta(days=40)))
    ingest.drain()
    assert partitions.names() == ["events_storefrontevent_20260501", "events_storefrontevent_20260610"]
    assert merchant.storefront_events.count() == 2


def test_partitions_are_made_ahead_and_dropped_after_sixty_days(merchant):
    send(beacon(merchant), beacon(merchant, "page.left", received_at=NOON + timedelta(days=1)))
    ingest.drain()
    with time_machine.travel(NOON + timedelta(days=61), tick=False):
        handlers.make_partitions()
        made = partitions.names()
        handlers.drop_partitions()
        left = partitions.names()
        handlers.drop_partitions()
    assert made == ["events_storefrontevent_20260501", "events_storefrontevent_20260502"] + [
        f"events_storefrontevent_202607{day:02}" for day in range(1, 9)
    ]
    assert left == made[1:]
    assert kept(merchant) == ["page.left"]


def test_hours_are_forgotten_and_days_are_not(merchant):
    tallies.add([tallies.Count(merchant.pk, "page.viewed", NOON)])
    with time_machine.travel(NOON + timedelta(days=60), tick=False):
        services.forget_hours()
        assert merchant.tallies.count() == 2
    with time_machine.travel(NOON + timedelta(days=60, seconds=1), tick=False):
        services.forget_hours()
    assert merchant.tallies.get().period == "day"


def test_of_a_store_that_left_no_visitor_stays(merchant, other_merchant):
    for store in (merchant, other_merchant):
        send(beacon(store))
        BadBatch.objects.create(shard=0, position=f"{store.pk}-0", merchant=store, body=b"x")
    ingest.drain()
    record(merchant, facts.StorePurged(), key="store:purged:1")
    react()
    left = [(store.storefront_events.count(), store.bad_batches.count()) for store in (merchant, other_merchant)]
    assert left == [(0, 0), (1, 1)]
    assert tallies.total(merchant, "page.viewed", **DAY).count == 1


# The wire


@given(
    key=st.text(LETTERS, max_size=64), context=st.dictionaries(WORDS, JSON),
    data=st.dictionaries(WORDS, JSON), at=st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)  # fmt: skip
def test_a_beacon_comes_out_as_it_went_in(key, context, data, at):
    sent = Beacon(7, key, True, at, context, (StreamEvent("page.viewed", at, data),), former=key)
    assert stream.decode("1-0", stream.encode(sent)) == replace(sent, position="1-0")


@given(st.binary() | st.fixed_dictionaries(dict.fromkeys("mkbrce", JSON)).map(lambda found: json.dumps(found).encode()))
def test_anything_else_is_refused_in_one_way(raw):
    with contextlib.suppress(ValueError):
        stream.decode("1-0", raw)


def test_numbers_that_json_does_not_know_are_not_sent(merchant):
    with pytest.raises(ValueError, match="Out of range"):
        stream.encode(beacon(merchant, context={"total": float("nan")}))


def test_of_the_database_only_its_code_is_noted(merchant, caplog):
    @bus.on_batch
    def choke(beacons: Sequence[Beacon]) -> None:
        if {event.name for each in beacons for event in each.events} == {"page.left"}:
            raise ValueError("left")
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::integer", ["sara@example.com"])

    send(beacon(merchant, "page.viewed"), beacon(merchant, "page.left"))
    assert ingest.drain() == 2
    reasons = BadBatch.objects.order_by("pk").values_list("reason", flat=True)
    assert list(reasons) == ["DataError: 22P02", "ValueError: left"]
    assert "sara@example.com" not in caplog.text
