"""Live counter: shoppers see how many are in the store with them; too few are hidden, and none are made up."""

from django.utils.translation import gettext_lazy as _

from features.registry import Card, Category, register
from visitors import counter
from visitors.cards.live_counter import dashboard
from visitors.cards.live_counter.settings import Settings

CARD = counter.told_by(
    register(
        Card[Settings](
            slug="live_counter",
            name=_("Live counter"),
            summary=_("Shows shoppers how many are in your store now. Only true numbers: too few are hidden."),
            icon="👥",
            category=Category.IN_STORE,
            settings=Settings,
            sample=dashboard.sample,
            health=dashboard.health,
            panel=dashboard.panel,
        )
    )
)
