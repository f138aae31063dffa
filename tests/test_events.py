"""The fact log and its bus: once only, after the commit, one failure alone, any number of schedulers."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from core.models import Merchant
from core.work import Work
from events import bus, facts
from events.models import Event, Reaction, Tick
from events.services import forget_ticks, record
from events.tasks import pulse, react

pytestmark = pytest.mark.django_db

FACT = facts.CustomerLoggedIn(customer_id=7)


@pytest.fixture(autouse=True)
def _registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handlers and jobs that a test registers are gone after it, and none of the product's run here."""
    monkeypatch.setattr(bus, "_handlers", {})
    monkeypatch.setattr(bus, "_jobs", {})
    monkeypatch.setattr(bus, "_consumers", {})


@pytest.fixture
def heard() -> list[str]:
    """What the handlers of this test heard."""
    events: list[str] = []

    @bus.on("customer.logged_in")
    def greet(event: Event) -> None:
        events.append(f"greet {event.key}")

    @bus.on("customer.logged_in")
    def count(event: Event) -> None:
        events.append(f"count {event.key}")

    return events


def test_a_fact_is_recorded_once(merchant: Merchant, heard: list[str]) -> None:
    first = record(merchant, FACT, key="login:1")
    again = record(merchant, FACT, key="login:1")
    assert first is not None
    assert again is None
    assert merchant.events.get().fact == FACT
    react()
    react()
    assert sorted(heard) == ["count login:1", "greet login:1"]


def test_the_same_key_is_free_in_another_store(merchant: Merchant, other_merchant: Merchant) -> None:
    assert record(merchant, FACT, key="login:1") is not None
    assert record(other_merchant, FACT, key="login:1") is not None


@pytest.mark.django_db(transaction=True)
def test_handlers_are_rung_for_after_the_commit_only(merchant: Merchant, heard: list[str], bell: list[str]) -> None:
    with transaction.atomic():
        record(merchant, FACT, key="login:1")
        assert bell == []
    assert bell == ["events.tasks.react"]

    with transaction.atomic():
        record(merchant, FACT, key="login:2")
        transaction.set_rollback(True)
    assert list(merchant.events.values_list("key", flat=True)) == ["login:1"]
    assert bell == ["events.tasks.react"]


def test_a_fact_that_nobody_wants_rings_nothing(merchant: Merchant, bell: list[str]) -> None:
    assert record(merchant, FACT, key="login:1") is not None
    assert Reaction.unscoped.count() == 0
    assert bell == []


def test_a_failing_handler_retries_alone(merchant: Merchant, heard: list[str]) -> None:
    @bus.on("customer.logged_in")
    def fail(event: Event) -> None:
        raise ValueError("no such thing")

    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        record(merchant, FACT, key="login:1")
        react()
        assert sorted(heard) == ["count login:1", "greet login:1"]
        failed = merchant.reactions.get(state=Work.State.WAITING)
        assert (failed.attempts, failed.reason) == (1, "ValueError: no such thing")
        for _ in range(13):
            clock.shift(timedelta(hours=1))
            react()
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == (Work.State.DEAD, 11)
    assert sorted(heard) == ["count login:1", "greet login:1"]


def test_a_handler_that_fails_leaves_nothing_behind(merchant: Merchant) -> None:
    @bus.on("customer.logged_in")
    def half(event: Event) -> None:
        record(merchant, facts.CustomerRegistered(customer_id=8), key="half")
        raise ValueError

    record(merchant, FACT, key="login:1")
    react()
    assert not merchant.events.filter(key="half").exists()


def test_a_handler_that_is_gone_is_no_error(
    merchant: Merchant, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(merchant, FACT, key="login:1")
    monkeypatch.setattr(bus, "_handlers", {})
    react()
    assert set(merchant.reactions.values_list("state", "reason")) == {("ignored", "no such handler any more")}
    assert heard == []


def test_the_bus_refuses_mistakes() -> None:
    with pytest.raises(ValueError, match=r"no such fact: order\.eaten"):
        bus.on("order.eaten")
    with pytest.raises(ValueError, match="15 seconds"):
        bus.every(seconds=5)

    @bus.on("order.placed")
    def once(event: Event) -> None: ...

    with pytest.raises(ValueError, match="registered twice"):
        bus.on("order.placed")(once)


def test_batch_consumers_come_in_order_of_registration() -> None:
    @bus.on_batch
    def visits(batch: object) -> None: ...

    @bus.on_batch
    def touches(batch: object) -> None: ...

    assert bus.consumers() == (visits, touches)


def test_a_job_runs_once_a_period_however_often_the_pulse_beats() -> None:
    runs: list[str] = []

    @bus.every(minutes=5)
    def tidy() -> None:
        runs.append("tidy")

    with time_machine.travel(datetime(2026, 1, 1, 10, 2, tzinfo=UTC), tick=False) as clock:
        for _ in range(3):
            pulse()
        assert runs == ["tidy"]
        clock.move_to(datetime(2026, 1, 1, 10, 4, 59, tzinfo=UTC))
        pulse()
        assert runs == ["tidy"]
        clock.move_to(datetime(2026, 1, 1, 10, 5, tzinfo=UTC))
        pulse()
        pulse()
    assert runs == ["tidy", "tidy"]
    assert list(Tick.objects.order_by("period").values_list("period", flat=True)) == [
        datetime(2026, 1, 1, 10, 0, tzinfo=UTC),
        datetime(2026, 1, 1, 10, 5, tzinfo=UTC),
    ]


def test_ticks_are_forgotten_after_a_week() -> None:
    with time_machine.travel(datetime(2026, 1, 8, 10, tzinfo=UTC), tick=False):
        Tick.objects.create(job="a", period=datetime(2026, 1, 1, 9, 59, tzinfo=UTC))
        Tick.objects.create(job="a", period=datetime(2026, 1, 1, 10, tzinfo=UTC))
        forget_ticks()
    assert Tick.objects.get().period == datetime(2026, 1, 1, 10, tzinfo=UTC)
