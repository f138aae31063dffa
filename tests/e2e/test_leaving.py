"""A store leaves and comes back, leaves for good, and on the stated date its personal data is gone; in a browser."""

import json
import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Running, copy_of_the_project, started
from tests.e2e.people import sign_in
from tests.e2e.shops import configs
from tests.processes import until

KIDS = 847769313
OWNER = "owner@ghaima-kids.example"
SLUG = "latest_purchase"
SECONDS = 20
DELETED_SECONDS = 60  # the pulse beats every 15, and everything else that is due runs, too
MONTH_SECONDS = 31 * 86_400


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A product of its own: a month passes in it."""
    with started(copy_of_the_project(tmp_path_factory.mktemp("leaving") / "clone")) as product:
        yield product


def act(running: Running, name: str, **fields: object) -> None:
    answer = requests.post(f"{running.addresses['console']}api/{name}", json=fields, timeout=10)
    assert answer.status_code == 200, answer.text


def shoppers_see(running: Running, *slugs: str) -> bool:
    """Whether these are the cards that all shoppers of the store are told of."""
    return all(set(cards) == set(slugs) for cards in configs(running, KIDS))


def reloaded_until(page: Page, text: str) -> None:
    def is_there() -> bool:
        page.reload()
        return text in page.locator("main").inner_text()

    until(is_there, text, SECONDS)


def in_admin(page: Page, running: Running, path: str) -> str:
    page.goto(f"{running.addresses['admin']}{path}")
    if page.locator("[name=username]").count():
        page.fill("[name=username]", running.email)
        page.fill("[name=password]", running.password)
        page.click("[type=submit]")
        page.wait_for_selector("#user-tools")
    return page.locator("#content").inner_text()


def test_leaving_coming_back_and_leaving_for_good(browser: Browser, leaving: Running) -> None:
    home = leaving.addresses["dashboard"]
    sandbox = leaving.addresses["console"].removesuffix("/console/")
    context = browser.new_context(locale="ar", viewport={"width": 1280, "height": 900})
    overview = sign_in(context, home, sandbox, OWNER)
    owner = context.new_page()
    owner.goto(f"{overview}cards/{SLUG}/")
    owner.locator(f"form[action*='{SLUG}/switch/'] button").first.click()
    until(lambda: shoppers_see(leaving, SLUG), "the card on", SECONDS)

    act(leaving, "uninstall", store=KIDS)
    until(lambda: shoppers_see(leaving), "the card gone", SECONDS)
    owner.goto(overview)
    reloaded_until(owner, "أُزيل نومو فلو من هذا المتجر")
    expect(owner.locator(".notice.danger")).to_contain_text(re.compile(r"في \d+ \S+ \d{4} نحذف البيانات الشخصية"))

    act(leaving, "install", store=KIDS)
    until(lambda: shoppers_see(leaving, SLUG), "the card as it was left", SECONDS)
    owner.reload()
    expect(owner.locator(".notice.danger")).to_have_count(0)

    act(leaving, "uninstall", store=KIDS)
    until(lambda: shoppers_see(leaving), "the card gone again", SECONDS)
    act(leaving, "clock", seconds=MONTH_SECONDS)
    staff = browser.new_context(locale="en").new_page()
    done = "integrations/purge/?state__exact=processed"
    until(lambda: "1 deletion" in in_admin(staff, leaving, done), "the deletion", DELETED_SECONDS)
    staff.locator("#result_list tbody th a").first.click()
    proof = json.loads(staff.locator(".field-shown_counts .readonly").inner_text())
    assert proof["deleted"]["customers"] > 0
    assert set(proof["left"].values()) == {0}
    assert "0 customers" in in_admin(staff, leaving, f"integrations/customer/?q={KIDS}")
    owner.goto(overview)
    expect(owner.locator("main [name=email]")).to_be_visible()  # nobody of the store is known any more
    staff.context.close()
    context.close()
