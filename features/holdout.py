"""Who does not get a card, so that what it adds can be measured: the browser's own sum, in Python."""

from typing import Literal

Arm = Literal["shown", "held"]

BUCKETS = 10_000
_OFFSET, _PRIME, _SIZE = 0x811C9DC5, 0x01000193, 2**32


def arm(*, store: int, card: str, salt: str, bucket: int, percent: int) -> Arm:
    """The same for as long as nothing but the share changes, and who is held stays held when it grows."""
    value = fnv1a(f"{store}:{card}:{salt}:{bucket}")
    # Its low bits are sums of its letters' low bits: unfolded, two cards might hold the very same shoppers.
    return "held" if (value ^ value >> 16) % 100 < percent else "shown"


def fnv1a(text: str) -> int:
    """FNV-1a of 32 bits, of the text's UTF-8."""
    value = _OFFSET
    for byte in text.encode():
        value = (value ^ byte) * _PRIME % _SIZE
    return value
