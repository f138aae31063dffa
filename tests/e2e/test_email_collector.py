"""The e-mail collector: a form comes up and takes nothing over; an address becomes somebody's by one press."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.shops import Shopper, cards_of, configs, merchant, shop, switch
from tests.e2e.storefront.conftest import AXE_OF_WIDGET, DARK, DESK, ON_DOCUMENT, PHONE, SHIFTS, STYLED, opened
from tests.e2e.test_pages import AXE, RULES, SHOTS
from tests.e2e.test_walking_house import save_json
from tests.processes import until

SLUG = "email_collector"
CARD = f"nomo-card[data-slug={SLUG}]"
BOX = f"{CARD} section"
TOLD_SECONDS, MAIL_SECONDS, SHOWN_MS = 15, 30, 20_000
COUNTED_SECONDS = 60
# Somebody's own browser, as far as it says.
PERSON = (
    "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Mobile Safari/537.36"
)
NO_ROBOT = "Object.defineProperty(navigator, 'webdriver', { get: () => false })"
# What `set_up` saved last.
saved: dict[str, Any] = {}
CONSENT = "أوافق على رسائل نفحات نجد بالبريد، ويمكنني إلغاء ذلك متى شئت."
LINK = re.compile(r"https?://\S+/subscribe/[\w.:-]+/")
TITLES = {"ar": "جديدنا يصلك أولًا", "en": "Be the first to know"}
LOOKS = [
    ("popup", language, theme, size)
    for language in ("ar", "en")
    for theme in ("light", "dark")
    for size in (PHONE, DESK)
] + [
    (shape, language, "light", size)
    for shape in ("bar", "inline")
    for language in ("ar", "en")
    for size in (PHONE, DESK)
]
# What the ledger has of an address, asked of the database.
LEDGER = """
import json
from visitors.models import Contact
found = Contact.unscoped.filter(value=%r).first()
lines = found.consents.order_by("pk").values_list("text", "page", "purpose", "channel", "state") if found else []
print(json.dumps([bool(found and found.verified_at), [list(line) for line in lines]]))
"""


@pytest.fixture(scope="module")
def owner(browser: Browser, running: Running) -> Iterator[Page]:
    with opened(merchant(browser, running)) as context:
        page = context.new_page()
        switch(page, running, is_on=True, slug=SLUG)
        yield page
        switch(page, running, is_on=False, slug=SLUG)
        until(lambda: all(SLUG not in cards for cards in configs(running)), "the card off", TOLD_SECONDS)


def set_up(owner: Page, running: Running, **changes: Any) -> None:
    """Save these settings, unless they stand so already, and wait until every shopper is told."""
    if saved == changes:
        return
    owner.goto(f"{cards_of(owner, running)}{SLUG}/")
    save_json(owner, **{"trigger": "now", "frequency_days": 0, "consent_text": CONSENT, **changes})
    public = {name: value for name, value in changes.items() if name not in {"pages", "frequency_days"}}

    def is_told() -> bool:
        return all(public.items() <= cards.get(SLUG, {}).items() for cards in configs(running))

    until(is_told, "the new settings", TOLD_SECONDS)
    saved.clear()
    saved.update(changes)


def ledger(running: Running, email: str) -> Any:
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", LEDGER % email]
    return json.loads(subprocess.check_output(command, cwd=running.folder, env=running.env, text=True))


def mails(running: Running, email: str) -> list[dict[str, Any]]:
    sandbox = running.addresses["console"].removesuffix("/console/")
    found = requests.get(f"{sandbox}/_messages", params={"to": email}, timeout=10).json()["messages"]
    return [dict(message) for message in found]


def comes_up(page: Page) -> None:
    expect(page.locator(BOX)).to_be_visible(timeout=SHOWN_MS)


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    with opened(browser.new_context(locale="ar", viewport=PHONE, reduced_motion="reduce")) as context:
        yield context


def test_from_the_form_to_the_ledger(owner: Page, phone: BrowserContext, running: Running) -> None:
    set_up(owner, running, shape="popup", asks="email")
    email = "noura.alharbi@example.com"
    shopper = Shopper(phone)
    page = shopper.page
    page.goto(shop(running))
    comes_up(page)
    assert page.evaluate("document.activeElement === document.body")  # it came by itself, and takes nothing over

    box = page.locator(BOX)
    expect(box.locator("[name=agreed]")).not_to_be_checked()
    expect(box.locator("label.agree")).to_have_text(CONSENT)
    box.locator("[name=email]").fill("noura@")
    box.locator("button.go").click()
    expect(box.locator("#agreed")).to_have_text("ضع علامة في مربع الموافقة.", timeout=SHOWN_MS)
    expect(box.locator("[name=email]")).to_have_value("noura@")
    expect(box.locator("[name=email]")).to_have_attribute("aria-invalid", "true")
    expect(box.locator("[name=email]")).to_be_focused()

    box.locator("[name=email]").fill(email)
    box.locator("[name=agreed]").check()
    box.locator("button.go").click()
    expect(box.locator("p[role=status]")).to_be_visible(timeout=SHOWN_MS)
    page.screenshot(path=SHOTS / "collector-sent.png")
    until(lambda: mails(running, email) != [], "the mail", MAIL_SECONDS)
    assert ledger(running, email) == [False, []]

    (mail,) = mails(running, email)
    reader = phone.new_page()
    reader.goto(LINK.findall(mail["text"])[0])
    assert ledger(running, email) == [False, []]  # opening is no answer: scanners open everything
    reader.screenshot(path=SHOTS / "collector-question.png")
    reader.locator("main form [type=submit]").first.click()
    reader.wait_for_load_state()
    address = shop(running).partition("?")[0]
    until(lambda: ledger(running, email)[0], "the answer", MAIL_SECONDS)
    assert ledger(running, email) == [True, [[CONSENT, address, "marketing", "email", "given"]]]

    page.reload()
    page.wait_for_function("window.nomoFlow?.isLoaded && performance.now() > 8000")
    expect(page.locator(BOX)).to_have_count(0)
    assert (shopper.thrown, shopper.warned) == ([], [])


@pytest.mark.parametrize(("shape", "language", "theme", "size"), LOOKS, ids=str)
def test_how_it_looks(
    owner: Page, browser: Browser, running: Running, shape: str, language: str, theme: str, size: Any
) -> None:
    set_up(owner, running, shape=shape, asks="both", asks_name=shape == "popup")
    with opened(browser.new_context(locale=language, viewport=size, reduced_motion="reduce")) as context:
        context.add_init_script(SHIFTS)
        if theme == "dark":
            context.add_init_script(ON_DOCUMENT % (STYLED % DARK))
        shopper = Shopper(context)
        page = shopper.page
        page.goto(shop(running, language=language))
        page.wait_for_selector(CARD, state="attached")
        before = page.evaluate("shifts")
        page.wait_for_selector(BOX, state="attached", timeout=SHOWN_MS)
        if shape == "inline":
            page.locator(BOX).scroll_into_view_if_needed()
        comes_up(page)
        expect(page.locator(f"{BOX} h2")).to_have_text(TITLES[language])
        assert page.evaluate("shifts") - before <= 0.01
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        small = page.locator(f"{BOX} :is(button, input:not([tabindex]), label.agree)").evaluate_all(
            "(all) => all.filter((each) => each.type !== 'checkbox' && each.getBoundingClientRect().height < 44).length"
        )
        assert small == 0
        SHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SHOTS / f"collector-{shape}-{language}-{theme}-{size['width']}.png")
        if AXE.exists():
            page.evaluate(AXE.read_text())
            assert page.evaluate(AXE_OF_WIDGET, RULES) == []
        assert (shopper.thrown, shopper.warned) == ([], [])


def test_the_keyboard_reaches_it_and_escape_ends_it(owner: Page, phone: BrowserContext, running: Running) -> None:
    set_up(owner, running, shape="popup", asks="email", asks_name=False)
    shopper = Shopper(phone)
    page = shopper.page
    page.goto(shop(running))
    comes_up(page)
    names = []
    for _ in range(200):
        page.keyboard.press("Tab")
        name = page.evaluate(f"document.querySelector('{CARD}').shadowRoot.activeElement?.name ?? null")
        if name is not None:
            names.append(name)
        elif names:
            break
    assert names == ["email", "agreed", "", ""]  # the button that sends and the one that closes; never the trap
    page.keyboard.press("Escape")
    expect(page.locator(CARD)).to_have_count(0)
    page.goto(shop(running))
    page.wait_for_function("window.nomoFlow?.isLoaded && performance.now() > 8000")
    expect(page.locator(BOX)).to_have_count(0)  # one interruption a visit
    shopper.buys(running)


def test_while_we_are_away_what_was_typed_stays(owner: Page, phone: BrowserContext, running: Running) -> None:
    set_up(owner, running, shape="popup", asks="email", asks_name=False)
    shopper = Shopper(phone)
    page = shopper.page
    page.route("**/cards/email_collector/subscribe", lambda route: route.abort())
    page.goto(shop(running))
    comes_up(page)
    page.locator(f"{BOX} [name=email]").fill("reem@example.com")
    page.locator(f"{BOX} [name=agreed]").check()
    page.locator(f"{BOX} button.go").click()
    expect(page.locator(f"{BOX} form > small[role=status]")).to_have_text(
        "تعذّر الإرسال. يمكن المحاولة مرة أخرى.", timeout=SHOWN_MS
    )
    expect(page.locator(f"{BOX} [name=email]")).to_have_value("reem@example.com")
    assert shopper.thrown == []


def test_the_numbers_come_to_the_cards_page(owner: Page, browser: Browser, running: Running) -> None:
    """What a shopper sees is counted on its way through the beacons; what the tests' robots saw above was not."""
    set_up(owner, running, shape="popup", asks="email", asks_name=False)

    def totals() -> list[str]:
        owner.goto(f"{cards_of(owner, running)}{SLUG}/?days=28#numbers")
        return owner.locator("#numbers .number .value").all_inner_texts()

    assert totals()[0] == "0"
    with opened(browser.new_context(locale="ar", viewport=PHONE, user_agent=PERSON)) as context:
        context.add_init_script(NO_ROBOT)
        page = context.new_page()
        with page.expect_request(lambda each: '"card.shown"' in (each.post_data or ""), timeout=SHOWN_MS):
            page.goto(shop(running))
    until(lambda: totals() == ["1", "1", "1"], "the first count", COUNTED_SECONDS)
    owner.locator("#days-7").click()
    expect(owner.locator("#days-7")).to_have_attribute("aria-current", "true")
    owner.locator("#numbers").screenshot(path=SHOTS / "collector-numbers.png")


def test_what_is_typed_is_previewed_before_it_is_saved(owner: Page, running: Running) -> None:
    address = f"{cards_of(owner, running)}{SLUG}/"
    owner.goto(address)
    owner.locator("[name=title]").fill("عنوان لم يُحفظ بعد")
    owner.get_by_role("button", name="معاينة قبل الحفظ").click()
    preview = owner.frame_locator("iframe.phone")
    expect(preview.locator("h2")).to_have_text("عنوان لم يُحفظ بعد", timeout=SHOWN_MS)
    owner.locator("[name=title]").fill("")
    owner.get_by_role("button", name="معاينة قبل الحفظ").click()
    expect(preview.locator("li")).to_have_text("العنوان: هذا الحقل مطلوب.")
    assert owner.url == address
    owner.reload()
    expect(owner.locator("[name=title]")).to_have_value(TITLES["ar"])


def test_a_day_is_told_in_the_other_calendar_while_it_is_chosen(owner: Page, running: Running) -> None:
    owner.goto(f"{cards_of(owner, running)}{SLUG}/")
    owner.locator("details.more summary").first.click()
    owner.locator("[name=starts_at]").fill("2027-02-08T09:00")
    expect(owner.locator("output[for=id_starts_at]")).to_have_text("1 رمضان 1448 هـ")
    owner.locator("[name=starts_at]").fill("")
    expect(owner.locator("output[for=id_starts_at]")).to_have_text("")
