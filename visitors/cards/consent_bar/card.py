"""Consent bar: asks a shopper once whether he may be known again. «No» is as easy as «yes», and is an answer."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.models import Merchant
from features.registry import Card, Category, Measure, register
from visitors.cards.consent_bar.settings import Settings
from visitors.visit_models import VISITOR_DATA

GIVEN, REFUSED = "consent.given", "consent.refused"


def health(merchant: Merchant, settings: Settings) -> list[str]:
    """One query."""
    if merchant.features.filter(slug=VISITOR_DATA, is_on=True).exists():
        return []
    return [gettext("«Visitor data» is off: visitors are counted, and no visit of theirs is kept.")]


CARD = register(
    Card[Settings](
        slug="consent_bar",
        name=_("Consent bar"),
        summary=_("Asks visitors whether you may recognize them when they come again."),
        icon="🤝",
        category=Category.NUMBERS,
        settings=Settings,
        health=health,
        measures=(
            Measure(
                GIVEN,
                _("Said yes"),
                _("How often «yes» was pressed. Who agreed is known again for up to 400 days, or until he says no."),
                dimension="",
            ),
            Measure(
                REFUSED, _("Said no"), _("How often «no» was pressed. Who declined is not asked again."), dimension=""
            ),
        ),
        beacons=(GIVEN, REFUSED),
    )
)
