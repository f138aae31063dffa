"""The doorbell: after the commit, never in anybody's way, harmless without Redis."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from celery.signals import task_prerun
from django.db import transaction

from core import doorbell, redis
from core.models import Merchant
from events.tasks import react

REAL_PUBLISH = doorbell._publish  # taken before conftest's bell replaces it


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Callable[..., None]]:
    """Rings go to a real broker: the tests' own, or the one at an address that a test gives."""
    monkeypatch.setattr(doorbell, "_publish", REAL_PUBLISH)
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    monkeypatch.setattr(doorbell, "_hushed_until", {})
    monkeypatch.setattr(doorbell, "HUSH_SECONDS", 0.0)  # it has tests of its own
    conf, ours = current_app.conf, settings.REDIS_URL
    before = {name: conf[name] for name in ("broker_url", "broker_write_url", "broker_transport_options")}
    options = {**before["broker_transport_options"], "global_keyprefix": settings.REDIS_PREFIX}

    def use(url: str, keys: str = "") -> None:
        settings.REDIS_URL = keys or url
        conf.update(broker_url=url, broker_write_url=url, broker_transport_options=options)
        forget_connections()

    use(ours)
    yield use
    settings.REDIS_URL = ours
    conf.update(before)
    forget_connections()


def forget_connections() -> None:
    redis.client.cache_clear()
    doorbell._connection.cache_clear()


def queued(settings: Any) -> int:
    return redis.client().llen(settings.REDIS_PREFIX + "celery")


def ring_now() -> float:
    """Rings outside any transaction; returns the seconds it took."""
    start = time.monotonic()
    doorbell.ring(react)
    return time.monotonic() - start


@pytest.fixture
def hung() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def refused() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


@pytest.mark.django_db(transaction=True)
class TestDoorbell:
    def test_many_rings_wake_one_worker(self, broker: Any, settings: Any) -> None:
        for _ in range(5):
            ring_now()
        assert queued(settings) == 1

    def test_it_rings_again_once_the_task_has_begun(self, broker: Any, settings: Any) -> None:
        ring_now()
        task_prerun.send(sender=react, task=react, task_id="1", args=(), kwargs={})
        ring_now()
        assert queued(settings) == 2

    def test_a_hushed_ring_is_dropped_unasked(
        self, broker: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doorbell, "HUSH_SECONDS", 3600.0)
        ring_now()
        redis.client().delete(redis.key("bell", "events.tasks.react"))
        ring_now()
        assert queued(settings) == 1
        doorbell.ring(current_app.tasks["events.tasks.pulse"])
        assert queued(settings) == 2

    def test_a_task_waits_out_the_hush_that_dropped_rings(self, broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doorbell, "HUSH_SECONDS", 0.02)
        waits: list[float] = []
        monkeypatch.setattr(doorbell.time, "sleep", waits.append)
        task_prerun.send(sender=react, task=react, task_id="1", args=(), kwargs={})
        assert waits == []  # nobody rang
        ring_now()
        task_prerun.send(sender=react, task=react, task_id="2", args=(), kwargs={})
        assert waits == [0.02]

    def test_each_task_has_its_own_bell(self, broker: Any, settings: Any) -> None:
        ring_now()
        doorbell.ring(current_app.tasks["events.tasks.pulse"])
        assert queued(settings) == 2

    def test_a_lost_ring_is_not_waited_for_long(self, broker: Any) -> None:
        ring_now()
        left = redis.client().pttl(redis.key("bell", "events.tasks.react"))
        assert 0 < left <= 10_000

    def test_it_waits_for_the_commit(self, broker: Any, settings: Any) -> None:
        with transaction.atomic():
            doorbell.ring(react)
            assert queued(settings) == 0
        assert queued(settings) == 1

    def test_a_rollback_rings_nothing(self, broker: Any, settings: Any) -> None:
        with transaction.atomic():
            doorbell.ring(react)
            transaction.set_rollback(True)
        assert queued(settings) == 0

    @pytest.mark.parametrize("kind", ["hung", "refused"])
    def test_a_broken_broker_costs_little_once(
        self, kind: str, broker: Any, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
    ) -> None:
        broker(request.getfixturevalue(kind))
        assert ring_now() <= 0.6
        assert [record.getMessage().split(": ")[:2] for record in caplog.records] == [
            ["doorbell", "events.tasks.react not rung"]
        ]
        assert sum(ring_now() for _ in range(20)) < 0.2  # silent for a while: not one of them asks again
        assert len(caplog.records) == 1

    def test_a_broker_that_hangs_after_the_mark_costs_little(
        self, broker: Any, hung: str, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Our own key is written, then publishing meets a dead end."""
        broker(hung, keys=settings.REDIS_URL)
        assert ring_now() <= 0.6
        assert len(caplog.records) == 1
        assert redis.client().exists(redis.key("bell", "events.tasks.react")) == 1

    def test_after_the_silence_it_tries_again(
        self, broker: Any, refused: str, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = settings.REDIS_URL
        broker(refused)
        ring_now()
        broker(ours)
        ring_now()
        assert queued(settings) == 0
        later = time.monotonic() + doorbell.SILENT_SECONDS
        monkeypatch.setattr(doorbell.time, "monotonic", lambda: later)
        doorbell.ring(react)
        assert queued(settings) == 1

    def test_the_callers_work_is_committed_all_the_same(self, broker: Any, refused: str) -> None:
        broker(refused)
        with transaction.atomic():
            Merchant.objects.create(salla_id=1)
            doorbell.ring(react)
        assert Merchant.objects.count() == 1

    def test_even_a_bug_in_the_bell_does_not_reach_the_caller(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor the hooks that come after it."""
        monkeypatch.setattr(doorbell, "_pending", lambda name: name / 0)
        monkeypatch.setattr(doorbell.log, "warning", lambda *args: args[9])
        monkeypatch.setattr(doorbell, "_silent_until", 0.0)
        monkeypatch.setattr(doorbell, "_hushed_until", {})
        ran: list[str] = []
        with transaction.atomic():
            doorbell.ring(react)
            transaction.on_commit(lambda: ran.append("after"))
        assert ran == ["after"]

    def test_a_task_begins_even_if_its_bell_cannot_be_answered(
        self, broker: Any, refused: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        broker(refused)
        task_prerun.send(sender=react, task=react, task_id="1", args=(), kwargs={})
        assert [r.getMessage() for r in caplog.records] == [
            "doorbell: events.tasks.react not answered: ConnectionError"
        ]
