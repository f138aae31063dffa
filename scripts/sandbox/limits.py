"""Salla's rate limits: one leaky bucket a store by its plan, and one window for the customers endpoints."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scripts.sandbox.clock import Clock

PER_MINUTE = {"basic": 60, "plus": 120, "pro": 360, "special": 720}
LEAK_PER_SECOND = 1.0
CUSTOMERS_LIMIT = 500
CUSTOMERS_WINDOW = 600
ABUSE = 300
BLOCK_SECONDS = 60


@dataclass
class Verdict:
    """Whether a call may pass, and the headers that say so."""

    allowed: bool
    headers: dict[str, str]
    blocked: bool = False


@dataclass
class Bucket:
    level: float = 0.0
    at: float = 0.0
    refused: int = 0
    blocked_until: float = -math.inf


@dataclass
class Window:
    used: int = 0
    started: float = -math.inf


class Limits:
    """Counts every call of every store."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[int, Bucket] = {}
        self._windows: dict[int, Window] = {}

    def check(self, store_id: int, plan: str, *, customers: bool) -> Verdict:
        now = self._clock.rate_now()
        bucket = self._buckets.setdefault(store_id, Bucket(at=now))
        if bucket.blocked_until > now:
            return Verdict(False, {"Retry-After": str(math.ceil(bucket.blocked_until - now))}, blocked=True)
        verdict = self._pour(bucket, PER_MINUTE[plan], now)
        if customers and verdict.allowed:
            verdict = self._count(self._windows.setdefault(store_id, Window()), now)
        if not verdict.allowed:
            bucket.refused += 1
            if bucket.refused % ABUSE == 0:
                bucket.blocked_until = now + BLOCK_SECONDS
        return verdict

    def _pour(self, bucket: Bucket, limit: int, now: float) -> Verdict:
        bucket.level = max(0.0, bucket.level - (now - bucket.at) * LEAK_PER_SECOND)
        bucket.at = now
        allowed = bucket.level + 1 <= limit
        wait = 0
        if allowed:
            bucket.level += 1
        else:
            wait = max(1, math.ceil((bucket.level + 1 - limit) / LEAK_PER_SECOND))
        left = max(0, math.floor(limit - bucket.level))
        return self._verdict(allowed, limit, left, wait, math.ceil(bucket.level / LEAK_PER_SECOND))

    def _count(self, window: Window, now: float) -> Verdict:
        if now - window.started >= CUSTOMERS_WINDOW:
            window.used, window.started = 0, now
        allowed = window.used < CUSTOMERS_LIMIT
        if allowed:
            window.used += 1
        left = math.ceil(window.started + CUSTOMERS_WINDOW - now)
        return self._verdict(allowed, CUSTOMERS_LIMIT, CUSTOMERS_LIMIT - window.used, left, left)

    def _verdict(self, allowed: bool, limit: int, left: int, wait: int, until_reset: int) -> Verdict:
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(int(self._clock.now()) + until_reset),
        }
        if not allowed:
            headers["Retry-After"] = str(wait)
        return Verdict(allowed, headers)


class Patience:
    """Until when each store's callers were told to wait, and whether they do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[tuple[int, bool], float] = {}

    def told(self, store_id: int, headers: Mapping[str, str]) -> None:
        """By a 429 with these headers: of the customers' own limit, or of all calls."""
        of_customers = headers.get("X-RateLimit-Limit") == str(CUSTOMERS_LIMIT)
        until = self._clock.rate_now() + float(headers["Retry-After"])
        self._until[store_id, of_customers] = max(until, self._until.get((store_id, of_customers), until))

    def is_broken_by(self, store_id: int, *, customers: bool) -> bool:
        """Whether a call comes before that time is over."""
        kinds = (False, True) if customers else (False,)
        return any(self._until.get((store_id, kind), -math.inf) > self._clock.rate_now() for kind in kinds)
