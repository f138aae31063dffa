"""The one rate limiter: so many times in so many seconds for each key, shared by every process through Redis.

A window begins with the first time and does not move; a refused time is not counted. What holds without Redis is
written at each limit: closed for what sends mail to a stranger's address or writes for the public, open for what is
safe without it.
"""

import hashlib
import logging
from dataclasses import dataclass

from redis import RedisError

from core import redis

log = logging.getLogger(__name__)

# Milliseconds to wait; 0 means that this time was counted. A key without an end is given one.
TAKE = """
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
local left = redis.call('PTTL', KEYS[1])
if count >= tonumber(ARGV[1]) and left > 0 then return left end
if redis.call('INCR', KEYS[1]) == 1 or left < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
# Said when Redis is down and the limit is closed.
BLIND_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Limit:
    """`count` times in `seconds` for each key. `name` is unique among all limits."""

    name: str
    count: int
    seconds: int
    is_open_without_redis: bool = False

    def take(self, key: str) -> float:
        """Count one time; returns 0, or the seconds to wait before trying again."""
        try:
            wait = redis.client().eval(TAKE, 1, self._key(key), self.count, self.seconds * 1000)
        except RedisError as error:
            log.warning("limit %s: %s", self.name, type(error).__name__)
            return 0.0 if self.is_open_without_redis else BLIND_WAIT_SECONDS
        return float(wait) / 1000

    def allow(self, key: str) -> bool:
        """Count one time if it may be; says whether it was."""
        return not self.take(key)

    def forget(self, key: str) -> None:
        """Begin anew for this key: what was counted against it turned out well."""
        try:
            redis.client().delete(self._key(key))
        except RedisError as error:
            log.warning("limit %s: %s", self.name, type(error).__name__)

    def _key(self, key: str) -> str:
        """Hashed: Redis holds no addresses of people."""
        return redis.key("limit", self.name, hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest())
