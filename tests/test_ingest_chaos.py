"""20,000 beacons through the real beacon address while web, ingest and Redis are killed: stored as acknowledged, once.

What may be missing is what was acknowledged within the second before Redis died (its append-only file is synced every
second; docs/adr/0010). A sender that gets no answer sends the same beacon again.
"""

import contextlib
import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
import redis

from core import clock
from events import stream
from events.sketches import estimate
from scripts import servers, services
from scripts.supervisor import Supervisor
from tests.processes import App, Broker, supervised, until
from tests.shoppers import PHONE

pytestmark = pytest.mark.slow

PREFIX = "nomo:"
BEACONS = 20_000
STORES = [1305146709, 847769313, 1001, 1002]
SHOPPERS = 2_000
SENDERS = 8
MOST_LOST_SECONDS = 1.0
# Beacons between one blow and the next.
PART = BEACONS // 8
SHOPS = f"""
from features import services
from tests.conftest import store
from visitors.cards.latest_purchase.card import CARD as SHOWS
from visitors.cards.visitor_data.card import CARD as KEEPS

for salla_id in {STORES}:
    merchant = store(salla_id)
    for card in (SHOWS, KEEPS):
        services.switch(merchant, card=card, is_on=True)
"""
RECOUNT = """
SELECT merchant_id, name, CASE WHEN is_bot THEN 'bots' ELSE '' END, count(*),
    date_trunc(%s, occurred_at AT TIME ZONE 'Asia/Riyadh') AT TIME ZONE 'Asia/Riyadh'
FROM events_storefrontevent GROUP BY 1, 2, 3, 5
"""
TALLIED = """
SELECT merchant_id, name, dimension, count, starts_at FROM events_tally
WHERE period = %s AND dimension IN ('', 'bots') AND name IN (SELECT name FROM events_storefrontevent)
"""


@dataclass
class Rig:
    supervisor: Supervisor
    place: servers.Place
    broker: Broker
    app: App

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        link = psycopg2.connect(host=str(self.place.sockets), user="nomo", dbname="nomo", connect_timeout=3)
        with contextlib.closing(link), link.cursor() as cursor:
            cursor.execute(sql, values or None)
            return cursor.fetchall()

    def waiting(self) -> int:
        """Beacons that nobody has written down yet."""
        with redis.Redis.from_url(self.broker.url, socket_timeout=5) as client:
            return sum(client.xlen(f"{PREFIX}stream:{shard}") for shard in range(stream.SHARDS))

    def blow(self, name: str) -> float:
        """`kill -9`, at once started again; when."""
        if name == "redis":
            self.broker.kill()
            moment = time.monotonic()
            self.broker.start()
        else:
            self.app.kill(name)
            moment = time.monotonic()
            self.app.start(name)
        return moment


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with servers.throwaway_place(durable=True) as (place, lock), supervised(place.data / "log", lock) as supervisor:
        database = servers.start_postgres(supervisor, place)
        broker = Broker(supervisor, place.data)
        # Each shopper has an address of its own; and no static files are collected, as in development.
        given = {"PROXY_COUNT": "1", "DEBUG": "true", "REDIS_PREFIX": PREFIX}
        app = App(supervisor, place.data, DATABASE_URL=database, REDIS_URL=broker.url, **given)
        app.migrate()
        supervisor.step("shops", [*services.MANAGE, "shell", "-c", SHOPS], env=app.env, cwd=servers.PROJECT)
        app.start("web", "ingest")
        yield Rig(supervisor, place, broker, app)


def request(number: int) -> bytes:
    """A beacon that is told by its number. Every twentieth comes from a bot."""
    now, shopper = int(clock.now().timestamp() * 1000), number % SHOPPERS
    said = {
        "v": 1, "id": f"chaos-{number:016}", "key": "", "bucket": shopper, "sent": now, "is_robot": number % 20 == 0,
        "page": {"slug": "product.single", "id": number, "path": f"/p{number}"}, "lang": "ar", "referrer": "",
        "utm": {}, "click": "", "customer": None,
        "events": [
            {"name": "page.viewed", "at": now, "data": {}},
            {"name": "product.viewed", "at": now, "data": {"product_id": number}},
        ],
    }  # fmt: skip
    body = json.dumps(said).encode()
    head = (
        f"POST /sf/{STORES[number % len(STORES)]}/e HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
        f"X-Forwarded-For: 10.{shopper // 256}.{shopper % 256}.7\r\nUser-Agent: {PHONE}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Shoppers:
    """Many browsers at once; each beacon is sent until it is acknowledged, and `acknowledged` says when that was."""

    port: int
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, BEACONS + 1)))
    acknowledged: dict[int, float] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()

    def _send(self) -> None:
        link: socket.socket | None = None
        while True:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                break
            whole = request(number)
            while True:
                link, status = exchange(link, self.port, whole)
                self.statuses[status] += 1
                if status == 204:
                    break
                time.sleep(0.1)
            self.acknowledged[number] = time.monotonic()
        if link:
            link.close()


def exchange(link: socket.socket | None, port: int, whole: bytes) -> tuple[socket.socket | None, int]:
    """The connection, if it still is one, and the status; 0 when nobody answered."""
    try:
        link = link or socket.create_connection(("127.0.0.1", port), timeout=10)
        link.sendall(whole)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = link.recv(4096)
            if not part:
                raise ConnectionResetError
            answer += part
        if answer.startswith(b"HTTP/1.1 204"):
            return link, 204
        status = int(answer[9:12])
    except OSError:
        status = 0
    if link:
        link.close()
    return None, status


def test_what_was_acknowledged_is_stored_once(rig):
    shoppers, redis_died = Shoppers(rig.app.port), list[float]()
    began = time.monotonic()
    with shoppers.sending():
        for part, name in enumerate(["web", "ingest", "redis", "ingest", "web", "redis", "ingest"], 1):
            until(lambda part=part: len(shoppers.acknowledged) >= part * PART, f"answers {shoppers.statuses}", 60)
            moment = rig.blow(name)
            if name == "redis":
                redis_died.append(moment)
    took = time.monotonic() - began
    until(lambda: rig.waiting() == 0, "the streams' end", 60)
    stored = [number for (number,) in rig.query(
        "SELECT (data->>'product_id')::int FROM events_storefrontevent WHERE name = 'product.viewed'"
    )]  # fmt: skip
    lost = set(range(1, BEACONS + 1)) - set(stored)
    figures = {"took": round(took, 1), "lost": len(lost), "answers": dict(shoppers.statuses)}
    sys.stdout.write(json.dumps({"chaos": "beacons", **figures}) + "\n")
    assert len(shoppers.acknowledged) == BEACONS
    assert len(stored) == len(set(stored))
    assert [number for number in lost if not died_soon(shoppers.acknowledged[number], redis_died)] == []
    assert_tallies_agree(rig)
    assert rig.query("SELECT count(*) FROM events_badbatch") == [(0,)]
    rig.supervisor.check()


def died_soon(moment: float, deaths: list[float]) -> bool:
    return any(moment <= death <= moment + MOST_LOST_SECONDS for death in deaths)


def assert_tallies_agree(rig: Rig) -> None:
    for period in ("hour", "day"):
        assert sorted(rig.query(TALLIED, period)) == sorted(rig.query(RECOUNT, period))
    sql = "SELECT merchant_id, count(DISTINCT visitor_key) FROM events_storefrontevent WHERE NOT is_bot GROUP BY 1"
    people = dict(rig.query(sql))
    sketches = rig.query("SELECT merchant_id, sketch FROM events_tally WHERE name = 'visitors' AND period = 'day'")
    assert {store: pytest.approx(estimate(sketch), rel=0.03) for store, sketch in sketches} == people
    pages = rig.query("SELECT sum(pages) FROM visitors_visit WHERE NOT is_bot")
    assert pages == rig.query("SELECT count(*) FROM events_storefrontevent WHERE name = 'page.viewed' AND NOT is_bot")
