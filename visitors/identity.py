"""Who a visitor is: a signed id once he agreed to be known again, and before it a hash that nobody can make next week.

No address is kept anywhere: what is hashed with it is hashed with the day's salt, which ends (docs/adr/0011).
"""

import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from typing import cast

from django.core.signing import BadSignature, Signer, TimestampSigner, b62_decode, b62_encode

from core import clock, redis

# How long a shopper who agreed stays the same one, unless he agrees again.
KEY_LIFE = timedelta(days=400)
# A younger key may be one of many that one address asked for.
TRUSTED_AFTER = timedelta(minutes=10)
_ID_BYTES, _SALT_BYTES, _HASH_BYTES = 12, 32, 12

SALT_SECONDS = 48 * 3600
# How long a process may go on with a salt that has ended.
SALT_KEPT_SECONDS = 3600.0
# The salt of each day, and until when this process keeps it.
_salts: dict[date, tuple[bytes, float]] = {}


@dataclass(frozen=True)
class Visitor:
    """`key` is what the rows call him. Who is not `is_known` may be one of many that one address makes up.

    `former` is what he was called today until he agreed, `age` ago: who is counted by his key is not counted by that as
    well.
    """

    key: str
    is_known: bool
    former: str = ""
    age: timedelta = timedelta(0)


@dataclass(frozen=True)
class Sender:
    """Where a beacon came from, as our server saw it: `network` is what limits count."""

    network: str
    agent: str

    def hidden(self, salla_id: int, day: date) -> str:
        """The network as limits may keep it for minutes. Raises `RedisError` where the day's salt is out of reach."""
        return _hash(f"{salla_id}\n{self.network}", day)


class _KeySigner(TimestampSigner):
    """By our clock, and for one store."""

    def __init__(self, salla_id: int) -> None:
        super().__init__(salt=f"visitors.key:{salla_id}")

    def timestamp(self) -> str:
        return b62_encode(int(clock.now().timestamp()))


def issue(salla_id: int, *, old: str = "") -> str:
    """A new key for the shopper who holds `old`: the same one while it is good, else of the same id, else of a new one.

    Raises `BadSignature` for an old one that is not of this store.
    """
    if not old:
        return _KeySigner(salla_id).sign(secrets.token_urlsafe(_ID_BYTES))
    visitor_id, issued_at = _opened(salla_id, old)
    return old if clock.now() - issued_at < KEY_LIFE / 2 else _KeySigner(salla_id).sign(visitor_id)


def identify(salla_id: int, *, key: str, bucket: int, sender: Sender, day: date) -> Visitor:
    """By his key, if it still holds, else by what he has in common with few on this day.

    Raises `BadSignature` for a key that is not of this store, and `RedisError` where the day's salt is out of reach.
    """
    daily = "d:" + _hash(f"{salla_id}\n{sender.network}\n{bucket}\n{sender.agent}", day)
    if key:
        visitor_id, issued_at = _opened(salla_id, key)
        age = clock.now() - issued_at
        if age < KEY_LIFE:
            return Visitor(f"v:{visitor_id}", is_known=age >= TRUSTED_AFTER, former=daily, age=age)
    return Visitor(daily, is_known=False)


def known(salla_id: int, key: str) -> str:
    """What the rows call the shopper who holds this key; empty for one that is not of this store, or has ended."""
    try:
        visitor_id, issued_at = _opened(salla_id, key)
    except BadSignature:
        return ""
    return f"v:{visitor_id}" if clock.now() - issued_at < KEY_LIFE else ""


def _opened(salla_id: int, key: str) -> tuple[str, datetime]:
    signed = Signer.unsign(_KeySigner(salla_id), key)
    visitor_id, _, issued_at = signed.rpartition(":")
    try:
        moment = datetime.fromtimestamp(b62_decode(issued_at), tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise BadSignature("no moment") from None
    if not visitor_id:
        raise BadSignature("no id")
    return visitor_id, moment


def _hash(text: str, day: date) -> str:
    digest = blake2b(text.encode(errors="replace"), key=_salt(day), digest_size=_HASH_BYTES).digest()
    return urlsafe_b64encode(digest).decode()


def _salt(day: date) -> bytes:
    """Random, the same in every process, and gone from Redis after two days at most."""
    found = _salts.get(day)
    if found is not None and found[1] > time.monotonic():
        return found[0]
    fresh = secrets.token_bytes(_SALT_BYTES)
    name = redis.key("visitor-salt", day.isoformat())
    salt = cast(bytes | None, redis.client().set(name, fresh, nx=True, get=True, ex=SALT_SECONDS)) or fresh
    for other, (_, until) in list(_salts.items()):
        if until <= time.monotonic():
            _salts.pop(other, None)
    _salts[day] = (salt, time.monotonic() + SALT_KEPT_SECONDS)
    return salt


def forget_salts() -> None:
    """As if this process had just started."""
    _salts.clear()
