"""Measures a page of the shop with every card on beside the same page without us, in turn, in a real browser.

    make bench
    python scripts/bench_shop.py --rounds 3 --without-lighthouse

Starts the whole product in a copy of the project, with its scripts as production serves them, prints a table, adds its
figures to `bench.json`, and exits with 1 when a target is missed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)

from playwright.sync_api import Browser, sync_playwright  # noqa: E402 - the path comes first

from scripts.benchmarks import shop  # noqa: E402
from scripts.benchmarks.report import Figure  # noqa: E402
from scripts.supervisor import say  # noqa: E402
from tests.e2e.conftest import CHROMIUM, QUIET, Running, copy_of_the_project, started  # noqa: E402
from tests.e2e.people import sign_in  # noqa: E402
from tests.e2e.shops import config  # noqa: E402
from tests.e2e.shops import shop as shop_address  # noqa: E402
from tests.processes import until  # noqa: E402

OFF = "article [role=switch][aria-checked=false]"
CONFIG_SECONDS = 30
# Without comments, compressed, under hashed names.
EXEC = [sys.executable, "scripts/services.py", "exec", "--"]
AS_PRODUCTION = {"DEBUG": "false"}
COLLECT = [*EXEC, sys.executable, "manage.py", "collectstatic", "--noinput", "-v0"]


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    measures = shop.MEASURES[:-1] if options.without_lighthouse else shop.MEASURES
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        copy = copy_of_the_project(Path(folder) / "clone")
        subprocess.run(COLLECT, cwd=copy, env={**os.environ, **AS_PRODUCTION}, check=True)
        with started(copy, AS_PRODUCTION) as running:
            turn_on_every_card(browser, running)
            pairs = [pair(browser, running, options) for _ in range(options.rounds)]
        browser.close()
    say(f"A page of the shop, every card on; {options.rounds} rounds, with us and without in turn.")
    say(shop.table(pairs, measures))
    found = shop.figures(pairs, measures)
    write(options.json, found)
    return 1 if any(figure.ok is False for figure in found) else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what we cost a page of the shop.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-lighthouse", action="store_true", help="npm is not needed then")
    parser.add_argument("--json", type=Path, default=ROOT / "bench.json", help="where the figures are added")
    return parser.parse_args(arguments)


def turn_on_every_card(browser: Browser, running: Running) -> None:
    context = browser.new_context(locale="ar", viewport={"width": 1280, "height": 900})
    sandbox = running.addresses["console"].removesuffix("/console/")
    store = sign_in(context, running.addresses["dashboard"], sandbox)
    page = context.new_page()
    page.goto(f"{store}cards/")
    while page.locator(OFF).count():
        before = page.locator(OFF).count()
        page.locator(OFF).first.click()
        page.wait_for_function("([off, before]) => document.querySelectorAll(off).length < before", arg=[OFF, before])
    context.close()
    until(lambda: len(config(running).json()["cards"]) > 0, "the cards in the config", CONFIG_SECONDS)


def pair(browser: Browser, running: Running, options: argparse.Namespace) -> shop.Pair:
    sides = [
        shop.visit(browser, shop_address(running), with_us=with_us, with_lighthouse=not options.without_lighthouse)
        for with_us in (True, False)
    ]
    return shop.Pair(*sides)


def write(path: Path, found: list[Figure]) -> None:
    """After those that `scripts/bench.py` left."""
    before = json.loads(path.read_text()) if path.exists() else []
    kept = [entry for entry in before if not entry["name"].startswith("shop: ")]
    path.write_text(json.dumps([*kept, *map(asdict, found)], indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
