"""Visitor data: while it is on every visit is kept; without it only what the counter and the reports count."""

from django.utils.translation import gettext_lazy as _

from features.registry import Card, Category, register
from visitors.cards.visitor_data import dashboard
from visitors.cards.visitor_data.settings import Settings

CARD = register(
    Card[Settings](
        slug="visitor_data",
        name=_("Visitor data"),
        summary=_("Shows where visits come from, what they look at, and which of them end in an order."),
        icon="👣",
        category=Category.NUMBERS,
        settings=Settings,
        health=dashboard.health,
    )
)
