"""Rows that are work: claimed with SKIP LOCKED, tried a bounded number of times, never lost, never run twice at once.

The attempt is counted, and the next one scheduled, before the row runs; so a worker that dies leaves a row that comes
back by itself, and one that kills every worker ends as dead instead of looping.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import clock, logs

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 11  # about three hours with the pauses below
FIRST_RETRY_SECONDS = 10
LONGEST_RETRY_SECONDS = 3600
MAX_REASON = 500
# Of a row whose steps run outside of transactions; longer than any task may take.
LEASE = timedelta(minutes=2)


class Work(models.Model):
    """State, attempts and the moment of the next one."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        PROCESSED = "processed", _("Processed")
        IGNORED = "ignored", _("Ignored")
        DEAD = "dead", _("Dead")

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due"), default=clock.now)
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True)

    class Meta:
        abstract = True
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="%(app_label)s_%(class)s_due")
        ]


class IgnoredError(Exception):
    """Raised by a run: nothing to do, and this is why. Not an error."""


class HopelessError(Exception):
    """Raised by a run: no retry can help, and this is why."""


class FailedError(Exception):
    """Raised by a step: it failed in a way that is known, and the reason is fit to be shown."""


class PostponedError(Exception):
    """Raised by a run or a step: not before `seconds` from now, and this is why. Not a failure."""

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.seconds = seconds


class LostClaimError(Exception):
    """Raised by `held`: the row was ended, or put back to work, while somebody worked on it."""


W = TypeVar("W", bound=Work)


def drain(
    rows: models.QuerySet[W],
    run: Callable[[W], None],
    *,
    identify: Callable[[W], None] | None = None,
    seconds: float = 20,
) -> bool:
    """Run every due row, oldest first, for up to `seconds`; returns whether none was left.

    `run(row)` has its own transaction, which also marks the row processed: both happen or neither. `identify(row)`
    comes before it and stays even if the run fails, so that staff see what the row is about.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = _claim(rows)
        if row is None:
            return True
        with _named_in_logs(row):
            _run(rows, row, run, identify)
    return False


def drain_steps(rows: models.QuerySet[W], step: Callable[[W], bool], *, seconds: float = 20) -> bool:
    """Take one step of each due row in turn, for up to `seconds`; returns whether none was left.

    For rows that talk to others, which no transaction may wait for. `step(row)` runs outside of any, writes down what
    it did inside `held`, and says whether the row is finished. A claim lasts for `LEASE`: a worker that dies leaves its
    row to come back after that. After a step that went well a row stands behind the other due ones, its attempts
    forgotten, so that long rows share the workers and only what fails again and again is given up.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = _claim(rows, lease=LEASE)
        if row is None:
            return True
        with _named_in_logs(row):
            _take_step(rows, row, step)
    return False


def _named_in_logs(row: Work) -> AbstractContextManager[object]:
    return logs.about(work=row._meta.label_lower, row=row.pk, merchant=getattr(row, "merchant_id", None))


@contextmanager
def held(rows: models.QuerySet[W], row: W) -> Iterator[W]:
    """The claimed row, fresh and locked, in a transaction of its own. Raises `LostClaimError`."""
    with transaction.atomic():
        locked = rows.select_for_update(of=("self",)).filter(pk=row.pk, **_claim_of(row)).first()
        if locked is None:
            raise LostClaimError
        yield locked


def replay(rows: models.QuerySet[W], anew: Mapping[str, Any] | None = None) -> int:
    """Put finished rows back to work; returns how many. One whose like is waiting already stays.

    `anew` are columns as a new row has them: what was processed starts from there, what was given up goes on.
    """
    finished = rows.exclude(state=Work.State.WAITING)
    try:
        return _revive(finished, anew)
    except IntegrityError:
        return sum(_revive_alone(finished.filter(pk=pk), anew) for pk in finished.values_list("pk", flat=True))


def _revive(rows: models.QuerySet[W], anew: Mapping[str, Any] | None) -> int:
    with transaction.atomic():
        if anew:
            rows.filter(state=Work.State.PROCESSED).update(**anew)
        return rows.update(state=Work.State.WAITING, attempts=0, due_at=clock.now(), reason="")


def _revive_alone(row: models.QuerySet[W], anew: Mapping[str, Any] | None) -> int:
    try:
        return _revive(row, anew)
    except IntegrityError:
        return 0


@transaction.atomic
def _claim(rows: models.QuerySet[W], lease: timedelta | None = None) -> W | None:
    due = rows.filter(state=Work.State.WAITING, due_at__lte=clock.now())
    row = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "pk").first()
    if row is not None:
        row.attempts += 1
        row.due_at = clock.now() + (lease or _pause(row.attempts))
        row.save(update_fields=["attempts", "due_at"])
    return row


def _pause(attempt: int) -> timedelta:
    longest = min(FIRST_RETRY_SECONDS * 2 ** (attempt - 1), LONGEST_RETRY_SECONDS)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret


def _run(rows: models.QuerySet[W], row: W, run: Callable[[W], None], identify: Callable[[W], None] | None) -> None:
    if row.attempts > MAX_ATTEMPTS:
        _finish(rows, row, Work.State.DEAD, row.reason or gettext_noop("its worker was lost every time"))
        return
    try:
        if identify is not None:
            identify(row)
        with transaction.atomic():
            locked = rows.select_for_update(of=("self",)).get(pk=row.pk)
            if locked.state == Work.State.WAITING:
                run(locked)
                locked.state, locked.reason = Work.State.PROCESSED, ""
                locked.save(update_fields=["state", "reason"])
    except IgnoredError as reason:
        _finish(rows, row, Work.State.IGNORED, str(reason))
    except HopelessError as reason:
        _finish(rows, row, Work.State.DEAD, str(reason))
    except PostponedError as reason:
        waiting = rows.filter(state=Work.State.WAITING)
        _come_back(waiting, row, timedelta(seconds=reason.seconds), str(reason), attempts=row.attempts - 1)
    except SoftTimeLimitExceeded:
        _failed(rows, row, gettext_noop("took too long"))
        raise
    except Exception as error:  # a handler's failure belongs to its row; the others go on
        log.exception("%s %s failed, attempt %s", row._meta.label, row.pk, row.attempts)
        _failed(rows, row, logs.masked(f"{type(error).__name__}: {error}"))


def _claim_of(row: Work) -> dict[str, Any]:
    """What a claimed row looks like until its claim is over: each claim has a moment of its own."""
    return {"state": Work.State.WAITING, "due_at": row.due_at}


def _take_step(rows: models.QuerySet[W], row: W, step: Callable[[W], bool]) -> None:
    mine = rows.filter(**_claim_of(row))
    if row.attempts > MAX_ATTEMPTS:
        _finish(mine, row, Work.State.DEAD, row.reason or gettext_noop("its worker was lost every time"))
        return
    try:
        is_finished = step(row)
    except (PostponedError, LostClaimError, IgnoredError, HopelessError) as end:
        _step_ended(mine, row, end)
    except FailedError as reason:
        log.warning("%s %s failed, attempt %s: %s", row._meta.label, row.pk, row.attempts, reason.__cause__)
        _step_failed(mine, row, str(reason))
    except SoftTimeLimitExceeded:
        _step_failed(mine, row, gettext_noop("took too long"))
        raise
    except Exception as error:  # a row's failure belongs to it; the others go on
        log.exception("%s %s failed, attempt %s", row._meta.label, row.pk, row.attempts)
        _step_failed(mine, row, logs.masked(f"{type(error).__name__}: {error}"))
    else:
        if is_finished:
            _finish(mine, row, Work.State.PROCESSED, "")
        else:
            _come_back(mine, row, timedelta(0), "", attempts=0)


def _step_ended(mine: models.QuerySet[W], row: W, end: Exception) -> None:
    if isinstance(end, PostponedError):
        _come_back(mine, row, timedelta(seconds=end.seconds), str(end), attempts=row.attempts - 1)
    elif isinstance(end, LostClaimError):
        log.info("%s %s: somebody else has it", row._meta.label, row.pk)
    else:
        state = Work.State.DEAD if isinstance(end, HopelessError) else Work.State.IGNORED
        _finish(mine, row, state, str(end))


def _step_failed(mine: models.QuerySet[W], row: W, reason: str) -> None:
    if row.attempts >= MAX_ATTEMPTS:
        _finish(mine, row, Work.State.DEAD, reason)
    else:
        _come_back(mine, row, _pause(row.attempts), reason, attempts=row.attempts)


def _come_back(mine: models.QuerySet[W], row: W, pause: timedelta, reason: str, *, attempts: int) -> None:
    text = reason.replace("\0", "")[:MAX_REASON]
    mine.filter(pk=row.pk).update(due_at=clock.now() + pause, reason=text, attempts=max(0, attempts))


def _failed(rows: models.QuerySet[W], row: W, reason: str) -> None:
    state = Work.State.DEAD if row.attempts >= MAX_ATTEMPTS else Work.State.WAITING
    _finish(rows, row, state, reason)


def _finish(rows: models.QuerySet[W], row: W, state: str, reason: str) -> None:
    text = reason.replace("\0", "")[:MAX_REASON]
    rows.filter(pk=row.pk, state=Work.State.WAITING).update(state=state, reason=text)
