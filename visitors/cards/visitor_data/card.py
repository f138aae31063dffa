"""Visitor data: while it is on every visit is kept; without it only what the counter and the reports count."""

from django.utils.translation import gettext_lazy as _

from features.registry import Card, Category, Measure, register
from visitors.cards.visitor_data import dashboard
from visitors.cards.visitor_data.settings import Settings
from visitors.counting import ORDERED, VISITS

CARD = register(
    Card[Settings](
        slug="visitor_data",
        name=_("Visitor data"),
        summary=_("Shows where visits come from, what they look at, and which of them end in an order."),
        icon="👣",
        category=Category.NUMBERS,
        settings=Settings,
        health=dashboard.health,
        measures=(
            Measure(
                VISITS,
                _("Visits"),
                _(
                    "A visit ends after 30 minutes of silence, or when another source brings the visitor anew. It "
                    "counts on the day on which it began, and only while the card is on. Bots do not count."
                ),
                dimension="",
            ),
            Measure(
                ORDERED,
                _("Visits with an order"),
                _("Visits of the day in which an order was placed that Salla told us of. Canceled orders count too."),
                dimension="",
            ),
        ),
    )
)
