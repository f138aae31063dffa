"""What the front door does by itself."""

from datetime import timedelta

from events.bus import every, on
from events.models import Event
from integrations import services
from integrations.models import Sync


@on("store.connected")
def read_store(event: Event) -> None:
    services.begin_reading(event.merchant)


@every(seconds=15)
def sweep_syncs() -> None:
    services.sweep_syncs()


@every(hours=1)
def refresh_idle_tokens() -> None:
    services.refresh_idle_tokens()


@every(seconds=15)
def sweep_deliveries() -> None:
    services.sweep_deliveries()


@every(hours=1)
def check_recent() -> None:
    """Salla forgets a webhook after three retries in about 15 minutes: what it did not bring is read."""
    services.check_all(Sync.Purpose.CHECK, window=timedelta(days=2), within=timedelta(hours=1))


@every(hours=24)
def check_history() -> None:
    """Also older orders change. Readings of their own: the hourly ones neither wait for them nor hurry them."""
    services.check_all(Sync.Purpose.UPKEEP, window=services.HISTORY, within=timedelta(hours=6))


@every(hours=24)
def check_plans() -> None:
    """A lost event must not cost a merchant what he paid for."""
    services.check_plans(within=timedelta(hours=6))


@every(minutes=5)
def review_standings() -> None:
    services.review_standings()


@every(minutes=15)
def sweep_purges() -> None:
    """Often, because one that failed has its own moment to be tried again."""
    services.sweep_purges()


@every(hours=24)
def forget_readings() -> None:
    services.forget_readings()


@every(hours=24)
def forget_bodies() -> None:
    services.forget_bodies()
