"""What a shopper sees of faults, ours and the shop's: nothing, and the shop goes on."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import SLUG, Shopper, shop
from tests.e2e.storefront.conftest import (
    BLOCKED,
    CORS,
    HOSTILE,
    ON_DOCUMENT,
    STYLED,
    Beacons,
    listening,
    mounted,
    plain,
    sees_it,
    stays_away,
)
from tests.e2e.test_pages import SHOTS
from tests.processes import until


def down(route: Route) -> None:
    route.abort()


def silent(route: Route) -> None:
    """Answers after all patience has ended."""


def broken(route: Route) -> None:
    route.fulfill(status=500, body="oops", headers=CORS)


def garbled(route: Route) -> None:
    route.fulfill(status=200, body='{"cards": [{', headers=CORS)


def nonsense(route: Route) -> None:
    route.fulfill(status=200, body='{"cards": {"slug": 1}, "purchases": 5}', headers=CORS)


FAULTS = [down, silent, broken, garbled, nonsense]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("what", ["config.json", "recent"])
def test_the_shop_goes_on_without_our_server(
    shopper: Shopper, running: Running, what: str, fault: Callable[[Route], None]
) -> None:
    shopper.page.context.route(f"**/sf/**/{what}", fault)
    shopper.buys(running)
    shopper.page.goto(shop(running))
    stays_away(shopper.page)
    assert shopper.thrown == []
    assert len(shopper.warned) <= 1


def slow(route: Route) -> None:
    answer = route.fetch()
    time.sleep(0.3)
    route.fulfill(response=answer)


FILES = ["loader.js", "widget.js", "storefront/rules.js", "storefront/beacons.js", "storefront/vitals.js"]


@pytest.mark.parametrize(
    ("fault", "file"),
    [
        *((fault, file) for fault in (down, broken, silent) for file in FILES),
        (down, "snippet.js"),
        (broken, "snippet.js"),
    ],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_the_shop_goes_on_without_our_files(
    shopper: Shopper, running: Running, file: str, fault: Callable[[Route], None]
) -> None:
    shopper.page.context.route(f"**/{file}", fault)
    shopper.buys(running)
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_our_files_may_be_slow(shopper: Shopper, running: Running) -> None:
    for file in ("config.json", *FILES):
        shopper.page.context.route(f"**/{file}", slow)
    shopper.buys(running)
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    assert (shopper.thrown, shopper.warned) == ([], [])


@pytest.mark.parametrize(
    ("what", "fault"),
    [("e", down), ("e", silent), ("e", broken), ("visitor", garbled), ("try", silent), ("try", nonsense)],
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_the_shop_goes_on_unheard(
    shopper: Shopper, running: Running, what: str, fault: Callable[[Route], None]
) -> None:
    """Whatever our doors answer, the card shows and the shop sells."""
    plain(shopper.page)
    shopper.page.context.route(f"**/sf/*/{what}", fault)
    shopper.page.goto(f"{shop(running)}&nomo_try=made-up" if what == "try" else shop(running))
    mounted(shopper.page)
    if what == "visitor":
        assert shopper.page.evaluate("api.identify()") is None
    shopper.buys(running)
    assert shopper.warned == []


WRONG: list[dict[str, object]] = [
    {},
    {"cards": None},
    {"cards": [{}]},
    {"cards": [{"slug": SLUG, "widget": 5, "settings": {}, "rules": 7}], "listens": True},
    {"cards": [{"slug": SLUG, "widget": "http://[", "settings": {}}], "listens": True, "modules": {"beacons": "//["}},
    {"cards": [], "listens": True, "modules": None},
]


def test_a_config_that_makes_no_sense(shopper: Shopper, running: Running) -> None:
    configs = iter(WRONG)
    shopper.page.context.route("**/config.json", lambda route: route.fulfill(json=next(configs), headers=CORS))
    for _ in WRONG[:-2]:
        shopper.page.goto(shop(running))
        listening(shopper.page)
    shopper.buys(running)  # two pages more
    assert next(configs, None) is None
    assert shopper.warned == []


@pytest.mark.parametrize("body", ["throw new Error('boom')", "return Promise.reject(new Error('boom'))"])
def test_a_widget_that_throws_is_alone(shopper: Shopper, running: Running, body: str) -> None:
    module = f"export default function mount() {{ {body} }}"
    headers = {**CORS, "Content-Type": "text/javascript"}
    shopper.page.context.route("**/widget.js", lambda route: route.fulfill(body=module, headers=headers))
    shopper.page.goto(shop(running))
    shopper.page.wait_for_function("window.nomoFlow.isLoaded")
    until(lambda: bool(shopper.warned) or shopper.page.wait_for_timeout(50), "the warning", 10)  # type: ignore[func-returns-value]
    expect(shopper.page.locator("nomo-card")).to_have_count(0)
    shopper.buys(running)
    assert all("boom" in text for text in shopper.warned)


# Faults of the shop


def bare_page(page: Page, running: Running, script: str) -> None:
    """A page of the shop's host with our snippet and nothing else of Salla."""
    snippet = f"{running.addresses['dashboard']}static/js/snippet.js"
    html = (
        f"<!doctype html><title>t</title><button>ok</button><script>{script}</script><script src='{snippet}'></script>"
    )
    page.route("**/bare", lambda route: route.fulfill(body=html, content_type="text/html"))
    with page.expect_response("**/snippet.js") as answer:
        page.goto(f"{running.addresses['storefront']}bare")
    assert answer.value.ok


@pytest.mark.parametrize(
    "script",
    [
        "",
        "window.salla = {}",
        "window.salla = { onReady(go) { go(); } }",
        "window.salla = { onReady(go) { go(); }, config: { get: () => null } }",
    ],
)
def test_without_salla_it_does_nothing(shopper: Shopper, running: Running, script: str) -> None:
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url))
    bare_page(shopper.page, running, script)
    shopper.page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/sf/" in url or "loader" in url] == []
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_with_little_of_salla_it_shows(shopper: Shopper, running: Running) -> None:
    """An older SDK: only what the snippet needs, and the page's slug."""
    script = "window.salla = { onReady(go) { go(); }, config: { get: (path) => ({"
    script += "'store.id': 1305146709, 'page.slug': 'index' })[path] } }"
    bare_page(shopper.page, running, script)
    sees_it(shopper.page)
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_with_storage_blocked(shopper: Shopper, running: Running) -> None:
    shopper.page.add_init_script(BLOCKED)
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    shopper.buys(running)
    assert shopper.warned == []


def policy(page: Page, running: Running, text: str) -> None:
    app = running.addresses["dashboard"].rstrip("/")

    def guarded(route: Route) -> None:
        answer = route.fetch()
        headers = {**answer.headers, "content-security-policy": text.replace("APP", app)}
        route.fulfill(response=answer, headers=headers)

    page.route(lambda url: "/store/" in url and "/static/" not in url, guarded)


def test_a_policy_that_refuses_widgets(shopper: Shopper, running: Running) -> None:
    policy(shopper.page, running, "script-src 'self' APP/static/js/; connect-src 'self' APP")
    shopper.buys(running)
    shopper.page.goto(shop(running))
    stays_away(shopper.page)
    assert shopper.page.evaluate("window.nomoFlow.isLoaded")
    expect(shopper.page.locator("nomo-card")).to_have_count(0)
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_a_policy_that_refuses_everything_of_ours(shopper: Shopper, running: Running) -> None:
    policy(shopper.page, running, "default-src 'self'; style-src 'self' 'unsafe-inline'")
    shopper.buys(running)
    assert shopper.warned == []


def test_a_policy_that_refuses_inline_styles(shopper: Shopper, running: Running) -> None:
    policy(shopper.page, running, "script-src 'self' APP; connect-src 'self' APP; style-src 'self'")
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    assert shopper.page.evaluate("getComputedStyle(document.querySelector('nomo-card')).position") == "fixed"
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_a_hostile_theme(shopper: Shopper, running: Running) -> None:
    shopper.page.add_init_script(ON_DOCUMENT % (STYLED % HOSTILE))
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    found = shopper.page.evaluate("""() => {
      const host = document.querySelector("nomo-card");
      const [card, link] = ["div", "a"].map((name) => getComputedStyle(host.shadowRoot.querySelector(name)));
      const { position, display, direction } = getComputedStyle(host);
      return [position, display, direction, card.display, card.backgroundColor, link.color, link.fontSize];
    }""")
    assert found == ["fixed", "block", "rtl", "flex", "rgb(255, 255, 255)", "rgb(31, 29, 27)", "14px"]
    shopper.page.screenshot(path=SHOTS / "storefront-hostile.png")
    shopper.buys(running)


def test_included_twice(shopper: Shopper, running: Running) -> None:
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url))
    address = f"{running.addresses['dashboard']}static/js/snippet.js?again"
    again = f"const again = document.createElement('script'); again.src = '{address}'; document.body.append(again);"
    shopper.page.add_init_script(ON_DOCUMENT % again)
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    expect(shopper.page.locator("nomo-card")).to_have_count(1)
    assert len([url for url in asked if url.endswith("config.json")]) == 1
    assert shopper.thrown == []


def test_brought_back_from_the_cache_it_is_a_page_again(shopper: Shopper, running: Running) -> None:
    """As browsers do that keep a page whole: what was shown stays, and the page counts as seen once more."""
    page = shopper.page
    beacons = Beacons(page, running)
    plain(page)
    page.goto(shop(running))
    mounted(page)
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    beacons.leave()
    assert beacons.names.count("page.viewed") == 2
    assert beacons.names.count("page.left") == 2
    assert beacons.names.count("card.shown") == 1
    assert shopper.thrown == []


def test_back_and_forward(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    page.goto(shop(running))
    sees_it(page)
    page.locator("a[href*='/p']").first.click()
    page.wait_for_load_state()
    page.go_back()
    page.go_forward()
    page.go_back()
    expect(page.locator("nomo-card")).to_have_count(1)
    shopper.buys(running)


def test_unseen_it_waits(shopper: Shopper, running: Running) -> None:
    """A tab in the background asks nothing and shows nothing."""
    hidden = "Object.defineProperty(document, 'hidden', { get: () => window.isAway ?? true, configurable: true });"
    shopper.page.add_init_script(hidden)
    asked: list[str] = []
    shopper.page.on("request", lambda request: asked.append(request.url))
    shopper.page.goto(shop(running))
    stays_away(shopper.page)
    assert [url for url in asked if url.endswith("/recent")] == []
    shopper.page.evaluate("window.isAway = false; document.dispatchEvent(new Event('visibilitychange'))")
    sees_it(shopper.page)


# The portal's text, and the dashboard


def test_the_text_for_the_portal_works(shopper: Shopper, running: Running) -> None:
    """From another host than ours, as Salla's CDN serves it."""
    app = running.addresses["dashboard"].rstrip("/")
    command = [sys.executable, "manage.py", "snippet"]
    env = {**running.env, "PUBLIC_URL": app}
    text = subprocess.check_output(command, cwd=running.folder, env=env, text=True)
    assert "currentScript" not in text
    address = f"{running.addresses['storefront']}cdn.js"
    shopper.page.route("**/cdn.js", lambda route: route.fulfill(body=text, content_type="text/javascript"))
    shopper.page.route("**/snippet.js", down)
    add = f"const cdn = document.createElement('script'); cdn.src = '{address}'; document.body.append(cdn);"
    shopper.page.add_init_script(ON_DOCUMENT % add)
    shopper.page.goto(shop(running))
    sees_it(shopper.page)
    assert shopper.thrown == []
