"""What is answered with 200 is done, once, whatever dies meanwhile. Private servers, the app's real processes."""

import contextlib
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest

from core.work import MAX_ATTEMPTS
from scripts import servers
from scripts.supervisor import Supervisor
from tests.processes import App, Broker, Senders, restart_postgres, supervised, until

pytestmark = pytest.mark.slow

STORE = 1305146709
EVENTS = 500
ANSWER_SECONDS = 2
RECOVERY_SECONDS = 120
REFUSALS_END_SECONDS = 5


@dataclass
class Rig:
    supervisor: Supervisor
    place: servers.Place
    broker: Broker
    app: App
    orders_made: int = 0

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """On a connection of its own, since PostgreSQL comes and goes."""
        link = psycopg2.connect(host=str(self.place.sockets), user="nomo", dbname="nomo", connect_timeout=3)
        with contextlib.closing(link), link.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def orders(self, count: int = EVENTS) -> list[bytes]:
        """Bodies of orders that nobody has seen yet; each of them is one fact."""
        first = self.orders_made + 1
        self.orders_made += count
        return [order(number) for number in range(first, first + count)]

    def stored(self, bodies: list[bytes]) -> int:
        return sum(self.states(bodies).values())

    def processed(self, bodies: list[bytes]) -> int:
        return self.states(bodies).get("processed", 0)

    def states(self, bodies: list[bytes]) -> dict[str, int]:
        sql = "SELECT state, count(*) FROM integrations_delivery WHERE body_sha256 = ANY(%s) GROUP BY state"
        return dict(self.query(sql, [digest(body) for body in bodies]))

    def attempts(self, bodies: list[bytes]) -> int:
        sql = "SELECT sum(attempts) FROM integrations_delivery WHERE body_sha256 = ANY(%s)"
        return int(self.query(sql, [digest(body) for body in bodies])[0][0])

    def wait(self, bodies: list[bytes], seconds: float = RECOVERY_SECONDS) -> float:
        """Until all are done; how long that took."""
        return until(lambda: self.processed(bodies) == len(bodies), "the queue's end", seconds)

    def assert_once(self, bodies: list[bytes]) -> None:
        """One delivery, one order and one fact for each body, and no fact beside them."""
        numbers = [json.loads(body)["data"]["id"] for body in bodies]
        assert self.states(bodies) == {"processed": len(bodies)}
        keys = self.query("SELECT key FROM events_event WHERE (data->>'order_id')::bigint = ANY(%s)", numbers)
        assert sorted(key for (key,) in keys) == sorted(f"order:{number}:placed" for number in numbers)
        orders = self.query("SELECT count(*) FROM integrations_order WHERE salla_id = ANY(%s)", numbers)
        assert orders == [(len(bodies),)]


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def order(number: int) -> bytes:
    data = {"id": number, "status": {"slug": "under_review"}, "payment_method": "cod", "total": {"amount": 5}}
    moment = "Sun Jun 26 2022 12:21:48 GMT+0300"
    return json.dumps({"event": "order.created", "merchant": STORE, "created_at": moment, "data": data}).encode()


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with servers.throwaway_place(durable=True) as (place, lock), supervised(place.data / "log", lock) as supervisor:
        database = servers.start_postgres(supervisor, place)
        broker = Broker(supervisor, place.data)
        app = App(supervisor, place.data, DATABASE_URL=database, REDIS_URL=broker.url)
        app.migrate()
        app.start("web", "worker", "beat")
        rig = Rig(supervisor, place, broker, app)
        install(rig)
        yield rig


def install(rig: Rig) -> None:
    content = {"event": "app.installed", "merchant": STORE, "created_at": "2022-01-01 00:00:00", "data": {}}
    body = json.dumps(content).encode()
    assert rig.app.post(body).status == 200
    rig.wait([body], seconds=60)


def assert_answered(senders: Senders, count: int = EVENTS) -> None:
    assert len(senders.answers) == count
    assert senders.statuses() == [200]
    assert senders.slowest() < ANSWER_SECONDS


def tell(name: str, senders: Senders, **figures: float) -> None:
    answers = {"answers": len(senders.answers), "slowest": senders.slowest(), "p99": senders.p99()}
    line = {"chaos": name} | {key: round(value, 3) for key, value in {**answers, **figures}.items()}
    sys.stdout.write(json.dumps(line) + "\n")


# Redis


def test_redis_refused(rig):
    early, bodies, senders = begin(rig)
    rig.broker.kill()
    senders.send(bodies, per_second=50)
    stored = rig.stored(bodies)
    rig.broker.start()
    drained = rig.wait(early + bodies)
    tell("redis refused", senders, drained=drained)
    assert stored == EVENTS
    assert_survived(rig, senders, early + bodies, blows=1)


def test_redis_hung(rig):
    early, bodies, senders = begin(rig)
    rig.broker.hang()
    try:
        senders.send(bodies, per_second=50)
        stored = rig.stored(bodies)
    finally:
        rig.broker.go_on()
    drained = rig.wait(early + bodies)
    tell("redis hung", senders, drained=drained)
    assert stored == EVENTS
    assert_survived(rig, senders, early + bodies, blows=1)


def test_redis_flushed_in_mid_run(rig):
    bodies, senders, blows = rig.orders(), Senders(rig.app), 4
    with senders.sending(bodies):
        for part in range(1, blows + 1):
            until(lambda part=part: len(senders.answers) >= part * EVENTS // 5, "answers", 30)
            rig.broker.flush()
    drained = rig.wait(bodies)
    tell("redis flushed", senders, drained=drained)
    assert_survived(rig, senders, bodies, blows)


def test_redis_killed_ten_times(rig):
    bodies, senders, blows = rig.orders(), Senders(rig.app), 10
    with senders.sending(bodies, per_second=50):
        for part in range(1, blows + 1):
            until(lambda part=part: len(senders.answers) >= part * EVENTS // (blows + 1), "answers", 30)
            rig.broker.kill()
            rig.broker.start()
    drained = rig.wait(bodies)
    tell("redis killed", senders, kills=blows, drained=drained)
    assert_survived(rig, senders, bodies, blows)


def begin(rig: Rig) -> tuple[list[bytes], list[bytes], Senders]:
    """A worker in the midst of early events, and those that are yet to be sent."""
    early, bodies = rig.orders(100), rig.orders()
    Senders(rig.app).send(early)
    return early, bodies, Senders(rig.app)


def assert_survived(rig: Rig, senders: Senders, bodies: list[bytes], blows: int) -> None:
    """A blow may interrupt what both worker processes have in hand, and nothing else is tried twice."""
    assert_answered(senders)
    rig.assert_once(bodies)
    assert rig.attempts(bodies) <= len(bodies) + 2 * blows
    rig.supervisor.check()


# Workers


def test_worker_killed_ten_times(rig):
    """Each time in the midst of a batch."""
    bodies, senders, blows = rig.orders(), Senders(rig.app), 10
    began = time.monotonic()
    for number in range(blows):
        batch = bodies[number * 50 : number * 50 + 50]
        with senders.sending(batch):
            until(lambda batch=batch: rig.processed(batch) > 0, "a batch's beginning", 40)
            rig.app.kill("worker")
        rig.app.start("worker")
    took = time.monotonic() - began
    drained = rig.wait(bodies)
    interrupted = rig.attempts(bodies) - EVENTS
    tell("worker killed", senders, kills=blows, interrupted=interrupted, killing=took, drained=drained)
    assert interrupted > 0  # else no kill has hit
    assert_survived(rig, senders, bodies, blows)
    assert rig.query("SELECT max(attempts) FROM integrations_delivery")[0][0] < MAX_ATTEMPTS


# PostgreSQL


def test_postgres_restarted_at_once_under_load(rig):
    """The sender tries again, as Salla does; what was acknowledged before or after is there."""
    bodies, senders = rig.orders(), Senders(rig.app)
    with senders.sending(bodies, per_second=50):
        for part in (1, 2):
            until(lambda part=part: len(senders.answers) >= part * EVENTS // 3, "answers", 30)
            restart_postgres(rig.supervisor, rig.place)
            back = time.monotonic()
    acknowledged = {answer.sha256 for answer in senders.answers if answer.status == 200}
    kept = [body for body in bodies if digest(body).hex() in acknowledged]
    stored, sent = rig.stored(kept), senders.statuses()
    refused = [body for body in bodies if digest(body).hex() not in acknowledged]
    again = Senders(rig.app)
    again.send(refused)
    drained = rig.wait(bodies)
    late = max(answer.at for answer in senders.answers if answer.status != 200) - back
    figures = {"acknowledged": len(acknowledged), "refused": len(refused), "drained": drained}
    tell("postgres restarted", senders, **figures, last_refusal_after_return=late)
    assert stored == len(acknowledged)
    assert sent == [200, 503]
    assert late < REFUSALS_END_SECONDS
    assert senders.slowest() < ANSWER_SECONDS
    assert again.statuses() in ([], [200])
    rig.assert_once(bodies)
    rig.supervisor.check()
