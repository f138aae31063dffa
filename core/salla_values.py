"""Readers for the values that Salla writes in many ways (webhooks, value traps). Pure; None means "not stated"."""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from core.contact_values import phone_of
from core.digits import ascii_digits

__all__ = [
    "amount_of",
    "currency_of",
    "id_of",
    "integer_of",
    "phone_of",
    "text_of",
    "time_of",
    "truth_of",
]

RIYADH = ZoneInfo("Asia/Riyadh")
GMT_FORM = "%a %b %d %Y %H:%M:%S GMT%z"  # Tue Jan 21 2025 18:00:32 GMT+0300
TRUE_WORDS = {"1", "true", "on", "yes"}
FALSE_WORDS = {"0", "false", "off", "no"}
MAX_BIGINT = 2**63 - 1
MAX_AMOUNT = Decimal(10) ** 12


def time_of(value: Any) -> datetime | None:
    """A moment in UTC from `{date, timezone}`, GMT text, ISO 8601, or text without a zone, which means Riyadh."""
    if isinstance(value, dict):
        return _localised(_moment(value.get("date")), value.get("timezone"))
    return _localised(_moment(value), None)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip()
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        return datetime.strptime(text, GMT_FORM)  # noqa: DTZ007 - the form ends in %z
    except ValueError:
        return None


def _localised(moment: datetime | None, zone: Any) -> datetime | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=_zone(zone))
    # Beyond these years pages in other zones break, and no later statement could ever be newer.
    return moment.astimezone(UTC) if 1970 < moment.year < 2200 else None


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else RIYADH
    except (KeyError, ValueError, OSError):
        return RIYADH


def amount_of(value: Any) -> Decimal | None:
    """Money from a number, a numeric string, `{amount, currency}` or `{amount: {amount, currency}}`; halalas exact."""
    while isinstance(value, dict):
        value = value.get("amount")
    if isinstance(value, bool) or value is None:
        return None
    try:
        amount = Decimal(ascii_digits(str(value)).strip())
    except InvalidOperation:
        return None
    if not amount.is_finite() or abs(amount) >= MAX_AMOUNT:
        return None
    return amount.quantize(Decimal("0.01"))


def currency_of(value: Any) -> str | None:
    """The currency written beside an amount."""
    while isinstance(value, dict):
        currency = value.get("currency")
        if isinstance(currency, str) and re.fullmatch(r"[A-Z]{3}", currency):
            return currency
        value = value.get("amount")
    return None


def id_of(value: Any) -> int | None:
    """A positive 64-bit id from a number or a string of digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value.strip()):
        value = int(value)
    if isinstance(value, int) and 0 < value <= MAX_BIGINT:
        return value
    return None


def integer_of(value: Any) -> int | None:
    """A whole number from a number or a string of digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", ascii_digits(value).strip()):
        value = int(ascii_digits(value))
    if isinstance(value, int) and abs(value) <= MAX_BIGINT:
        return value
    return None


def truth_of(value: Any) -> bool | None:
    """A truth value from a boolean, 0 and 1, or their usual words; None for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    return False if word in FALSE_WORDS else None


def text_of(value: Any, *, length: int = 255) -> str | None:
    """Text without the characters PostgreSQL or a terminal cannot take, cut to `length`."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = "".join(c for c in str(value) if c.isprintable() or c in "\n\t").strip()
    return text[:length]
