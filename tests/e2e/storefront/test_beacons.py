"""What a shop's pages tell us: all of it valid, none of it personal, and nothing lost when a page is left."""

import json
import re
from datetime import timedelta

import pytest
from playwright.sync_api import Route

from core import clock
from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, Shopper, shop
from tests.e2e.storefront.conftest import CORS, Beacons, mounted, plain, sign_in
from visitors import beacons as door

QUERY = "SECRETWORD"
ROBOT = "Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })"


@pytest.fixture
def beacons(shopper: Shopper, running: Running) -> Beacons:
    plain(shopper.page)
    shopper.page.add_init_script(ROBOT)
    return Beacons(shopper.page, running)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "demo_offset", lambda: timedelta(0))  # there is no database here


def test_a_visit_is_told_validly_and_says_nothing_personal(
    shopper: Shopper, running: Running, beacons: Beacons
) -> None:
    page = shopper.page
    page.goto(f"{shop(running)}&utm_source=instagram&utm_campaign=عيد&gclid=abc&q={QUERY}")
    mounted(page)
    page.evaluate("api.send('card.clicked', { product_id: 5 })")
    page.evaluate(f"salla.analytics.track('Products Searched', {{ query: '{QUERY}' }})")
    page.locator("a[href*='/p']").first.click()
    page.wait_for_load_state()
    page.locator("[data-add-form] button").click()
    page.wait_for_selector("#cart-count:not([hidden])")
    page.evaluate("salla.cart.addCoupon('NOPE').catch(() => {})")
    beacons.hear("coupon.denied")
    sign_in(page, running)
    beacons.leave()
    names = set(beacons.names)
    assert names >= {
        "page.viewed", "page.left", "product.viewed", "product.added", "cart.updated", "products.searched",
        "coupon.denied", "card.shown", "card.clicked", "vitals.measured",
    }  # fmt: skip
    for text in beacons.texts:
        door.read(text.encode())
        assert len(text.encode()) <= door.MAX_BYTES
    first = beacons.batches[0]
    assert first["utm"] == {"source": "instagram", "campaign": "عيد"}
    assert (first["click"], first["lang"], first["is_robot"]) == ("google", "ar", False)
    assert first["page"]["slug"] == "index"
    assert beacons.of("coupon.denied") == [{"code": "NOPE"}]
    assert len(beacons.of("product.viewed")) == len(beacons.of("product.added")) == 1
    assert beacons.of("products.searched") == [{}]
    told = "".join(beacons.texts)
    assert not re.search(rf"@|{QUERY}|gclid|\\+966|05\\d{{8}}|9665\\d{{8}}", told)
    assert shopper.thrown == []


def test_who_signs_in_is_known_by_a_signed_key(shopper: Shopper, running: Running, beacons: Beacons) -> None:
    page = shopper.page
    page.goto(shop(running))
    beacons.hear("page.viewed")
    assert {batch["key"] for batch in beacons.batches} == {""}
    sign_in(page, running)
    page.wait_for_function(f"localStorage.getItem('nomo:{OUD}::key')")
    page.reload()
    page.wait_for_load_state()
    beacons.leave()
    last = beacons.batches[-1]
    assert len(last["key"]) > 20
    assert isinstance(last["customer"], int)
    for text in beacons.texts:
        door.read(text.encode())


def test_a_page_that_is_left_has_told_all(shopper: Shopper, running: Running, beacons: Beacons) -> None:
    """However soon it is left."""
    page = shopper.page
    page.goto(shop(running))
    mounted(page)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.evaluate("for (let number = 1; number <= 30; number += 1) api.send('card.clicked', { product_id: number })")
    beacons.leave()
    assert [each["product_id"] for each in beacons.of("card.clicked")] == list(range(1, 31))
    assert all(len(batch["events"]) <= 20 for batch in beacons.batches)
    [left] = beacons.of("page.left")
    assert left["depth"] == 100
    [vitals] = beacons.of("vitals.measured")
    assert vitals["is_with_us"] is True
    assert vitals["cls"] <= 0.01


def test_hidden_and_back_it_tells_how_long_in_all(shopper: Shopper, running: Running, beacons: Beacons) -> None:
    page = shopper.page
    page.goto(shop(running))
    beacons.hear("page.viewed")
    hide = """(isAway) => {
      Object.defineProperty(document, 'hidden', { get: () => isAway, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    for is_away in (True, False, True):
        page.evaluate(hide, is_away)
    beacons.leave()
    seconds = [each["seconds"] for each in beacons.of("page.left")]
    assert len(seconds) == 2
    assert seconds == sorted(seconds)
    assert len(beacons.of("vitals.measured")) <= 1


def test_without_a_card_nobody_listens(shopper: Shopper, running: Running, beacons: Beacons) -> None:
    empty = {"version": 0, "listens": False, "modules": {}, "cards": []}
    shopper.page.route("**/config.json", lambda route: route.fulfill(json=empty, headers=CORS))
    shopper.page.goto(shop(running))
    shopper.page.wait_for_function("window.nomoFlow.isLoaded")
    shopper.page.wait_for_load_state("networkidle")
    beacons.leave()
    assert beacons.texts == []


# When our server does not take them


def test_what_was_not_taken_is_told_once_more_as_it_was(shopper: Shopper, running: Running, beacons: Beacons) -> None:
    page = shopper.page
    answers = iter([503, 429])

    def door_of(route: Route) -> None:
        status = next(answers, 0)
        route.fulfill(status=status, headers=CORS) if status else route.continue_()

    page.route("**/sf/*/e", door_of)
    page.goto(shop(running))
    page.wait_for_function("JSON.parse(localStorage.told ?? '[]').length >= 3", timeout=40_000)
    assert len(beacons.texts[:3]) == 3
    assert len({json.loads(text)["id"] for text in beacons.texts[:3]}) == 1
    assert shopper.thrown == []


@pytest.mark.parametrize("status", [400, 413])
def test_what_was_refused_is_not_told_again(shopper: Shopper, running: Running, beacons: Beacons, status: int) -> None:
    page = shopper.page
    page.route("**/sf/*/e", lambda route: route.fulfill(status=status, headers=CORS))
    page.goto(shop(running))
    beacons.hear("page.viewed")
    page.evaluate("salla.analytics.track('Checkout Started', {})")
    beacons.leave()
    assert len(beacons.of("page.viewed")) == 1
    assert beacons.of("checkout.started") == [{}]
