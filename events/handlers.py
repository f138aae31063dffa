"""What the fact log does by itself: sweeping up what a lost ring left, and forgetting old ticks."""

from events import services
from events.bus import every


@every(seconds=15)
def sweep_reactions() -> None:
    services.wake_reactions()


@every(hours=24)
def forget_ticks() -> None:
    services.forget_ticks()
