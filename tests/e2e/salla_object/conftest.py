"""A store's `salla`: of Salla's published SDK, which `make e2e` fetches from npm, and of the sandbox's own object."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from scripts import servers
from tests.e2e.conftest import Running

SDK = servers.PROJECT / "scripts" / "sandbox" / "static" / "vendor" / "twilight.min.js"
MOBILES = {"own": "0551110001", "real": "0551110002"}
SCRIPTS = {"own": "/static/salla.js", "real": "/static/vendor/twilight.min.js"}
STORE = 1305146709
CART_EVENTS = [
    "cart::updated", "cart::latest.fetched", "cart::latest.failed", "cart::details.fetched", "cart::item.added",
    "cart::item.added.failed", "cart::item.updated", "cart::item.deleted", "cart::coupon.added", "cart::coupon.deleted",
    "cart::coupon.addition.failed", "cart::success.reset",
]  # fmt: skip
SUMMARY = {
    "id", "user_id", "store_id", "sub_total", "discount", "total", "count", "real_shipping_cost", "free_shipping_bar",
    "items",
}  # fmt: skip
LISTEN = """(names) => {
  window.heard = [];
  const plain = (each) => each?.response ? {name: each.name, status: each.response.status, data: each.response.data}
    : each instanceof Error ? {name: each.name} : each;
  for (const name of names) salla.event.on(name, (...given) => heard.push([name, ...given.map(plain)]));
}"""
TRACK = """() => {
  window.tracked = [];
  salla.analytics.registerTracker({
    name: "nomo",
    track: (name, payload) => tracked.push([name, payload]),
    page: (payload) => tracked.push(["page", payload]),
  });
}"""


@dataclass
class Shop:
    """The storefront in one shopper's browser, with the SDK that was asked for."""

    page: Page
    sdk: str
    root: str
    sandbox: str

    def go(self, path: str = "/", **query: str) -> None:
        asked = "&".join(f"{name}={value}" for name, value in ({"sdk": self.sdk} | query).items())
        self.page.goto(f"{self.root}{path}?{asked}")
        self.page.evaluate("() => salla.onReady()")

    def run(self, script: str, given: Any = None) -> Any:
        return self.page.evaluate(script, given)

    def product(self) -> int:
        return int(self.page.locator("[data-add]").first.get_attribute("data-add") or 0)

    def listen(self) -> None:
        self.run(LISTEN, CART_EVENTS)

    def heard(self) -> list[list[Any]]:
        found: list[list[Any]] = self.run("() => JSON.parse(JSON.stringify(heard.splice(0)))")
        return found

    def cart(self) -> int:
        return int(self.run("() => salla.cart.getCurrentCartId()"))


@pytest.fixture(params=sorted(SCRIPTS))
def sdk(request: pytest.FixtureRequest) -> str:
    if request.param == "real" and not SDK.exists():
        pytest.skip("Salla's SDK is not here: get npm and run make e2e")
    return str(request.param)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(locale="ar", viewport={"width": 390, "height": 844})
    yield made
    made.close()


@pytest.fixture
def shop(sdk: str, context: BrowserContext, running: Running) -> Iterator[Shop]:
    """Without the app's snippet, whose calls would mix with the test's."""
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.route("**/static/js/snippet.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    street = running.addresses["storefront"]
    made = Shop(page, sdk, f"{street}{STORE}", street.removesuffix("/store/"))
    made.go()
    assert page.locator(f"script[src='{SCRIPTS[sdk]}']").count() == 1
    yield made
    assert thrown == []
