"""The live counter in a shop: real shoppers by real beacons, no robots, and one tap to what is counted."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, Shopper, is_silent, is_told, merchant, shop, switch
from tests.e2e.storefront.conftest import AXE_OF_WIDGET, DARK, DESK, ON_DOCUMENT, PHONE, SHIFTS, STYLED
from tests.e2e.test_pages import AXE, RULES, SHOTS, VIEWS, View, context_for, examine
from tests.processes import until
from tests.shoppers import PHONE as AGENT

SLUG = "live_counter"
PILL = f"nomo-card[data-slug={SLUG}]"
# After five quiet seconds it has its turn; another teaser may stand before it.
SHOWN_MS = 30_000
# What only a browser that a program drives says of itself.
BY_HAND = "Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })"
# Both at once, and seen; or nothing yet: the purchase comes and goes.
BOTH = """(both) => {
  const hosts = both.map((each) => document.querySelector(`${each}:not([data-away])`));
  return hosts.every(Boolean) && hosts.map((each) => each.getBoundingClientRect().toJSON());
}"""


@pytest.fixture(scope="module", autouse=True)
def card(browser: Browser, running: Running) -> Iterator[Page]:
    """Its page in the dashboard, once it is on; off again afterwards."""
    context = merchant(browser, running)
    page = context.new_page()
    switch(page, running, is_on=True, slug=SLUG)
    until(lambda: is_told(running, SLUG), "the counter on", 10)
    yield page
    switch(page, running, is_on=False, slug=SLUG)
    until(lambda: is_silent(running, SLUG), "the counter off", 10)
    context.close()


def visitor(browser: Browser, *, is_person: bool = True, **options: Any) -> BrowserContext:
    """A browser of its own, which a person holds in his hand, or a program drives and says so."""
    given = {"viewport": PHONE, "permissions": ["local-network-access"], **options}
    context = browser.new_context(**given, **({"user_agent": AGENT} if is_person else {}))
    if is_person:
        context.add_init_script(BY_HAND)
    return context


def visits(context: BrowserContext, running: Running, path: str = "", language: str = "ar") -> Shopper:
    """Once our server has taken what the page told."""
    shopper = Shopper(context)
    with shopper.page.expect_response("**/e") as told:
        shopper.page.goto(shop(running, path, language))
    assert told.value.status == 204
    return shopper


def told(running: Running) -> list[tuple[str, int]]:
    """By every web process."""
    address = f"{running.addresses['dashboard']}sf/{OUD}/live"
    answers = [requests.get(address, timeout=10).json() for _ in range(20)]
    return [(answer["rung"], answer["count"]) for answer in answers]


@pytest.fixture(scope="module")
def three(browser: Browser, running: Running) -> Iterator[list[Shopper]]:
    """Three people, after four robots: one address brings no more of those whom nobody knows."""
    robots = [visitor(browser, is_person=False) for _ in range(4)]
    before = set(told(running))
    for robot in robots:
        visits(robot, running)
    assert set(told(running)) == before
    people = [visitor(browser) for _ in range(3)]
    shoppers = [visits(each, running) for each in people]
    until(lambda: set(told(running)) == {("now", 3)}, "three now", 20)
    yield shoppers
    for context in (*robots, *people):
        context.close()


def sees(page: Page, text: str) -> None:
    expect(page.locator(f"{PILL} span")).to_have_text(text, timeout=SHOWN_MS)


def test_three_shoppers_are_told_of_three(three: list[Shopper], running: Running, card: Page) -> None:
    shopper = three[0]
    shopper.page.goto(shop(running))
    sees(shopper.page, "3 متسوّقين الآن")
    with shopper.page.context.expect_page() as opened:
        shopper.page.locator(f"{PILL} a").click()
    page = opened.value
    expect(page.locator("h1")).to_have_text("في المتجر الآن 3 متسوّقين")
    until(lambda: reloaded(page) >= 3, "the visitors of this hour", 20)
    assert page.context.cookies(page.url) == []
    card.reload()
    expect(card.locator("#live-now")).to_be_attached()
    assert card.locator("section[aria-labelledby=live] .value").first.inner_text() == "3"
    assert rows(card) == rows(page)
    assert (shopper.thrown, shopper.warned) == ([], [])


def reloaded(page: Page) -> int:
    """The number of the latest hour."""
    page.reload()
    return rows(page)[-1][1]


def rows(page: Page) -> list[tuple[str, int]]:
    """Of the chart of hours."""
    found = page.locator("figure.chart", has_text="زوّار اليوم ساعة بساعة").locator("tbody tr")
    pairs: list[list[str]] = found.evaluate_all("(rows) => rows.map((row) => [...row.cells].map((c) => c.textContent))")
    return [(hour.strip(), int(count)) for hour, count in pairs]


@pytest.mark.parametrize(("language", "theme", "width"), [("ar", "light", PHONE), ("en", "dark", DESK)])
def test_it_is_at_home_in_the_shop(
    three: list[Shopper], browser: Browser, running: Running, language: str, theme: str, width: dict[str, int]
) -> None:
    context = visitor(browser, viewport=width, reduced_motion="reduce")
    context.add_init_script(SHIFTS)
    if theme == "dark":
        context.add_init_script(ON_DOCUMENT % (STYLED % DARK))
    shopper = visits(context, running, language=language)
    page = shopper.page
    before = page.evaluate("shifts")
    sees(page, "3 متسوّقين الآن" if language == "ar" else "3 shopping now")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"live-counter-{language}-{theme}-{width['width']}.png")
    assert page.evaluate("shifts") == before
    for part in ("a", "button"):
        box = page.locator(f"{PILL} {part}").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    assert page.evaluate("document.documentElement.scrollWidth") <= width["width"]
    if AXE.exists():
        page.evaluate(AXE.read_text())
        assert page.evaluate(AXE_OF_WIDGET, RULES) == []
    page.locator(f"{PILL} a").focus()
    page.keyboard.press("Escape")
    expect(page.locator(PILL)).to_have_count(0)
    page.reload()
    page.wait_for_function("performance.now() > 7000", timeout=20_000)
    expect(page.locator(f"{PILL} a")).to_have_count(0)
    assert (shopper.thrown, shopper.warned) == ([], [])
    context.close()


def test_it_asks_twice_a_minute_and_only_while_it_is_seen(
    three: list[Shopper], browser: Browser, running: Running
) -> None:
    """By the page's own clock, which the test turns on."""
    context = visitor(browser)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if f"/sf/{OUD}/live" in request.url else None)
    page.clock.install()
    page.goto(shop(running))
    page.clock.run_for(6_000)
    sees(page, "3 متسوّقين الآن")
    assert len(asked) == 1
    page.clock.run_for(29_000)
    assert len(asked) == 1
    page.clock.run_for(2_000)
    until(lambda: len(asked) == 2, "the second question", 10)
    hide = "(is) => { Object.defineProperty(document, 'hidden', { value: is, configurable: true }); "
    hide += "document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    page.clock.run_for(300_000)
    assert len(asked) == 2
    page.evaluate(hide, False)
    until(lambda: len(asked) == 3, "the third question", 10)
    context.close()


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_page_behind_it(three: list[Shopper], browser: Browser, running: Running, view: View) -> None:
    context = context_for(browser, view)
    page = context.new_page()
    page.goto(f"{running.addresses['dashboard']}live/{OUD}/?lang={view.language}")
    examine(page, "live-page", view)
    context.close()


@pytest.mark.parametrize("view", [VIEWS[0], VIEWS[-1]], ids=str)
def test_the_cards_own_page(browser: Browser, running: Running, card: Page, view: View) -> None:
    context = context_for(browser, view, storage_state=card.context.storage_state())
    page = context.new_page()
    page.goto(card.url)
    examine(page, "live-counter-card", view)
    context.close()


def test_two_cards_in_one_corner_do_not_cover_each_other(
    three: list[Shopper], browser: Browser, running: Running, card: Page
) -> None:
    """Nor does one that was there move for one that comes."""
    switch(card, running, is_on=True, slug="latest_purchase")
    until(lambda: is_told(running), "the latest purchase on", 10)
    for each in three:  # the tests before may have taken longer than the counter counts
        with each.page.expect_response("**/e"):
            each.page.reload()
    context = visitor(browser, reduced_motion="reduce")
    context.add_init_script(SHIFTS)
    page = visits(context, running).page
    both = [PILL, "nomo-card[data-slug=latest_purchase]"]
    found = page.wait_for_function(BOTH, arg=both, timeout=SHOWN_MS)
    upper, lower = sorted(found.json_value(), key=lambda box: float(box["top"]))
    page.screenshot(path=SHOTS / "live-counter-and-purchase.png")
    assert 0 <= upper["top"] < upper["bottom"] < lower["top"] < lower["bottom"] <= PHONE["height"]
    assert page.evaluate("window.shifts") <= 0.01
    context.close()
    switch(card, running, is_on=False, slug="latest_purchase")
    until(lambda: is_silent(running), "the latest purchase off", 10)
