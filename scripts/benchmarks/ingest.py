"""Ingest beside its limits: beacons that came through the product's door are written down, and rows like theirs are.

In every round beacons are told for some seconds and then drained by one process, with all that the product makes of
them, and again as rows and tallies alone; then PostgreSQL takes the same rows by COPY, and others one by one. Nearly
every beacon is of another visitor, so that each begins a visit: that is the dearest that there is.
"""

import contextlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from scripts import servers
from scripts.benchmarks import beacons, load
from scripts.benchmarks.report import Figure, spread
from scripts.benchmarks.stage import Database, Stage

NAME = "ingest"
TITLE = "What beacons told, written down by one process"
TABLE = "bench_raw"
ROWS = 20_000
ROWS_OF_A_COMMIT = 5_000
WARM_UP_SECONDS = 0.5
# Each second of one's rate, in the unit of the other's.
TITLES = {
    "told": "beacons through the door",
    "whole": "beacons written, THE PRODUCT",
    "alone": "beacons written, rows and tallies",
    "whole rows": "rows of the product",
    "alone rows": "rows with their tallies",
    "copy": "rows by COPY, 5,000 a commit",
    "insert": "rows by INSERT, one a commit",
}


@dataclass(frozen=True)
class Ratio:
    rate: str
    reference: str
    at_least: float | None = None


RATIOS = (
    # One process keeps up with the door many times over, also where every beacon begins a visit.
    Ratio("alone", "told", at_least=10),
    Ratio("whole", "told", at_least=2),
    Ratio("whole rows", "insert"),
    Ratio("alone rows", "insert"),
    Ratio("whole rows", "copy"),
    Ratio("alone rows", "copy"),
)
Rates = dict[str, float]


class Drainer:
    """`benchmarks.drain`, which has warmed up once and is asked again and again."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def ask(self, what: str) -> tuple[int, float]:
        if not self.process.stdin or not self.process.stdout:
            raise load.LoadError("the drainer has no pipes")
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise load.LoadError(f"the drainer died of {what!r}")
        count, seconds = json.loads(answer)
        return count, seconds


def measure(stage: Stage, *, rounds: int, seconds: float) -> list[Rates]:
    load.post(stage.port, beacons.BEACONS.prepare)
    with table(stage.database), drainer(stage) as asked:
        written(stage, asked, "whole", WARM_UP_SECONDS)
        return [one_round(stage, asked, seconds) for _ in range(rounds)]


def one_round(stage: Stage, asked: Drainer, seconds: float) -> Rates:
    rates: Rates = {}
    for what in ("whole", "alone"):
        rates |= written(stage, asked, what, seconds)
    return rates | copied(stage.database) | inserted(stage.database, seconds)


def written(stage: Stage, asked: Drainer, what: str, seconds: float) -> Rates:
    stage.supervisor.check()
    asked.ask("clear")
    before = stage.database.rows("events_storefrontevent")
    done = load.drive(stage.port, beacons.told("/sf/"), seconds=seconds, status=204)
    count, took = asked.ask(what)
    rows = stage.database.rows("events_storefrontevent") - before
    if (count, rows) != (done.answered, done.answered * beacons.EVENTS):
        raise load.LoadError(f"{done.answered} beacons told, {count} written, as {rows} rows")
    return {"told": done.answered / done.seconds, what: count / took, f"{what} rows": rows / took}


@contextlib.contextmanager
def table(database: Database) -> Iterator[None]:
    """Of the same shape and key as the product's, without its partitions."""
    with database.session.cursor() as cursor:
        cursor.execute(f"CREATE TABLE {TABLE} (LIKE events_storefrontevent INCLUDING ALL)")
        try:
            yield
        finally:
            cursor.execute(f"DROP TABLE {TABLE}")


@contextlib.contextmanager
def drainer(stage: Stage) -> Iterator[Drainer]:
    command = [sys.executable, "-m", "scripts.benchmarks.drain"]
    with subprocess.Popen(
        command, env=stage.env, cwd=servers.PROJECT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Drainer(process)


def copied(database: Database) -> Rates:
    lines = latest(database)
    parts = ["".join(lines[start : start + ROWS_OF_A_COMMIT]) for start in range(0, len(lines), ROWS_OF_A_COMMIT)]
    with database.session.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLE}")
        began = time.perf_counter()
        for part in parts:
            cursor.copy_expert(f"COPY {TABLE} FROM STDIN", io.StringIO(part))
        return {"copy": len(lines) / (time.perf_counter() - began)}


def latest(database: Database) -> list[str]:
    text = io.StringIO()
    query = f"SELECT * FROM events_storefrontevent ORDER BY number DESC LIMIT {ROWS}"  # noqa: S608 - our own number
    with database.session.cursor() as cursor:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", text)
    return text.getvalue().splitlines(keepends=True)


def inserted(database: Database, seconds: float) -> Rates:
    with database.session.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLE}")
        began, count = time.perf_counter(), 0
        while time.perf_counter() < began + seconds:
            count += 1
            cursor.execute(
                f"INSERT INTO {TABLE} VALUES (1, now(), %s, now(), false, 'product.viewed', 'product.single', "  # noqa: S608
                "'d:jlI-hAUMnIfSMAgg', '{\"product_id\": 1455672349}')",
                [count],
            )
        return {"insert": count / (time.perf_counter() - began)}


def compare(ratio: Ratio, rounds: Sequence[Rates]) -> list[float]:
    return [rates[ratio.rate] / rates[ratio.reference] for rates in rounds]


def figures(rounds: Sequence[Rates], *, judged: bool) -> list[Figure]:
    rates = {name: round(median(each[name] for each in rounds), 1) for name in TITLES}
    found = [Figure(f"{NAME}: {name}", rate, f"{unit_of(name)}/s") for name, rate in rates.items()]
    for ratio in RATIOS:
        value, target = round(median(compare(ratio, rounds)), 3), ratio.at_least if judged else None
        name, unit = f"{NAME}: {ratio.rate} / {ratio.reference}", f"{unit_of(ratio.rate)}/s"
        ok = None if target is None else value >= target
        found.append(Figure(name, rates[ratio.rate], unit, rates[ratio.reference], value, target, ok))
    return found


def unit_of(name: str) -> str:
    return "beacons" if TITLES[name].startswith("beacons") else "rows"


def report(rounds: Sequence[Rates], *, judged: bool) -> str:
    lines = [f"{'':34}{'a second':>26}"]
    lines += [f"{title:34}{spread([each[name] for each in rounds], 0):>26}" for name, title in TITLES.items()]
    lines += ["", f"{'':34}{'ratio':>26}{'target':>12}"]
    for ratio, figure in zip(RATIOS, figures(rounds, judged=judged)[len(TITLES) :], strict=True):
        verdict = {True: "met", False: "MISSED", None: ""}[figure.ok]
        target = "-" if figure.target is None else f"≥ {figure.target:.2f}"
        values = spread(compare(ratio, rounds), 2)
        lines.append(f"{ratio.rate + ' ÷ ' + ratio.reference:34}{values:>26}{target:>12}  {verdict}".rstrip())
    return "\n".join(lines)
