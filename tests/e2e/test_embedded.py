"""The app inside Salla's dashboard, as the sandbox plays it, with Salla's own SDK in our frame.

The browser of these tests blocks cookies of other sites, as many people's do: what works here works by cookies that
are kept apart for each site around a frame.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, FrameLocator, expect

from scripts import servers
from tests.e2e.conftest import CHROMIUM, QUIET, Running
from tests.e2e.test_pages import AXE, CLIPPED, NOTE_VIOLATIONS, SHOTS, View, axe_problems
from tests.processes import until

OUD, KIDS = 1305146709, 847769313
SDK = servers.PROJECT / "static/vendor/salla/embedded-sdk.js"
# Of a store: overview, tools, visitors, contacts, team, activity.
TABS = 6
VIEWS = [View("ar", "light", 1280), View("ar", "dark", 360), View("en", "light", 360), View("en", "dark", 1280)]
WORDS = {
    "ar": ("نظرة عامة", "أدواتي", "شريط الإعلان", "تم تفعيل «شريط الإعلان».", "حفظ ونشر"),
    "en": ("Overview", "My tools", "Announcement bar", "“Announcement bar” is on.", "Save and publish"),
}
CARD = "welcome_bar"

pytestmark = pytest.mark.skipif(not SDK.exists(), reason="Salla's SDK is not installed: get npm and run make e2e")


class Host:
    """A page of Salla's dashboard, and the frame in it."""

    def __init__(self, context: BrowserContext, running: Running) -> None:
        self.page, self.running = context.new_page(), running
        self.thrown: list[str] = []
        self.page.on("pageerror", lambda error: self.thrown.append(str(error)))

    def open(self, language: str = "ar", theme: str = "light", who: str = "owner", store: int = OUD) -> None:
        port = re.search(r":(\d+)/", self.running.addresses["console"])
        assert port
        query = f"store={store}&lang={language}&theme={theme}&who={who}"
        self.page.goto(f"http://localhost:{port[1]}/embedded/?{query}")

    @property
    def app(self) -> FrameLocator:
        return self.page.frame_locator("#app")

    def inside(self) -> Any:
        """The frame itself, once it holds a page of ours."""
        until(lambda: len(self.page.frames) > 1, "the frame", 10)
        return self.page.frames[1]

    def heard(self, name: str) -> list[dict[str, Any]]:
        return [each["payload"] for each in self.page.evaluate("window.heard") if each["name"] == name]

    def tab(self, words: str) -> None:
        self.page.locator("#tabs button", has_text=words).click()
        expect(self.page.locator("#tabs [aria-current]")).to_have_text(words)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(reduced_motion="reduce", viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_the_dashboard_and_the_app_are_one(view: View, browser: Browser, running: Running) -> None:
    """Title, tabs, messages, action, colours and language; no chrome of ours, nothing refused by a policy."""
    overview, tools, card, turned_on, save = WORDS[view.language]
    context = browser.new_context(
        locale="fr", reduced_motion="reduce", viewport={"width": view.width, "height": 900}, accept_downloads=False
    )
    context.add_init_script(NOTE_VIOLATIONS)
    host = Host(context, running)
    host.open(view.language, view.theme)
    expect(host.page.locator("#title")).to_have_text(overview)
    expect(host.page.locator("#loading")).to_be_hidden()
    expect(host.page.locator("#tabs button")).to_have_count(TABS)
    assert "token" not in host.inside().url
    expect(host.app.locator("html")).to_have_attribute("lang", view.language)
    expect(host.app.locator("html")).to_have_attribute("data-theme", view.theme)
    for chrome in (".topbar", ".frame-nav", "[data-theme-toggle]"):
        expect(host.app.locator(chrome)).to_be_hidden()
    look(host, f"embedded-overview-{view}", view)

    host.tab(tools)
    expect(host.page.locator("#title")).to_have_text(tools)
    switch = host.app.locator(f"#switch-{CARD}")
    if switch.get_attribute("aria-checked") == "true":
        switch.click()
        expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(host.page.locator("#toasts .success").last).to_have_text(turned_on)
    expect(switch).to_have_attribute("aria-checked", "true")
    look(host, f"embedded-tools-{view}", view)

    host.app.locator(f"#tile-{CARD} h3 a").click()
    expect(host.page.locator("#title")).to_have_text(card)
    expect(host.page.locator("#action")).to_have_text(save)
    host.page.locator("#action").click()
    expect(host.page.locator("#toasts .info")).to_be_visible()
    expect(host.page.locator("#tabs button")).to_have_count(TABS)
    look(host, f"embedded-card-{view}", view)
    assert host.thrown == []
    context.close()


def look(host: Host, name: str, view: View) -> None:
    """As tests/e2e/test_pages.py looks at a page, but for the frame."""
    frame = host.inside()
    frame.evaluate("document.fonts.ready")
    SHOTS.mkdir(parents=True, exist_ok=True)
    host.page.screenshot(path=SHOTS / f"{name}.png")
    assert frame.evaluate("document.documentElement.scrollWidth") <= view.width
    assert [each for each in frame.evaluate(CLIPPED) if not each.startswith("<h1")] == []  # the dashboard shows it
    assert frame.evaluate("window.violations") == []
    if AXE.exists():
        assert axe_problems(frame) == []


def test_the_colours_follow_the_dashboard(context: BrowserContext, running: Running) -> None:
    host = Host(context, running)
    host.open()
    expect(host.page.locator("#tabs button")).to_have_count(TABS)
    host.page.locator("#theme").click()
    expect(host.app.locator("html")).to_have_attribute("data-theme", "dark")
    host.tab(WORDS["ar"][1])
    expect(host.app.locator("html")).to_have_attribute("data-theme", "dark")


def test_cookies_are_kept_apart_for_salla(context: BrowserContext, running: Running) -> None:
    host = Host(context, running)
    host.open()
    expect(host.page.locator("#tabs button")).to_have_count(TABS)
    ours = {each["name"]: each for each in context.cookies() if each["domain"] == "127.0.0.1"}
    assert {"embedded-session", "embedded-csrf", "embedded-language", "embedded-theme"} <= set(ours)
    for cookie in ours.values():
        kinds = (cookie["path"], cookie["sameSite"], cookie["secure"], cookie.get("partitionKey"))
        assert kinds == ("/embedded/", "None", True, "http://localhost")


def test_a_session_that_is_over_is_renewed_by_salla(context: BrowserContext, running: Running) -> None:
    """Once: without a new session the next page says what to do instead of asking for ever."""
    host = Host(context, running)
    host.open()
    expect(host.page.locator("#tabs button")).to_have_count(TABS)
    context.clear_cookies(name="embedded-session")
    host.page.locator("#tabs button", has_text=WORDS["ar"][1]).click()
    until(lambda: len(host.heard("auth.refresh")) == 1, "the question for a new token", 10)
    expect(host.page.locator("#tabs [aria-current]")).to_have_text(WORDS["ar"][0])
    context.clear_cookies(name="embedded-session")
    expect(host.page.locator("#tabs button")).to_have_count(TABS)
    host.page.locator("#tabs button", has_text=WORDS["ar"][1]).click()
    expect(host.app.locator("[data-host-expired]")).to_be_visible()
    expect(host.page.locator("#loading")).to_be_hidden()
    assert len(host.heard("auth.refresh")) == 1


def test_a_window_of_its_own(context: BrowserContext, running: Running) -> None:
    """By a one-time link, as the same person: an employee, whom we know by his number."""
    host = Host(context, running)
    host.open("en", who="employee")
    host.app.get_by_role("button", name="Open in a separate window").click()
    with context.expect_page() as opened:
        host.app.get_by_role("link", name="Open in a separate window").click()
    window = opened.value
    assert window.url.startswith(f"{running.addresses['dashboard']}sign-in/")
    address = window.url
    window.locator("main [type=submit]").click()
    window.wait_for_url("**/stores/**")
    expect(window.locator(".topbar")).to_be_visible()
    window.goto(f"{window.url}team/")
    expect(window.locator("main")).to_contain_text("Salla account")
    assert window.goto(address).status == 410  # type: ignore[union-attr]


@pytest.fixture
def careful(browser: Browser, tmp_path: Path) -> Iterator[BrowserContext]:
    """A browser that keeps no cookie of anybody."""
    (tmp_path / "Default").mkdir()
    wish = {"profile": {"default_content_setting_values": {"cookies": 2}}}
    (tmp_path / "Default" / "Preferences").write_text(json.dumps(wish))
    context = browser.browser_type.launch_persistent_context(
        str(tmp_path), executable_path=CHROMIUM, args=QUIET, viewport={"width": 1280, "height": 800}
    )
    yield context
    context.close()


def test_where_cookies_are_refused_a_window_is_offered(
    careful: BrowserContext, context: BrowserContext, running: Running
) -> None:
    host = Host(careful, running)
    host.open()
    link = host.app.get_by_role("link", name="افتح في نافذة مستقلة")
    expect(link).to_be_visible()
    expect(host.page.locator("#loading")).to_be_hidden()
    assert host.heard("auth.refresh") == []
    host.page.screenshot(path=SHOTS / "embedded-refused.png")
    first = link.get_attribute("href")
    host.app.get_by_role("button", name="رابط جديد").click()
    expect(link).not_to_have_attribute("href", str(first))
    window = context.new_page()
    window.goto(str(link.get_attribute("href")))
    window.locator("main [type=submit]").click()
    window.wait_for_url("**/stores/**")


def test_whoever_is_not_salla_may_not_frame_it(context: BrowserContext, running: Running) -> None:
    """A page of the sandbox's second port, which is neither the dashboard nor the stage."""
    page = context.new_page()
    port = int(running.addresses["console"].split(":")[2].split("/")[0])
    page.goto(f"http://127.0.0.1:{port + 1}/console/")
    for address in ("", "embedded/", "sign-in/"):
        src = f"{running.addresses['dashboard']}{address}"
        with page.expect_event("requestfailed", lambda request, src=src: request.url == src) as refused:
            page.evaluate("(src) => document.body.append(Object.assign(document.createElement('iframe'), {src}))", src)
        assert refused.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"


def test_easy_mode_from_the_install_to_the_open_app(context: BrowserContext, running: Running) -> None:
    """Without the app Salla lets nobody in; its button installs it, and the owner is in the store."""
    host = Host(context, running)
    press(running, "uninstall")
    until(lambda: opened(host) == "نومو فلو غير مثبّت في هذا المتجر", "the uninstall", 60)
    assert not [each for each in context.cookies() if each["name"] == "embedded-session"]
    press(running, "install")
    until(lambda: opened(host) == WORDS["ar"][0], "the install", 60)
    expect(host.page.locator("#tabs button")).to_have_count(TABS)


def press(running: Running, action: str) -> None:
    address = running.addresses["console"]
    requests.post(f"{address}api/{action}", json={"store": KIDS}, timeout=20).raise_for_status()


def opened(host: Host) -> str:
    """The title of the page that the other store's app opens with; one may ask sixty times a minute."""
    host.page.wait_for_timeout(1500)
    host.open(store=KIDS)
    until(lambda: host.heard("page.setTitle"), "a title", 15)
    return str(host.heard("page.setTitle")[0]["title"])
