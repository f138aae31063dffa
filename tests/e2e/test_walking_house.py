"""A merchant switches a card on; what somebody buys comes up on another shopper's phone; and off again."""

import json

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import OUD, SHOWN, SHOWN_MS, SLUG, cards_of, config, is_silent, is_told, merchant, shop, switch
from tests.e2e.test_install_to_order import buy
from tests.processes import until

PHONE = {"width": 390, "height": 844}
SAVED_SECONDS = 10  # what a web process may still remember, and some
ORDERED_SECONDS = 20
LIFETIME = "public, max-age=60, stale-while-revalidate=60"
SAID = {"ar": ("تم شراء", "قبل قليل"), "en": ("Purchased:", "just now")}


def newest(running: Running) -> dict[str, object]:
    address = f"{running.addresses['dashboard']}sf/{OUD}/cards/{SLUG}/recent"
    rows = requests.post(address, data="{}", timeout=10).json()["purchases"]
    return dict(rows[0]) if rows else {}


def save_json(page: Page, **changes: object) -> None:
    """In the expert view of the open editor."""
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    field = page.locator("textarea[name=json]")
    field.fill(json.dumps({**json.loads(field.input_value()), **changes}))
    page.locator("form:has(textarea[name=json]) [type=submit]").click()
    page.wait_for_load_state()


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_walking_house(browser: Browser, running: Running, language: str) -> None:
    owner = merchant(browser, running, language).new_page()
    phones = [browser.new_context(locale=language, viewport=PHONE) for _ in range(4)]
    buyer, other, later, last = (context.new_page() for context in phones)
    editor = f"{cards_of(owner, running)}{SLUG}/"

    switch(owner, running, is_on=True)
    owner.goto(editor)
    save_json(owner, position="start")
    until(lambda: is_told(running, position="start"), "the card on", SAVED_SECONDS)

    known = newest(running).get("key")
    buy(buyer, running, OUD, language)
    until(lambda: newest(running).get("key") != known, "the purchase", ORDERED_SECONDS)
    other.goto(shop(running, language=language))
    other.wait_for_selector(SHOWN, timeout=SHOWN_MS)
    bought, ago = SAID[language]
    expect(other.locator(SHOWN)).to_contain_text(f"{bought} {newest(running)['product']}")
    expect(other.locator(SHOWN)).to_contain_text(ago)
    expect(other.locator("nomo-card")).to_have_attribute("data-corner", "start")

    # Nobody is told what he has just bought himself.
    buyer.wait_for_function(f"localStorage.getItem('nomo:{OUD}::thanked')")
    buyer.goto(shop(running, language=language))
    buyer.wait_for_selector(SHOWN, timeout=SHOWN_MS)
    expect(buyer.locator(SHOWN)).not_to_contain_text(ago)

    owner.goto(editor)
    save_json(owner, position="end")
    until(lambda: is_told(running, position="end"), "the new settings", SAVED_SECONDS)
    later.goto(shop(running, language=language))
    expect(later.locator("nomo-card")).to_have_attribute("data-corner", "end")

    owner.goto(editor)
    owner.locator("form[action*='/revert/'] button").first.click()
    until(lambda: is_told(running, position="start"), "the earlier settings", SAVED_SECONDS)

    switch(owner, running, is_on=False)
    until(lambda: is_silent(running), "the card off", SAVED_SECONDS)
    assert config(running).headers["Cache-Control"] == LIFETIME  # how long a browser may go on
    last.goto(shop(running, language=language))
    last.wait_for_function("window.nomoFlow?.isLoaded && performance.now() > 7000")
    expect(last.locator("nomo-card")).to_have_count(0)
    for context in phones:
        context.close()
    owner.context.close()
