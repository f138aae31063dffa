"""Ingest as the processes that `make run` starts: who stops, dies or hangs meanwhile loses nothing and doubles nothing.

Private servers; the beacons are put into the streams as the web server does it.
"""

import contextlib
import itertools
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest
import redis

from core import clock
from events import stream
from events.stream import Beacon, StreamEvent
from scripts import servers
from scripts.benchmarks import cpu
from scripts.supervisor import Supervisor
from tests.processes import App, Broker, child_of, restart_postgres, supervised, until

pytestmark = pytest.mark.slow

PREFIX = "nomo:"
STORES = range(1, stream.SHARDS + 1)
STORE = """
INSERT INTO core_merchant (
    id, public_id, salla_id, name, domain, locale, time_zone, currency, plan, store_type, created_at
) SELECT id, gen_random_uuid(), id, '', '', 'ar', 'Asia/Riyadh', 'SAR', 'basic', 'live', now() FROM unnest(%s) AS id
"""
TALLIED = "SELECT sum(count) FROM events_tally WHERE (name, dimension, period) = ('product.viewed', '', 'day')"
SECONDS = 30
BATCHES = 5000  # beacons, which are several batches of each shard
MOST_OF_A_CORE = 0.1


class Rig:
    def __init__(self, supervisor: Supervisor, place: servers.Place) -> None:
        self.supervisor, self.place = supervisor, place
        database = servers.start_postgres(supervisor, place)
        self.broker = Broker(supervisor, place.data)
        self.app = App(supervisor, place.data, DATABASE_URL=database, REDIS_URL=self.broker.url, REDIS_PREFIX=PREFIX)
        self.app.commands["second"] = self.app.commands["ingest"]
        self.app.migrate()
        self.numbers, self.sent = itertools.count(1), set[int]()
        with self.session() as cursor:
            cursor.execute(STORE, [list(STORES)])

    @contextlib.contextmanager
    def session(self) -> Iterator[Any]:
        link = psycopg2.connect(host=str(self.place.sockets), user="nomo", dbname="nomo", connect_timeout=3)
        with contextlib.closing(link), link, link.cursor() as cursor:
            yield cursor

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.session() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def send(self, count: int) -> None:
        """Beacons of one event, each with a number of its own; to every shard the same share."""
        now = clock.now()
        with redis.Redis.from_url(self.broker.url) as client, client.pipeline(transaction=False) as pipeline:
            for number in itertools.islice(self.numbers, count):
                store = number % len(STORES) + 1
                event = StreamEvent("product.viewed", now, {"product_id": number})
                raw = stream.encode(Beacon(store, f"v:{number}", False, now, {}, (event,)))
                pipeline.xadd(f"{PREFIX}stream:{stream.shard_of(store)}", {stream.FIELD: raw})
                self.sent.add(number)
            pipeline.execute()

    def stored(self) -> list[int]:
        return [number for (number,) in self.query("SELECT (data->>'product_id')::int FROM events_storefrontevent")]

    def wait(self) -> None:
        until(lambda: self.sent <= set(self.stored()), "the streams' end", SECONDS)

    def assert_once(self) -> None:
        self.wait()
        assert sorted(self.stored()) == sorted(self.sent)
        assert self.query(TALLIED) == [(len(self.sent),)]
        assert self.query("SELECT count(*) FROM events_badbatch") == [(0,)]
        self.supervisor.check()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with servers.throwaway_place(durable=True) as (place, lock), supervised(place.data / "log", lock) as supervisor:
        yield Rig(supervisor, place)


@pytest.fixture(autouse=True)
def _ingest(rig: Rig) -> Iterator[None]:
    """One that runs at the beginning of each test and is gone at its end."""
    rig.app.start("ingest")
    yield
    for child in [child for child in rig.supervisor.children if child.name in {"ingest", "second"}]:
        rig.app.kill(child.name)


def test_one_that_is_told_to_end_ends_in_peace_and_another_goes_on(rig):
    rig.send(BATCHES)
    until(rig.stored, "the first rows", SECONDS)
    child = child_of(rig.supervisor, "ingest")
    child.process.send_signal(signal.SIGTERM)
    assert child.process.wait(10) == 0
    assert rig.app.log("ingest") == ""
    rig.supervisor.children.remove(child)
    rig.send(BATCHES)
    rig.app.start("ingest")
    rig.assert_once()


def test_several_share_the_shards_and_take_over_from_one_that_was_killed(rig):
    rig.app.start("second")
    for name in ("ingest", "second", "ingest"):
        before = len(rig.stored())
        rig.send(BATCHES)
        until(lambda before=before: len(rig.stored()) > before, "a batch", SECONDS)
        rig.app.kill(name)
        rig.wait()
        rig.app.start(name)
    rig.assert_once()


def test_it_waits_for_redis_hung_and_killed(rig):
    pid = child_of(rig.supervisor, "ingest").process.pid
    rig.broker.hang()
    until(lambda: "Timeout" in rig.app.log("ingest"), "the end of its patience", SECONDS)
    rig.broker.go_on()
    rig.send(BATCHES)
    rig.broker.kill()
    until(lambda: "ConnectionError" in rig.app.log("ingest"), "its word", SECONDS)
    rig.broker.start()
    rig.send(10)
    rig.assert_once()
    assert child_of(rig.supervisor, "ingest").process.pid == pid


def test_it_waits_for_the_database(rig):
    pid = child_of(rig.supervisor, "ingest").process.pid
    for _ in range(3):
        rig.send(BATCHES)
        restart_postgres(rig.supervisor, rig.place)
    rig.assert_once()
    assert child_of(rig.supervisor, "ingest").process.pid == pid


def test_it_rests_while_nothing_comes(rig):
    rig.send(10)
    rig.assert_once()
    pid = child_of(rig.supervisor, "ingest").process.pid
    before, began = cpu.seconds([pid]), time.monotonic()
    time.sleep(3)
    assert cpu.spent(before, cpu.seconds([pid])) < (time.monotonic() - began) * MOST_OF_A_CORE
