"""Latest purchase: only what was truly bought. Orders come as Salla's webhooks."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.models import Merchant
from features import services
from visitors.cards.latest_purchase import actions
from visitors.cards.latest_purchase.card import CARD
from visitors.cards.latest_purchase.conftest import ADDRESS, OUD, Shop
from visitors.cards.latest_purchase.dashboard import sample

WIDGET = Path(__file__).parent / "static" / "widget.js"


def test_a_purchase_is_shown_with_nothing_but_what_is_shown(shop: Shop) -> None:
    data = shop.order()
    body = shop.answer()
    (row,) = json.loads(body)["purchases"]
    key = row.pop("key")
    assert row == {
        "id": OUD["id"],
        "product": "دهن عود كمبودي",
        "url": ADDRESS,
        "image": "",
        "place": "القصيم",
        "who": "",
        "age": {"unit": "minute", "count": 10},
    }
    assert len(key) == 12
    for secret in (data["id"], 41027662, 225167971, 420, 501806978, "نورة", "العتيبي", "بريدة", data["date"]["date"]):
        assert str(secret) not in body


def test_the_key_is_the_orders_own_and_says_nothing_of_it(shop: Shop) -> None:
    shop.order()
    shop.order()
    first, second = (row["key"] for row in shop.shown())
    assert first != second
    assert [row["key"] for row in shop.shown("en")] == [first, second]


def test_nobody_can_follow_an_order_from_day_to_day(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's day: midnight in Riyadh is 21:00 in UTC."""
    evening = clock.now().replace(hour=20, minute=50)
    monkeypatch.setattr(clock, "now", lambda: evening)
    shop.order()
    keys = [shop.shown()[0]["key"]]
    for minutes in (9, 11, 24 * 60):
        monkeypatch.setattr(clock, "now", lambda minutes=minutes: evening + timedelta(minutes=minutes))
        keys.append(shop.shown()[0]["key"])
    assert keys[0] == keys[1] != keys[2] == keys[3]


@pytest.mark.parametrize("time_zone", ["", "Mars/Olympus"])
def test_a_store_of_no_known_zone_is_answered(shop: Shop, time_zone: str) -> None:
    Merchant.objects.filter(pk=shop.merchant.pk).update(time_zone=time_zone)
    shop.order()
    assert len(shop.shown()) == 1


def test_a_name_is_not_joined_to_a_place_by_the_key(shop: Shop) -> None:
    shop.order()
    keys = set()
    for has_name, has_place in ((False, False), (False, True), (True, False), (True, True)):
        shop.set(show_first_name=has_name, show_place=has_place)
        keys.add(shop.shown()[0]["key"])
    assert len(keys) == 4


def test_the_place_is_in_the_shoppers_language(shop: Shop) -> None:
    shop.order()
    assert shop.shown("en")[0]["place"] == "Qassim"


@pytest.mark.parametrize(
    ("minutes", "age"),
    [
        (0, ("minute", 0)), (4.8, ("minute", 0)), (5.1, ("minute", 5)), (9.8, ("minute", 5)), (10.1, ("minute", 10)),
        (15.1, ("minute", 15)), (20.1, ("minute", 20)), (29.8, ("minute", 20)), (30.1, ("minute", 30)),
        (45.1, ("minute", 45)), (59.5, ("minute", 45)), (61, ("hour", 1)), (23 * 60 + 59, ("hour", 23)),
        (1441, ("day", 1)),
    ],
)  # fmt: skip
def test_time_is_rounded_down(shop: Shop, minutes: float, age: tuple[str, int]) -> None:
    shop.order(minutes=minutes)
    assert shop.shown()[0]["age"] == {"unit": age[0], "count": age[1]}


def test_little_more_than_the_merchant_chose_the_newest_first(shop: Shop) -> None:
    for minutes in (46, 6, 31, 121, 1, 16, 11, 21, 61):
        shop.order(minutes=minutes)
    assert [row["age"]["count"] for row in shop.shown()] == [0, 5, 10, 15, 20, 30, 45, 1]
    shop.set(max_items=1)
    assert [row["age"]["count"] for row in shop.shown()] == [0, 5, 10, 15, 20, 30]
    shop.set(max_items=10)
    assert [row["age"]["count"] for row in shop.shown()] == [0, 5, 10, 15, 20, 30, 45, 1, 2]


# True


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [
        ({}, True),
        ({"is_pending_payment": True}, False),
        ({"status": {"slug": "payment_pending"}}, False),
        ({"payment_method": "bank"}, False),
        ({"payment_method": "bank", "status": {"slug": "in_progress"}}, True),
        ({"payment_method": "cod"}, False),
        ({"payment_method": "cod", "is_pending_payment": True}, False),
        ({"payment_method": "cod", "status": {"slug": "in_progress"}}, True),
        ({"payment_method": "cod", "status": {"slug": "shipped"}}, True),
        ({"payment_method": "cod", "status": {"slug": "delivered"}}, True),
        ({"payment_method": "cod", "status": {"slug": "my-own-status"}}, False),
        ({"payment_method": "cod", "status": {"slug": "canceled"}}, False),
        ({"status": {"slug": "canceled"}}, False),
        ({"status": {"slug": "restoring"}}, False),
        ({"status": {"slug": "restored"}}, False),
        ({"draft": True}, False),
        ({"items": []}, False),
        ({"items": [{"product": {"id": 1}, "name": "منتج مجهول"}]}, False),
    ],
    ids=str,
)
def test_only_certain_orders(shop: Shop, changes: dict[str, Any], is_shown: bool) -> None:
    shop.order(**changes)
    assert len(shop.shown()) == is_shown


@pytest.mark.parametrize("event", ["order.cancelled", "order.refunded", "order.deleted"])
def test_an_order_that_ends_goes_at_once(shop: Shop, event: str) -> None:
    data = shop.order()
    assert len(shop.shown()) == 1
    shop.send(event, data)
    assert shop.shown() == []


def test_only_of_the_window(shop: Shop) -> None:
    shop.order(minutes=47 * 60)
    shop.order(minutes=49 * 60)
    shop.order(minutes=-30)  # a clock ahead of ours
    assert [row["age"] for row in shop.shown()] == [{"unit": "day", "count": 1}]
    shop.set(window_hours=72)
    assert len(shop.shown()) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "hidden"},
        {"status": "out"},
        {"is_available": False},
        {"quantity": 0},
        {"url": "https://elsewhere.example/p720881993"},
        {"url": "https://salla.sa.elsewhere.example/p1"},
        {"url": "javascript:alert(1)//salla.sa"},
        {"url": "https://[salla.sa/p1"},
        {"url": ""},
    ],
    ids=str,
)
def test_only_what_can_be_bought_here(merchant: Merchant, deliver: Any, client: Client, changes: Any) -> None:
    shop = Shop(merchant, deliver, client)
    services.switch(merchant, card=CARD, is_on=True)
    shop.product(**changes)
    shop.order()
    assert shop.shown() == []


def test_a_deleted_product_goes(shop: Shop) -> None:
    shop.order()
    shop.send("product.deleted", {"id": OUD["id"]})
    assert shop.shown() == []


@pytest.mark.parametrize("domain", ["https://najd.example", "najd.example", "https://www.najd.example/ar"])
def test_the_stores_own_domain_is_its_own(shop: Shop, domain: str) -> None:
    Merchant.objects.filter(pk=shop.merchant.pk).update(domain=domain)
    shop.product(url="https://najd.example/p720881993")
    shop.order()
    assert [row["url"] for row in shop.shown()] == ["https://najd.example/p720881993"]


def test_another_stores_orders_are_its_own(shop: Shop, other_merchant: Merchant) -> None:
    other = Shop(other_merchant, shop.deliver, shop.client)
    other.order()
    assert shop.shown() == []


# What the merchant sees


def test_health_gives_the_reasons(shop: Shop) -> None:
    assert shop.health() == ["Nothing is shown: there was no order in the last 48 hours."]
    shop.order(is_pending_payment=True)
    shop.order(status={"slug": "canceled"})
    shop.order(status={"slug": "canceled"})
    shop.order(items=[])
    assert shop.health() == [
        "No order of the last 48 hours may be shown.",
        "1 is not paid yet.",
        "2 were cancelled, refunded or deleted.",
        "1 has no product that can still be bought.",
    ]
    shop.order()
    assert shop.health()[0] == "1 order of the last 48 hours is shown."


def test_the_preview_is_real_or_says_that_it_is_an_example(shop: Shop) -> None:
    settings = services.settings_of(shop.merchant, CARD)
    example = sample(shop.merchant, settings, "ar")
    assert example.is_example
    assert example.answers["recent"]["purchases"][0]["product"] == "دهن عود كمبودي"
    shop.order()
    assert example.answers["recent"]["purchases"][0]["age"] == actions.rounded(timedelta(minutes=10))
    real = sample(shop.merchant, settings, "ar")
    assert (real.is_example, real.answers["recent"]["purchases"]) == (False, shop.shown())


# Cheap


def test_an_answer_is_remembered(shop: Shop, django_assert_num_queries: Any) -> None:
    shop.order()
    address = f"/sf/{shop.merchant.salla_id}/cards/latest_purchase/recent"
    with django_assert_num_queries(5):
        first = shop.client.post(address, "{}", content_type="text/plain").content
    with django_assert_num_queries(3):
        assert shop.client.post(address, "{}", content_type="text/plain").content == first


# The words of the widget

PROBE = """
import { ago, isOwn } from "%s";
const latin = (value) => value.toLocaleString("ar-u-nu-latn"), arabic = (value) => value.toLocaleString("ar-u-nu-arab");
const say = (lang, unit, count, number = latin) => ago({ unit, count }, lang, number);
const minutes = 60_000;
const own = (count, passed) => isOwn({ unit: "minute", count }, [0], passed * minutes);
console.log(JSON.stringify([
  ...[0, 5, 10, 15, 20, 30, 45].map((count) => say("ar", "minute", count)),
  ...[1, 2, 3, 11].map((count) => say("ar", "hour", count)),
  ...[1, 2, 3, 7].map((count) => say("ar", "day", count)),
  say("ar", "minute", 15, arabic), say("en", "minute", 0), say("en", "minute", 5), say("en", "hour", 1),
  say("en", "hour", 2), say("en", "day", 1), say("fr", "day", 2),
  own(0, 0), own(0, 17), own(0, 18), own(10, 7), own(10, 8), own(30, 46), own(45, 62), own(45, 63),
  isOwn({ unit: "minute", count: 10 }, [], 0),
  ...[177, 178, 242, 243].map((passed) => isOwn({ unit: "hour", count: 3 }, [0], passed * minutes)),
  ...[1437, 1438, 2882, 2883].map((passed) => isOwn({ unit: "day", count: 1 }, [0], passed * minutes)),
]));
"""


def test_the_widget_says_it_right(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    module = tmp_path / "widget.mjs"
    module.write_text(WIDGET.read_text())
    (tmp_path / "probe.mjs").write_text(PROBE % module.as_uri())
    result = subprocess.run([node, tmp_path / "probe.mjs"], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == [
        "قبل قليل", "قبل 5 دقائق", "قبل 10 دقائق", "قبل 15 دقيقة", "قبل 20 دقيقة", "قبل 30 دقيقة", "قبل 45 دقيقة",
        "قبل ساعة", "قبل ساعتين", "قبل 3 ساعات", "قبل 11 ساعة",
        "قبل يوم", "قبل يومين", "قبل 3 أيام", "قبل 7 أيام",
        "قبل ١٥ دقيقة", "just now", "5 minutes ago", "1 hour ago", "2 hours ago", "1 day ago", "2 days ago",
        True, True, False, False, True, True, True, False, False,
        False, True, True, False, False, True, True, False,
    ]  # fmt: skip
