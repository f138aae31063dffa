"""Work rows in steps outside of transactions, and two workers at one row."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, connections, transaction

from core import clock, work
from core.models import Merchant
from events.models import Tick
from tests.ticks import START, Seen, outcome, raising, tick


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
class TestSteps:
    def drain(self, step: Callable[[Any], bool]) -> bool:
        return work.drain_steps(Tick.objects.all(), step)

    def test_a_row_takes_steps_until_it_says_it_is_finished(self) -> None:
        row, left = tick(attempts=3), [False, False, True]
        assert self.drain(lambda _: left.pop(0)) is True
        assert (left, outcome(row)) == ([], ("processed", 1, ""))

    def test_rows_take_turns(self, still: time_machine.Traveller) -> None:
        tick("long"), tick("short", due_at=START + timedelta(seconds=1))
        still.shift(5)
        seen: list[str] = []

        def step(row: Tick) -> bool:
            seen.append(row.job)
            still.shift(1)
            return row.job == "short" or seen.count("long") == 3

        self.drain(step)
        assert seen == ["long", "short", "long", "long"]

    def test_a_step_runs_in_no_transaction_and_its_claim_is_written_before(self) -> None:
        row = tick()

        def step(claimed: Tick) -> bool:
            assert len(connections["default"].savepoint_ids) == depth
            assert outcome(row) == ("waiting", 1, "")
            assert row.due_at == START + work.LEASE
            return True

        depth = len(connections["default"].savepoint_ids)
        self.drain(step)
        assert outcome(row) == ("processed", 1, "")

    def test_a_failure_waits_and_the_eleventh_is_the_last(self, still: time_machine.Traveller) -> None:
        row = tick()

        def away(_: Tick) -> bool:
            raise work.FailedError("away")

        for _ in range(10):
            self.drain(away)
            assert outcome(row)[::2] == ("waiting", "away")
            assert row.due_at > clock.now()
            still.move_to(row.due_at)
        self.drain(raising(KeyError("id")))
        assert outcome(row) == ("dead", 11, "KeyError: 'id'")

    def test_a_step_that_goes_well_forgets_the_failures(self, still: time_machine.Traveller) -> None:
        row, ends = tick(), [True, False]
        self.drain(raising(work.FailedError("away")))
        row.refresh_from_db()
        still.move_to(row.due_at)
        self.drain(lambda _: ends.pop())
        assert outcome(row) == ("processed", 1, "")

    def test_a_postponed_step_is_no_failure(self) -> None:
        row = tick()
        self.drain(raising(work.PostponedError("busy", 90)))
        assert outcome(row) == ("waiting", 0, "busy")
        assert row.due_at == START + timedelta(seconds=90)

    @pytest.mark.parametrize(("error", "state"), [(work.IgnoredError, "ignored"), (work.HopelessError, "dead")])
    def test_a_step_may_end_its_row(self, error: type[Exception], state: str) -> None:
        row = tick()
        self.drain(raising(error("why")))
        assert outcome(row) == (state, 1, "why")

    def test_a_step_that_takes_too_long_fails_and_ends_the_task(self) -> None:
        row = tick()
        with pytest.raises(SoftTimeLimitExceeded):
            self.drain(raising(SoftTimeLimitExceeded()))
        assert outcome(row) == ("waiting", 1, "took too long")

    def test_a_lost_worker_leaves_a_row_that_comes_back_and_not_for_ever(self, still: time_machine.Traveller) -> None:
        row = tick()
        work._claim(Tick.objects.all(), lease=work.LEASE)  # and dies
        seen = Seen()
        self.drain(lambda claimed: not seen(claimed))
        assert seen == []
        still.shift(work.LEASE)
        self.drain(lambda claimed: not seen(claimed))
        assert (seen, outcome(row)) == (["job"], ("processed", 2, ""))
        lost = tick("lost", attempts=11)
        self.drain(lambda claimed: not seen(claimed))
        assert (seen, outcome(lost)) == (["job"], ("dead", 12, "its worker was lost every time"))

    @pytest.mark.parametrize("change", [{"state": "ignored"}, {"due_at": START}])
    def test_who_lost_the_claim_writes_nothing_down(self, change: dict[str, Any]) -> None:
        """The row was ended, or put back to work, while somebody was at it."""
        row, steps = tick(), []

        def step(claimed: Tick) -> bool:
            steps.append(claimed.pk)
            if len(steps) == 1:
                Tick.objects.filter(pk=row.pk).update(**change)
            with work.held(Tick.objects.all(), claimed) as locked:
                locked.job = f"step {len(steps)}"
                locked.save(update_fields=["job"])
            return True

        self.drain(step)
        is_again = "due_at" in change
        assert (len(steps), outcome(row)[0]) == ((2, "processed") if is_again else (1, "ignored"))
        assert row.job == ("step 2" if is_again else "job")

    def test_replay_leaves_a_row_whose_like_is_waiting(self, merchant: Merchant) -> None:
        same = {"kind": "store", "purpose": "upkeep"}
        dead = [merchant.syncs.create(**same, state="dead") for _ in range(2)]
        assert work.replay(merchant.syncs.all()) == 1
        assert sorted(merchant.syncs.values_list("state", flat=True)) == ["dead", "waiting"]
        assert work.replay(merchant.syncs.filter(pk__in=[row.pk for row in dead])) == 0


def elsewhere(run: Callable[[], None]) -> threading.Thread:
    """On a connection of its own, as another worker would."""

    def body() -> None:
        try:
            run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_a_locked_row_is_skipped(self) -> None:
        first, second = tick("first", due_at=START - timedelta(seconds=1)), tick("second")
        seen = Seen()
        with transaction.atomic():
            Tick.objects.select_for_update().get(pk=first.pk)
            elsewhere(lambda: work.drain(Tick.objects.all(), seen)).join(10)
        assert seen == ["second"]
        assert [outcome(first)[:2], outcome(second)[:2]] == [("waiting", 0), ("processed", 1)]

    def test_a_row_being_run_is_not_run_by_another(self) -> None:
        row, seen, ran = tick(), Seen(), Seen()

        def run(claimed: Tick) -> None:
            ran(claimed)
            elsewhere(lambda: work.drain(Tick.objects.all(), seen)).join(10)

        work.drain(Tick.objects.all(), run)
        assert (ran, seen, outcome(row)) == (["job"], [], ("processed", 1, ""))

    def test_a_second_run_of_one_row_waits_and_then_stands_back(self) -> None:
        """The first took longer than its pause, so that another worker claimed the row again."""
        row, ran = tick(), Seen()
        waited: list[bool] = []

        def slow(claimed: Tick) -> None:
            ran(claimed)
            second.start()
            waited.append(blocked())

        def fast() -> None:
            try:
                claimed = Tick.objects.get(pk=row.pk)
                work._run(Tick.objects.all(), claimed, ran, None)
            finally:
                connections.close_all()

        second = threading.Thread(target=fast)
        work.drain(Tick.objects.all(), slow)
        second.join(10)
        assert waited == [True]
        assert (ran, outcome(row)) == (["job"], ("processed", 1, ""))

    def test_four_workers_share_forty_rows(self) -> None:
        Tick.objects.bulk_create(Tick(job=f"job {n}", period=START, due_at=START) for n in range(40))
        seen = Seen()
        threads = [elsewhere(lambda: work.drain(Tick.objects.all(), seen)) for _ in range(4)]
        for thread in threads:
            thread.join(30)
        assert sorted(seen) == sorted(f"job {n}" for n in range(40))
        assert set(Tick.objects.values_list("state", "attempts")) == {("processed", 1)}


def blocked() -> bool:
    """Whether, within twenty seconds, another connection waits for our transaction to end."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
            )
            if cursor.fetchone()[0]:
                return True
    return False
