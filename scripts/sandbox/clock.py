"""The sandbox's time: the real one plus the demo offset, and the date forms that Salla writes."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

RIYADH = timezone(timedelta(hours=3), "Asia/Riyadh")
DAY = 86_400


class Clock:
    """Real time plus an offset that the console's "+45 min" button moves."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.rate_speed = 1.0

    def now(self) -> float:
        return time.time() + self.offset

    def rate_now(self) -> float:
        """Time as the rate limits count it: it can be frozen (0) or sped up, and follows the demo offset."""
        return time.monotonic() * self.rate_speed + self.offset

    def advance(self, seconds: float) -> None:
        self.offset += seconds


def riyadh(at: float) -> datetime:
    return datetime.fromtimestamp(at, RIYADH)


def day_of(at: float) -> date:
    return riyadh(at).date()


def plain(at: float) -> str:
    """`2022-12-31 12:31:25`, Riyadh time, as in app events."""
    return riyadh(at).strftime("%Y-%m-%d %H:%M:%S")


def day(at: float) -> str:
    return riyadh(at).strftime("%Y-%m-%d")


def spoken(at: float) -> str:
    """`Tue Jan 21 2025 18:00:32 GMT+0300`, as in store events."""
    return riyadh(at).strftime("%a %b %d %Y %H:%M:%S GMT+0300")


def zulu(at: float) -> str:
    """`2021-10-09T21:00:00.000000Z`, as in subscriptions."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


def php(at: float) -> dict[str, Any]:
    """The serialised PHP date that most resources carry."""
    return {"date": f"{plain(at)}.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"}


def parse_store_time(text: str) -> float:
    """`YYYY-MM-DD[ HH:MM[:SS]]` in Riyadh time; ValueError when it is neither."""
    for pattern in ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"):
        try:
            return datetime.strptime(text.strip(), pattern).replace(tzinfo=RIYADH).timestamp()
        except ValueError:
            continue
    raise ValueError(text)
