"""Takes the README's pictures: starts the product in a copy, uses it as an owner would, and writes small PNGs.

Run it when pages have changed: the numbers and times in the pictures are those of the run.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402 - the path comes first

from tests.e2e.conftest import CHROMIUM, QUIET, Running, copy_of_the_project, started  # noqa: E402
from tests.e2e.people import sign_in  # noqa: E402

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 150_000


@dataclass(frozen=True)
class Picture:
    """One page as it is shown in the README; `path` is below the store's address."""

    name: str
    path: str
    language: str = "ar"
    theme: str = "light"
    width: int = 1280
    height: int = 800
    prepare: Callable[[Page], None] = lambda page: None


def open_first_card(page: Page) -> None:
    page.locator("article h3 a").first.click()
    page.wait_for_load_state()


PICTURES = [
    Picture("overview-ar", ""),
    Picture("tools-ar", "cards/"),
    Picture("editor-ar-phone", "cards/", width=390, height=844, prepare=open_first_card),
    Picture("overview-en-dark", "", language="en", theme="dark"),
]


def turn_on_first_card(page: Page, store: str) -> None:
    page.goto(f"{store}cards/")
    page.locator("article [role=switch]").first.click()
    page.locator("article [role=switch][aria-checked=true]").first.wait_for()
    page.close()


def take(browser: Browser, picture: Picture, store: str, state: object) -> None:
    context = browser.new_context(
        locale=picture.language,
        color_scheme="dark" if picture.theme == "dark" else "light",
        reduced_motion="reduce",
        viewport={"width": picture.width, "height": picture.height},
        storage_state=state,  # type: ignore[arg-type]
    )
    page = context.new_page()
    page.goto(f"{store}{picture.path}")
    picture.prepare(page)
    page.evaluate("document.fonts.ready")
    file = IMAGES / f"{picture.name}.png"
    page.screenshot(path=file)
    context.close()
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size // 1024} kB")
    if size > MOST_BYTES:
        sys.exit(f"Error: {file.name} has {size} bytes, more than {MOST_BYTES}.")


def photograph(running: Running) -> None:
    home, sandbox = running.addresses["dashboard"], running.addresses["console"].removesuffix("/console/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(locale="ar")
        store = sign_in(context, home, sandbox)
        turn_on_first_card(context.new_page(), store)
        state = context.storage_state()
        for picture in PICTURES:
            take(browser, picture, store, state)
        browser.close()


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_the_project(Path(folder) / "clone")
        with started(copy) as running:
            photograph(running)


if __name__ == "__main__":
    main()
