"""Tokens of addresses in mails, which say by themselves who they are for: signed, and without an end.

A place is a name such as `visitors.preferences`; a token made for one opens no other.
"""

from typing import Any

from django.core import signing


def seal(place: str, *parts: str | int) -> str:
    return signing.dumps(parts, salt=place)


def unseal(place: str, token: str) -> list[Any] | None:
    """What was sealed; None for a forged token, or one of another place."""
    try:
        parts = signing.loads(token, salt=place)
    except signing.BadSignature:
        return None
    return parts if isinstance(parts, list) else None
