"""Live counter: true numbers or none, for shoppers, for the merchant, and on the page that says what is counted."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import clock, memory, redis
from core.models import Membership, Merchant, User
from core.schema import SettingsError
from events import ingest
from features import services
from integrations import lifecycle
from tests.shoppers import beacon, send
from visitors.cards.latest_purchase.card import CARD as OTHER
from visitors.cards.live_counter import dashboard
from visitors.cards.live_counter.card import CARD

WIDGET = Path(__file__).parent / "static" / "widget.js"
STORE = 1305146709
NOON = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)  # half past twelve in Riyadh
PRODUCT = {"slug": "product.single", "id": 7, "path": "/p7"}


class Shop:
    """A store with a counter, and whoever comes to it."""

    def __init__(self, merchant: Merchant, client: Client) -> None:
        self.merchant, self.client = merchant, client
        self.people = 0

    def come(self, many: int, **said: Any) -> None:
        """So many, each from an address of his own."""
        for _ in range(many):
            self.people += 1
            address = f"198.51.{self.people // 250}.{self.people % 250}"
            assert send(self.client, beacon(**said), store=STORE, address=address) == 204
        ingest.drain()
        memory.forget()

    def told(self, query: str = "") -> dict[str, Any]:
        response = self.client.get(f"/sf/{STORE}/live{query}")
        assert response.status_code == 200
        answer = dict(json.loads(response.content))
        assert answer.pop("about").endswith(f"/live/{STORE}/")
        return answer

    def rung(self) -> tuple[str, int]:
        answer = self.told()
        return answer["rung"], answer["count"]

    def health(self, language: str = "en") -> list[str]:
        memory.forget()
        with translation.override(language):
            return dashboard.health(self.merchant, services.settings_of(self.merchant, CARD))

    def page(self, query: str = "") -> Any:
        memory.forget()
        return self.client.get(f"/live/{STORE}/{query}", headers={"accept-language": "en"})


@pytest.fixture
def noon() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def shop(merchant: Merchant, client: Client, noon: Any) -> Shop:
    services.switch(merchant, card=CARD, is_on=True)
    memory.forget()
    return Shop(merchant, client)


# The ladder


def test_each_rung_is_true(shop: Shop, noon: Any) -> None:
    told = []
    for more in (0, 1, 1, 1, 2):
        shop.come(more)
        told.append(shop.rung())
    assert told == [("hidden", 0)] * 3 + [("now", 3), ("now", 5)]
    shop.come(14)
    noon.shift(timedelta(minutes=5))
    memory.forget()
    assert shop.rung() == ("hidden", 0)  # nineteen today
    shop.come(1)
    assert shop.rung() == ("today", 20)
    noon.shift(timedelta(hours=12))  # past the store's midnight
    memory.forget()
    assert shop.rung() == ("hidden", 0)


def test_the_merchant_may_ask_for_more_and_never_for_less(shop: Shop) -> None:
    services.save(shop.merchant, card=CARD, raw={"now_minimum": 6, "today_minimum": 30})
    shop.come(5)
    assert shop.rung() == ("hidden", 0)
    shop.come(1)
    assert shop.rung() == ("now", 6)
    for less in ({"now_minimum": 2}, {"today_minimum": 19}, {"now_minimum": -1}):
        with pytest.raises(SettingsError):
            services.save(shop.merchant, card=CARD, raw=less)


def test_a_product_has_a_number_of_its_own(shop: Shop) -> None:
    shop.come(2, page=PRODUCT)
    shop.come(2)
    hidden = {"rung": "hidden", "count": 0}
    assert shop.told("?product=7") == {"rung": "now", "count": 4, "product": hidden}
    shop.come(1, page=PRODUCT)
    assert shop.told("?product=7")["product"] == {"rung": "now", "count": 3}
    assert shop.told("?product=8")["product"] == hidden


@pytest.mark.parametrize(
    "query", ["", "?product=", "?product=x", "?product=-7", "?product=٧", f"?product={'9' * 5000}"]
)
def test_what_is_no_product_is_not_counted(shop: Shop, query: str) -> None:
    assert shop.told(query)["product"] is None


def test_bots_do_not_count(shop: Shop) -> None:
    shop.come(30, is_robot=True)
    assert shop.rung() == ("hidden", 0)


# Whom it tells


def uninstall(merchant: Merchant) -> None:
    lifecycle.uninstall(merchant.salla_id, at=clock.now())


def turn_off(merchant: Merchant) -> None:
    services.switch(merchant, card=CARD, is_on=False)


def have_another_card_only(merchant: Merchant) -> None:
    services.switch(merchant, card=OTHER, is_on=True)
    turn_off(merchant)


@pytest.mark.parametrize("end", [uninstall, turn_off, have_another_card_only])
def test_without_the_card_nobody_is_told(shop: Shop, end: Any) -> None:
    shop.come(30)
    assert shop.rung() == ("now", 30)
    end(shop.merchant)
    memory.forget()
    assert shop.rung() == ("hidden", 0)
    assert shop.page().status_code == 404


def test_an_unknown_store_is_told_nothing(client: Client, db: None) -> None:
    response = client.get("/sf/404/live?product=7")
    assert json.loads(response.content)["rung"] == "hidden"
    assert client.get("/live/404/").status_code == 404


def test_any_shops_page_may_ask_and_keep_it_shortly(shop: Shop) -> None:
    response = shop.client.get(f"/sf/{STORE}/live")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cache-Control"] == "public, max-age=5"
    assert dict(response.cookies) == {}


def test_what_is_remembered_costs_no_query(shop: Shop, django_assert_num_queries: Any) -> None:
    shop.told("?product=7")
    with django_assert_num_queries(0):
        for product in range(20):
            shop.told(f"?product={product}")


def test_without_redis_it_is_hidden(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.come(30)
    dead = Redis.from_url("redis://127.0.0.1:1", retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr("visitors.presence.redis", SimpleNamespace(client=lambda: dead, key=redis.key))
    assert shop.told("?product=7") == {"rung": "hidden", "count": 0, "product": {"rung": "hidden", "count": 0}}
    assert shop.page().status_code == 200
    assert shop.health() == ["The counter is hidden: we cannot tell right now how many are in your store."]


# What the merchant sees


def test_health_says_what_shoppers_see_and_why(shop: Shop, noon: Any) -> None:
    rule = "It shows from 3 now, or else from 20 today."
    assert shop.health() == [
        "The counter is hidden: nobody has come today yet. We hide it, and never inflate it.",
        rule,
    ]
    shop.come(1)
    assert shop.health()[0] == "The counter is hidden: 1 visitor now. We hide it, and never inflate it."
    assert shop.health("ar")[0] == "العدّاد مخفي: زائر واحد الآن. نخفيه ولا نضخّمه."
    shop.come(4)
    assert shop.health() == ["The counter tells of 5 shoppers now.", rule]
    noon.shift(timedelta(minutes=6))
    assert shop.health()[0] == (
        "The counter is hidden: nobody now, and 5 visitors today. We hide it, and never inflate it."
    )
    shop.come(41)
    noon.shift(timedelta(minutes=6))
    assert shop.health()[0] == "Few are there now, so the counter tells of today: 46 visitors."


def test_the_preview_is_real_or_says_that_it_is_an_example(shop: Shop) -> None:
    settings = services.settings_of(shop.merchant, CARD)
    example = dashboard.sample(shop.merchant, settings, "ar")
    assert (example.is_example, example.answers["live"]["rung"]) == (True, "now")
    shop.come(5)
    real = dashboard.sample(shop.merchant, settings, "ar")
    assert (real.is_example, real.answers["live"]["count"]) == (False, 5)


def numbers_of(html: str) -> list[tuple[str, str]]:
    """The rows of the chart's table."""
    rows = html.split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    plain = [row.replace('<bdi dir="ltr">', "<bdi>").split("<bdi>") for row in rows]
    return [(hour.split("<")[0], count.split("<")[0]) for _, hour, count in plain]


def test_the_same_numbers_stand_on_the_page_and_in_the_dashboard(shop: Shop, noon: Any) -> None:
    noon.shift(timedelta(hours=-2))
    shop.come(4)
    noon.shift(timedelta(hours=2))
    shop.come(5)
    owner = User.objects.create_user("owner@example.com")
    Membership.objects.create(user=owner, merchant=shop.merchant, role=Membership.Role.OWNER)
    shop.client.force_login(owner)
    address = f"/stores/{shop.merchant.public_id}/cards/live_counter/"
    inside = shop.client.get(address, headers={"accept-language": "en"}).content.decode()
    outside = shop.page("?lang=en").content.decode()
    expected = [(f"{hour:02}:00", {10: "4", 12: "5"}.get(hour, "0")) for hour in range(13)]
    assert numbers_of(inside.split('aria-labelledby="live"')[1]) == numbers_of(outside) == expected
    assert "Now 5 shoppers are in the store" in outside
    assert '<bdi dir="ltr">5</bdi>' in inside
    assert '<bdi dir="ltr">9</bdi>' in inside


# The page behind it


def test_the_page_is_in_the_stores_language_and_the_same_for_everybody(shop: Shop) -> None:
    shop.come(3)
    response = shop.page()
    text = response.content.decode()
    assert '<html lang="ar" dir="rtl">' in text
    assert "في المتجر الآن 3 متسوّقين" in text
    assert (response["Content-Language"], response["Cache-Control"]) == ("ar", "public, max-age=60")
    assert dict(response.cookies) == {}
    assert "Cookie" not in response["Vary"]
    assert "csrf" not in text
    assert shop.page("?lang=fr").content == response.content
    english = shop.page("?lang=en")
    assert english["Content-Language"] == "en"
    assert "in the last five minutes" in english.content.decode()


def test_a_hidden_counter_hides_its_numbers_there_too(shop: Shop) -> None:
    shop.come(2)
    text = shop.page("?lang=en").content.decode()
    assert "The counter is hidden just now" in text
    assert "<svg viewBox=" not in text
    assert "What the counter counts</h2>" in text


# The words of the widget

PROBE = """
import { chosen, say } from "%s";
const latin = (value) => value.toLocaleString("ar-u-nu-latn"), arabic = (value) => value.toLocaleString("ar-u-nu-arab");
console.log(JSON.stringify([
  ...[3, 10, 11, 99, 100, 103, 1111].map((count) => say("now", count, "ar", latin)),
  ...[20, 46, 100, 105].map((count) => say("today", count, "ar", latin)),
  say("product", 4, "ar", arabic), say("now", 5, "en", latin), say("today", 46, "fr", latin),
  say("product", 4, "en", latin),
  chosen(null), chosen({ rung: "hidden", count: 0, product: null }),
  chosen({ rung: "today", count: 46, product: null }),
  chosen({ rung: "now", count: 9, product: { rung: "now", count: 4 } }),
  chosen({ rung: "now", count: 9, product: { rung: "hidden", count: 0 } }),
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
        "3 متسوّقين الآن", "10 متسوّقين الآن", "11 متسوّقًا الآن", "99 متسوّقًا الآن", "100 متسوّق الآن",
        "103 متسوّقين الآن", "1,111 متسوّقًا الآن",
        "20 زائرًا اليوم", "46 زائرًا اليوم", "100 زائر اليوم", "105 زوّار اليوم",
        "٤ يشاهدون هذا المنتج الآن", "5 shopping now", "46 visitors today", "4 viewing this product now",
        None, None, ["today", 46], ["product", 4], ["now", 9],
    ]  # fmt: skip
