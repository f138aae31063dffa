"""What people see of a plan: paused tools that come back as they were, a limit that is told before it bites."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from core import memory
from core.models import Membership, Merchant, User
from features import services
from features.registry import Card
from integrations import handlers
from integrations.tasks import review_standings
from tests.cards import Settings, a_card, registered
from tests.conftest import work
from tests.plans import DAY, Deliver, orders, subscription, trial

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 10, 9, tzinfo=UTC)
DECEMBER = datetime(2026, 11, 30, 21, tzinfo=UTC)
LINK = "https://s.salla.example/apps/install/4711"


@pytest.fixture(autouse=True)
def travel(settings: Any) -> Iterator[time_machine.Traveller]:
    settings.SALLA_DASHBOARD_URL, settings.SALLA_APP_ID = "https://s.salla.example", "4711"
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def card(merchant: Merchant) -> Iterator[Card[Settings]]:
    """On, with a setting of its own."""
    with registered(a_card()) as one:
        services.save(merchant, card=one, raw={"title": "هلا"})
        services.switch(merchant, card=one, is_on=True)
        yield one


@pytest.fixture
def browser(merchant: Merchant) -> Client:
    user = User.objects.create_user("sara@example.com", name="سارة")
    Membership.objects.create(user=user, merchant=merchant, role=Membership.Role.OWNER)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def text(browser: Client, merchant: Merchant, end: str = "") -> str:
    """What the page says, without tags and isolates."""
    page = browser.get(f"/stores/{merchant.public_id}/{end}")
    assert page.status_code == 200
    words = re.sub(r"<[^>]+>|[\u2066-\u2069]", " ", page.content.decode().split("<main", 1)[1])
    return re.sub(r"\s+([.,;])", r"\1", re.sub(r"\s+", " ", words))


def shown(client: Client, merchant: Merchant) -> list[str]:
    """Cards that shoppers are told of, by a process that remembers nothing."""
    memory.forget()
    return [each["slug"] for each in client.get(f"/sf/{merchant.salla_id}/config.json").json()["cards"]]


def ask(client: Client, merchant: Merchant) -> int:
    path = f"/sf/{merchant.salla_id}/cards/test_card/echo"
    status: int = client.post(path, b"{}", content_type="text/plain").status_code
    return status


def review() -> None:
    handlers.review_standings()
    review_standings()


# Restricted


def test_a_restricted_stores_cards_are_withheld_and_come_back_as_they_were(
    client: Client, deliver: Deliver, merchant: Merchant, card: Card[Settings]
) -> None:
    before = client.get(f"/sf/{merchant.salla_id}/config.json").content
    assert (shown(client, merchant), ask(client, merchant)) == (["test_card"], 200)
    deliver(subscription(merchant.salla_id, "started", NOW - 9 * DAY))
    deliver(subscription(merchant.salla_id, "canceled", NOW - DAY))
    work()
    assert (shown(client, merchant), ask(client, merchant)) == ([], 204)
    assert services.active_settings(merchant, card) is None
    assert services.settings_of(merchant, card).title == "هلا"
    assert merchant.features.get().is_on
    assert merchant.revisions.count() == 2  # nobody changed the card
    deliver(subscription(merchant.salla_id, "started", NOW, subscription_id=8))
    work()
    assert (shown(client, merchant), ask(client, merchant)) == (["test_card"], 200)
    assert client.get(f"/sf/{merchant.salla_id}/config.json").content == before


STATES = [
    (
        [("trial", "expired", NOW - DAY)],
        "Your trial ended on 9 November 2026. Choose a plan in Salla, and every tool comes back as you set it.",
        "Your trial has ended.",
    ),
    (
        [("plan", "expired", NOW - DAY)],
        "Your subscription expired on 9 November 2026. Renew it in Salla, and every tool comes back as you set it.",
        "Your subscription has expired.",
    ),
    (
        [("plan", "canceled", NOW - DAY)],
        "Your subscription was canceled on 9 November 2026. Choose a plan in Salla, and every tool comes back",
        "Your subscription was canceled.",
    ),
]


@pytest.mark.parametrize(("events", "notice", "reason"), STATES)
def test_a_restricted_card_says_why_and_what_to_do(
    events: Any, notice: str, reason: str, browser: Client, deliver: Deliver, merchant: Merchant, card: Card[Settings]
) -> None:
    for kind, what, at in events:
        deliver({"trial": trial, "plan": subscription}[kind](merchant.salla_id, what, at))
    work()
    for end in ("", "cards/", "cards/test_card/"):
        said = text(browser, merchant, end)
        assert notice in said, end
        assert "Until then shoppers see none of them. Your settings and numbers stay." in said
        assert LINK in browser.get(f"/stores/{merchant.public_id}/{end}").content.decode()
    for end in ("cards/", "cards/test_card/"):
        said = text(browser, merchant, end)
        assert reason in said
        assert "Paused" in said
        assert "Running" not in said
    said = text(browser, merchant)
    assert "Your tools are paused" in said
    assert re.search("Your plan (Professional|Growth) Ended Plans Free Up to 50 orders a month", said)
    assert "Orders this month" not in said


def test_while_it_is_restricted_a_card_can_be_set_and_turned_off_but_not_on(
    browser: Client, deliver: Deliver, merchant: Merchant, card: Card[Settings]
) -> None:
    deliver(trial(merchant.salla_id, "expired", NOW - DAY))
    work()
    address = f"/stores/{merchant.public_id}/cards/test_card/"
    saved = browser.post(address, {"json": '{"title": "يا هلا"}'}, follow=True)
    said = [str(message) for message in saved.context["messages"]]
    assert said == ["Saved. Shoppers see it once your tools run again."]
    browser.post(f"{address}switch/", {"is_on": "false"})
    assert merchant.features.get().is_on is False
    refused = browser.post(f"{address}switch/", {"is_on": "true"}, follow=True)
    assert [str(message) for message in refused.context["messages"]][-1] == "Your trial has ended."
    assert merchant.features.get().is_on is False
    assert "Off" in text(browser, merchant, "cards/test_card/")
    assert f'action="{address}switch/' not in browser.get(address).content.decode()
    browser.post(address, {"json": '{"title": "أهلًا"}'})
    assert services.settings_of(merchant, card).title == "أهلًا"


# Over the limit


def test_an_excess_is_told_at_once_and_pauses_at_the_months_end(
    browser: Client,
    deliver: Deliver,
    merchant: Merchant,
    card: Card[Settings],
    travel: time_machine.Traveller,
) -> None:
    orders(deliver, merchant, 50)
    assert "More orders than your plan is for" not in text(browser, merchant)
    orders(deliver, merchant, 1, first=51)
    told = (
        "Orders this month: 51. The Free plan is for 50. Everything runs on to the end of the month; "
        "on 1 December your tools pause, unless you choose a larger plan in Salla before then."
    )
    for end in ("", "cards/", "cards/test_card/"):
        assert told in text(browser, merchant, end), end
    travel.move_to(DECEMBER - timedelta(seconds=1))
    browser.force_login(User.objects.get())  # a session does not last so long
    review()
    assert shown(browser, merchant) == ["test_card"]
    assert "Running" in text(browser, merchant, "cards/")
    travel.move_to(DECEMBER)
    review()
    assert shown(browser, merchant) == []
    said = text(browser, merchant)
    assert "Orders in November: 51. The Free plan is for 50 a month." in said
    assert "Your plan Free Over its limit Orders this month 0 / 50" in said
    assert "otherwise they come back on 1 January, if this month stays within the plan." in said
    deliver(subscription(merchant.salla_id, "started", DECEMBER))
    work()
    assert shown(browser, merchant) == ["test_card"]
    assert "Your tools are paused" not in text(browser, merchant)


# The plan on the overview


def test_the_overview_says_what_the_store_has(browser: Client, deliver: Deliver, merchant: Merchant) -> None:
    said = text(browser, merchant)
    assert "Your plan Free" in said
    assert "Orders this month 0 / 50" in said
    assert "Growth Up to 500 orders a month" in said
    assert "Professional Orders without limit" in said
    deliver(trial(merchant.salla_id, "started", NOW))
    work()
    said = text(browser, merchant)
    assert "Your plan Professional Trial until 24 November 2026" in said
    assert "Orders this month: 0. Your plan has no limit." in said
    assert "Larger plans" not in said
    deliver(subscription(merchant.salla_id, "started", NOW))
    work()
    orders(deliver, merchant, 3)
    said = text(browser, merchant)
    assert "Your plan Growth Paid until 10 December 2026 Orders this month 3 / 500" in said
    assert "Counting begins anew on 1 December." in said


def test_staff_see_it_and_find_it_by_state(staff: User, deliver: Deliver, merchant: Merchant) -> None:
    deliver(trial(merchant.salla_id, "expired", NOW - DAY))
    work()
    client = Client(headers={"accept-language": "en"})
    client.force_login(staff)
    page = "/admin/integrations/standing/?state__exact="
    assert "Your trial has ended." in client.get(f"{page}restricted").content.decode()
    assert "Your trial has ended." not in client.get(f"{page}active").context["cl"].result_list.values_list("reason")
    assert client.get(f"{page}active").context["cl"].result_count == 0
    assert client.get("/admin/integrations/subscription/?status__exact=expired").context["cl"].result_count == 1
