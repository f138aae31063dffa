"""The numbers of a store's visitors over some days, read from tallies alone, however many visits there were."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet, Sum
from django.utils.formats import date_format

from core import addresses
from core.models import Merchant
from events import sketches, tallies
from events.models import Tally
from events.tallies import BOTS, VISITORS
from visitors import words
from visitors.counting import CARTED, ORDERED, PAGES, PRODUCTS, VIEWED, VISITS
from visitors.sources import Channel
from visitors.spans import Span
from visitors.vocabulary import OTHER

SHOWN = 10
# Kinds of a visit that have few words each.
KINDS = ("channel", "device", "country", "known")
DIRECT = f"channel:{Channel.DIRECT}"


@dataclass(frozen=True)
class Ranked:
    """One line of a list: how often, of the whole in percent, and how many of them came to an order."""

    word: str
    label: str
    count: int
    share: float
    width: int  # of its bar, in percent of the longest
    ordered: int | None = None
    address: str = ""

    @property
    def rate(self) -> float | None:
        return None if self.ordered is None or not self.count else 100 * self.ordered / self.count


@dataclass(frozen=True)
class Step:
    """One step on the way to an order; `rate` is its share of all visits."""

    name: str
    count: int
    rate: float | None

    @property
    def width(self) -> int:
        """Of its bar, in percent."""
        return round(self.rate or 0)


@dataclass(frozen=True)
class Overview:
    """Everything that the page of numbers shows."""

    span: Span
    visits: int
    visitors: int
    pages: int
    bots: int
    steps: list[Step]
    visits_by_day: list[tuple[str, int]]
    visitors_by_day: list[tuple[str, int]]
    lists: Mapping[str, list[Ranked]]

    @property
    def is_empty(self) -> bool:
        return not (self.visits or self.visitors or self.pages)

    @property
    def ordered(self) -> Step:
        return self.steps[-1]


def overview(merchant: Merchant, span: Span) -> Overview:
    """Seven queries, however many days."""
    days = _Days(_rows(merchant, span), span)
    visits = days.total(VISITS)
    return Overview(
        span=span,
        visits=visits,
        visitors=days.uniques(),
        pages=days.total(PAGES),
        bots=days.total(VISITS, BOTS),
        steps=[
            Step(name, count, 100 * count / visits if visits else None)
            for name, count in ((each, days.total(each)) for each in (VISITS, VIEWED, CARTED, ORDERED))
        ],
        visits_by_day=days.series(VISITS),
        visitors_by_day=days.series(VISITORS),
        lists=_lists(merchant, span, visits, days.total(ORDERED)),
    )


class _Days:
    """Rows of the days, by name, dimension and day."""

    def __init__(self, rows: QuerySet[Tally], span: Span) -> None:
        self._span = span
        self._rows: dict[tuple[str, str], dict[date, Tally]] = defaultdict(dict)
        for row in rows:
            self._rows[row.name, row.dimension][row.starts_at.astimezone(span.merchant.zone).date()] = row

    def total(self, name: str, dimension: str = "") -> int:
        return sum(row.count for row in self._rows[name, dimension].values())

    def uniques(self) -> int:
        """People of all these days together; one who came on several days is one."""
        return sketches.estimate(sketches.merged(row.sketch for row in self._rows[VISITORS, ""].values()))

    def series(self, name: str) -> list[tuple[str, int]]:
        held = self._rows[name, ""]
        counts = {day: (row.uniques if name == VISITORS else row.count) for day, row in held.items()}
        return [(date_format(day, "j M"), counts.get(day, 0)) for day in self._span.days]


def _rows(merchant: Merchant, span: Span) -> QuerySet[Tally]:
    return _in(merchant, span).filter(
        name__in=[VISITORS, VISITS, VIEWED, CARTED, ORDERED, PAGES], dimension__in=["", BOTS]
    )


def _in(merchant: Merchant, span: Span) -> QuerySet[Tally]:
    return merchant.tallies.filter(period=Tally.Period.DAY, starts_at__gte=span.since, starts_at__lt=span.until)


def _lists(merchant: Merchant, span: Span, visits: int, orders: int) -> dict[str, list[Ranked]]:
    held, ordered = _by_dimension(merchant, span)
    rows = {kind: _of_kind(held, kind) for kind in KINDS}
    rows["source"] = _top(merchant, span, VISITS, "source")
    if direct := held.get(DIRECT, 0):  # a visit that came directly has no source
        rows["source"].append(("", direct))
        ordered["source:"] = ordered.get(DIRECT, 0)
    found = {}
    for kind, each in rows.items():
        shown = _first(each)
        if rest := max(0, visits - sum(count for _word, count in shown)):
            ordered[f"{kind}:{OTHER}"] = max(0, orders - sum(ordered.get(f"{kind}:{word}", 0) for word, _ in shown))
            shown.append((OTHER, rest))
        found[kind] = _ranked(shown, visits, ordered, kind)
    for kind in ("page", "path"):
        found[kind] = _ranked(_top(merchant, span, PAGES, kind), 0, None, kind)
    return {**found, "product": _products(merchant, _top(merchant, span, PRODUCTS, "product"))}


def _top(merchant: Merchant, span: Span, name: str, kind: str) -> list[tuple[str, int]]:
    rows = tallies.top(merchant, name, kind=kind, since=span.since, until=span.until, limit=SHOWN)
    return [(row.word, row.count) for row in rows]


def _by_dimension(merchant: Merchant, span: Span) -> tuple[dict[str, int], dict[str, int]]:
    """By `kind:word`: visits of the kinds that have few words, and visits with an order of every kind."""
    wanted = Q(name=ORDERED)
    for kind in KINDS:
        wanted |= Q(name=VISITS, dimension__startswith=f"{kind}:")
    rows = _in(merchant, span).filter(wanted).values_list("name", "dimension").annotate(counted=Sum("count"))
    sums: dict[str, dict[str, int]] = {VISITS: {}, ORDERED: {}}
    for name, dimension, counted in rows:
        sums[name][dimension] = counted
    return sums[VISITS], sums[ORDERED]


def _of_kind(held: Mapping[str, int], kind: str) -> list[tuple[str, int]]:
    start = f"{kind}:"
    return [(name.removeprefix(start), count) for name, count in held.items() if name.startswith(start)]


def _first(rows: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those that are shown by their own names."""
    named = [row for row in rows if row[0] != OTHER]
    return sorted(named, key=lambda row: (-row[1], row[0]))[:SHOWN]


def _ranked(rows: Sequence[tuple[str, int]], whole: int, ordered: Mapping[str, int] | None, kind: str) -> list[Ranked]:
    longest = _longest(rows)
    return [
        Ranked(
            word=word,
            label=words.plain(word) if word == OTHER else words.OF_KIND[kind](word),
            count=count,
            share=100 * count / whole if whole else 0,
            width=100 * count // longest,
            ordered=None if ordered is None else ordered.get(f"{kind}:{word}", 0),
        )
        for word, count in rows
    ]


def _longest(rows: Sequence[tuple[str, int]]) -> int:
    return max((count for _word, count in rows), default=0) or 1


def _products(merchant: Merchant, rows: list[tuple[str, int]]) -> list[Ranked]:
    """By the names that the store has for them now."""
    numbers = {int(word) for word, _count in rows if word.isdigit()}
    held = {product.salla_id: product for product in merchant.products.filter(salla_id__in=numbers)}
    longest, found = _longest(rows), []
    for word, count in rows:
        product = held.get(int(word)) if word.isdigit() else None
        label = words.plain(OTHER) if word == OTHER else str(product or word)
        address = addresses.web(product.url) if product else ""
        found.append(Ranked(word, label, count, 0, 100 * count // longest, address=address))
    return found
