"""Visitor data: what the merchant reads of it; visits themselves are tests/test_visits.py's."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import translation

from core import clock
from core.models import Merchant
from features import services
from visitors.cards.visitor_data.card import CARD
from visitors.cards.visitor_data.dashboard import health


def lines(merchant: Merchant) -> list[str]:
    with translation.override("en"):
        return health(merchant, services.settings_of(merchant, CARD))


def visit(merchant: Merchant, key: str, *, hours: int, **columns: Any) -> None:
    at = clock.now() - timedelta(hours=hours)
    merchant.visits.create(visit_key=key, started_at=at, last_seen_at=at, **columns)


def test_health_counts_the_day(merchant: Merchant, other_merchant: Merchant, settings: Any) -> None:
    settings.COUNTRY_DATABASE = "/nowhere"
    unknown = "Countries are unknown: the list of networks is missing on our server."
    link = f'<a href="/stores/{merchant.public_id}/visitors/">See your visitors</a>'
    assert lines(merchant) == ["No visit in the last 24 hours.", unknown, link]
    visit(merchant, "a", hours=1)
    visit(merchant, "b", hours=23)
    visit(merchant, "bot", hours=1, is_bot=True)
    visit(merchant, "old", hours=25)
    visit(other_merchant, "a", hours=1)
    assert lines(merchant) == ["2 visits in the last 24 hours.", unknown, link]


@pytest.mark.django_db
def test_nothing_of_it_reaches_shoppers(merchant: Merchant) -> None:
    assert not CARD.has_public_settings
