"""«Try my store»: the merchant's own shop with a strip that says of each card whether it shows, and counts nothing."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, SLUG, Shopper, cards_of, merchant, shop
from tests.e2e.storefront.conftest import DESK, PHONE, opened, rule, sees_it
from tests.e2e.test_pages import AXE, RULES, SHOTS

STRIP = "nomo-try"
AXE_OF_STRIP = """async (rules) => {
  const {violations} = await axe.run("nomo-try", { runOnly: { type: "tag", values: rules } });
  return violations.map(({id, nodes}) => [id, nodes.map((node) => node.failureSummary)]);
}"""


@pytest.fixture(scope="module")
def link(browser: Browser, running: Running) -> str:
    """As the merchant gets it, by the button on his tools' page and the one on the page that follows."""
    with opened(merchant(browser, running)) as context:
        page = context.new_page()
        page.goto(cards_of(page, running))
        page.get_by_role("button", name="جرّب متجري").click()
        page.wait_for_url("**/try/")
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / "try-page-ar.png", full_page=True)
        return str(page.get_by_role("link", name="افتح متجري").get_attribute("href"))


def row(page: Page, slug: str = SLUG) -> Any:
    name = {SLUG: "آخر المشتريات"}[slug]
    return page.locator(f"{STRIP} li", has_text=name)


def asked_by(context: BrowserContext) -> list[str]:
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.mark.parametrize("size", [PHONE, DESK], ids=lambda size: str(size["width"]))
def test_it_says_that_a_card_shows_and_counts_nothing(browser: Browser, running: Running, link: str, size: Any) -> None:
    with opened(browser.new_context(viewport=size, reduced_motion="reduce")) as context:
        asked = asked_by(context)
        shopper = Shopper(context)
        page = shopper.page
        page.goto(link)
        expect(page.locator(f"{STRIP} summary")).to_have_text("متجرك كما تجرّبه")
        assert "nomo_try" not in page.url
        sees_it(page)
        expect(row(page)).to_contain_text("ظاهرة.")
        expect(row(page)).to_have_class("on")
        page.screenshot(path=SHOTS / f"try-strip-ar-{size['width']}.png")
        if AXE.exists():
            page.evaluate(AXE.read_text())
            assert page.evaluate(AXE_OF_STRIP, RULES) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.goto(shop(running, "cart"))
        expect(row(page)).to_contain_text("ليست لهذا النوع من الصفحات.")
        expect(row(page)).not_to_have_class("on")
        page.goto("about:blank")
        assert [url for url in asked if url.endswith(("/e", "/visitor", "beacons.js", "vitals.js"))] == []
        assert (shopper.thrown, shopper.warned) == ([], [])


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"ends_at": 5}, "مجدولة: انتهى وقتها."),
        ({"devices": ["computer"]}, "ليست لهذا النوع من الأجهزة."),
        ({"trigger": "exit"}, "تنتظر حتى يهمّ المتسوّق بالمغادرة."),
        ({"cart_minimum": 900}, "تنتظر حتى تبلغ السلة الحد الأدنى."),
        ({"is_shadow": True}, "تجربة صامتة: كانت ستظهر هنا، ولا يرى المتسوّقون شيئًا."),
        ({"holdout_percent": 50}, "ظاهرة."),
    ],
    ids=str,
)
def test_it_says_why_not(shopper: Shopper, running: Running, link: str, rules: dict[str, Any], says: str) -> None:
    rule(shopper.page, **rules)
    shopper.page.goto(link)
    expect(row(shopper.page)).to_contain_text(says)
    assert shopper.thrown == []


def test_a_closed_strip_stays_closed_and_the_browser_left_out(shopper: Shopper, running: Running, link: str) -> None:
    page = shopper.page
    asked = asked_by(page.context)
    page.goto(link)
    page.locator(f"{STRIP} summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"{STRIP} details")).not_to_have_attribute("open", "")
    page.goto(shop(running))
    expect(page.locator(f"{STRIP} details")).not_to_have_attribute("open", "")
    page.keyboard.press("Tab")
    button = page.locator(f"{STRIP} button")
    box = button.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    button.focus()
    page.keyboard.press("Escape")
    expect(page.locator(STRIP)).to_have_count(0)
    page.goto(shop(running))
    page.wait_for_load_state("networkidle")
    expect(page.locator(STRIP)).to_have_count(0)
    later = Shopper(page.context)  # another visit of the same browser
    later.page.goto(shop(running))
    sees_it(later.page)
    assert [url for url in asked if url.endswith(("/e", "beacons.js"))] == []
    left = later.page.evaluate(f"localStorage.getItem('nomo:{OUD}::try') - Date.now()")
    assert 89 < left / 86_400_000 <= 90
    assert shopper.thrown == later.thrown == []


@pytest.mark.parametrize("token", ["", "made-up", "MTMwNTE0NjcwOQ:1abcde:x"])
def test_a_link_that_is_no_good_shows_a_shop_as_ever(shopper: Shopper, running: Running, token: str) -> None:
    page = shopper.page
    page.goto(f"{shop(running)}&nomo_try={token}")
    sees_it(page)
    expect(page.locator(STRIP)).to_have_count(0)
    assert page.evaluate(f"localStorage.getItem('nomo:{OUD}::try')") is None
    assert shopper.thrown == []


def test_in_the_theme_editor_there_is_no_strip(shopper: Shopper, running: Running, link: str) -> None:
    shopper.page.goto(running.addresses["phone"])
    shopper.page.evaluate('address => { document.body.innerHTML = `<iframe src="${address}"></iframe>` }', link)
    framed = shopper.page.frame_locator("iframe")
    expect(framed.locator("footer")).to_be_attached()
    shopper.page.wait_for_load_state("networkidle")
    expect(framed.locator(STRIP)).to_have_count(0)
