"""Writing facts down, keeping their log moving, and forgetting what is old or of a store that left."""

from datetime import datetime, timedelta

from core import clock, doorbell
from core.models import Merchant
from events import bus, tasks
from events.facts import Fact
from events.models import BadBatch, Event, Reaction, Tally, Tick

KEEP_TICKS = timedelta(days=7)
KEEP_BAD_BATCHES = timedelta(days=30)
KEEP_HOURS = timedelta(days=60)


def record(
    merchant: Merchant, fact: Fact, *, key: str, occurred_at: datetime | None = None, visitor_key: str = ""
) -> Event | None:
    """Write a fact once and wake its handlers after the commit; None when `key` is already recorded.

    Call it inside the transaction that makes the fact true.
    """
    event, is_new = merchant.events.get_or_create(
        key=key,
        defaults={
            "name": fact.name,
            "data": fact.model_dump(mode="json"),
            "occurred_at": occurred_at or clock.now(),
            "visitor_key": visitor_key,
        },
    )
    if not is_new:
        return None
    reactions = [Reaction(merchant=merchant, event=event, handler=name) for name in bus.handlers_of(fact.name)]
    if reactions:
        merchant.reactions.bulk_create(reactions)
        doorbell.ring(tasks.react)
    return event


def wake_reactions() -> None:
    """Ring for reactions whose doorbell was lost or whose next attempt has come."""
    doorbell.ring(tasks.react)


def forget_ticks() -> None:
    """Delete the ticks of periods long past."""
    Tick.objects.filter(period__lt=clock.now() - KEEP_TICKS).delete()


def wake_bad_batches() -> None:
    """Ring for the batches that staff want to be tried again."""
    doorbell.ring(tasks.write_bad_batches)


def forget_bad_batches() -> None:
    """Delete what was set aside long ago, with all that browsers said in it."""
    BadBatch.objects.filter(set_aside_at__lt=clock.now() - KEEP_BAD_BATCHES).delete()


def forget_hours() -> None:
    """Delete the tallies of hours long past; those of days stay."""
    Tally.unscoped.filter(period=Tally.Period.HOUR, starts_at__lt=clock.now() - KEEP_HOURS).delete()


def forget_visitors(merchant: Merchant) -> None:
    """Delete what the store's visitors did, one by one; tallies name nobody and stay."""
    merchant.storefront_events.all().delete()
    merchant.bad_batches.all().delete()
