"""What owners are told of their plan by e-mail: near its limit, over it, and when the tools pause."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail as outbox

from core.models import Merchant
from integrations import handlers
from integrations.entitlements import REVIEW_EVERY
from integrations.tasks import review_standings
from notifications import alerts
from notifications.tasks import send_alerts
from tests.alerts import a_team, sent
from tests.conftest import work
from tests.plans import Deliver, orders, subscription

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 10, 9, tzinfo=UTC)
# Midnight of 1 December in Riyadh.
DECEMBER = datetime(2026, 11, 30, 21, tzinfo=UTC)
NEAR = ("owner@example.com", "متجرك يقترب من حد باقته")
OVER = ("owner@example.com", "طلبات متجرك تجاوزت حد باقتك")
PAUSED = ("owner@example.com", "أدواتك متوقّفة")


@pytest.fixture(autouse=True)
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _team(travel: time_machine.Traveller, merchant: Merchant) -> None:
    a_team(merchant)


def told(travel: time_machine.Traveller) -> list[tuple[str, str]]:
    """After everything that is due has run, twice."""
    for _ in range(2):
        travel.shift(REVIEW_EVERY)
        handlers.review_standings()
        review_standings()
        work()
        send_alerts()
    return sent()


def test_the_owner_alone_hears_of_each_step_once(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    orders(deliver, merchant, 39)
    assert told(travel) == []
    orders(deliver, merchant, 1, first=40)
    assert told(travel) == [NEAR]
    orders(deliver, merchant, 10, first=41)
    assert told(travel) == [NEAR]
    assert "طلبات هذا الشهر: 40، وحد باقتك" in outbox.outbox[0].body
    orders(deliver, merchant, 1, first=51)
    assert told(travel) == sorted([NEAR, OVER])
    assert "ثم تتوقف أدواتك في 1 ديسمبر" in outbox.outbox[1].body
    travel.move_to(DECEMBER)
    assert told(travel) == sorted([NEAR, OVER, PAUSED])
    assert "/apps/install/" in outbox.outbox[2].body


def test_what_a_larger_plan_has_settled_is_not_told(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    orders(deliver, merchant, 51)
    handlers.review_standings()
    review_standings()
    deliver(subscription(merchant.salla_id, "started", NOW))
    assert told(travel) == []
    assert list(merchant.alerts.values_list("kind", "state")) == [("limit_exceeded", "ignored")]


def as_decided(merchant: Merchant) -> list[tuple[str, str]]:
    return list(merchant.alerts.order_by("pk").values_list("state", "reason"))


@pytest.fixture
def went_over_and_back(deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller) -> None:
    """Before the mail went out, a customer canceled."""
    orders(deliver, merchant, 51)
    handlers.review_standings()
    review_standings()
    work()
    travel.shift(timedelta(minutes=1))
    orders(deliver, merchant, 1, first=51, status={"slug": "canceled", "name": "ملغي"})
    send_alerts()
    assert as_decided(merchant) == [("waiting", alerts.NOT_NOW)]


@pytest.mark.usefixtures("went_over_and_back")
def test_over_for_the_second_time_is_told(deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller) -> None:
    assert OVER not in told(travel)
    orders(deliver, merchant, 1, first=52)
    assert told(travel).count(OVER) == 1
    assert told(travel).count(OVER) == 1


@pytest.mark.usefixtures("went_over_and_back")
def test_over_and_back_is_settled_when_the_month_ends(merchant: Merchant, travel: time_machine.Traveller) -> None:
    travel.move_to(DECEMBER)
    assert OVER not in told(travel)
    assert as_decided(merchant)[0] == ("ignored", alerts.PLAN_CHANGED)


@pytest.mark.usefixtures("went_over_and_back")
def test_over_and_back_is_settled_by_a_larger_plan(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    deliver(subscription(merchant.salla_id, "started", NOW))
    assert OVER not in told(travel)
    assert as_decided(merchant)[0] == ("ignored", alerts.PLAN_CHANGED)
