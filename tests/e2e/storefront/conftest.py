"""One card in a store, and a shopper's phone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import SHOWN, SHOWN_MS, SLUG, Shopper, is_told, merchant, shop, switch
from tests.processes import until

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
# As soon as the document can be written to.
ON_DOCUMENT = "document.addEventListener('DOMContentLoaded', () => { %s })"
STYLED = "const sheet = new CSSStyleSheet(); sheet.replaceSync(%r); document.adoptedStyleSheets = [sheet];"
HOSTILE = "* { all: unset !important; color: red !important; font: 40px serif !important; direction: ltr !important }"
DARK = "body { background: #17181a; color: #f0efec }"
BLOCKED = """for (const area of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, area, { get() { throw new DOMException("blocked", "SecurityError"); } });
}"""
SHIFTS = """window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""
AXE_OF_WIDGET = """async (rules) => {
  const {violations} = await axe.run("nomo-card", { runOnly: { type: "tag", values: rules } });
  return violations.map(({id, nodes}) => [id, nodes.map((node) => node.failureSummary)]);
}"""
CORS = {"Access-Control-Allow-Origin": "*"}
# Seen as soon as it is mounted, and asks nobody.
WIDGET = """export default function mount(root, settings, api) {
  window.api = api;
  const mark = document.createElement("div");
  mark.className = "card on";
  mark.textContent = "here";
  api.corner("end");
  root.append(mark);
}"""


@pytest.fixture(scope="module", autouse=True)
def _on(browser: Browser, running: Running) -> None:
    with opened(merchant(browser, running)) as context:
        switch(context.new_page(), running, is_on=True)
    until(lambda: is_told(running), "the card on", 10)


@contextmanager
def opened(context: BrowserContext) -> Iterator[BrowserContext]:
    yield context
    context.close()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    # Pages that a test writes have no address of their own here, and would not be let near this machine's.
    options = {"permissions": ["local-network-access"], "reduced_motion": "reduce"}
    with opened(browser.new_context(viewport=PHONE, **options)) as context:
        yield context


@pytest.fixture
def shopper(phone: BrowserContext) -> Shopper:
    return Shopper(phone)


def sees_it(page: Page) -> None:
    page.wait_for_selector(SHOWN, timeout=SHOWN_MS)


def stays_away(page: Page) -> None:
    """Past the moment at which it would have come."""
    until(lambda: page.evaluate("performance.now()") > 7000, "the moment", 20)
    expect(page.locator(SHOWN)).to_have_count(0)


# A card under rules of the test's own


def rule(page: Page, **rules: object) -> None:
    """The config as it is served, with these rules of its one card; and a widget that shows at once."""

    def ruled(route: Route) -> None:
        answer = route.fetch()
        config = answer.json()
        config["modules"]["rules"] = config["modules"]["beacons"].replace("beacons", "rules")
        [card] = [card for card in config["cards"] if card["slug"] == SLUG]
        config["cards"] = [{**card, "rules": rules, "salt": "1"}]
        route.fulfill(response=answer, json=config)

    page.route("**/config.json", ruled)
    plain(page)


def plain(page: Page) -> None:
    headers = {**CORS, "Content-Type": "text/javascript"}
    page.route("**/cards/*/widget.js", lambda route: route.fulfill(body=WIDGET, headers=headers))


# What leaves with a page is told to no observer of it: the page itself notes it, for the next one of the shop.
NOTED = """(() => {
  if (window !== top) return;
  const note = (address, text) => {
    if (!String(address).endsWith("/e")) return;
    localStorage.told = JSON.stringify([...JSON.parse(localStorage.told ?? "[]"), text]);
  };
  const { fetch } = window, { sendBeacon } = navigator;
  window.fetch = (address, options) => { note(address, options?.body); return fetch(address, options); };
  navigator.sendBeacon = (address, text) => { note(address, text); return sendBeacon.call(navigator, address, text); };
})()"""


class Beacons:
    """What a shopper's pages have told, batch by batch."""

    def __init__(self, page: Page, running: Running) -> None:
        self.page, self.running = page, running
        page.add_init_script(NOTED)

    def leave(self) -> None:
        """To a page of the shop's host that has nothing of us."""
        self.page.route("**/nothing", lambda route: route.fulfill(body="<title>t</title>", content_type="text/html"))
        self.page.goto(f"{self.running.addresses['storefront']}nothing")

    def hear(self, name: str, times: int = 1) -> None:
        """Wait until it was told so often."""
        noted = """([name, times]) => JSON.parse(localStorage.told ?? "[]")
          .flatMap((text) => JSON.parse(text).events).filter((event) => event.name === name).length >= times"""
        self.page.wait_for_function(noted, arg=[name, times], timeout=15_000)

    @property
    def texts(self) -> list[str]:
        found: list[str] = self.page.evaluate("JSON.parse(localStorage.told ?? '[]')")
        return found

    @property
    def batches(self) -> list[dict[str, Any]]:
        """Each once, as our server takes it: one still on its way when the page goes is sent again as it was."""
        found = [json.loads(text) for text in self.texts]
        first = {batch["id"]: batch for batch in reversed(found)}
        assert all(batch["events"] == first[batch["id"]]["events"] for batch in found)
        return list(reversed(first.values()))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch["events"]]

    @property
    def names(self) -> list[str]:
        return [event["name"] for event in self.events]

    def of(self, name: str) -> list[dict[str, Any]]:
        """What was said of each."""
        return [event["data"] for event in self.events if event["name"] == name]


def mounted(page: Page) -> None:
    expect(page.locator(SHOWN)).to_have_count(1, timeout=10_000)


def listening(page: Page) -> None:
    """The rules have been asked, and nothing came of it within a moment."""
    page.wait_for_function("window.nomoFlow?.isLoaded")
    page.wait_for_load_state("networkidle")
    expect(page.locator("nomo-card")).to_have_count(0)


def sign_in(page: Page, running: Running) -> None:
    """As a customer of the store."""
    page.goto(shop(running, "login"))
    page.fill("[name=mobile]", "0551110003")
    page.locator("main form button").first.click()
    page.wait_for_function("window.salla?.config.get('user.type') === 'user'")
