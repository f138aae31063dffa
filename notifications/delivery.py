"""The way of one message to its provider: claimed, made whole, allowed once more, given away once, and written down.

Three short transactions: the claim, which a worker that dies loses after `LEASE`; the start, which asks the policy and
commits that the message is on its way; the outcome. Nothing is asked of a provider inside of any. A message that is
found on its way later than anybody can still be giving it away ends as unknown, and is never given away again.
"""

import logging
import random
import time
from datetime import timedelta
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import models, transaction

from core import clock, logs
from notifications import policy, wording
from notifications.models import Message
from notifications.providers.contract import Kind, Provider, ProviderError, UnknownOutcomeError
from notifications.providers.email import EmailProvider
from notifications.reasons import Why
from visitors import suppressions
from visitors.models import Channel, Suppression

log = logging.getLogger(__name__)

State = Message.State
WAITING = (State.QUEUED, State.DEFERRED)
# Longer than any task may take.
LEASE = timedelta(minutes=2)
# A provider that says "later", or words that could not be made: about five hours.
MAX_ATTEMPTS = 8
FIRST_PAUSE, LONGEST_PAUSE = 60, 2 * 3600
# A provider that is not reached was given nothing: the message waits for it, until it is old news.
AWAY_PAUSE, AWAY_FOR = timedelta(minutes=5), timedelta(days=3)

PROVIDERS: dict[str, Provider] = {Channel.EMAIL: EmailProvider()}
_WHY = {
    Kind.RETRY_LATER: Why.LATER,
    Kind.PERMANENT_RECIPIENT: Why.NO_RECIPIENT,
    Kind.PERMANENT_CONTENT: Why.BAD_CONTENT,
    Kind.ACCOUNT: Why.ACCOUNT,
}


def drain(rows: models.QuerySet[Message], *, seconds: float = 20) -> bool:
    """Send what is due, oldest first, for up to `seconds`; returns whether none was left."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = _claim(rows)
        if row is None:
            return True
        with logs.about(message=row.pk, merchant=row.merchant_id):
            _deliver(row)
    return False


def give_up_lost(rows: models.QuerySet[Message]) -> int:
    """Whose worker died between the start and the outcome: nobody knows, so nobody sends it again."""
    lost = rows.filter(state=State.SENDING, started_at__lt=clock.now() - LEASE)
    return lost.update(state=State.UNKNOWN, reason=Why.UNKNOWN, ended_at=clock.now())


@transaction.atomic
def _claim(rows: models.QuerySet[Message]) -> Message | None:
    due = rows.filter(state__in=WAITING, due_at__lte=clock.now())
    row = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at", "pk").first()
    if row is not None:
        row.attempts += 1
        row.due_at = clock.now() + LEASE
        row.save(update_fields=["attempts", "due_at"])
    return row


def _deliver(row: Message) -> None:
    try:
        _attempt(row)
    except ProviderError as refusal:
        _refused(row, refusal)
    except UnknownOutcomeError as error:
        log.warning("message %s: %s", row.pk, error)
        _end(row, State.UNKNOWN, Why.UNKNOWN)
    except SoftTimeLimitExceeded:
        _broke_off(row)
        raise
    except Exception:  # its failure belongs to the message; the others go on
        log.exception("message %s failed, attempt %s", row.pk, row.attempts)
        _broke_off(row)


def _attempt(row: Message) -> None:
    provider = PROVIDERS.get(row.channel)
    reason = policy.refusal(row) or ("" if provider else Why.NO_PROVIDER)
    if provider is None or reason or row.contact is None:
        _end(row, State.SKIPPED, reason)
        return
    message = provider.make(row.contact.value, wording.rendered(row))
    with provider.opened() as way:
        if _start(row):
            receipt = way.give(message)
            _end(row, State.ACCEPTED, "", provider=provider.slug, provider_id=receipt.provider_id)


@transaction.atomic
def _start(row: Message) -> bool:
    """Whether the message goes out now. Whatever was withdrawn, erased or suppressed up to here keeps it back."""
    mine = row.merchant.messages.select_for_update(of=("self",)).select_related("merchant", "contact")
    held = mine.filter(pk=row.pk, state__in=WAITING, due_at=row.due_at).first()
    if held is None:
        log.info("message %s: somebody else has it", row.pk)
        return False
    if reason := policy.refusal(held):
        _end(row, State.SKIPPED, reason)
        return False
    row.state, row.started_at = State.SENDING, clock.now()
    row.save(update_fields=["state", "started_at"])
    return True


def _refused(row: Message, refusal: ProviderError) -> None:
    """The provider's no: later, or never, and never again to an address that it does not know."""
    log.warning("message %s: refused as %s: %s", row.pk, refusal.kind, refusal.answer)
    if refusal.kind == Kind.RETRY_LATER:
        _later(row, refusal)
        return
    _end(row, State.FAILED, _WHY[refusal.kind], answer=refusal.answer)
    if refusal.kind == Kind.PERMANENT_RECIPIENT and row.contact is not None and row.contact.value:
        channels, reason = [Channel(row.channel)], Suppression.Reason.BOUNCED
        suppressions.suppress(row.merchant, value=row.contact.value, channels=channels, reason=reason)


def _later(row: Message, refusal: ProviderError) -> None:
    if row.started_at is None:
        is_over = clock.now() - row.created_at >= AWAY_FOR
        pause, why, attempts = AWAY_PAUSE, Why.SERVER_AWAY, row.attempts - 1
    else:
        is_over = row.attempts >= MAX_ATTEMPTS
        pause, why, attempts = _pause(row.attempts), Why.LATER, row.attempts
    if is_over:
        _end(row, State.FAILED, why, answer=refusal.answer)
    else:
        _move(row, state=State.QUEUED, reason=why, answer=refusal.answer, attempts=attempts, pause=pause)


def _broke_off(row: Message) -> None:
    """Our own mistake, or our time was up: what was on its way may have been taken."""
    if row.started_at is not None:
        _end(row, State.UNKNOWN, Why.UNKNOWN)
    elif row.attempts >= MAX_ATTEMPTS:
        _end(row, State.FAILED, Why.BROKEN)
    else:
        _move(row, state=State.QUEUED, reason=Why.BROKEN, pause=_pause(row.attempts))


def _pause(attempt: int) -> timedelta:
    longest = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret


def _end(row: Message, state: str, reason: str, **columns: Any) -> None:
    _move(row, state=state, reason=reason, ended_at=clock.now(), **columns)


def _move(row: Message, *, pause: timedelta | None = None, **columns: Any) -> None:
    """Only from where this worker left it: whoever else has ended it, or has it now, keeps it."""
    if pause is not None:
        columns |= {"due_at": clock.now() + pause, "started_at": None}
    row.merchant.messages.filter(pk=row.pk, state=row.state, due_at=row.due_at).update(**columns)
