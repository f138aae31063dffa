"""The connection to Redis for our own keys; Celery keeps its own."""

from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

# A shopper or Salla is waiting: better no answer from Redis than a late one.
TIMEOUT_SECONDS = 0.25


@cache
def client() -> Redis:
    """The process-wide client; every call may raise `redis.RedisError`."""
    return Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


def key(*parts: str) -> str:
    """A key of this installation: `nomo:bell:…`."""
    return settings.REDIS_PREFIX + ":".join(parts)
