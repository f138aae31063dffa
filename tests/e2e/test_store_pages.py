"""Every page of a store, as its owner sees it, looked at like the pages of tests/e2e/test_pages.py."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Running
from tests.e2e.people import ask_for_link, sign_in
from tests.e2e.test_pages import VIEWS, View, context_for, examine

OTHER_OWNER = "owner@ghaima-kids.example"
INVITED = "noura.almutairi@example.com"
# Stores that no shopper has ordered in: one connected, one whose tokens Salla refuses; and three by their plans: one
# whose tools are paused, one with more orders than its plan is for, one on trial.
QUIET_STORES = """
from datetime import timedelta
from core import clock
from core.models import Membership, Merchant, User
from integrations.models import Connection, Standing
owner = User.objects.get(email="owner@nafahat-najd.example")
now = clock.now()
STATES = ("connected", "needs_reinstall", "connected", "connected", "connected")
for salla_id, state in enumerate(STATES, 1):
    name = ("ركن الورد", "بيت القهوة", "دار العود", "نبض الأناقة", "سلال التمور")[salla_id - 1]
    store = Merchant.objects.create(salla_id=salla_id, name=name, domain="https://salla.sa/" + "ward" * 3)
    Connection.unscoped.create(merchant=store, state=state)
    Membership.objects.create(merchant=store, user=owner, role="owner")
    print(store.public_id)
paused, full, trial = Merchant.objects.filter(salla_id__in=(3, 4, 5)).order_by("salla_id")
ended = {"state": "restricted", "reason": "trial_ended", "plan": "professional", "order_limit": None}
Standing.unscoped.create(merchant=paused, ends_at=now, **ended)
paused.features.create(slug="latest_purchase", is_on=True)
Standing.unscoped.create(merchant=full)
rows = {"source_updated_at": now, "placed_at": clock.now(), "status": "in_progress", "total": 150, "currency": "SAR"}
for number in range(1, 64):
    full.orders.create(salla_id=number, **rows)
end = now + timedelta(days=11)
Standing.unscoped.create(merchant=trial, state="trial", plan="professional", order_limit=None, ends_at=end)
"""

# Somebody who said yes, one who has not answered yet, and a number.
SUBSCRIBERS = """
from core.models import Merchant
from visitors import contact_links, contacts
store = Merchant.objects.get(salla_id=1305146709)
told = {"text": "أوافق على رسائل نفحات نجد بالبريد، ويمكنني إلغاء ذلك متى شئت.", "page": "/", "language": "ar"}
def ask(kind, value, number):
    contacts.subscribe(store, kind=kind, value=value, network=f"198.51.100.{number}", **told)
    return store.opt_ins.latest("pk")
yes, open_ = ask("email", "hessah.alqahtani@example.com", 1), ask("email", "turki@example.com", 2)
ask("phone", "+966501234567", 3)
contacts.confirm(contact_links.confirm_token(yes))
print(yes.contact.public_id, contact_links.confirm_token(open_), contact_links.preferences_token(store, yes.contact))
print(contact_links.unsubscribe(store, yes.contact, purpose="marketing", channel="email").rsplit("/", 2)[1])
"""

PEOPLE = """البريد الإلكتروني,الاسم,رقم الجوال,المبلغ
nada.alotaibi@example.com,ندى العتيبي,0501234567,320
reem@example,ريم,123,15
nada.alotaibi@example.com,ندى,,80
"""


@dataclass(frozen=True)
class Owned:
    """What the owner has: a session, his stores, and somebody else's unused link."""

    home: str
    state: Any
    store: str
    empty: str
    broken: str
    paused: str
    full: str
    trial: str
    link: str
    contact: str
    question: str
    preferences: str
    unsubscribe: str

    def at(self, path: str = "") -> str:
        return f"{self.store}{path}"


@pytest.fixture(scope="session")
def owned(browser: Browser, running: Running) -> Iterator[Owned]:
    """Signed in once; then something of everything is done by hand."""
    home, sandbox = running.addresses["dashboard"], running.addresses["console"].removesuffix("/console/")
    context = context_for(browser, VIEWS[1])
    store = sign_in(context, home, sandbox)
    page = context.new_page()
    fill(page, store)
    quiet = [f"{home}stores/{public_id}/" for public_id in said(running, QUIET_STORES)]
    link = ask_for_link(context, home, sandbox, OTHER_OWNER)
    yield Owned(home, context.storage_state(), store, *quiet, link, *said(running, SUBSCRIBERS))
    context.close()


def fill(page: Page, store: str) -> None:
    """A tool is set up and on, and a person invited."""
    page.goto(f"{store}cards/welcome_bar/")
    page.fill("[name=text]", "توصيل مجاني لطلبات اليوم الوطني فوق 150 ريال")
    page.select_option("[name=position]", "bottom")
    page.locator("form.form").first.locator("[type=submit]").click()
    expect(page.locator(".toast")).to_be_visible()
    page.goto(f"{store}cards/")
    switch = page.locator("#switch-welcome_bar")
    if switch.get_attribute("aria-checked") == "false":  # another test may have turned it on
        switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    page.goto(f"{store}team/")
    page.fill("[name=email]", INVITED)
    page.locator("main [type=submit]").click()
    page.locator("main [type=submit]").click()
    expect(page.locator(".toast")).to_be_visible()


def said(running: Running, script: str) -> list[str]:
    """The words that a script prints inside the product."""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", script]
    return subprocess.check_output(command, cwd=running.folder, env=running.env, text=True).split()


# What there is to see


def opened(address: Callable[[Owned], str]) -> Callable[[Page, Owned, View], None]:
    def visit(page: Page, owned: Owned, view: View) -> None:
        page.goto(address(owned))

    return visit


def see_definition(page: Page, owned: Owned, view: View) -> None:
    page.goto(owned.store)
    page.click("[popovertarget=paid-week]")


def refuse_settings(page: Page, owned: Owned, view: View) -> None:
    page.goto(owned.at("cards/welcome_bar/"))
    page.fill("[name=text]", "")
    page.fill("[name=delay_seconds]", "1")
    page.locator("details.more summary").click()
    page.fill("[name=link]", "salla.sa")
    page.locator("form.form").first.locator("[type=submit]").click()
    expect(page.locator("[name=text]")).to_be_focused()


def refuse_json(page: Page, owned: Owned, view: View) -> None:
    page.goto(owned.at("cards/welcome_bar/"))
    page.locator("#expert").click()
    page.fill("#json", '{"text": "أهلًا", "delay_seconds": "5", "colour": "red"}')
    page.locator("form:has(#json) [type=submit]").click()
    expect(page.locator("#json")).to_be_focused()


def see_toast(page: Page, owned: Owned, view: View) -> None:
    """Turned over, taken back, and on in the end, however it was found."""
    page.goto(owned.at("cards/"))
    switch = page.locator("#switch-welcome_bar")
    found = switch.get_attribute("aria-checked")
    switch.click()
    expect(switch).not_to_have_attribute("aria-checked", str(found))
    page.locator(".toast form button").click()
    expect(switch).to_have_attribute("aria-checked", str(found))
    for state in ("false", "true") if found == "true" else ("true",):
        switch.click()
        expect(switch).to_have_attribute("aria-checked", state)
    expect(page.locator(".toast")).to_be_visible()


def refuse_invitation(page: Page, owned: Owned, view: View) -> None:
    page.goto(owned.at("team/"))
    page.fill("[name=email]", "noura@")
    page.locator("main [type=submit]").click()
    page.locator("[aria-invalid=true]").wait_for()


def change_role(page: Page, owned: Owned, view: View) -> None:
    page.goto(owned.at("team/"))
    page.locator("main a[href$='/role/']").first.click()


def ask_before_removal(page: Page, owned: Owned, view: View) -> None:
    page.goto(owned.at("team/"))
    page.locator("main a[href$='/remove/']").first.click()


def send_link(page: Page, owned: Owned, view: View) -> None:
    page.goto(f"{owned.home}sign-in/")
    page.fill("[name=email]", f"nobody-{view}@example.com")
    page.locator("main [type=submit]").click()
    page.locator("main bdi").wait_for()


def upload_contacts(page: Page, owned: Owned, view: View, people: str = PEOPLE) -> None:
    page.goto(owned.at("contacts/import/"))
    page.set_input_files("[name=file]", {"name": "عملاء.csv", "mimeType": "text/csv", "buffer": people.encode()})
    page.locator("main form[enctype] [type=submit]").click()
    page.locator("#columns").wait_for()


def check_contacts(page: Page, owned: Owned, view: View, people: str = PEOPLE) -> None:
    """A worker does it; htmx shows that it is done."""
    upload_contacts(page, owned, view, people)
    for name, text in (("where", "نموذج النشرة"), ("when", "2024"), ("words", "أوافق على استلام العروض")):
        page.fill(f"[name={name}]", text)
    page.check("[name=is_true]")
    page.locator("main form [type=submit]").first.click()
    page.locator("#result table").first.wait_for(timeout=30_000)


def bring_in_contacts(page: Page, owned: Owned, view: View) -> None:
    check_contacts(page, owned, view, f"{PEOPLE}new-{uuid4()}@example.com,نورة,,\n")
    page.locator("form[action$='/go/'] [type=submit]").click()
    page.locator("#result .notice.success").wait_for(timeout=30_000)


def ask_before_taking_back(page: Page, owned: Owned, view: View) -> None:
    bring_in_contacts(page, owned, view)
    page.locator("a[href$='/undo/']").click()
    page.wait_for_url("**/undo/")


def refuse_contacts(page: Page, owned: Owned, view: View) -> None:
    upload_contacts(page, owned, view)
    page.locator("main form [type=submit]").first.click()
    page.locator("[name=where][aria-invalid=true]").wait_for()


PAGES: dict[str, Callable[[Page, Owned, View], None]] = {
    "stores": opened(lambda owned: f"{owned.home}stores/"),
    "store-overview": see_definition,
    "store-overview-empty": opened(lambda owned: owned.empty),
    "store-overview-broken": opened(lambda owned: owned.broken),
    "store-overview-paused": opened(lambda owned: owned.paused),
    "store-overview-full": opened(lambda owned: owned.full),
    "store-overview-trial": opened(lambda owned: owned.trial),
    "cards": see_toast,
    "cards-paused": opened(lambda owned: f"{owned.paused}cards/"),
    "card": opened(lambda owned: owned.at("cards/welcome_bar/")),
    "card-errors": refuse_settings,
    "card-json": refuse_json,
    "card-paused": opened(lambda owned: f"{owned.paused}cards/latest_purchase/"),
    "card-full": opened(lambda owned: f"{owned.full}cards/latest_purchase/"),
    "card-missing": opened(lambda owned: owned.at("cards/cart_message/")),
    "contacts": opened(lambda owned: owned.at("contacts/")),
    "contacts-empty": opened(lambda owned: f"{owned.empty}contacts/"),
    "contact": opened(lambda owned: owned.at(f"contacts/{owned.contact}/")),
    "contact-erase": opened(lambda owned: owned.at(f"contacts/{owned.contact}/erase/")),
    "subscribe": opened(lambda owned: f"{owned.home}subscribe/{owned.question}/"),
    "preferences": opened(lambda owned: f"{owned.home}preferences/{owned.preferences}/"),
    "preferences-erase": opened(lambda owned: f"{owned.home}preferences/{owned.preferences}/erase/"),
    "preferences-gone": opened(lambda owned: f"{owned.home}preferences/no-such-link/"),
    "unsubscribe": opened(lambda owned: f"{owned.home}unsubscribe/{owned.unsubscribe}/"),
    "imports": opened(lambda owned: owned.at("contacts/import/")),
    "imports-empty": opened(lambda owned: f"{owned.empty}contacts/import/"),
    "import": upload_contacts,
    "import-errors": refuse_contacts,
    "import-checked": check_contacts,
    "import-done": bring_in_contacts,
    "import-undo": ask_before_taking_back,
    "team": opened(lambda owned: owned.at("team/")),
    "team-errors": refuse_invitation,
    "role": change_role,
    "confirm": ask_before_removal,
    "activity": opened(lambda owned: owned.at("activity/")),
    "activity-empty": opened(lambda owned: f"{owned.empty}activity/"),
    "link-sent": send_link,
    "link": opened(lambda owned: owned.link),
    "link-gone": opened(lambda owned: f"{owned.home}sign-in/no-such-link/"),
}


# Where a store's people spend their time; the others are seen in four views, which hold every pair of the three.
MAIN = {"store-overview", "cards", "card", "team"}
PAIRS = [view for view in VIEWS if (view.language == "ar") == ((view.theme == "light") == (view.width == 360))]
SEEN = [(view, name) for view in VIEWS for name in PAGES if name in MAIN or view in PAIRS]


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, browser: Browser, owned: Owned) -> Iterator[tuple[View, BrowserContext]]:
    context = context_for(browser, request.param, storage_state=owned.state)
    yield request.param, context
    context.close()


@pytest.mark.parametrize(("seen", "name"), SEEN, indirect=["seen"], ids=str)
def test_store_page(name: str, seen: tuple[View, BrowserContext], owned: Owned) -> None:
    view, context = seen
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    try:
        PAGES[name](page, owned, view)
        examine(page, name, view)
        assert thrown == []
    finally:
        page.close()


# What a phone, a script, or the lack of one makes of it


def test_a_tool_is_turned_off_and_back_without_script(browser: Browser, owned: Owned) -> None:
    context = context_for(browser, VIEWS[1], storage_state=owned.state, java_script_enabled=False)
    page = context.new_page()
    page.goto(owned.at("cards/"))
    page.click("#switch-welcome_bar")
    expect(page.locator("#switch-welcome_bar")).to_have_attribute("aria-checked", "false")
    page.locator(".toast form button").click()
    expect(page.locator("#switch-welcome_bar")).to_have_attribute("aria-checked", "true")
    context.close()


def test_htmx_keeps_the_page_and_the_focus(browser: Browser, owned: Owned) -> None:
    context = context_for(browser, VIEWS[1], storage_state=owned.state)
    page = context.new_page()
    page.goto(owned.at("cards/"))
    page.evaluate("window.kept = true")
    for state in ("false", "true"):
        page.click("#switch-welcome_bar")
        expect(page.locator("#switch-welcome_bar")).to_have_attribute("aria-checked", state)
    assert page.evaluate("window.kept") is True
    expect(page.locator("#switch-welcome_bar")).to_be_focused()
    expect(page.locator(".toast")).to_have_count(1)
    context.close()


def test_a_thumb_finds_every_control(browser: Browser, owned: Owned) -> None:
    """20 px at least: a box in a list has its label to hit; everything else is 44 px high by design."""
    context = context_for(browser, VIEWS[0], storage_state=owned.state)
    page = context.new_page()
    for path in ("", "cards/", "cards/welcome_bar/", "team/"):
        page.goto(owned.at(path))
        small = page.evaluate(
            """() => [...document.querySelectorAll("button, .button, .nav a, summary, select, input")]
              .map((each) => [each.outerHTML.slice(0, 90), each.getBoundingClientRect()])
              .filter(([, box]) => box.width && (box.width < 20 || box.height < 20)).map(([html]) => html)"""
        )
        assert small == []
    context.close()


ADMIN = ["", "core/user/", "core/user/add/", "auth/group/add/", "features/storefrontconfig/", "integrations/order/"]


def test_the_admin_keeps_to_the_policy(browser: Browser, running: Running) -> None:
    context = context_for(browser, VIEWS[1])
    page = context.new_page()
    page.goto(running.addresses["admin"])
    page.fill("[name=username]", running.email)
    page.fill("[name=password]", running.password)
    page.click("[type=submit]")
    for path in ADMIN:
        page.goto(f"{running.addresses['admin']}{path}")
        assert page.evaluate("window.violations") == []
    context.close()
