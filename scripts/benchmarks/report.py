"""From rounds to figures: medians, ratios taken within each round, a table, and `bench.json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

from scripts.benchmarks.plan import Measurement, Ratio


@dataclass(frozen=True)
class Slice:
    """One variant in one round."""

    rps: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    client_share: float  # of a core


@dataclass(frozen=True)
class Figure:
    """One entry of `bench.json`. `reference` is the value that `ratio` compares with."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    ratio: float | None = None
    target: float | None = None
    ok: bool | None = None


Round = dict[str, Slice]


def percentiles(latencies: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th, in milliseconds."""
    cuts = quantiles(latencies, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def compare(ratio: Ratio, rounds: Sequence[Round]) -> list[float]:
    """One ratio per round: what slows a round down slows both of its sides."""
    return [each[ratio.variant].rps / each[ratio.reference].rps for each in rounds]


def figures(measurement: Measurement, rounds: Sequence[Round]) -> list[Figure]:
    found = []
    for variant in measurement.variants:
        slices = [each[variant.name] for each in rounds]
        name = f"{measurement.name}: {variant.name}"
        found += [
            Figure(name, round(median(each.rps for each in slices), 1), "requests/s"),
            Figure(name, round(median(each.cpu_ms for each in slices), 3), "CPU ms/request"),
            Figure(name, round(median(each.p50_ms for each in slices), 2), "ms p50"),
            Figure(name, round(median(each.p99_ms for each in slices), 2), "ms p99"),
        ]
    return found + [judge(measurement, ratio, rounds) for ratio in measurement.ratios]


def judge(measurement: Measurement, ratio: Ratio, rounds: Sequence[Round]) -> Figure:
    value, reference = (
        round(median(each[name].rps for each in rounds), 1) for name in (ratio.variant, ratio.reference)
    )
    found = round(median(compare(ratio, rounds)), 3)
    ok = None if ratio.at_least is None else found >= ratio.at_least
    name = f"{measurement.name}: {ratio.variant} / {ratio.reference}"
    return Figure(name, value, "requests/s", reference, found, ratio.at_least, ok)


def table(measurement: Measurement, rounds: Sequence[Round]) -> str:
    lines = [f"{'':34}{'requests/s':>22}{'CPU ms/req':>12}{'p50 ms':>9}{'p99 ms':>9}{'client':>8}"]
    for variant in measurement.variants:
        slices = [each[variant.name] for each in rounds]
        lines.append(
            f"{variant.title:34}{spread([each.rps for each in slices], 0):>22}"
            f"{median(each.cpu_ms for each in slices):12.2f}{median(each.p50_ms for each in slices):9.1f}"
            f"{median(each.p99_ms for each in slices):9.1f}{median(each.client_share for each in slices):8.0%}"
        )
    lines += ["", f"{'':34}{'ratio':>22}{'target':>12}"]
    return "\n".join(lines + [ratio_line(measurement, ratio, rounds) for ratio in measurement.ratios])


def ratio_line(measurement: Measurement, ratio: Ratio, rounds: Sequence[Round]) -> str:
    figure = judge(measurement, ratio, rounds)
    verdict = {True: "met", False: "MISSED", None: ""}[figure.ok]
    target = "-" if figure.target is None else f"≥ {figure.target:.2f}"
    values = spread(compare(ratio, rounds), 2)
    return f"{ratio.variant + ' ÷ ' + ratio.reference:34}{values:>22}{target:>12}  {verdict}".rstrip()


def spread(values: Sequence[float], digits: int) -> str:
    return f"{median(values):.{digits}f} [{min(values):.{digits}f}–{max(values):.{digits}f}]"


def write(path: Path, found: Sequence[Figure]) -> None:
    path.write_text(json.dumps([asdict(figure) for figure in found], indent=1) + "\n")
