"""The consent bar in a shop: a yes is known again, a no is not asked again, and a mind may change."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, Shopper, is_silent, is_told, merchant, shop, switch
from tests.e2e.storefront.conftest import AXE_OF_WIDGET, DARK, DESK, ON_DOCUMENT, PHONE, SHIFTS, STYLED, opened, sign_in
from tests.e2e.test_pages import AXE, RULES, SHOTS
from tests.processes import until

SLUG = "consent_bar"
BAR = f"nomo-card[data-slug={SLUG}]"
KEY = f"localStorage.getItem('nomo:{OUD}::key')"
SHOWN_MS = 30_000
LOOKS = [("ar", "light", PHONE), ("ar", "dark", DESK), ("en", "dark", PHONE), ("en", "light", DESK)]
YES, NO = "نعم، أوافق", "لا، شكرًا"


@pytest.fixture(scope="module", autouse=True)
def card(browser: Browser, running: Running) -> Iterator[Page]:
    """Its page in the dashboard, once it is on; off again afterwards."""
    context = merchant(browser, running)
    page = context.new_page()
    switch(page, running, is_on=True, slug=SLUG)
    until(lambda: is_told(running, SLUG), "the bar on", 10)
    yield page
    switch(page, running, is_on=False, slug=SLUG)
    until(lambda: is_silent(running, SLUG), "the bar off", 10)
    context.close()


def asked(shopper: Shopper, running: Running, path: str = "") -> Page:
    shopper.page.goto("about:blank")  # an address that differs in its hash alone is no new page
    shopper.page.goto(shop(running) + path)
    shopper.page.locator(f"{BAR} section").wait_for(timeout=SHOWN_MS)
    return shopper.page


def is_not_asked(shopper: Shopper, running: Running) -> None:
    shopper.page.goto(shop(running))
    shopper.page.wait_for_function("performance.now() > 7000", timeout=20_000)
    expect(shopper.page.locator(f"{BAR} section")).to_have_count(0)


def test_a_no_is_an_answer(shopper: Shopper, running: Running) -> None:
    keys: list[str] = []
    shopper.page.on("request", lambda request: keys.append(request.url) if request.url.endswith("/visitor") else None)
    page = asked(shopper, running)
    page.get_by_role("button", name=NO).click()
    expect(page.locator(BAR)).to_have_count(0)
    is_not_asked(shopper, running)
    assert page.evaluate(KEY) == '""'
    sign_in(page, running)
    with page.expect_request("**/e") as sent:
        page.goto(shop(running))
    assert sent.value.post_data_json["key"] == ""
    assert keys == []
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_a_yes_is_known_again_until_he_says_no(shopper: Shopper, running: Running) -> None:
    page = asked(shopper, running)
    page.locator(f"{BAR} button").first.focus()
    with page.expect_response("**/visitor") as told:
        page.keyboard.press("Enter")
    key = told.value.json()["key"]
    expect(page.locator(BAR)).to_have_count(0)
    assert page.evaluate(f"JSON.parse({KEY})") == key
    is_not_asked(shopper, running)
    with page.expect_request("**/e") as sent:
        page.goto(shop(running))
    assert sent.value.post_data_json["key"] == key
    page = asked(shopper, running, "#nomo-consent")
    page.get_by_role("button", name=NO).click()
    expect(page.locator(BAR)).to_have_count(0)
    page.goto("about:blank")
    with page.expect_request("**/e") as sent:
        page.goto(shop(running))
    assert sent.value.post_data_json["key"] == ""
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_while_our_server_is_away_a_yes_is_asked_for_again(shopper: Shopper, running: Running) -> None:
    page = asked(shopper, running)
    page.route("**/visitor", lambda route: route.abort())
    page.get_by_role("button", name=YES).click()
    expect(page.locator(BAR)).to_have_count(0)
    assert page.evaluate(KEY) in (None, "null")
    page.unroute("**/visitor")
    asked(shopper, running)
    page.get_by_role("button", name=YES).click()
    expect(page.locator(BAR)).to_have_count(0)
    page.wait_for_function(f"JSON.parse({KEY})")
    assert shopper.thrown == []


@pytest.mark.parametrize(("language", "theme", "size"), LOOKS, ids=str)
def test_how_it_looks(browser: Browser, running: Running, language: str, theme: str, size: Any) -> None:
    with opened(browser.new_context(viewport=size, reduced_motion="reduce")) as context:
        context.add_init_script(SHIFTS)
        if theme == "dark":
            context.add_init_script(ON_DOCUMENT % (STYLED % DARK))
        shopper = Shopper(context)
        page = shopper.page
        page.goto(shop(running, language=language))
        page.locator(f"{BAR} section").wait_for(timeout=SHOWN_MS)
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"consent-bar-{language}-{theme}-{size['width']}.png")
        for button in page.locator(f"{BAR} button").all():
            box = button.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
        if AXE.exists():
            page.evaluate(AXE.read_text())
            assert page.evaluate(AXE_OF_WIDGET, RULES) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate("shifts") <= 0.01
        assert (shopper.thrown, shopper.warned) == ([], [])
