"""One card in a store, and a shopper's phone."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import SHOWN, SHOWN_MS, Shopper, is_told, merchant, switch
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
