"""When a store's pages last asked for their config: the proof that Salla serves our snippet there.

Kept in Redis alone: it is only told to the merchant, and the next shopper says it again.
"""

import logging
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from redis import RedisError

from core import clock, redis
from core.memory import Memory

log = logging.getLogger(__name__)

EVERY_SECONDS = 60.0  # a note of each store and process
KEPT_SECONDS = 30 * 86_400
STORES_NOTED = 10_000

# Stores that this process has just noted.
_noted: Memory[int, bool] = Memory(seconds=EVERY_SECONDS, most=STORES_NOTED)


def note(salla_id: int, origin: str | None) -> None:
    """A browser on a page at `origin` asked; our own pages and programs do not count."""
    if origin is None or _noted.get(salla_id):
        return
    if _host(origin) in {"", _host(settings.PUBLIC_URL)}:
        return
    _noted.put(salla_id, True)
    try:
        redis.client().set(_key(salla_id), int(clock.now().timestamp()), ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("script seen: %s", type(error).__name__)


def last(salla_id: int) -> datetime | None:
    """None where it was not seen for a month. Raises `RedisError`: then nobody knows."""
    found = redis.client().get(_key(salla_id))
    return datetime.fromtimestamp(int(found), tz=UTC) if found else None


def remembered_since() -> datetime:
    """Since when Redis has kept what was seen: who asks how long something was not seen asks this too.

    Raises `RedisError`.
    """
    redis.client().set(_key("since"), int(clock.now().timestamp()), nx=True)
    return datetime.fromtimestamp(int(redis.client().get(_key("since")) or 0), tz=UTC)


def _host(address: str) -> str:
    """Empty for what is no address of a web page."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in {"http", "https"} else ""


def _key(what: int | str) -> str:
    return redis.key("script-seen", str(what))
