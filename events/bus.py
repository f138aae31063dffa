"""Who wants to know: handlers of facts, periodic jobs and consumers of storefront batches, registered by decorators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from events import facts
from events.stream import Beacon

if TYPE_CHECKING:
    from events.models import Event

Handler = Callable[["Event"], None]
Job = Callable[[], None]
BatchConsumer = Callable[[Sequence[Beacon]], None]
F = TypeVar("F", bound=Callable[..., None])


@dataclass(frozen=True)
class Periodic:
    """A job and how often it runs."""

    name: str
    period: timedelta
    run: Job

    def period_of(self, moment: datetime) -> datetime:
        """The beginning of the period that `moment` lies in, counted from the epoch."""
        seconds = self.period.total_seconds()
        return datetime.fromtimestamp(moment.timestamp() // seconds * seconds, tz=moment.tzinfo)


_handlers: dict[str, dict[str, Handler]] = {}
_jobs: dict[str, Periodic] = {}
_consumers: dict[str, BatchConsumer] = {}


def on(*fact_names: str) -> Callable[[F], F]:
    """Register a handler of these facts: `@on("order.placed") def credit_order(event)`. Raises for an unknown fact."""
    unknown = set(fact_names) - facts.names()
    if unknown:
        raise ValueError(f"no such fact: {', '.join(sorted(unknown))}")

    def register(handler: F) -> F:
        for fact_name in fact_names:
            _add(_handlers.setdefault(fact_name, {}), handler)
        return handler

    return register


def every(*, seconds: int = 0, minutes: int = 0, hours: int = 0) -> Callable[[F], F]:
    """Register a job that runs once in each period, however many schedulers there are. Periods are ≥ 15 seconds."""
    period = timedelta(seconds=seconds, minutes=minutes, hours=hours)
    if period < timedelta(seconds=15):
        raise ValueError("the pulse beats every 15 seconds; no job can run more often")

    def register(job: F) -> F:
        _add(_jobs, job, Periodic(_name_of(job), period, job))
        return job

    return register


def on_batch(consumer: F) -> F:
    """Register a consumer that ingest calls with each batch of beacons, inside its transaction.

    It speaks to the database only: what it raises about one beacon sets that beacon aside (`events.models.BadBatch`).
    """
    _add(_consumers, consumer)
    return consumer


def handlers_of(fact_name: str) -> dict[str, Handler]:
    """Handlers by name."""
    return dict(_handlers.get(fact_name, {}))


def jobs() -> dict[str, Periodic]:
    """Periodic jobs by name."""
    return dict(_jobs)


def consumers() -> tuple[BatchConsumer, ...]:
    """Consumers of storefront batches."""
    return tuple(_consumers.values())


def _name_of(function: Callable[..., None]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _add(registry: dict[str, Any], function: Callable[..., None], entry: object = None) -> None:
    name = _name_of(function)
    if name in registry:
        raise ValueError(f"{name} is registered twice")
    registry[name] = entry or function
