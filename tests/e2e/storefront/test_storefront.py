"""The shop with us in it: the widget shows, keeps its manners, and whatever fails here, the shop goes on."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, SHOWN, SHOWN_MS, SLUG, Shopper, cards_of, config, merchant, shop
from tests.e2e.storefront.conftest import (
    AXE_OF_WIDGET,
    DARK,
    DESK,
    ON_DOCUMENT,
    PHONE,
    SHIFTS,
    STYLED,
    opened,
    sees_it,
    stays_away,
)
from tests.e2e.test_pages import AXE, RULES, SHOTS
from tests.processes import until


@pytest.mark.parametrize("width", [PHONE, DESK, {"width": 360, "height": 740}], ids=lambda size: str(size["width"]))
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["ar", "en"])
def test_it_shows(browser: Browser, running: Running, language: str, theme: str, width: Any) -> None:
    with opened(browser.new_context(viewport=width, reduced_motion="reduce")) as context:
        if theme == "dark":
            context.add_init_script(ON_DOCUMENT % (STYLED % DARK))
        context.add_init_script(SHIFTS)
        shopper = Shopper(context)
        page = shopper.page
        page.goto(shop(running, language=language))
        page.wait_for_selector("nomo-card", state="attached")
        before = page.evaluate("shifts")
        sees_it(page)
        text = page.locator(SHOWN).inner_text()
        assert ("تم شراء" if language == "ar" else "Purchased:") in text
        assert re.search("قبل" if language == "ar" else "ago|just now", text)
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"storefront-{language}-{theme}-{width['width']}.png")
        box = page.locator(SHOWN).bounding_box()
        assert box is not None
        is_at_right = box["x"] + box["width"] / 2 > width["width"] / 2
        assert width["width"] < 500 or is_at_right == (language == "ar")
        assert box["x"] >= 8
        assert box["x"] + box["width"] <= width["width"] - 8
        assert page.evaluate("document.documentElement.scrollWidth") <= width["width"]
        close = page.locator("nomo-card button").bounding_box()
        assert close is not None
        assert min(close["width"], close["height"]) >= 44
        assert page.evaluate("shifts") == before
        if AXE.exists():
            page.evaluate(AXE.read_text())
            assert page.evaluate(AXE_OF_WIDGET, RULES) == []
        assert (shopper.thrown, shopper.warned) == ([], [])


def test_it_leads_to_the_product(shopper: Shopper, running: Running) -> None:
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    name = shopper.page.locator("nomo-card a bdi").inner_text()
    shopper.page.locator("nomo-card a").click()
    expect(shopper.page.locator("h1")).to_have_text(name)


# The shop's own comes first


def test_what_shows_waits_for_the_shops_own_page_to_load(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    asked: list[str] = []
    held: list[Route] = []
    is_free = False
    page.on("request", lambda request: asked.append(request.url))
    page.route("**/media/*/*.svg", lambda route: route.continue_() if is_free else held.append(route))
    with page.expect_request("**/storefront/beacons*.js"):
        page.goto(shop(running), wait_until="commit")
    assert [url for url in asked if "/cards/" in url] == []
    with page.expect_request("**/cards/*/widget*.js"):
        is_free = True
        for route in held:
            route.continue_()
    assert page.evaluate("document.readyState") == "complete"
    assert shopper.thrown == []


def test_it_does_not_wait_for_a_page_that_never_ends_loading(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    page.route("**/media/*/*.svg", lambda route: None)
    page.goto(shop(running), wait_until="commit")
    expect(page.locator(SHOWN)).to_be_visible(timeout=SHOWN_MS)
    assert page.evaluate("document.readyState") == "interactive"
    assert shopper.thrown == []


# Manners


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_closed_it_does_not_come_back(shopper: Shopper, running: Running, way: str) -> None:
    page = shopper.page
    page.goto(shop(running))
    sees_it(page)
    assert page.evaluate("document.activeElement === document.body")  # it took no focus
    if way == "button":
        page.locator("nomo-card button").click()
    else:
        page.locator("nomo-card a").focus()
        page.keyboard.press("Escape")
    expect(page.locator("nomo-card")).to_have_count(0)
    page.goto(shop(running))
    stays_away(page)
    assert shopper.thrown == []


def test_a_purchase_is_shown_once_in_a_visit(shopper: Shopper, running: Running) -> None:
    seen = []
    for _ in range(2):
        shopper.page.goto(shop(running))
        sees_it(shopper.page)
        seen.append(shopper.page.evaluate(f"sessionStorage.getItem('nomo:{OUD}:{SLUG}:shown')"))
    first, second = seen
    assert second.startswith(first.removesuffix("]"))
    assert second != first


def test_it_keeps_off_bars_and_buttons(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    page.goto(shop(running))
    sees_it(page)
    page.evaluate("""() => {
      const bar = document.createElement("div");
      bar.id = "bar";
      bar.style.cssText = "position:fixed;inset:auto 0 0 0;height:64px;background:#ddd";
      document.body.append(bar);
      dispatchEvent(new Event("scroll"));
    }""")
    page.wait_for_function("document.querySelector('nomo-card').getBoundingClientRect().bottom <= innerHeight - 64")
    page.evaluate("""() => {
      const form = document.createElement("form");
      form.innerHTML = "<button style='position:fixed;inset:auto 0 70px auto;height:60px'>أتمم الطلب</button>";
      document.body.append(form);
      dispatchEvent(new Event("scroll"));
    }""")
    expect(page.locator(SHOWN)).to_be_hidden()
    page.evaluate("document.querySelector('form:last-of-type').remove(); dispatchEvent(new Event('scroll'))")
    expect(page.locator(SHOWN)).to_be_visible()


def test_not_in_the_theme_editor_nor_where_it_was_not_wanted(shopper: Shopper, running: Running) -> None:
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url))
    shopper.page.goto(running.addresses["phone"])
    editor = "address => document.body.append(Object.assign(document.createElement('iframe'), {src: address}))"
    shopper.page.evaluate(editor, shop(running))
    framed = shopper.page.frame_locator("iframe")
    expect(framed.locator("footer")).to_be_attached()
    until(lambda: framed.locator("body").evaluate("() => performance.now()") > 7000, "the moment", 20)
    expect(framed.locator("nomo-card")).to_have_count(0)
    assert [url for url in asked if "/cards/" in url] == []
    assert any(url.endswith("/static/js/snippet.js") for url in asked)
    shopper.page.goto(shop(running, "cart"))
    stays_away(shopper.page)
    assert shopper.thrown == []


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_editor_previews_on_the_merchants_products(browser: Browser, running: Running, language: str) -> None:
    with opened(merchant(browser, running, language)) as context:
        page = context.new_page()
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(f"{cards_of(page, running)}{SLUG}/")
        page.locator("iframe").scroll_into_view_if_needed()  # what a browser need not draw is not placed either
        frame = page.frame_locator("iframe")
        expect(frame.locator(SHOWN)).to_be_visible()
        expect(frame.locator(SHOWN)).to_contain_text("تم شراء")  # the store's language
        assert "%" not in page.locator("section[aria-labelledby=health]").inner_text()
        page.screenshot(path=SHOTS / f"editor-preview-{language}.png", full_page=True)
        assert thrown == []
        assert config(running).headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=60"
