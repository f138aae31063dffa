"""What the merchant reads of the card: whether visits arrive, and where to see them."""

from datetime import timedelta

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import clock
from core.models import Merchant
from visitors import countries
from visitors.cards.visitor_data.settings import Settings

DAY = timedelta(days=1)


def health(merchant: Merchant, settings: Settings) -> list[str]:
    """One query."""
    count = merchant.visits.filter(is_bot=False, started_at__gte=clock.now() - DAY).count()
    visits = ngettext("%(count)s visit in the last 24 hours.", "%(count)s visits in the last 24 hours.", count)
    lines = [visits % {"count": count} if count else _("No visit in the last 24 hours.")]
    if not countries.is_known():
        lines.append(_("Countries are unknown: the list of networks is missing on our server."))
    pages = reverse("visitors:overview", args=[merchant.public_id])
    return [*lines, format_html('<a href="{}">{}</a>', pages, _("See your visitors"))]
