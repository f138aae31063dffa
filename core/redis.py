"""The connection to Redis for our own keys; Celery keeps its own."""

import time
from functools import cache
from typing import Any

from django.conf import settings
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis import TimeoutError as RedisTimeoutError
from redis.backoff import NoBackoff
from redis.retry import Retry

# A shopper or Salla is waiting: better no answer from Redis than a late one.
TIMEOUT_SECONDS = 0.25
# After a failure nobody else of this process pays the timeout for a while.
PAUSE_SECONDS = 1.0
MOST_BLOCKED_SECONDS = 1.0


class Client(Redis):
    """Redis that may hang or be gone: whoever asks within `PAUSE_SECONDS` of a failure is refused at once."""

    _paused_until = 0.0

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if time.monotonic() < self._paused_until:
            raise RedisConnectionError("Redis failed a moment ago")
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (RedisConnectionError, RedisTimeoutError):
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            raise


@cache
def client() -> Redis:
    """The process-wide client; every call may raise `redis.RedisError`."""
    return Client.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@cache
def patient_client() -> Redis:
    """For who reads much at once, or blocks for up to `MOST_BLOCKED_SECONDS`, and keeps nobody waiting."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=MOST_BLOCKED_SECONDS + 5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 0),
    )


def key(*parts: str) -> str:
    """A key of this installation: `nomo:bell:…`."""
    return settings.REDIS_PREFIX + ":".join(parts)
