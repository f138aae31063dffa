"""Every page × language × theme × width: a screenshot to look at, axe, Arabic contrast, no sideways scroll.

The pictures are in var/shots. axe-core comes from npm (`make e2e` fetches it); a machine without npm skips its part.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scripts import servers
from tests.e2e.conftest import Running

SHOTS = servers.PROJECT / "var" / "shots"
AXE = servers.PROJECT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Name → address under the app's own. Pages of a store are examined by the tests that sign in.
PAGES = {
    "overview": "",
    "sign-in": "sign-in/",
    "design": "design/",
    **{f"error-{name}": f"design/?error={name}" for name in ("400", "403", "403_csrf", "404", "500")},
}
LANGUAGES, THEMES, WIDTHS = ("ar", "en"), ("light", "dark"), (360, 1280)

# axe takes joined Arabic for an icon font and says nothing of its contrast: ask again with Latin letters in its place.
LATIN = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    walker.currentNode.data = walker.currentNode.data.replace(/[\\u0600-\\u06FF]+/g, "x");
  }
}"""
RUN_AXE = """async (options) => {
  const {violations} = await axe.run(document, options);
  return violations.flatMap(({id, nodes}) => nodes.map((node) => [id, node.target.join(" "), node.failureSummary]));
}"""
# What the content security policy forbids and the page asks for all the same.
NOTE_VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI, sourceFile}) => {
  window.violations.push(`${violatedDirective} ${blockedURI} ${sourceFile}`);
});
"""
CLIPPED = """() => [...document.querySelectorAll("h1, h2, h3, p, a, button, label, td, th, dd, dt, li, .badge")]
  .filter((each) => each.offsetParent && !each.closest(".sr-only, .skip, .nav, .tabs, .table-frame"))
  .filter((each) => each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== "inline")
  .map((each) => each.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class View:
    language: str
    theme: str
    width: int

    def __str__(self) -> str:
        return f"{self.language}-{self.theme}-{self.width}"


VIEWS = [View(*each) for each in product(LANGUAGES, THEMES, WIDTHS)]


def context_for(browser: Browser, view: View, **options: Any) -> BrowserContext:
    context = browser.new_context(
        locale=view.language,
        color_scheme="dark" if view.theme == "dark" else "light",
        reduced_motion="reduce",
        viewport={"width": view.width, "height": 800},
        **options,
    )
    context.add_init_script(NOTE_VIOLATIONS)
    return context


def axe_problems(page: Page) -> list[Any]:
    """As it is by every rule, then once more for the contrast of Arabic."""
    page.evaluate(AXE.read_text())
    found: list[Any] = page.evaluate(RUN_AXE, {"runOnly": {"type": "tag", "values": RULES}})
    page.evaluate(LATIN)
    return found + page.evaluate(RUN_AXE, {"runOnly": {"type": "rule", "values": ["color-contrast"]}})


def examine(page: Page, name: str, view: View) -> None:
    """What each page must be like; the caller has gone there."""
    page.evaluate("document.fonts.ready")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}-{view}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= view.width
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate("window.violations") == []
    if AXE.exists():
        assert axe_problems(page) == []


@pytest.fixture(scope="module", params=VIEWS, ids=str)
def seen(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[View, BrowserContext]]:
    context = context_for(browser, request.param)
    yield request.param, context
    context.close()


def test_axe_is_here() -> None:
    if not AXE.exists():
        assert not os.environ.get("CI"), "npm must be there in CI"
        pytest.skip("axe-core is not installed: get npm and run make e2e")


@pytest.mark.parametrize("name", PAGES)
def test_page(name: str, seen: tuple[View, BrowserContext], running: Running) -> None:
    view, context = seen
    page = context.new_page()
    asked: list[str] = []
    thrown: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: thrown.append(str(error)))
    home = running.addresses["dashboard"]
    try:
        page.goto(f"{home}{PAGES[name]}")
        examine(page, name, view)
        assert [address for address in asked if not address.startswith(home)] == []
        assert thrown == []
    finally:
        page.close()


def test_arabic_contrast_is_seen(browser: Browser) -> None:
    """The second pass finds what axe alone does not."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed")
    page = browser.new_page()
    page.set_content(
        '<!doctype html><html lang="ar" dir="rtl"><title>ص</title><main><h1>ص</h1>'
        '<p style="color:#aaa;background:#fff">المبيعات اليوم في لوحة التحكم</p></main>'
    )
    assert {rule for rule, _target, _summary in axe_problems(page)} == {"color-contrast"}
    page.close()


def test_a_broken_policy_is_seen(browser: Browser, running: Running) -> None:
    context = context_for(browser, VIEWS[1])
    page = context.new_page()
    page.goto(running.addresses["dashboard"])
    assert page.evaluate("window.violations") == []
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/a.png'}))")
    page.wait_for_function("window.violations.length")
    assert page.evaluate("window.violations")[0].startswith("img-src https://elsewhere.example/a.png")
    context.close()


# What a keyboard, a script, or the lack of one makes of it


def test_the_theme_is_kept(browser: Browser, running: Running) -> None:
    context = context_for(browser, VIEWS[1])
    page = context.new_page()
    page.goto(running.addresses["dashboard"])
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-toggle]")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    context.close()


def test_without_script(browser: Browser, running: Running) -> None:
    """The language is switched and a dialog opens; what only a script could do is not offered."""
    context = context_for(browser, VIEWS[1], java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{running.addresses['dashboard']}design/")
    expect(page.locator("[data-theme-toggle]")).to_be_hidden()
    expect(page.locator("[data-dismiss]").first).to_be_hidden()
    page.click("[commandfor=ask-ar]")
    expect(page.locator("#ask-ar")).to_be_visible()
    page.locator("#ask-ar form[method=dialog] button").click()
    expect(page.locator("#ask-ar")).to_be_hidden()
    page.click(".language button")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.endswith("/design/")
    context.close()


def test_by_keyboard(browser: Browser, running: Running) -> None:
    """The skip link comes first, focus is always visible and never covered, Esc closes the dialog and gives it back."""
    context = context_for(browser, VIEWS[0])
    page = context.new_page()
    page.goto(f"{running.addresses['dashboard']}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    page.goto(f"{running.addresses['dashboard']}design/")
    page.evaluate("document.activeElement.blur()")
    page.locator("[commandfor=ask-ar]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ask-ar")).to_be_visible()
    page.screenshot(path=SHOTS / f"dialog-{VIEWS[0]}.png")
    page.keyboard.press("Escape")
    expect(page.locator("#ask-ar")).to_be_hidden()
    expect(page.locator("[commandfor=ask-ar]")).to_be_focused()
    for _ in range(60):
        page.keyboard.press("Tab")
        hidden = page.evaluate("""() => {
          const at = document.activeElement;
          if (at === document.body) return null;
          const box = at.getBoundingClientRect();
          const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
          const seen = at.contains(top) || top?.contains(at);
          const shown = getComputedStyle(at).outlineStyle !== "none";
          return seen && shown ? null : at.outerHTML.slice(0, 120);
        }""")
        assert hidden is None
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_zoomed_and_spaced(language: str, browser: Browser, running: Running) -> None:
    """400 % of 1280 px is 320 px; WCAG 1.4.12's spacing of lines and words clips nothing."""
    context = context_for(browser, View(language, "light", 320), bypass_csp=True)  # it adds a style
    page = context.new_page()
    page.goto(f"{running.addresses['dashboard']}design/")
    page.add_style_tag(content="* { line-height: 2 !important; word-spacing: 0.16em !important }")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate(CLIPPED) == []
    context.close()
