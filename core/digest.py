"""What the weekly digest says of a store: each app registers its part in its `digest.py`; who sends it knows none."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from core import clock
from core.models import Merchant

SUNDAY = 6  # of `weekday`: the Saudi week begins with it
DAYS = 7


@dataclass(frozen=True)
class Week:
    """Seven days of a store, from Sunday 00:00 to the next, on its own clock."""

    begins: datetime
    ends: datetime

    @property
    def last_day(self) -> date:
        return self.ends.date() - timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """A value beside its name; `definition` says what is counted. All in the reader's language."""

    name: str
    value: str
    definition: str = ""


@dataclass(frozen=True)
class Part:
    """Of one app. `is_news`: something happened that week; where no part has news, no digest goes out."""

    title: str
    lines: list[Line]
    is_news: bool


# In the reader's language; None where there is nothing to say.
Source = Callable[[Merchant, Week], Part | None]

_sources: dict[str, Source] = {}


def part(source: Source) -> Source:
    """Register a part of the digest; those of lower apps come first."""
    name = f"{source.__module__}.{source.__qualname__}"
    if name in _sources:
        raise ValueError(f"{name} is registered twice")
    _sources[name] = source
    return source


def parts(merchant: Merchant, week: Week) -> list[Part]:
    """Apps are listed from the roof down, and register in that order."""
    return [found for source in reversed(_sources.values()) if (found := source(merchant, week)) is not None]


def week_before(moment: datetime, zone_name: str) -> Week:
    """The last whole week at that moment, there."""
    zone = clock.zone(zone_name)
    today = moment.astimezone(zone).date()
    return week_until(today - timedelta(days=(today.weekday() - SUNDAY) % DAYS), zone_name)


def week_until(sunday: date, zone_name: str) -> Week:
    zone = clock.zone(zone_name)
    ends = datetime.combine(sunday, time(), tzinfo=zone)
    return Week(datetime.combine(sunday - timedelta(days=DAYS), time(), tzinfo=zone), ends)
