"""What a measurement is: variants of one path, hit in turn, and the ratios between them that we care about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One way to serve a request. `traffic` yields ready-made HTTP requests without end."""

    name: str
    title: str
    traffic: Callable[[], Iterator[bytes]]
    rows: int = 0  # that one answered request leaves in the measurement's table: a wrong number fails the run
    status: int = 200


@dataclass(frozen=True)
class Ratio:
    """`variant` ÷ `reference` in requests per second; without `at_least` it is only reported."""

    variant: str
    reference: str
    at_least: float | None = None


@dataclass(frozen=True)
class Measurement:
    name: str
    title: str
    table: str
    variants: tuple[Variant, ...]
    ratios: tuple[Ratio, ...]
    prepare: str = ""  # an address that is posted to once, before anything is measured
