"""The rules of a card in a browser: for whom, where, when and how often it comes, and who is held back."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from features.holdout import arm
from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, SHOWN, SLUG, Shopper, shop
from tests.e2e.storefront.conftest import BLOCKED, DESK, PHONE, Beacons, listening, mounted, opened, rule, sign_in

NOW = int(time.time())
DAY = 86_400
UPDATE = "(total) => salla.event.emit('cart::updated', { id: 5, total, count: 1, items: [] })"


# At once


@pytest.mark.parametrize(
    ("rules", "comes"),
    [
        ({"starts_at": NOW - DAY, "ends_at": NOW + DAY}, True),
        ({"starts_at": NOW + DAY}, False),
        ({"ends_at": NOW - DAY}, False),
        ({"pages": ["home"]}, True),
        ({"pages": ["product", "cart"]}, False),
        ({"devices": ["phone"]}, True),
        ({"devices": ["computer"]}, False),
        ({"visitors": "new"}, True),
        ({"visitors": "returning"}, False),
        ({"login": "guest"}, True),
        ({"login": "customer"}, False),
        ({"utm_source": ["instagram"]}, False),
        ({"cart_minimum": 1}, False),
        ({"cart_maximum": 500}, True),
        ({"coupon": "without"}, True),
        ({"coupon": "with"}, False),
        ({"is_shadow": True}, False),
    ],
    ids=str,
)
def test_what_is_decided_at_once(shopper: Shopper, running: Running, rules: dict[str, Any], comes: bool) -> None:
    rule(shopper.page, **rules)
    shopper.page.goto(shop(running))
    (mounted if comes else listening)(shopper.page)
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_where_the_visit_came_from(shopper: Shopper, running: Running) -> None:
    """Of this address, and on later pages of what Salla keeps of it."""
    rule(shopper.page, utm_source=["instagram"])
    shopper.page.goto(f"{shop(running)}&utm_source=Instagram")
    mounted(shopper.page)
    shopper.page.goto(shop(running))
    mounted(shopper.page)


def test_a_shopper_who_comes_back(shopper: Shopper, running: Running) -> None:
    """The first visit is one for all its pages; a new tab is another visit."""
    rule(shopper.page, visitors="returning")
    for _ in range(2):
        shopper.page.goto(shop(running))
        listening(shopper.page)
    later = Shopper(shopper.page.context)
    rule(later.page, visitors="returning")
    later.page.goto(shop(running))
    mounted(later.page)


def test_a_signed_in_customer(shopper: Shopper, running: Running) -> None:
    sign_in(shopper.page, running)
    rule(shopper.page, login="customer")
    shopper.page.goto(shop(running))
    mounted(shopper.page)


# The moment


def scroll(page: Page) -> None:
    page.mouse.wheel(0, 20_000)


def leave(page: Page) -> None:
    page.evaluate("document.dispatchEvent(new MouseEvent('mouseout', { clientY: -1, bubbles: true }))")


def fill(page: Page) -> None:
    page.evaluate(UPDATE, 250)


MOMENTS: list[tuple[dict[str, Any], Callable[[Page], None] | None]] = [
    ({"trigger": "time", "trigger_value": 1}, None),
    ({"trigger": "idle", "trigger_value": 1}, None),
    ({"trigger": "scroll", "trigger_value": 90}, scroll),
    ({"trigger": "exit"}, leave),
    ({"trigger": "cart", "trigger_value": 200}, fill),
    ({"cart_minimum": 200}, fill),
]


@pytest.mark.parametrize(("rules", "act"), MOMENTS, ids=str)
def test_it_waits_for_its_moment(
    shopper: Shopper, running: Running, rules: dict[str, Any], act: Callable[[Page], None] | None
) -> None:
    rule(shopper.page, **rules)
    shopper.page.goto(shop(running))
    if act:
        listening(shopper.page)
        act(shopper.page)
    mounted(shopper.page)
    passed = shopper.page.evaluate("performance.now()")
    assert act or passed > 1000
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_a_cart_of_before_counts(shopper: Shopper, running: Running) -> None:
    """By what Salla's SDK keeps of it: the shop is not asked."""
    shopper.buys(running)
    total = shopper.page.evaluate("salla.storage.get('cart.summary.total')")
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url))
    rule(shopper.page, cart_minimum=total, cart_maximum=total)
    shopper.page.goto(shop(running))
    mounted(shopper.page)
    assert [url for url in asked if "/cart" in url and "/cards/" not in url] == []


def test_a_coupon_that_comes_and_goes(shopper: Shopper, running: Running) -> None:
    rule(shopper.page, coupon="with")
    shopper.page.goto(shop(running))
    listening(shopper.page)
    shopper.page.evaluate("salla.event.emit('cart::coupon.added', { data: {} }, 5)")
    mounted(shopper.page)


def test_after_some_products(shopper: Shopper, running: Running) -> None:
    rule(shopper.page, trigger="product", trigger_value=2)
    shopper.page.goto(shop(running))
    links = shopper.page.locator("a[href*='/p']").evaluate_all("(found) => [...new Set(found.map((a) => a.href))]")
    shopper.page.goto(links[0])
    listening(shopper.page)
    shopper.page.reload()
    listening(shopper.page)
    shopper.page.goto(links[1])
    mounted(shopper.page)


def test_a_thumb_that_flings_the_page_back(browser: Browser, running: Running) -> None:
    with opened(browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)) as context:
        shopper = Shopper(context)
        rule(shopper.page, trigger="exit")
        shopper.page.goto(shop(running))
        listening(shopper.page)
        shopper.page.evaluate("scrollTo(0, 1500)")
        shopper.page.wait_for_function("scrollY > 1000")
        shopper.page.evaluate("new Promise(requestAnimationFrame).then(() => scrollTo(0, 0))")
        mounted(shopper.page)


# How often


@pytest.mark.parametrize("way", ["api.close()", "api.send('card.clicked')"])
def test_once_closed_or_used_it_stays_away_for_days(shopper: Shopper, running: Running, way: str) -> None:
    page = shopper.page
    rule(page, frequency_days=7)
    page.goto(shop(running))
    mounted(page)
    page.evaluate(way)
    page.goto(shop(running))
    listening(page)
    key = f"nomo:{OUD}::away:{SLUG}"
    page.evaluate(f"localStorage.setItem('{key}', Date.now() - {7 * DAY * 1000} + 60000)")
    page.goto(shop(running))
    listening(page)
    page.evaluate(f"localStorage.setItem('{key}', Date.now() - {7 * DAY * 1000} - 60000)")
    page.goto(shop(running))
    mounted(page)


def test_without_days_nothing_is_kept(shopper: Shopper, running: Running) -> None:
    rule(shopper.page, pages=["home"])
    shopper.page.goto(shop(running))
    mounted(shopper.page)
    shopper.page.evaluate("api.close()")
    shopper.page.wait_for_function(f"localStorage.getItem('nomo:{OUD}::bucket')")
    kept = shopper.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('nomo'))")
    assert kept == [f"nomo:{OUD}::bucket"]  # and that is all before a shopper agrees


# Held back


def bucket_for(wanted: str) -> int:
    dealt = (arm(store=OUD, card=SLUG, salt="1", bucket=bucket, percent=20) for bucket in range(10_000))
    return next(bucket for bucket, found in enumerate(dealt) if found == wanted)


@pytest.mark.parametrize("wanted", ["held", "shown"])
def test_who_is_held_sees_nothing_and_is_told_of_first(shopper: Shopper, running: Running, wanted: str) -> None:
    page, bucket = shopper.page, bucket_for(wanted)
    beacons = Beacons(page, running)
    page.add_init_script(f"localStorage.setItem('nomo:{OUD}::bucket', {bucket})")
    rule(page, holdout_percent=20)
    page.goto(shop(running))
    beacons.hear("card.assigned")
    [dealt] = beacons.of("card.assigned")
    assert (dealt["card"], dealt["arm"]) == (SLUG, wanted)
    assert dealt["revision"] > 0
    assert beacons.batches[0]["bucket"] == bucket
    assert beacons.batches[0]["events"][0]["name"] == "card.assigned"
    (mounted if wanted == "shown" else listening)(page)
    assert len(page.locator("nomo-card").all()) == (wanted == "shown")


def test_a_deal_that_cannot_be_told_shows_nothing(shopper: Shopper, running: Running) -> None:
    shopper.page.add_init_script(f"localStorage.setItem('nomo:{OUD}::bucket', {bucket_for('shown')})")
    shopper.page.route("**/beacons.js", lambda route: route.abort())
    rule(shopper.page, holdout_percent=20)
    shopper.page.goto(shop(running))
    listening(shopper.page)
    assert shopper.thrown == []


def test_shadow_counts_and_shows_nothing(shopper: Shopper, running: Running) -> None:
    beacons = Beacons(shopper.page, running)
    rule(shopper.page, is_shadow=True)
    shopper.page.goto(shop(running))
    listening(shopper.page)
    beacons.leave()
    assert beacons.of("card.skipped") == [{"card": SLUG, "why": "shadow"}]
    assert beacons.of("card.shown") == []


# Its language, and storage


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("en", "ltr")])
def test_a_card_speaks_the_language_that_was_chosen(
    shopper: Shopper, running: Running, language: str, direction: str
) -> None:
    rule(shopper.page, language=language)
    shopper.page.goto(shop(running, language="en" if language == "ar" else "ar"))
    mounted(shopper.page)
    assert shopper.page.evaluate("[api.lang, api.dir]") == [language, direction]
    host = shopper.page.locator("nomo-card")
    assert host.evaluate("(host) => [host.lang, getComputedStyle(host).direction]") == [language, direction]


def test_rules_hold_where_storage_is_blocked(browser: Browser, running: Running) -> None:
    with opened(browser.new_context(viewport=DESK)) as context:
        shopper = Shopper(context)
        shopper.page.add_init_script(BLOCKED)
        rule(shopper.page, visitors="new", frequency_days=3, cart_maximum=10)
        shopper.page.goto(shop(running))
        mounted(shopper.page)
        shopper.page.evaluate("api.close()")
        expect(shopper.page.locator(SHOWN)).to_have_count(0)
        assert (shopper.thrown, shopper.warned) == ([], [])
