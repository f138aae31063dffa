"""Cards in a corner: each finds its place, and finds it anew when another comes, grows or goes."""

from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import Shopper, shop
from tests.e2e.storefront.conftest import CORS, PHONE, SHIFTS, Beacons, mounted, plain

MARGIN, GAP = 16, 8
# As high as its settings say, and left in the test's hands.
BLOCK = """export default async function mount(root, settings, api) {
  const { slug } = root.host.dataset;
  window.apis = { ...window.apis, [slug]: api };
  if (settings.kind) window.end = await api.turn(settings.kind);
  const block = api.element("div", { class: "card on" });
  block.style.cssText = `inline-size: 200px; block-size: ${settings.height}px`;
  api.corner("end");
  root.append(block);
}"""
COVER = """const form = document.createElement("form");
  form.id = "cover";
  form.innerHTML = "<button>أتمم الطلب</button>";
  form.firstChild.style.cssText = "position: fixed; inset: auto 0 10px 0; inline-size: 100%; block-size: 120px";
  document.body.append(form);"""

# Once the frame after the scrolling has been drawn.
IS_AWAY_AT = """async (place) => {
  scrollTo(0, place);
  for (const _ of [1, 2]) await new Promise(requestAnimationFrame);
  return document.querySelector("nomo-card").hasAttribute("data-away");
}"""


def blocks(page: Page, **settings: dict[str, Any]) -> None:
    """The config as it is served, but with these cards, each a block of this height."""

    def planted(route: Route) -> None:
        answer = route.fetch()
        config = answer.json()
        [first, *_] = config["cards"]
        cards = [{**first, "slug": slug, "settings": each, "rules": None} for slug, each in settings.items()]
        route.fulfill(response=answer, json={**config, "cards": cards})

    page.route("**/config.json", planted)
    headers = {**CORS, "Content-Type": "text/javascript"}
    page.route("**/cards/*/widget.js", lambda route: route.fulfill(body=BLOCK, headers=headers))


def bottom(page: Page, slug: str) -> float:
    """How far above the window's end the card ends, once it stands still and is seen."""
    card = page.locator(f"nomo-card[data-slug={slug}]:not([data-away])")
    card.wait_for(timeout=15_000)
    box: float = card.evaluate("host => innerHeight - host.getBoundingClientRect().bottom")
    return box


def stands(page: Page, slug: str, above: float) -> None:
    expect(page.locator(f"nomo-card[data-slug={slug}]")).not_to_have_attribute("data-away", "", timeout=15_000)
    page.wait_for_function(
        "([slug, above]) => innerHeight - document.querySelector(`[data-slug=${slug}]`)"
        ".getBoundingClientRect().bottom === above",
        arg=[slug, above],
    )


def test_the_many_buttons_of_a_listing_do_not_hide_it(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    plain(page)
    page.goto(shop(running))
    mounted(page)
    assert page.locator("salla-add-product-button").count() > 10
    height = page.evaluate("document.documentElement.scrollHeight")
    for place in range(0, height, 100):
        assert page.evaluate(IS_AWAY_AT, place) is False
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_hidden_at_first_it_counts_as_shown_once_it_is_seen(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    told = Beacons(page, running)
    plain(page)
    page.add_init_script(f"document.addEventListener('DOMContentLoaded', () => {{ {COVER} }})")
    page.goto(shop(running))
    page.locator("nomo-card[data-away]").wait_for(state="attached", timeout=15_000)
    told.hear("page.viewed")
    assert "card.shown" not in told.names
    page.evaluate("document.querySelector('#cover').remove(); dispatchEvent(new Event('scroll'))")
    told.hear("card.shown")
    page.evaluate("dispatchEvent(new Event('resize'))")
    told.leave()
    assert told.names.count("card.shown") == 1
    assert shopper.thrown == []


def test_they_stand_one_above_the_other_and_close_up(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    page.add_init_script(SHIFTS)
    blocks(page, one={"height": 60}, two={"height": 40}, three={"height": 20})
    page.goto(shop(running))
    page.wait_for_function("Object.keys(window.apis ?? {}).length === 3", timeout=15_000)
    heights = {"one": 60, "two": 40, "three": 20}
    lower, middle, upper = sorted(heights, key=lambda slug: bottom(page, slug))
    stands(page, lower, MARGIN)
    stands(page, middle, MARGIN + heights[lower] + GAP)
    stands(page, upper, MARGIN + heights[lower] + GAP + heights[middle] + GAP)
    page.evaluate("slug => window.apis[slug].close()", lower)
    stands(page, middle, MARGIN)
    stands(page, upper, MARGIN + heights[middle] + GAP)
    grow = "slug => { document.querySelector(`[data-slug=${slug}]`).shadowRoot.lastChild.style.blockSize = '99px'; }"
    page.evaluate(grow, middle)
    stands(page, upper, MARGIN + 99 + GAP)
    assert page.evaluate("shifts") <= 0.01
    assert (shopper.thrown, shopper.warned) == ([], [])


def test_what_finds_no_room_above_takes_the_place_until_it_goes(shopper: Shopper, running: Running) -> None:
    page = shopper.page
    blocks(page, small={"height": 120}, high={"height": PHONE["height"] // 2, "kind": "interruption"})
    page.goto(shop(running))
    stands(page, "small", MARGIN)
    stands(page, "high", MARGIN)
    expect(page.locator("nomo-card[data-slug=small]")).to_be_hidden()
    page.evaluate("window.apis.small.turn('teaser').then(() => { window.hasTurn = true; }) && null")
    page.evaluate("scrollBy(0, 9)")
    assert page.evaluate("window.hasTurn ?? false") is False
    page.evaluate("window.apis.high.close()")
    stands(page, "small", MARGIN)
    page.evaluate("window.end()")
    page.wait_for_function("window.hasTurn")
    assert page.locator("nomo-card").count() == 1
    assert (shopper.thrown, shopper.warned) == ([], [])
