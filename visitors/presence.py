"""Who is in a store now, in Redis: the one script that lets a beacon in, and the counts that come of it.

A *scope* is a store, one kind of its pages, or one of its products. Each knows its last EXACT visitors one by one; a
scope with more of them adds sketches (HyperLogLog) of BUCKET each, and is a crowd until it has long had no more. Its
memory is bounded however many come. See docs/adr/0011 for what is limited, and why.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cache
from hashlib import blake2b
from typing import Any

from redis.commands.core import Script

from core import clock, redis
from core.memory import Memory
from core.models import Merchant
from events import stream, tallies

# In milliseconds, as browsers count.
WINDOW = 300_000
BUCKET = 75_000
HOUR = 3_600_000
# A beacon that says it was sent longer ago, or later, is none (`visitors.beacons`).
LATEST = 24 * HOUR

EXACT = 128  # as many as Redis keeps in one compact piece
KEPT_SECONDS = (WINDOW + BUCKET) // 1000 + 5
# Scopes of one store that may begin in KEPT_SECONDS; those beyond are not counted, rather than filling Redis.
MOST_SCOPES = 2_000
# Visitors of one network in one store who count, of those that it could make up.
MOST_UNKNOWN = 3
# Beacons a minute: of one network in one store, and of a store. Many shoppers share one address of an operator.
MOST_OF_NETWORK = 600
MOST_OF_STORE = 30_000
# How long a process may go on with a count.
MEMORY_SECONDS = 3.0
COUNTS_REMEMBERED = 10_000

_counts: Memory[str, int] = Memory(seconds=MEMORY_SECONDS, most=COUNTS_REMEMBERED)

_ADMIT = """
local now, window, bucket, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local person, exact, most_scopes, former = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[17]

local function is_over(key, most)
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('EXPIRE', key, 120) end
  return count > most
end

local function add_to_sketch(key, at, who)
  local sketch = key .. ':' .. math.floor(at / bucket)
  redis.call('PFADD', sketch, who)
  redis.call('EXPIRE', sketch, kept)
end

local function may_begin(key)
  if redis.call('EXISTS', key) == 1 then return true end
  local begun = redis.call('INCR', KEYS[7])
  if begun == 1 then redis.call('EXPIRE', KEYS[7], kept) end
  return begun <= most_scopes
end

local function forget_former(key)
  if former ~= '' then redis.call('ZREM', key, former) end
end

local function note(key)
  forget_former(key)
  local crowd = key .. ':crowd'
  if not redis.call('ZSCORE', key, person) then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    if redis.call('ZCARD', key) >= exact then
      if redis.call('EXISTS', crowd) == 0 then
        local known = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
        for each = 1, #known, 2 do add_to_sketch(key, tonumber(known[each + 1]), known[each]) end
      end
      redis.call('SET', crowd, '', 'EX', kept)
      redis.call('ZPOPMIN', key)
    end
  end
  redis.call('ZADD', key, ARGV[1], person)
  redis.call('EXPIRE', key, kept)
  if redis.call('EXISTS', crowd) == 1 then add_to_sketch(key, now, person) end
end

local function is_one_too_many(key, most)
  if redis.call('ZADD', key, ARGV[1], person) == 1 then
    forget_former(key) -- whose place he takes; who has one already frees no other
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    if redis.call('ZCARD', key) > most then
      redis.call('ZREM', key, person)
      return true
    end
  end
  redis.call('EXPIRE', key, kept)
  return false
end

if is_over(KEYS[1], tonumber(ARGV[8])) then return 1 end
if is_over(KEYS[2], tonumber(ARGV[9])) then return 2 end
if redis.call('SISMEMBER', KEYS[4], ARGV[10]) == 1 or redis.call('SADD', KEYS[3], ARGV[10]) == 0 then return 3 end
if redis.call('SCARD', KEYS[3]) == 1 then redis.call('EXPIRE', KEYS[3], ARGV[11]) end
local entry, is_counted = ARGV[12], person ~= ''
if is_counted and ARGV[13] ~= '' and is_one_too_many(KEYS[5], tonumber(ARGV[13])) then
  entry, is_counted = ARGV[14] .. string.sub(entry, 2), false
end
redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[15], '*', ARGV[16], entry)
if is_counted then
  note(KEYS[8])
  for each = 9, #KEYS do if may_begin(KEYS[each]) then note(KEYS[each]) end end
end
return 0
"""
# A crowd's oldest sketch reaches out of the window: it counts by the share that lies inside.
_COUNT = """
local now, window, bucket, exact = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local count = redis.call('ZCOUNT', KEYS[1], '(' .. (now - window), '+inf')
if count < exact or redis.call('EXISTS', KEYS[1] .. ':crowd') == 0 then return count end
local sketches, last = {}, math.floor(now / bucket)
for each = last - window / bucket + 1, last do table.insert(sketches, KEYS[1] .. ':' .. each) end
local inside = redis.call('PFCOUNT', unpack(sketches))
table.insert(sketches, KEYS[1] .. ':' .. (last - window / bucket))
local reaching_out = redis.call('PFCOUNT', unpack(sketches)) - inside
local share = 1 - (now % bucket) / bucket
return math.max(count, math.floor(inside + reaching_out * share + 0.5))
"""


class Verdict(IntEnum):
    """What became of a beacon."""

    TAKEN = 0
    NETWORK_FULL = 1
    STORE_FULL = 2
    REPLAYED = 3


@dataclass(frozen=True)
class Arrival:
    """A beacon at the door, and what the door looks at. `network` is hidden already, `former` as its visitor was called
    (`visitors.identity`).
    """

    beacon: stream.Beacon
    id: str
    sent: int
    network: str
    is_known: bool
    former: str
    page: str
    product_id: int | None


def admit(arrival: Arrival) -> Verdict:
    """Let it in, or not, in one round trip. Raises `RedisError`."""
    return Verdict(_run(_ADMIT, *_asked(arrival)))


def _asked(arrival: Arrival) -> tuple[list[str], list[Any]]:
    """The keys and the arguments of the script."""
    beacon = arrival.beacon
    store, now = beacon.merchant_id, _milliseconds(beacon.received_at)
    minute, hour, here = now // 60_000, arrival.sent // HOUR, _key(store)
    keys = [
        f"{here}:network:{arrival.network}:{minute}",
        f"{here}:beacons:{minute}",
        f"{here}:replay:{hour}",
        f"{here}:replay:{hour - 1}",
        f"{here}:unknown:{arrival.network}",
        stream.stream_key(stream.shard_of(store)),
        f"{here}:scopes",
        *_scopes(store, page=arrival.page, product_id=arrival.product_id),
    ]
    person = b"" if beacon.is_bot else _short(beacon.visitor_key)
    is_replayed_until = (hour + 1) * HOUR + LATEST
    arguments = [now, WINDOW, BUCKET, KEPT_SECONDS, person, EXACT, MOST_SCOPES, MOST_OF_NETWORK, MOST_OF_STORE]
    arguments += [_short(arrival.id), max(1, (is_replayed_until - now) // 1000), stream.encode(beacon)]
    arguments += ["" if arrival.is_known else MOST_UNKNOWN, stream.UNCOUNTED, stream.MAXLEN, stream.FIELD]
    arguments.append(_short(arrival.former) if arrival.former else b"")
    return keys, arguments


def count(merchant: Merchant, *, page: str = "", product_id: int | None = None) -> int:
    """Visitors of the store, of one kind of its pages or of one product, in the last five minutes; some seconds old.

    Exact up to EXACT. Raises `RedisError`.
    """
    scope = _scopes(merchant.pk, page=page, product_id=product_id)[-1]
    found = _counts.get(scope)
    if found is None:
        now = _milliseconds(clock.now())
        found = _counts.put(scope, int(_run(_COUNT, [scope], [now, WINDOW, BUCKET, EXACT])))
    return found


def today(merchant: Merchant) -> int:
    """Visitors since the store's midnight, as far as their beacons have been read: some seconds old."""
    return tallies.uniques(merchant, tallies.VISITORS, since=merchant.midnight(merchant.today), until=clock.now())


def _scopes(store: int, *, page: str, product_id: int | None) -> list[str]:
    """The store's own comes first."""
    here = _key(store)
    scopes = [here]
    if page:
        scopes.append(f"{here}:page:{page}")
    if product_id is not None:
        scopes.append(f"{here}:product:{product_id}")
    return scopes


def _key(store: int) -> str:
    return redis.key("here", str(store))


def _short(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@cache
def _script(text: str) -> Script:
    return Script(redis.client(), text)


def _run(text: str, keys: list[str], arguments: list[Any]) -> Any:
    return _script(text)(keys, arguments, client=redis.client())
