"""Latest purchase: shoppers see what others really bought, without seeing who."""

from django.utils.translation import gettext_lazy as _

from features.registry import Card, Category, register
from visitors.cards.latest_purchase import actions, dashboard
from visitors.cards.latest_purchase.settings import Settings

CARD = register(
    Card[Settings](
        slug="latest_purchase",
        name=_("Latest purchase"),
        summary=_("Shows shoppers what was really bought lately, without telling who bought it."),
        icon="🛍️",
        category=Category.IN_STORE,
        settings=Settings,
        actions={"recent": actions.recent},
        sample=dashboard.sample,
        health=dashboard.health,
    )
)
