"""A card's numbers: the chart and the file say what was counted, day by day, and say so when that is nothing."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from django.utils.html import escape

from core import export
from core.models import Merchant
from events import tallies
from events.tallies import Count
from features import services
from features.registry import Card, Category, Measure
from tests.cards import Settings, a_card, registered
from tests.features.conftest import ROLES, address, person, text_of
from tests.ticks import START

SHOWN, CLICKED = "card.shown", "card.clicked"


def count(
    merchant: Merchant, name: str, *, days_ago: int = 0, times: int = 1, dimension: str = "card:test_card"
) -> None:
    at = START - timedelta(days=days_ago)
    tallies.add([Count(merchant_id=merchant.pk, name=name, at=at, dimension=dimension, count=times)])


def rows(client: Client, merchant: Merchant, query: str = "") -> list[list[str]]:
    response: Any = client.get(address(merchant, f"test_card/numbers/{query}"))
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode().removeprefix(export.BOM)
    return [line.replace('"', "").split(",") for line in text.splitlines()]


class TestReport:
    @pytest.fixture(autouse=True)
    def _registered(self, card: Card[Settings], still: time_machine.Traveller) -> None: ...

    def test_it_counts_the_cards_own_events_in_the_days_asked_for(
        self, page: Client, merchant: Merchant, other_merchant: Merchant
    ) -> None:
        count(merchant, SHOWN, times=1_204)
        count(merchant, SHOWN, days_ago=6, times=3)
        count(merchant, SHOWN, days_ago=7, times=50)
        count(merchant, SHOWN, days_ago=28, times=7_000)
        count(merchant, CLICKED, days_ago=1, times=2)
        count(merchant, SHOWN, times=90, dimension="card:another")
        count(merchant, SHOWN, times=90, dimension="")
        count(other_merchant, SHOWN, times=400)
        for query, shown in (
            ("", 1_207),
            ("?days=7", 1_207),
            ("?days=28", 1_257),
            ("?days=365", 1_207),
            ("?days=x", 1_207),
        ):
            report = page.get(address(merchant, f"test_card/{query}")).context["report"]
            assert [each.total for each in report.series] == [shown, 2]
            assert len(report.series[0].counts) == report.days == (28 if query == "?days=28" else 7)
        text = text_of(page.get(address(merchant)))
        assert '<bdi dir="ltr">1,207</bdi>' in text
        assert "Robots, your own team" in text
        assert "Days end at midnight, Riyadh time; today is the last of them." in text
        assert 'href="/stores/' in text
        assert "?days=28#numbers" in text

    def test_nothing_is_said_to_be_nothing(self, page: Client, merchant: Merchant) -> None:
        text = text_of(page.get(address(merchant)))
        assert "Nothing was counted in the last 7 days." in text
        assert "Numbers appear here once the card is on and a shopper sees it." in text
        assert "<svg viewBox" not in text.split('id="numbers"')[1].split("</section>")[0].replace("icon", "")
        services.switch(merchant, card=a_card(), is_on=True)
        assert "Numbers appear here minutes after a shopper sees the card." in text_of(page.get(address(merchant)))

    def test_the_file_has_the_same_numbers(self, page: Client, merchant: Merchant) -> None:
        count(merchant, SHOWN, times=12)
        count(merchant, CLICKED, days_ago=2, times=5)
        found = rows(page, merchant)
        assert found[0] == ["Day", "Shown", "Clicked"]
        assert [row[1:] for row in found[1:]] == [["0", "0"]] * 4 + [["0", "5"], ["0", "0"], ["12", "0"]]
        assert found[-1][0] == START.astimezone(merchant.zone).date().isoformat()
        assert len(rows(page, merchant, "?days=28")) == 29
        response: Any = page.get(address(merchant, "test_card/numbers/?as=xlsx"))
        assert response.headers["Content-Type"] == export.TYPES["xlsx"]
        assert response.getvalue().startswith(b"PK")
        assert page.get(address(merchant, "test_card/numbers/?as=exe")).status_code == 404

    def test_the_file_has_the_cards_name_in_the_readers_language(self, page: Client, merchant: Merchant) -> None:
        response = page.get(address(merchant, "test_card/numbers/"), headers={"accept-language": "ar"})
        day = START.astimezone(merchant.zone).date()
        with translation.override("ar"):
            name = export.file_name(f"{a_card().name} {day}", "csv")
        assert "filename*=utf-8''" in response.headers["Content-Disposition"]
        assert name.endswith(f"{day}.csv")

    def test_a_viewer_may_have_it(self, client: Client, merchant: Merchant) -> None:
        client.force_login(person(merchant, ROLES.VIEWER))
        assert client.get(address(merchant, "test_card/numbers/")).status_code == 200

    def test_a_day_is_the_stores(self, page: Client, merchant: Merchant, still: time_machine.Traveller) -> None:
        """22:30 in UTC is the next day in Riyadh."""
        late = START.replace(hour=22, minute=30)
        tallies.add([Count(merchant.pk, SHOWN, late, dimension="card:test_card")])
        still.move_to(late + timedelta(minutes=5))
        found = rows(page, merchant)
        assert found[-1] == [(START + timedelta(days=1)).date().isoformat(), "1", "0"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({}, []),
        ({"starts_at": "2026-05-01T11:00:00Z"}, []),
        (
            {"starts_at": "2026-05-17T21:30:00Z", "ends_at": "2026-05-27T21:00:00Z"},
            [
                "Shoppers see it from \u206818 May 2026, 12:30 AM (1 Dhu al-Hijjah 1447 AH)\u2069.",
                "It ends on \u206828 May 2026, 12:00 AM (11 Dhu al-Hijjah 1447 AH)\u2069.",
            ],
        ),
        (
            {"ends_at": "2026-05-01T12:00:00Z"},
            ["Its time ended on \u20681 May 2026, 3:00 PM (14 Dhu al-Qa'dah 1447 AH)\u2069."],
        ),
        ({"holdout_percent": 10}, ["10 % of shoppers do not get it, to compare them with the others."]),
        (
            {"is_shadow": True, "holdout_percent": 10},
            ["It is tried unseen: we count when it would have come up, and shoppers see nothing."],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_the_page_says_what_the_rules_come_to(
    page: Client, merchant: Merchant, card: Card[Settings], still: time_machine.Traveller, raw: Any, said: list[str]
) -> None:
    services.save(merchant, card=card, raw=raw)
    response = page.get(address(merchant))
    assert response.context["health"].lines == said
    for line in said:
        assert escape(line) in text_of(response)


def test_the_history_tells_moments_by_the_stores_clock(page: Client, merchant: Merchant, card: Card[Settings]) -> None:
    services.save(merchant, card=card, raw={"starts_at": "2026-05-17T21:30:00Z"})
    (change,) = page.get(address(merchant)).context["history"]
    assert [(each.before, each.after) for each in change.differences] == [("—", "18 May 2026, 12:30 AM")]


def test_a_card_says_what_it_measures(page: Client, merchant: Merchant, still: time_machine.Traveller) -> None:
    measure = Measure("sales", "Sales", "Orders that it led to.", dimension="")
    with registered(a_card(measures=[measure])):
        count(merchant, "sales", times=3, dimension="")
        assert [row[1] for row in rows(page, merchant)] == ["Sales", *["0"] * 6, "3"]
        assert "Orders that it led to." in text_of(page.get(address(merchant)))


@pytest.mark.parametrize("measures", [(), []])
def test_a_card_without_measures_has_no_numbers(page: Client, merchant: Merchant, measures: Any) -> None:
    with registered(a_card(measures=measures, category=Category.MESSAGES)):
        assert 'id="numbers"' not in text_of(page.get(address(merchant)))
        assert page.get(address(merchant, "test_card/numbers/")).status_code == 404
