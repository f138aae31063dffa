"""The whole of `make run` in a copy of the project, and a browser to use it with."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from dotenv import dotenv_values
from playwright.sync_api import Browser, Page, sync_playwright

from scripts import servers
from tests.processes import until

CARDS = Path(__file__).parent / "cards"
CHROMIUM = "/usr/bin/chromium"
# Without these Chromium looks for its maker's servers at every start.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
START_SECONDS = 300


@dataclass
class Running:
    """A started product: its addresses and the staff's way in."""

    addresses: dict[str, str]
    email: str
    password: str
    env: dict[str, str]
    folder: Path


def copy_of_the_project(folder: Path) -> Path:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=servers.PROJECT, text=True).split("\0"):
        if name and (servers.PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(servers.PROJECT / name, folder / name)
    compiled = [path for place in ("", "*/cards/*/") for path in servers.PROJECT.glob(f"{place}locale/**/*.mo")]
    for path in compiled:
        shutil.copy(path, folder / path.relative_to(servers.PROJECT))
    for fetched in ("static/vendor", "scripts/sandbox/static/vendor", "visitors/vendor"):
        if (servers.PROJECT / fetched).exists():
            shutil.copytree(servers.PROJECT / fetched, folder / fetched)
    return folder


def plant_cards(folder: Path) -> None:
    """The tests' own cards, beside those of the project."""
    planted = folder / "visitors" / "cards"
    shutil.copytree(CARDS, planted, dirs_exist_ok=True)
    for words in planted.glob("*/locale/*/LC_MESSAGES/*.po"):
        command = [sys.executable, "-m", "babel.messages.frontend", "--quiet", "compile", "--input-file", str(words)]
        subprocess.run([*command, "--output-file", str(words.with_suffix(".mo"))], check=True)


@contextmanager
def started(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Running]:
    """The product in this copy of the project, until the block ends; what it says goes to a file beside the copy."""
    ports = {"PORT": str(servers.free_port()), "SANDBOX_PORT": str(servers.free_port())}
    env = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    env |= ports | dict(settings or {})
    console = folder.parent / "console"
    with console.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "scripts/services.py", "run"], cwd=folder, env=env, stdout=output, stderr=output
        )

    def said() -> bool:
        assert process.poll() is None, console.read_text()
        return "READY" in console.read_text()

    try:
        until(said, "READY", START_SECONDS)
        addresses = json.loads(console.read_text().split("READY ", 1)[1].splitlines()[0])
        values = dotenv_values(folder / ".env")
        email, password = values["DJANGO_SUPERUSER_EMAIL"], values["DJANGO_SUPERUSER_PASSWORD"]
        assert email
        assert password
        yield Running(addresses, email, password, env, folder)
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(servers.ROOT_HOME / servers.project_name(folder), ignore_errors=True)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = copy_of_the_project(tmp_path_factory.mktemp("e2e") / "clone")
    plant_cards(folder)
    with started(folder) as product:
        yield product


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="ar", viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture
def staff_page(page: Page, running: Running) -> Page:
    """Signed in to the admin."""
    page.goto(running.addresses["admin"])
    page.fill("[name=username]", running.email)
    page.fill("[name=password]", running.password)
    page.click("[type=submit]")
    page.wait_for_selector("#user-tools")
    return page
