"""E-mail collector: shoppers leave an address, and agree to what the store may send there."""

from django.utils.translation import gettext_lazy as _

from features.registry import Card, Category, register
from visitors.cards.email_collector import actions, dashboard
from visitors.cards.email_collector.numbers import MEASURES, SLUG
from visitors.cards.email_collector.settings import Settings

CARD = register(
    Card[Settings](
        slug=SLUG,
        name=_("E-mail collector"),
        summary=_("A form for an address or a number, with proof of what shoppers agreed to."),
        icon="✉️",
        category=Category.IN_STORE,
        settings=Settings,
        actions={"subscribe": actions.subscribe},
        sample=dashboard.sample,
        health=dashboard.health,
        measures=MEASURES,
        welcome=lambda settings: settings.after_confirming,
    )
)
