"""What the fact log does by itself: sweeping up what a lost ring left, forgetting what is old, and making room."""

from events import partitions, services
from events.bus import every, on
from events.models import Event


@every(seconds=15)
def sweep_reactions() -> None:
    services.wake_reactions()


@every(seconds=15)
def sweep_bad_batches() -> None:
    services.wake_bad_batches()


@every(hours=24)
def forget_ticks() -> None:
    services.forget_ticks()


@every(hours=6)
def make_partitions() -> None:
    partitions.create_ahead()


@every(hours=6)
def drop_partitions() -> None:
    partitions.drop_old()


@every(hours=24)
def forget_bad_batches() -> None:
    services.forget_bad_batches()


@every(hours=24)
def forget_hours() -> None:
    services.forget_hours()


@on("store.purged")
def forget_visitors(event: Event) -> None:
    services.forget_visitors(event.merchant)
