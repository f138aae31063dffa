"""A merchant who signs in by the link in his mail, and shoppers of his store."""

import re
from typing import Any

import requests
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.conftest import Running
from tests.e2e.people import sign_in

OUD = 1305146709
SLUG = "latest_purchase"
ASKED = 20
SHOWN = "nomo-card .card.on"
# From the page's first moment: five quiet seconds, then the answer.
SHOWN_MS = 10_000


def merchant(browser: Browser, running: Running, language: str = "ar") -> BrowserContext:
    """The owner's browser, signed in."""
    context = browser.new_context(locale=language, viewport={"width": 1280, "height": 900})
    sign_in(context, running.addresses["dashboard"], running.addresses["console"].removesuffix("/console/"))
    return context


def cards_of(page: Page, running: Running) -> str:
    """The address of the owner's cards."""
    page.goto(running.addresses["dashboard"])
    if page.url.endswith("/stores/"):  # another test has given him a second store
        page.get_by_role("link", name="نفحات نجد", exact=True).click()
        page.wait_for_url(re.compile(r"/stores/[\w-]{36}/"))
    found = re.search(r".*/stores/[\w-]{36}/", page.url)
    assert found, page.url
    return f"{found[0]}cards/"


def switch(page: Page, running: Running, *, is_on: bool, slug: str = SLUG) -> None:
    """Press the card's switch, if it stands otherwise."""
    page.goto(f"{cards_of(page, running)}{slug}/")
    form = page.locator(f"form[action*='{slug}/switch/']:has([name=is_on][value={str(is_on).lower()}])")
    if form.count():
        form.locator("[type=submit], button").first.click()
        page.wait_for_load_state()


def config(running: Running, store: int = OUD) -> requests.Response:
    """As a browser without a cache gets it."""
    return requests.get(f"{running.addresses['dashboard']}sf/{store}/config.json", timeout=10)


def configs(running: Running, store: int = OUD) -> list[dict[str, Any]]:
    """Settings by card, as often as it takes for every web process to answer: each remembers for some seconds."""
    answers = [config(running, store).json()["cards"] for _ in range(ASKED)]
    return [{each["slug"]: each["settings"] for each in cards} for cards in answers]


def is_told(running: Running, slug: str = SLUG, **settings: Any) -> bool:
    """Whether all shoppers are told these settings by now."""
    return all(slug in cards and settings.items() <= cards[slug].items() for cards in configs(running))


def is_silent(running: Running, slug: str = SLUG) -> bool:
    """Whether no shopper is told of the card any more."""
    return all(slug not in cards for cards in configs(running))


def shop(running: Running, path: str = "", language: str = "ar") -> str:
    return f"{running.addresses['storefront']}{OUD}/{path}?lang={language}"


class Shopper:
    """A page of the store that remembers what went wrong in it."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.thrown: list[str] = []
        self.warned: list[str] = []
        self.page.on("pageerror", lambda error: self.thrown.append(str(error)))
        self.page.on("console", lambda line: self._heard(line.type, line.text))

    def _heard(self, kind: str, text: str) -> None:
        if kind == "warning" or "Nomo Flow" in text:
            self.warned.append(text)

    def buys(self, running: Running) -> None:
        """Whatever ails us, this works: into the cart from a product's page."""
        self.page.goto(shop(running))
        self.page.locator("a[href*='/p']").first.click()
        self.page.wait_for_load_state()
        self.page.locator("[data-add-form] button").click()
        self.page.wait_for_selector("#cart-count:not([hidden])")
        assert self.thrown == []
