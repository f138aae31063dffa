"""The numbers of a card: what shoppers saw of it and did with it in the last days, as a chart and as a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from core import clock
from core.export import Table
from core.models import Merchant
from events import tallies
from events.models import Tally
from features import storefront
from features.registry import Card, Measure, dimension_of

# Days of a report; today is one of them.
SPANS = (7, 28)
SHOWN = Measure(
    "card.shown",
    _("Shown"),
    _(
        "How often it came up before a shopper's eyes; one shopper may see it several times. Robots, your own team and "
        "“Try my store” do not count."
    ),
)
CLICKED = Measure(
    "card.clicked",
    _("Clicked"),
    _("How often a shopper followed it, such as by its link. Closing it is no click."),
)
# Of a card that shoppers see and that declares nothing else.
SEEN = (SHOWN, CLICKED)


@dataclass(frozen=True)
class Series:
    """One measure, day by day."""

    measure: Measure
    id: str
    counts: Sequence[tuple[date, int]]

    @property
    def total(self) -> int:
        return sum(count for _day, count in self.counts)

    @property
    def bars(self) -> list[tuple[str, int]]:
        return [(date_format(day, "j M"), count) for day, count in self.counts]


@dataclass(frozen=True)
class Report:
    """Each measure of a card over some days, as the store counts days."""

    merchant: Merchant
    card: Card[Any]
    days: int
    series: list[Series]

    spans = SPANS

    @property
    def is_empty(self) -> bool:
        return not any(each.total for each in self.series)


def of(merchant: Merchant, card: Card[Any], *, days: int) -> Report:
    since, until = merchant.midnight(merchant.today - timedelta(days=days - 1)), clock.now()
    series = []
    for number, measure in enumerate(measures_of(card)):
        dimension = dimension_of(card) if measure.dimension is None else measure.dimension
        points = tallies.series(
            merchant, measure.name, period=Tally.Period.DAY, since=since, until=until, dimension=dimension
        )
        counts = [(point.starts_at.astimezone(merchant.zone).date(), point.count) for point in points]
        series.append(Series(measure, f"measure-{number}", counts))
    return Report(merchant, card, days, series)


def measures_of(card: Card[Any]) -> Sequence[Measure]:
    """What the card declares; else what every card has that shoppers see."""
    if card.measures is not None:
        return card.measures
    return SEEN if storefront.is_for_shoppers(card) else ()


def days_in(text: str) -> int:
    """How many days somebody asked for; the fewest for what is no choice."""
    return next((days for days in SPANS if str(days) == text), SPANS[0])


def table(report: Report) -> Table:
    """One row a day, one column a measure."""
    headers = [_("Day"), *(each.measure.label for each in report.series)]
    return Table(f"{report.card.name} {report.merchant.today}", headers, _rows(report), report.merchant.zone)


def _rows(report: Report) -> Iterator[list[Any]]:
    for days in zip(*(each.counts for each in report.series), strict=True):
        yield [days[0][0], *(count for _day, count in days)]
