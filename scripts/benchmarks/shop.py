"""A page of the shop with every card on beside the same page without us: blocking time, shifts, Lighthouse's score.

The page without us is the same one with the app snippet blocked, so that nothing else differs.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from playwright.sync_api import Browser, ViewportSize

from scripts.benchmarks.report import Figure, spread

SNIPPET = "**/snippet.js"
PHONE = ViewportSize(width=390, height=844)
SLOW_DOWN = 4
# From the page's first moment: five quiet seconds, then whatever comes up.
WATCHED_MS = 9_000
LIGHTHOUSE = ["npx", "--yes", "lighthouse@12.8.2"]
LIGHTHOUSE_SECONDS = 180
CHROME_FLAGS = "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
WATCH = """
  window.watched = { blocking: 0, shift: 0, painted: Infinity, tasks: [] };
  const watch = (type, take) =>
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
  watch("longtask", (entry) => watched.tasks.push([entry.startTime, entry.duration]));
  watch("layout-shift", (entry) => { if (!entry.hadRecentInput) watched.shift += entry.value; });
  watch("paint", (entry) => { if (entry.name === "first-contentful-paint") watched.painted = entry.startTime; });
"""
# As Lighthouse counts it: what of each task after the first paint is longer than 50 ms.
READ = """() => ({
  blocking: watched.tasks.filter(([start]) => start >= watched.painted)
    .reduce((sum, [, duration]) => sum + Math.max(0, duration - 50), 0),
  shift: watched.shift,
})"""


class ShopError(Exception):
    """The page could not be measured."""


@dataclass(frozen=True)
class Visit:
    """One visit of the page. `score` is Lighthouse's for performance, 0–100."""

    blocking_ms: float
    shift: float
    score: float


@dataclass(frozen=True)
class Pair:
    """Two visits, one after the other."""

    with_us: Visit
    without: Visit


@dataclass(frozen=True)
class Measure:
    """What is compared: the difference that we make for the worse, of which `at_most` is allowed."""

    name: str
    unit: str
    at_most: float
    digits: int
    of: Callable[[Visit], float]
    is_better_high: bool = False

    def difference(self, pair: Pair) -> float:
        worse = self.of(pair.with_us) - self.of(pair.without)
        return -worse if self.is_better_high else worse


MEASURES = (
    Measure("blocking time at 4× slower CPU", "ms", 50, 0, lambda visit: visit.blocking_ms),
    Measure("layout shift", "CLS", 0.01, 4, lambda visit: visit.shift),
    Measure("Lighthouse performance", "points", 2, 1, lambda visit: visit.score, is_better_high=True),
)


def visit(browser: Browser, address: str, *, with_us: bool, with_lighthouse: bool) -> Visit:
    blocking, shift = watched(browser, address, with_us=with_us)
    return Visit(blocking, shift, score(address, with_us=with_us) if with_lighthouse else 0.0)


def watched(browser: Browser, address: str, *, with_us: bool) -> tuple[float, float]:
    """In a new browser context, on a phone whose processor is four times slower."""
    context = browser.new_context(viewport=PHONE, locale="ar", is_mobile=True, has_touch=True)
    try:
        page = context.new_page()
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOW_DOWN})
        if not with_us:
            page.route(SNIPPET, lambda route: route.abort())
        page.add_init_script(WATCH)
        page.goto(address)
        page.wait_for_function("ms => performance.now() > ms", arg=WATCHED_MS, timeout=WATCHED_MS * 5)
        has_us = page.evaluate("'nomoFlow' in window")
        found = page.evaluate(READ)
    finally:
        context.close()
    if has_us != with_us:
        raise ShopError(f"{address}: our script is {'there' if has_us else 'not there'}")
    return float(found["blocking"]), float(found["shift"])


def score(address: str, *, with_us: bool) -> float:
    """Lighthouse's, as a phone, with its own simulated slowness. Raises `ShopError`."""
    command = [*LIGHTHOUSE, address, "--quiet", "--output=json", "--only-categories=performance"]
    command += [f"--chrome-flags={CHROME_FLAGS}", *([] if with_us else ["--blocked-url-patterns=*snippet.js*"])]
    env = {**os.environ, "CHROME_PATH": "/usr/bin/chromium"}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIGHTHOUSE_SECONDS, check=True)
        return float(json.loads(done.stdout)["categories"]["performance"]["score"]) * 100
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise ShopError(f"Lighthouse did not run: {error}") from error


def figures(pairs: list[Pair], measures: tuple[Measure, ...]) -> list[Figure]:
    found = []
    for each in measures:
        difference = round(median(each.difference(pair) for pair in pairs), each.digits)
        values = [round(median(each.of(getattr(pair, side)) for pair in pairs), 4) for side in ("with_us", "without")]
        found.append(Figure(f"shop: {each.name}, with us", values[0], each.unit, reference=values[1]))
        found.append(
            Figure(
                f"shop: {each.name}, difference",
                difference,
                each.unit,
                target=each.at_most,
                ok=difference <= each.at_most,
            )
        )
    return found


def table(pairs: list[Pair], measures: tuple[Measure, ...]) -> str:
    lines = [f"{'':34}{'with us':>24}{'without':>24}{'worse by':>10}{'at most':>10}"]
    for each in measures:
        sides = [
            spread([each.of(getattr(pair, side)) for pair in pairs], each.digits) for side in ("with_us", "without")
        ]
        difference = median(each.difference(pair) for pair in pairs)
        verdict = "met" if round(difference, each.digits) <= each.at_most else "MISSED"
        lines.append(
            f"{each.name:34}{sides[0]:>24}{sides[1]:>24}{difference:>10.{each.digits}f}{each.at_most:>10g}  {verdict}"
        )
    return "\n".join(lines)
