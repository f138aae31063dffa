"""Ingest: what browsers sent stands in the database once, with its tallies, whatever is wrong with some of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import redis
from core.models import Merchant
from events import bus, ingest, partitions, stream, tallies
from events.models import BadBatch, StorefrontEvent, StreamCursor
from events.stream import Beacon, StreamEvent

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 1, 9, tzinfo=UTC)
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
    assert redis.client().xlen(stream.stream_key(stream.shard_of(merchant.pk))) == 0


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


@pytest.mark.parametrize("raw", [b"", b"junk", b"[]", b"{}", b"\xff", b'{"m":true}', b"[" * 100_000])
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


def test_a_day_has_a_partition_as_soon_as_it_needs_one(merchant):
    send(beacon(merchant), beacon(merchant, received_at=NOON + timedelta(days=40)))
    ingest.drain()
    assert partitions.names() == ["events_storefrontevent_20260501", "events_storefrontevent_20260610"]
    assert merchant.storefront_events.count() == 2
