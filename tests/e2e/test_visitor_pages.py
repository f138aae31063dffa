"""Visits from a shopper's browser to the merchant's pages, which are looked at like those of test_pages.py."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.people import sign_in
from tests.e2e.shops import OUD, Shopper, config, shop
from tests.e2e.test_pages import VIEWS, View, context_for, examine
from tests.processes import until

PAIRS = [view for view in VIEWS if (view.language == "ar") == ((view.theme == "light") == (view.width == 360))]


@pytest.fixture(scope="module")
def visited(browser: Browser, running: Running) -> Iterator[tuple[str, Any]]:
    """The store's address, after a shopper came from Instagram, looked at a product and put it into the cart."""
    context = context_for(browser, VIEWS[1])
    store = sign_in(context, running.addresses["dashboard"], running.addresses["console"].removesuffix("/console/"))
    page = context.new_page()
    page.goto(f"{store}cards/visitor_data/")
    page.locator("form[action*='visitor_data/switch/'] button").first.click()
    page.wait_for_load_state()
    until(lambda: config(running, OUD).json()["listens"], "the store listens", 10)
    with_cart(browser, running)
    until(lambda: is_seen(page, store), "the visit", 30)
    make_segment(page, store)
    yield store, context.storage_state()
    context.close()


def with_cart(browser: Browser, running: Running) -> None:
    """By a browser that does not say that it is automated, and would be counted as a bot."""
    probe = browser.new_page()
    agent = probe.evaluate("navigator.userAgent").replace("Headless", "")
    probe.close()
    context = browser.new_context(locale="ar", viewport={"width": 390, "height": 844}, user_agent=agent)
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })")
    shopper = Shopper(context)
    shopper.page.goto(f"{shop(running)}&utm_source=ig&utm_medium=paid&utm_campaign=ramadan")
    with shopper.page.expect_response(re.compile(r"/sf/\d+/e$")):  # each page tells what happened some seconds later
        shopper.page.wait_for_load_state()
    shopper.page.locator("a[href*='/p']").first.click()
    shopper.page.wait_for_load_state()
    with shopper.page.expect_response(re.compile(r"/sf/\d+/e$")):
        shopper.page.locator("[data-add-form] button").click()
    shopper.page.wait_for_selector("#cart-count:not([hidden])")
    with shopper.page.expect_response(re.compile(r"/sf/\d+/e$")):
        shopper.page.goto(shop(running, "cart"))
    context.close()


def is_seen(page: Page, store: str) -> bool:
    page.goto(f"{store}visitors/visits/?outcome=cart")
    return page.locator("main tbody tr").count() > 0


def make_segment(page: Page, store: str) -> None:
    page.goto(f"{store}segments/new/?start=best")
    page.locator("main button[value=save]").last.click()
    expect(page.locator(".toast")).to_be_visible()


def at(path: str) -> Callable[[Page, str], None]:
    def visit(page: Page, store: str) -> None:
        page.goto(f"{store}{path}")

    return visit


def see_definition(page: Page, store: str) -> None:
    page.goto(f"{store}visitors/")
    page.click("[popovertarget=n-visitors]")


def see_visit(page: Page, store: str) -> None:
    page.goto(f"{store}visitors/visits/")
    page.locator("main tbody a").first.click()
    page.wait_for_url(re.compile("/visits/[0-9a-f-]{36}/"))


def see_segment(page: Page, store: str) -> None:
    page.goto(f"{store}segments/")
    page.locator("main .card h2 a").first.click()


def ask_before_deleting(page: Page, store: str) -> None:
    see_segment(page, store)
    page.locator("main a[href$='/delete/']").click()


def refuse_segment(page: Page, store: str) -> None:
    page.goto(f"{store}segments/new/?start=curious")
    page.fill("[name=r0-count]", "ثلاثة")
    page.locator("main button[value=save]").last.click()
    page.locator("[aria-invalid=true]").wait_for()


def add_rule(page: Page, store: str) -> None:
    """The name is empty still; whoever added a rule goes on in it."""
    page.goto(f"{store}segments/new/")
    page.locator("main button[value=add]").click()
    expect(page.locator("fieldset.rule select").first).to_be_focused()
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)


def refuse_days(page: Page, store: str) -> None:
    page.goto(f"{store}visitors/?first=2026-05-05&last=2026-05-01")


PAGES: dict[str, Callable[[Page, str], None]] = {
    "visitors": see_definition,
    "visitors-errors": refuse_days,
    "visits": at("visitors/visits/"),
    "visits-narrowed": at("visitors/visits/?channel=email"),
    "visit": see_visit,
    "here-now": at("visitors/now/"),
    "segments": at("segments/"),
    "segment": see_segment,
    "segment-new": add_rule,
    "segment-errors": refuse_segment,
    "segment-delete": ask_before_deleting,
}


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, browser: Browser, visited: Any) -> Iterator[tuple[View, BrowserContext]]:
    context = context_for(browser, request.param, storage_state=visited[1])
    yield request.param, context
    context.close()


@pytest.mark.parametrize(
    ("seen", "name"), [(view, name) for view in PAIRS for name in PAGES], indirect=["seen"], ids=str
)
def test_page(name: str, seen: tuple[View, BrowserContext], visited: tuple[str, Any]) -> None:
    view, context = seen
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    PAGES[name](page, visited[0])
    examine(page, name, view)
    assert thrown == []
    page.close()


def test_the_visit_is_told_as_it_was(browser: Browser, visited: tuple[str, Any]) -> None:
    store, state = visited
    context = context_for(browser, VIEWS[-1], storage_state=state)
    page = context.new_page()
    see_visit(page, store)
    said = page.locator("main").inner_text()
    for words in ("Instagram", "ramadan", "Chrome", "Home page", "Looked at a product", "Put into the cart"):
        assert words in said
    context.close()


def test_who_is_here_renews_itself_only_while_it_is_looked_at(browser: Browser, visited: tuple[str, Any]) -> None:
    store, state = visited
    context = context_for(browser, VIEWS[-1], storage_state=state)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "xhr" else None)
    page.goto(f"{store}visitors/now/")
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => window.away ?? false, configurable: true })")
    page.evaluate("window.away = true; htmx.trigger('#here', 'seen')")
    assert asked == []
    with page.expect_response(re.compile("/visitors/now/")):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    assert len(asked) == 1
    expect(page.locator("#here")).to_have_count(1)
    context.close()
