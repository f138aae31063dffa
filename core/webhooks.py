"""Checking who sent a webhook and reading its envelope. Pure functions; nothing here touches the database.

Source: Salla webhooks, authentication of a delivery, and envelope.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from django.utils.translation import gettext_noop

from core.salla_values import id_of, time_of

SIGNATURE = "signature"
TOKEN = "token"  # noqa: S105 - the name of a strategy
STRATEGIES = (SIGNATURE, TOKEN)
MAX_NAME = 100


class UnreadableBodyError(ValueError):
    """An authentic body that is not an envelope; the text says why."""


@dataclass(frozen=True)
class Envelope:
    """What every delivery carries. `store_id` is Salla's; `created_at` is in UTC, None where the text is no date."""

    event: str
    store_id: int
    created_at: datetime | None
    data: dict[str, Any]


def sign(body: bytes, secret: str) -> str:
    """64 lower-case hex digits: HMAC-SHA256 of the raw body, keyed with the secret's text."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(body: bytes, headers: Mapping[str, str], *, strategy: str, secrets: Sequence[str]) -> bool:
    """Whether one of `secrets` made this delivery, in constant time.

    Fails closed: without a secret, or with a strategy we do not know, nothing is authentic. The strategy is ours; the
    header that names one is the sender's and is not read.
    """
    if strategy == SIGNATURE:
        given = headers.get("X-Salla-Signature", "")
        expected = [sign(body, secret) for secret in secrets if secret]
    elif strategy == TOKEN:
        given = headers.get("Authorization", "").removeprefix("Bearer ")
        expected = [secret for secret in secrets if secret]
    else:
        return False
    # Bytes, because compare_digest refuses text that is not ASCII; all of them, so that time tells nothing.
    matches = [hmac.compare_digest(given.encode("utf-8", "replace"), value.encode()) for value in expected]
    return any(matches)


def parse(body: bytes) -> Envelope:
    """Read a delivery's envelope; numbers with a point become `Decimal`. Raises `UnreadableBodyError`."""
    raw = _json_object(body)
    event = raw.get("event")
    if not isinstance(event, str) or not event or len(event) > MAX_NAME or not event.isprintable():
        raise UnreadableBodyError(gettext_noop("no event name"))
    store_id = id_of(raw.get("merchant"))
    if store_id is None:
        raise UnreadableBodyError(gettext_noop("no merchant id"))
    data = raw.get("data")
    if data == [] or data is None:  # PHP writes an empty object as a list
        data = {}
    if not isinstance(data, dict):
        raise UnreadableBodyError(gettext_noop("data is not an object"))
    return Envelope(event=event, store_id=store_id, created_at=time_of(raw.get("created_at")), data=data)


def _json_object(body: bytes) -> dict[str, Any]:
    if b"\0" in body:
        raise UnreadableBodyError(gettext_noop("contains a NUL byte"))
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise UnreadableBodyError(f"not UTF-8 at byte {error.start}") from error
    try:
        raw = json.loads(text, parse_float=_decimal, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise UnreadableBodyError(gettext_noop("nested too deeply")) from error
    except ValueError as error:
        raise UnreadableBodyError(f"not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise UnreadableBodyError(gettext_noop("not a JSON object"))
    return raw


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text} is out of range") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
