"""Where nobody writes any more: kept as keyed hashes, which say nothing to whoever does not know the address."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

from core.models import Merchant
from visitors.models import Channel, Suppression, SuppressionKey

Reason = Suppression.Reason
KEY_BYTES = 32


def suppress(merchant: Merchant, *, value: str, channels: Iterable[Channel], reason: Reason) -> None:
    """Nobody writes to this value on these channels from now on; `value` in its one form."""
    hashed = hash_of(merchant, value)
    rows = [Suppression(merchant=merchant, channel=each, value_hash=hashed, reason=reason) for each in channels]
    merchant.suppressions.bulk_create(rows, ignore_conflicts=True)


def reasons(merchant: Merchant, *, value: str, channel: Channel) -> set[str]:
    """Why nobody writes there; empty where somebody may."""
    held = merchant.suppressions.filter(value_hash=hash_of(merchant, value), channel=channel)
    return set(held.values_list("reason", flat=True))


def channels_by_value(merchant: Merchant, values: Iterable[str]) -> dict[str, set[str]]:
    """The channels on which nobody writes to each of these values; the others are not in it."""
    key = _key(merchant)
    by_hash = {_hash(key, value): value for value in values}
    found: dict[str, set[str]] = {}
    rows = merchant.suppressions.filter(value_hash__in=list(by_hash)).values_list("value_hash", "channel")
    for hashed, channel in rows:
        found.setdefault(by_hash[bytes(hashed)], set()).add(channel)
    return found


def suppress_all(merchant: Merchant, places: Iterable[tuple[str, Channel]], *, reason: Reason, at: datetime) -> None:
    """Many values at once, each on a channel."""
    key = _key(merchant)
    rows = [
        Suppression(merchant=merchant, channel=channel, value_hash=_hash(key, value), reason=reason, at=at)
        for value, channel in places
    ]
    merchant.suppressions.bulk_create(rows, ignore_conflicts=True)


def lift(
    merchant: Merchant, *, value: str, channels: Iterable[Channel], reasons: Iterable[Reason] | None = None
) -> None:
    """Whoever reads it has asked for messages again."""
    held = merchant.suppressions.filter(value_hash=hash_of(merchant, value), channel__in=list(channels))
    (held if reasons is None else held.filter(reason__in=list(reasons))).delete()


def hash_of(merchant: Merchant, value: str) -> bytes:
    return _hash(_key(merchant), value)


def _hash(key: bytes, value: str) -> bytes:
    return hmac.digest(key, value.encode(), hashlib.sha256)


def _key(merchant: Merchant) -> bytes:
    held = SuppressionKey.unscoped.filter(merchant=merchant).first()
    if held is None:
        defaults = {"key": secrets.token_bytes(KEY_BYTES)}
        held, _is_new = SuppressionKey.unscoped.get_or_create(merchant_id=merchant.pk, defaults=defaults)
    return bytes(held.key)
