"""Segments as the dashboard lists them: in words, with their numbers of the last count."""

from dataclasses import dataclass

from core.models import Merchant
from core.schema import SettingsError
from visitors.models import Segment
from visitors.segment_definition import Definition, Match
from visitors.segment_rules import words_for


@dataclass(frozen=True)
class Line:
    """`sentences` are empty for rules that are not understood any more."""

    segment: Segment
    sentences: list[str]
    is_any: bool


def lines(merchant: Merchant) -> list[Line]:
    """Two queries, however many there are."""
    rows = list(merchant.segments.order_by("name", "pk"))
    held = {row.pk: definition for row in rows if (definition := _definition(row))}
    words = words_for(merchant, [rule for definition in held.values() for rule in definition.rules])
    return [
        Line(
            row,
            held[row.pk].sentences(words) if row.pk in held else [],
            row.pk in held and held[row.pk].match == Match.ANY,
        )
        for row in rows
    ]


def _definition(segment: Segment) -> Definition | None:
    try:
        return Definition.parse(segment.rules)
    except SettingsError:
        return None
