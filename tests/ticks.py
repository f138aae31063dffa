"""Work rows as the tests of work use them: the ticks of a job at a moment that stands still."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from core.models import Merchant
from events.models import Tick

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


def tick(job: str = "job", **values: Any) -> Tick:
    return Tick.objects.create(job=job, period=START, due_at=values.pop("due_at", START), **values)


def outcome(row: Tick) -> tuple[str, int, str]:
    row.refresh_from_db()
    return row.state, row.attempts, row.reason


def raising(error: BaseException) -> Callable[[Any], None]:
    def run(row: Any) -> None:
        Merchant.objects.create(salla_id=row.pk)
        raise error

    return run


class Seen(list[str]):
    def __call__(self, row: Tick) -> None:
        self.append(row.job)
