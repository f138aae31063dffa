"""What the card counts, and under which names."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import clock
from core.models import Merchant
from events import tallies
from events.tallies import Count
from features.registry import Measure
from features.report import SHOWN

SLUG = "email_collector"
DIMENSION = f"card:{SLUG}"
ASKED, CONFIRMED, REFUSED = "subscription.asked", "subscription.confirmed", "subscription.refused"
# Dimensions of what was refused; the others are `reason:` and an outcome of `visitors.contacts`.
ROBOT, CHANGED = "reason:robot", "reason:changed"

MEASURES = (
    SHOWN,
    Measure(
        ASKED,
        _("Forms sent"),
        _("How often the form was sent with all that it asks for, also by people who are subscribed already."),
    ),
    Measure(
        CONFIRMED,
        _("Confirmed addresses"),
        _("Addresses that were confirmed for the first time by a press in the mail, on the day of the press."),
    ),
)


def count(merchant: Merchant, name: str, dimension: str = DIMENSION) -> None:
    with transaction.atomic():
        tallies.add([Count(merchant.pk, name, clock.now(), dimension=dimension)])
