"""A store installs the app, a shopper orders, and staff see the order: in a real browser, over real HTTP."""

import time
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Running
from tests.processes import until

OUD, KIDS = 1305146709, 847769313
ARRIVES_SECONDS = 20


def console(running: Running, path: str = "") -> str:
    return f"{running.addresses['console']}{path}"


def admin(running: Running, path: str) -> str:
    return f"{running.addresses['admin']}{path}"


def deliveries(running: Running, **query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = requests.get(console(running, "log.json"), params=query, timeout=10).json()[
        "deliveries"
    ]
    return rows


def shown_in_admin(page: Page, address: str, text: str) -> None:
    """Reload until it is there: the worker is another process."""

    def is_there() -> bool:
        page.goto(address)
        return text in page.locator("#content").inner_text()

    until(is_there, f"{text} in the admin", ARRIVES_SECONDS)


def buy(page: Page, running: Running, store: int, language: str) -> str:
    """From the first product to the thank-you page; returns the order's number."""
    root = f"{running.addresses['storefront']}{store}"
    page.goto(f"{root}/?lang={language}")
    page.locator("a[href*='/p']").first.click()
    page.locator("[data-add-form] button").click()
    page.wait_for_selector("#cart-count:not([hidden])")
    page.goto(f"{root}/cart?lang={language}")
    page.locator("a.cta[href$='/checkout']").click()
    page.fill("[name=mobile]", "0501234567" if language == "ar" else "0559876543")
    page.fill("[name=name]", "نورة العتيبي")
    page.locator("form .cta").click()
    page.locator("form .cta").click()
    page.wait_for_url("**/thank-you/**")
    return page.locator("b.num").first.inner_text()


def test_every_address_of_ready_answers(running: Running) -> None:
    assert set(running.addresses) == {"dashboard", "admin", "webhook", "console", "storefront", "phone", "stage"}
    answers = {name: requests.get(address, timeout=10).status_code for name, address in running.addresses.items()}
    assert answers == {**dict.fromkeys(answers, 200), "webhook": 405}


def test_both_stores_are_installed_and_mirrored(running: Running, staff_page: Page) -> None:
    staff_page.goto(admin(running, "integrations/connection/"))
    content = staff_page.locator("#result_list")
    expect(content.locator("tbody tr")).to_have_count(2)
    expect(content).to_contain_text("نفحات نجد")
    expect(content).to_contain_text("غيمة صغيرة")
    expect(content.get_by_text("مرتبط")).to_have_count(2)
    states = requests.get(f"{running.addresses['console'].removesuffix('console/')}_state", timeout=10).json()["stores"]
    for store in states:
        for kind, model in (("orders", "order"), ("customers", "customer"), ("products", "product")):
            staff_page.goto(admin(running, f"integrations/{model}/?q={store['id']}"))
            expect(staff_page.locator(".paginator").first).to_contain_text(str(store[kind]))


@pytest.mark.parametrize("language", ["ar", "en"])
def test_an_order_in_the_storefront_is_an_order_in_the_admin(running: Running, staff_page: Page, language: str) -> None:
    shopper = staff_page.context.browser.new_context(viewport={"width": 390, "height": 844})  # type: ignore[union-attr]
    thrown: list[str] = []
    page = shopper.new_page()
    page.on("pageerror", lambda error: thrown.append(str(error)))
    reference = buy(page, running, OUD, language)
    shopper.close()
    shown_in_admin(staff_page, admin(running, f"integrations/order/?q={reference}"), reference)
    assert thrown == []


def test_uninstalling_and_installing_again_from_the_console(running: Running, staff_page: Page) -> None:
    staff_page.goto(console(running, f"store/{KIDS}"))
    staff_page.locator("form[action='/console/api/uninstall'] button").click()
    connections = admin(running, "integrations/connection/")
    shown_in_admin(staff_page, connections, "أُزيل التطبيق")

    # Salla's times have whole seconds, and within one the uninstall wins.
    uninstalled = int(time.time())
    until(lambda: int(time.time()) > uninstalled, "the next second", 2)
    staff_page.goto(console(running))
    staff_page.locator(f"form[action='/console/api/install']:has([value='{KIDS}']) button").click()

    def is_connected() -> bool:
        staff_page.goto(connections)
        return staff_page.locator("#result_list").get_by_text("مرتبط").count() == 2

    until(is_connected, "both connected", ARRIVES_SECONDS)
    assert all(row["state"] == "delivered" for row in deliveries(running, event="app.store.authorize"))


def test_plus_forty_five_minutes_abandons_a_cart(running: Running, staff_page: Page) -> None:
    root = f"{running.addresses['storefront']}{OUD}"
    sandbox = running.addresses["console"].removesuffix("console/")
    made = requests.post(console(running, "api/cart"), json={"store": OUD, "abandon": False}, timeout=10).json()
    staff_page.goto(f"{root}/")
    staff_page.goto(console(running))
    staff_page.locator("form[action='/console/api/clock']:has([value='2700']) button").click()
    shown_in_admin(staff_page, admin(running, f"integrations/cart/?q={made['cart']}"), str(made["cart"]))
    assert requests.get(f"{sandbox}_clock", timeout=10).json()["offset"] == 2700.0
