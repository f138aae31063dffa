"""The weekly digest: which week, when, to whom, with which numbers, and when none goes out."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import mail as outbox

from core.models import Merchant, User
from features import services as switchboard
from features.registry import Card
from integrations.models import Connection
from notifications import alerts, services
from notifications.models import Alert
from tests.alerts import SUNDAY, a_team, a_week, at, reasons, sent
from tests.cards import Settings, a_card, registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(merchant: Merchant) -> dict[str, User]:
    return a_team(merchant)


@pytest.fixture
def card() -> Iterator[Card[Settings]]:
    with registered(a_card()) as one:
        yield one


def test_the_digest_tells_the_saudi_week_once_to_everybody(
    merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    a_week(merchant)
    switchboard.switch(merchant, card=card, is_on=True)
    services.choose(merchant, team["viewer"], wants_digest=True, language="en")
    at(SUNDAY - timedelta(minutes=1))
    assert sent() == []
    at(SUNDAY)
    at(SUNDAY + timedelta(hours=20))
    subject = "أسبوعك: من 15 نوفمبر إلى 21 نوفمبر"
    assert sent() == [
        ("editor@example.com", subject),
        ("owner@example.com", subject),
        ("viewer@example.com", "Your week: 15 November to 21 November"),
    ]
    english = next(message for message in outbox.outbox if message.to == ["viewer@example.com"])
    assert "- Orders: 2\n" in english.body
    assert re.search(r"- Paid sales: SAR\s500\.00\n", english.body)
    assert "not only those that Nomo Flow brought" in english.body
    assert "- orders: Running\n" in english.body
    assert "- The script in your store: not seen for a month\n" in english.body


def test_late_is_no_news(merchant: Merchant, team: dict[str, User]) -> None:
    a_week(merchant)
    at(SUNDAY + timedelta(hours=24))
    assert merchant.alerts.count() == 0


def test_a_week_without_news_is_silent_and_says_why(
    merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    Merchant.objects.update(created_at=SUNDAY - timedelta(days=90))
    switchboard.switch(merchant, card=card, is_on=True)
    at(SUNDAY)
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.NO_NEWS)])


def test_a_store_elsewhere_has_its_own_sunday(merchant: Merchant, team: dict[str, User]) -> None:
    a_week(merchant)
    Merchant.objects.update(time_zone="America/New_York")
    at(SUNDAY)
    assert merchant.alerts.count() == 0
    at(SUNDAY + timedelta(hours=8))
    assert merchant.alerts.count() == 1


def test_a_store_without_connection_or_from_this_week_gets_none(
    merchant: Merchant, other_merchant: Merchant, team: dict[str, User]
) -> None:
    a_week(merchant)
    Merchant.objects.filter(pk=other_merchant.pk).update(created_at=SUNDAY)
    Connection.unscoped.filter(merchant=merchant).update(state=Connection.State.NEEDS_REINSTALL)
    at(SUNDAY)
    assert Alert.unscoped.count() == 0
