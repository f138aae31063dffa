"""The storefront's stream in Redis: what a browser's batch of events looks like on its way to the database.

A store's beacons are all in one of `SHARDS` streams, in the order in which they came. Whoever writes one adds it to
`stream_key(shard_of(merchant_id))` as the only field, `FIELD`, of an entry; `events.ingest` reads them.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from core import redis

SHARDS: int = settings.STREAM_SHARDS
FIELD = "b"
# In place of the first character of what `encode` writes, by whoever adds it, for one that is not counted.
UNCOUNTED = b'{"u":1,'
# Entries of one stream; what is added beyond them drives the oldest out, unread. About 1 kB each at the most usual.
MAXLEN = 250_000
START = "0-0"

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LONGEST_WORD = 64
BIGGEST_ID = 2**63
MOST_EVENTS = 64  # of one beacon; `events.ingest` numbers them


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One thing that a visitor did; `data` is what the browser said of it."""

    name: str
    occurred_at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Beacon:
    """What one browser sent at once. `context` holds for all its events: page, language, source, cart, agent, network.

    `visitor_key` is opaque: `v:…` after consent, `d:…` before it, where it changes daily; `former` is what it was until
    he agreed a moment ago. `position` is the entry's id, set when it is read: unique in its shard, and growing. Not
    `is_counted`: he may be one of many that one address makes up, and nothing that counts visitors counts him.
    """

    merchant_id: int
    visitor_key: str
    is_bot: bool
    received_at: datetime
    context: dict[str, Any]
    events: tuple[StreamEvent, ...]
    position: str = ""
    is_counted: bool = True
    former: str = ""


def shard_of(merchant_id: int) -> int:
    """The stream that all of a store's beacons go through."""
    return merchant_id % SHARDS


def stream_key(shard: int) -> str:
    return redis.key("stream", str(shard))


def encode(beacon: Beacon) -> bytes:
    """Raises ValueError for numbers that JSON does not know."""
    content = {
        "m": beacon.merchant_id,
        "k": beacon.visitor_key,
        "b": int(beacon.is_bot),
        "r": _microseconds(beacon.received_at),
        "c": beacon.context,
        "e": [[event.name, _microseconds(event.occurred_at), event.data] for event in beacon.events],
    }
    if beacon.former:
        content["f"] = beacon.former
    return _encode(content).encode(errors="replace")


def decode(position: str, raw: bytes) -> Beacon:
    """Raises ValueError for anything but what `encode` writes. Text is such as PostgreSQL can keep."""
    try:
        content = _decode(raw.decode())
        if b"\\u" in raw:  # control characters, and what is no character at all
            content = _storable(content)
        if len(content["e"]) > MOST_EVENTS:
            raise ValueError("no beacon: too many events")
        return Beacon(
            merchant_id=_whole(content["m"]),
            visitor_key=_word(content["k"]),
            is_bot=bool(content["b"]),
            received_at=_moment(content["r"]),
            context=_mapping(content["c"]),
            events=tuple(StreamEvent(_word(name), _moment(at), _mapping(data)) for name, at, data in content["e"]),
            position=position,
            is_counted="u" not in content,
            former=_word(content.get("f", "")),
        )
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no beacon: {type(error).__name__}") from error


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _moment(microseconds: Any) -> datetime:
    return EPOCH + timedelta(microseconds=_whole(microseconds))


def _whole(value: Any) -> int:
    if type(value) is not int or not 0 <= value < BIGGEST_ID:
        raise ValueError("no beacon: not a number of ours")
    return value


def _word(value: Any) -> str:
    if type(value) is not str or len(value) > LONGEST_WORD:
        raise ValueError("no beacon: not a word of ours")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise ValueError("no beacon: not a mapping")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"no beacon: {constant}")


_decode = json.JSONDecoder(parse_constant=_refuse).decode


def _storable(value: Any) -> Any:
    """Without NUL, which PostgreSQL's text cannot hold, and without halves of characters."""
    if isinstance(value, str):
        return value.replace("\0", "").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return value
