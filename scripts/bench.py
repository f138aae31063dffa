"""Measures hot paths beside their limits: variants served by the product's own web server, hit in turn, round by round.

    make bench
    python scripts/services.py exec --durable -- python scripts/bench.py --only receipt --rounds 5 --seconds 3

Prints a table and writes `bench.json`; exits with 1 when a target is missed. Absolute numbers swing with the machine:
only ratios taken within a round are judged. A new measurement is one more entry in MEASUREMENTS, and its variants'
views in `benchmarks/`.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # `python scripts/bench.py` finds its siblings

try:
    from scripts import servers
    from scripts.benchmarks import cpu, ingest, load, report
    from scripts.benchmarks.beacons import BEACONS, LIVE
    from scripts.benchmarks.config import CONFIG
    from scripts.benchmarks.plan import Measurement, Variant
    from scripts.benchmarks.receipt import RECEIPT
    from scripts.benchmarks.stage import Stage, stage
    from scripts.supervisor import ServiceError, Stop, say
except ImportError as error:
    sys.exit(f"Error: {error}: a package is missing; delete .venv and run make again.")

MEASUREMENTS = (RECEIPT, CONFIG, BEACONS, LIVE)
WARM_UP_SECONDS = 0.5


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    chosen = [each for each in MEASUREMENTS if options.only in (None, each.name)]
    if options.with_worker:  # which takes its share of the machine, and more from some variants than from others
        chosen = [without_targets(each) for each in chosen]
    try:
        with stage(with_worker=options.with_worker) as servers_up:
            say(f"{servers_up.describe()}{', a worker draining' if options.with_worker else ''}.")
            found = [figure for each in chosen for figure in run(servers_up, each, options)]
            if options.only in (None, ingest.NAME):
                found += run_ingest(servers_up, options)
    except Stop:
        say("Stopped.")
        return 130
    except (ServiceError, load.LoadError) as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return 2
    report.write(options.json, found)
    return 1 if any(figure.ok is False for figure in found) else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure hot paths beside their limits.")
    parser.add_argument("--only", choices=[*(each.name for each in MEASUREMENTS), ingest.NAME])
    parser.add_argument("--seconds", type=float, default=3, help="for each variant in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--with-worker", action="store_true", help="a Celery worker drains meanwhile; nothing is judged"
    )
    parser.add_argument("--json", type=Path, default=servers.PROJECT / "bench.json", help="where the figures go")
    options = parser.parse_args(arguments)
    if options.seconds < 0.2 or options.rounds < 1:  # fewer answers than percentiles need
        parser.error("at least 0.2 seconds and one round")
    return options


def without_targets(measurement: Measurement) -> Measurement:
    return replace(measurement, ratios=tuple(replace(ratio, at_least=None) for ratio in measurement.ratios))


def run(servers_up: Stage, measurement: Measurement, options: argparse.Namespace) -> list[report.Figure]:
    say(f"\n{measurement.title}; {load.CONNECTIONS} connections, {options.rounds} rounds of {options.seconds:g} s.")
    if measurement.prepare:
        load.post(servers_up.port, measurement.prepare)
    rounds = [
        {each.name: measure(servers_up, measurement, each, options) for each in measurement.variants}
        for _ in range(options.rounds)
    ]
    say(report.table(measurement, rounds))
    return report.figures(measurement, rounds)


def run_ingest(servers_up: Stage, options: argparse.Namespace) -> list[report.Figure]:
    say(f"\n{ingest.TITLE}; {options.rounds} rounds of {options.seconds:g} s.")
    rounds = ingest.measure(servers_up, rounds=options.rounds, seconds=options.seconds)
    say(ingest.report(rounds, judged=not options.with_worker))
    return ingest.figures(rounds, judged=not options.with_worker)


def measure(servers_up: Stage, measurement: Measurement, variant: Variant, options: argparse.Namespace) -> report.Slice:
    """One slice: warm up, measure, and see that the work was really done."""
    servers_up.supervisor.check()
    traffic = variant.traffic()
    load.drive(servers_up.port, traffic, seconds=WARM_UP_SECONDS, status=variant.status)
    rows, before = servers_up.database.rows(measurement.table), servers_up.cpu()
    done = load.drive(servers_up.port, traffic, seconds=options.seconds, status=variant.status)
    spent = cpu.spent(before, servers_up.cpu())
    stored = servers_up.database.rows(measurement.table) - rows
    if stored != done.answered * variant.rows:
        raise load.LoadError(f"{variant.name}: {done.answered} answered, but {stored} rows more")
    p50, p99 = report.percentiles(done.latencies)
    rps = done.answered / done.seconds
    return report.Slice(rps, spent / done.answered * 1000, p50, p99, done.cpu_seconds / done.seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
