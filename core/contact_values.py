"""The one form of what people are reached by: e-mail addresses and phone numbers. Pure; None for what is neither."""

import re
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode

from core.digits import ascii_digits

LONGEST_EMAIL, LONGEST_LOCAL = 254, 64
SHOWN_LETTERS, SHOWN_DIGITS = 2, 3


def email_of(value: Any) -> str | None:
    """The address in small letters, its domain as DNS has it (`متجر.sa` becomes `xn--…sa`)."""
    if not isinstance(value, str) or len(value) > 2 * LONGEST_EMAIL:
        return None
    local, _at, domain = ascii_digits(value).strip().rpartition("@")
    if '"' in local:  # RFC 5321's other way to write the same mailbox, which nobody has
        return None
    try:
        email = f"{local}@{punycode(domain.strip().rstrip('.'))}".lower()
        validate_email(email)
    except (ValidationError, UnicodeError):
        return None
    return email if len(email) <= LONGEST_EMAIL and len(local) <= LONGEST_LOCAL else None


def masked(value: str) -> str:
    """Enough of an address or a number for its owner to know it, and too little for anybody else."""
    local, at, domain = value.rpartition("@")
    if at:
        return f"{local[: min(SHOWN_LETTERS, len(local) - 1)]}•••@{domain}"
    return f"{value[:4]}•••{value[-SHOWN_DIGITS:]}" if value else ""


def national_of(phone: str) -> str:
    """The digits of a number in its one form without its country's code."""
    return str(phonenumbers.parse(phone).national_number)


def phone_of(mobile: Any, code: Any = None, *, region: str = "SA") -> str | None:
    """E.164 from a full number, or a local one with its country code (`+966` or `966`); None when it is no number."""
    number = _phone_text(mobile)
    prefix = _phone_text(code)
    if not number:
        return None
    for candidate in _phone_candidates(number, prefix):
        try:
            parsed = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None


def _phone_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return re.sub(r"[\s()\-.]", "", ascii_digits(str(value)))[:32]


def _phone_candidates(number: str, prefix: str) -> list[str]:
    if number.startswith("+"):
        return [number]
    if prefix:
        return ["+" + prefix.lstrip("+0") + number.lstrip("0"), "+" + number]
    return [number, "+" + number]
