"""What a card's rules come to now, in words: why shoppers do not see it yet, any more, or all of them."""

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core import clock, schema
from core.activity import ISOLATED
from core.models import Merchant
from core.templatetags.ui import hijri
from features.rules import StorefrontSettings


def lines(merchant: Merchant, settings: schema.Settings) -> Iterator[str]:
    """Nothing for a card that shoppers do not see, or whose rules keep it from nobody."""
    if not isinstance(settings, StorefrontSettings):
        return
    now = clock.now()
    if settings.starts_at is not None and settings.starts_at > now:
        yield _("Shoppers see it from %(moment)s.") % {"moment": _told(merchant, settings.starts_at)}
    if settings.ends_at is not None:
        words = _("Its time ended on %(moment)s.") if settings.ends_at <= now else _("It ends on %(moment)s.")
        yield words % {"moment": _told(merchant, settings.ends_at)}
    if settings.is_shadow:
        yield _("It is tried unseen: we count when it would have come up, and shoppers see nothing.")
    elif settings.holdout_percent:
        yield _("%(percent)s %% of shoppers do not get it, to compare them with the others.") % {
            "percent": settings.holdout_percent
        }


def _told(merchant: Merchant, moment: datetime) -> str:
    """By the store's clock, and by both calendars."""
    local = timezone.localtime(moment, merchant.zone)
    other = hijri(local)
    said = date_format(local, "DATETIME_FORMAT")
    return ISOLATED.format(f"{said} ({other})" if other else said)
