"""The shop with us in it: the widget shows, keeps its manners, and whatever fails here, the shop goes on."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, SHOWN, SHOWN_MS, SLUG, Shopper, cards_of, config, is_told, merchant, shop, switch
from tests.e2e.test_pages import AXE, RULES, SHOTS
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


# It shows


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


# Faults of ours


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


@pytest.mark.parametrize("file", ["snippet.js", "loader.js", "widget.js"])
@pytest.mark.parametrize("fault", [down, broken], ids=lambda fault: fault.__name__)
def test_the_shop_goes_on_without_our_files(
    shopper: Shopper, running: Running, file: str, fault: Callable[[Route], None]
) -> None:
    shopper.page.context.route(f"**/{file}", fault)
    shopper.buys(running)
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


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_editor_previews_on_the_merchants_products(browser: Browser, running: Running, language: str) -> None:
    with opened(merchant(browser, running, language)) as context:
        page = context.new_page()
        thrown: list[str] = []
        page.on("pageerror", lambda error: thrown.append(str(error)))
        page.goto(f"{cards_of(page, running)}{SLUG}/")
        frame = page.frame_locator("iframe")
        expect(frame.locator(SHOWN)).to_be_visible()
        expect(frame.locator(SHOWN)).to_contain_text("تم شراء")  # the store's language
        assert "%" not in page.locator("section[aria-labelledby=health]").inner_text()
        page.screenshot(path=SHOTS / f"editor-preview-{language}.png", full_page=True)
        assert thrown == []
        assert config(running).headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=60"
