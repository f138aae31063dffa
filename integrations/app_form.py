"""The form that a merchant fills in for us at Salla: what is kept of it, and what Salla is told to refuse.

The portal's form has these fields, all optional; a value of another field is kept and not looked at.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from core.models import Merchant
from integrations.billing import AppSettings

LANGUAGES = ("ar", "en")
NOT_A_FORM = gettext_noop("These settings cannot be read.")


@dataclass(frozen=True)
class Refusal:
    """As Salla shows it beside the field."""

    field: str
    words: dict[str, str]  # by language


def refusal_of(settings: object) -> Refusal | None:
    """What is wrong with values that a merchant is about to save; None when nothing is."""
    if not isinstance(settings, dict):
        return Refusal("settings", _in_both(NOT_A_FORM))
    for name, check in _checks.items():
        if settings.get(name) not in (None, "") and (words := check(settings[name])):
            return Refusal(name, _in_both(words))
    return None


def keep(merchant: Merchant, settings: dict[str, Any], *, at: datetime) -> None:
    """What the merchant saved at `at`, whole; older than what is held, it changes nothing."""
    held = getattr(merchant, "app_settings", None) or AppSettings(merchant=merchant)
    if held.pk is None or held.stated_at <= at:  # of one second, the one that came last
        held.values = json.dumps(settings, ensure_ascii=False, default=float)  # the envelope's numbers are Decimals
        held.stated_at = at
        held.save()


def kept(merchant: Merchant) -> dict[str, Any]:
    """Empty before the merchant saved any."""
    held = getattr(merchant, "app_settings", None)
    values: dict[str, Any] = json.loads(held.values) if held is not None else {}
    return values


def contact_email(merchant: Merchant) -> str:
    """Where the merchant wants to be told what his store needs; empty when he named no address that is one."""
    address = str(kept(merchant).get("contact_email") or "").strip()
    return "" if not address or _email(address) else address


def forget(merchant: Merchant) -> int:
    """How many were deleted."""
    held = getattr(merchant, "app_settings", None)
    return held.delete()[0] if held is not None else 0


def _in_both(words: str) -> dict[str, str]:
    said = {}
    for language in LANGUAGES:
        with translation.override(language):
            said[language] = gettext(words)
    return said


def _email(value: object) -> str | None:
    try:
        validate_email(str(value))
    except ValidationError:
        return gettext_noop("Enter an e-mail address such as name@example.com, or leave it empty.")
    return None


# By field id: what is wrong with a value, in English.
_checks: dict[str, Callable[[object], str | None]] = {
    "contact_email": _email,  # whom we tell when the store needs its merchant
}
