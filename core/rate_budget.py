"""A leaky bucket in Redis that every process of ours shares, with Redis' own clock."""

import logging
import time
from dataclasses import dataclass

from redis import RedisError

from core import redis

log = logging.getLogger(__name__)

UNCOUNTED_SECONDS = 1.0

# Returns the milliseconds to wait; 0 means that the request was counted and may go.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local blocked = tonumber(redis.call('GET', KEYS[2]) or '0')
if blocked > now then return blocked - now end
local capacity, leak = tonumber(ARGV[1]), tonumber(ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(state[1] or '0'), tonumber(state[2] or now)
level = math.max(0, level - (now - at) / 1000 * leak)
if level + 1 > capacity then return math.ceil((level + 1 - capacity) / leak * 1000) end
redis.call('HSET', KEYS[1], 'level', level + 1, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / leak * 1000) + 60000)
return 0
"""
BLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], now + tonumber(ARGV[1]), 'PX', tonumber(ARGV[1]))
"""


@dataclass(frozen=True)
class Bucket:
    """`capacity` requests at once, `leak` more each second. `name` is unique among all buckets."""

    name: str
    capacity: int
    leak: float

    def take(self) -> float:
        """Count one request; returns 0, or the seconds to wait before asking again.

        With Redis down nothing can be counted: each caller is held for a second and then let go.
        """
        try:
            wait = redis.client().eval(TAKE, 2, self._key("level"), self._key("blocked"), self.capacity, self.leak)
        except RedisError as error:
            log.warning("rate budget %s: %s", self.name, type(error).__name__)
            time.sleep(UNCOUNTED_SECONDS)
            return 0.0
        return float(wait) / 1000

    def block(self, seconds: float) -> None:
        """Nobody takes anything for so long: the other side said so."""
        try:
            redis.client().eval(BLOCK, 1, self._key("blocked"), max(1, int(seconds * 1000)))
        except RedisError as error:
            log.warning("rate budget %s: %s", self.name, type(error).__name__)

    def _key(self, part: str) -> str:
        return redis.key("budget", self.name, part)
