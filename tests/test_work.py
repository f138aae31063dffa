"""Work rows: claimed once, tried a bounded number of times, never lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded

from core import clock, work
from core.models import Merchant
from events.models import Tick
from tests.ticks import START, Seen, outcome, raising, tick


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
class TestWork:
    def drain(self, run: Callable[[Any], None], **options: Any) -> bool:
        # The wall stands still, and so would the deadline.
        return work.drain(Tick.objects.all(), run, **options)

    def test_a_run_that_ends_is_processed(self) -> None:
        row, seen = tick(reason="an earlier failure"), Seen()
        assert self.drain(seen) is True
        assert (outcome(row), seen) == (("processed", 1, ""), ["job"])

    def test_due_rows_run_oldest_first_and_later_ones_wait(self) -> None:
        tick("second", due_at=START - timedelta(seconds=1))
        tick("first", due_at=START - timedelta(hours=1))
        later = tick("later", due_at=START + timedelta(seconds=1))
        seen = Seen()
        self.drain(seen)
        assert seen == ["first", "second"]
        assert outcome(later) == ("waiting", 0, "")

    def test_finished_rows_do_not_run(self) -> None:
        for state in ("processed", "ignored", "dead"):
            tick(state, state=state)
        seen = Seen()
        self.drain(seen)
        assert seen == []

    def test_nothing_to_do_is_no_failure(self) -> None:
        row = tick()
        self.drain(raising(work.IgnoredError("unknown store")))
        assert outcome(row) == ("ignored", 1, "unknown store")
        assert Merchant.objects.count() == 0

    def test_the_hopeless_die_at_once(self) -> None:
        row = tick()
        self.drain(raising(work.HopelessError("not JSON")))
        assert outcome(row) == ("dead", 1, "not JSON")

    def test_what_is_postponed_comes_back_then_and_has_not_failed(self, still: time_machine.Traveller) -> None:
        row = tick(attempts=work.MAX_ATTEMPTS - 1)
        self.drain(raising(work.PostponedError("not yet", 90)))
        assert outcome(row) == ("waiting", work.MAX_ATTEMPTS - 1, "not yet")
        assert Merchant.objects.count() == 0  # what the run did is undone
        still.shift(timedelta(seconds=89))
        seen = Seen()
        self.drain(seen)
        assert seen == []
        still.shift(timedelta(seconds=1))
        self.drain(seen)
        assert (outcome(row), seen) == (("processed", work.MAX_ATTEMPTS, ""), ["job"])

    def test_a_failure_is_undone_and_tried_again_later(self, still: time_machine.Traveller) -> None:
        row = tick()
        assert self.drain(raising(ValueError("no\0 luck"))) is True
        assert outcome(row) == ("waiting", 1, "ValueError: no luck")
        assert Merchant.objects.count() == 0
        assert timedelta(seconds=5) <= row.due_at - START <= timedelta(seconds=10)
        still.move_to(row.due_at)
        self.drain(Seen())
        assert outcome(row) == ("processed", 2, "")

    def test_one_failing_row_does_not_stop_the_others(self) -> None:
        bad, good = tick("bad", due_at=START - timedelta(seconds=1)), tick("good")
        self.drain(lambda row: raising(ValueError("no"))(row) if row.job == "bad" else None)
        assert [outcome(bad)[0], outcome(good)[0]] == ["waiting", "processed"]

    def test_pauses_double_up_to_an_hour_and_the_eleventh_failure_is_the_last(
        self, still: time_machine.Traveller
    ) -> None:
        row, longest = tick(), []
        for _ in range(10):
            self.drain(raising(ValueError("no")))
            row.refresh_from_db()
            assert row.state == "waiting"
            longest.append(row.due_at - clock.now())
            still.move_to(row.due_at)
        for pause, most in zip(longest, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600], strict=True):
            assert most / 2 <= pause.total_seconds() <= most
        self.drain(raising(KeyError("id")))
        assert outcome(row) == ("dead", 11, "KeyError: 'id'")
        assert work._pause(30) <= timedelta(hours=1)

    def test_an_attempt_is_counted_before_it_runs(self) -> None:
        """So that a worker that dies half way leaves a row that comes back, and not for ever."""
        row, held = tick(), []

        def run(claimed: Tick) -> None:
            held.append(Tick.objects.values_list("attempts", "due_at").get(pk=row.pk))

        self.drain(run)
        assert held[0][0] == 1
        assert held[0][1] > START

    def test_a_row_that_kills_every_worker_ends_dead(self) -> None:
        lost, blamed = tick("lost", attempts=11), tick("blamed", attempts=11, reason="MemoryError: ")
        seen = Seen()
        self.drain(seen)
        assert seen == []
        assert outcome(lost) == ("dead", 12, "its worker was lost every time")
        assert outcome(blamed) == ("dead", 12, "MemoryError: ")

    def test_a_run_that_takes_too_long_fails_and_ends_the_task(self) -> None:
        row = tick()
        with pytest.raises(SoftTimeLimitExceeded):
            self.drain(raising(SoftTimeLimitExceeded()))
        assert outcome(row) == ("waiting", 1, "took too long")

    def test_what_a_row_is_about_stays_known_when_it_fails(self) -> None:
        row = tick()

        def identify(claimed: Tick) -> None:
            Tick.objects.filter(pk=claimed.pk).update(job="known")

        self.drain(raising(ValueError("no")), identify=identify)
        assert outcome(row) == ("waiting", 1, "ValueError: no")
        assert row.job == "known"

    def test_identifying_may_end_it(self) -> None:
        row, seen = tick(), Seen()
        self.drain(seen, identify=raising(work.IgnoredError("event not used")))
        assert (outcome(row), seen) == (("ignored", 1, "event not used"), [])

    def test_a_row_that_somebody_else_finished_meanwhile_does_not_run(self) -> None:
        row, seen = tick(), Seen()

        def finish(claimed: Tick) -> None:
            Tick.objects.filter(pk=claimed.pk).update(state="processed", reason="by another")

        self.drain(seen, identify=finish)
        assert (seen, outcome(row)) == ([], ("processed", 1, "by another"))

    def test_time_runs_out(self) -> None:
        tick()
        assert self.drain(Seen(), seconds=0) is False

    def test_a_long_reason_is_cut(self) -> None:
        row = tick()
        self.drain(raising(work.HopelessError("x" * 900)))
        assert outcome(row) == ("dead", 1, "x" * 500)

    def test_replay_starts_over_what_is_finished(self) -> None:
        rows = [tick(state, state=state, attempts=8, reason="no") for state in ("processed", "ignored", "dead")]
        waiting = tick("waiting", attempts=3, reason="no", due_at=START + timedelta(hours=1))
        assert work.replay(Tick.objects.all()) == 3
        assert [outcome(row) for row in rows] == [("waiting", 0, "")] * 3
        assert {row.due_at for row in rows} == {START}
        assert outcome(waiting) == ("waiting", 3, "no")
