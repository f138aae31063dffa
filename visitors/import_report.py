"""What became of each row of a file of people, for the page and as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.export import Table
from core.schema_errors import Text
from visitors.import_models import ContactImport
from visitors.import_rows import WRITTEN, Verdict, people
from visitors.importing import rows_in

SHOWN = 10
FINE = {*WRITTEN, Verdict.SAME, Verdict.NONE}


@dataclass(frozen=True)
class Line:
    """One row: its number in the file, and its address and number with what becomes of each."""

    number: int
    email: str
    phone: str
    verdicts: tuple[Verdict, Verdict]

    @property
    def is_fine(self) -> bool:
        return FINE.issuperset(self.verdicts)

    @property
    def parts(self) -> list[tuple[str, Text]]:
        """What is wrong."""
        pairs = zip((self.email, self.phone), self.verdicts, strict=True)
        return [(text, verdict.label) for text, verdict in pairs if verdict not in FINE]


def lines(row: ContactImport) -> Iterator[Line]:
    """Without addresses once the file was deleted."""
    letters = bytes(row.verdicts).decode()
    typed: Iterator[tuple[str, str]] = (
        (each.typed["email"], each.typed["phone"]) for each in people(row, rows_in(row))
    )
    for place in range(len(letters) // 2):
        email, phone = next(typed, ("", "")) if row.content is not None else ("", "")
        pair = Verdict(letters[2 * place]), Verdict(letters[2 * place + 1])
        yield Line(place + 1 + row.has_names, email, phone, pair)


def problems(row: ContactImport) -> list[Line]:
    """The first rows with something that is not brought in."""
    return list(islice((line for line in lines(row) if not line.is_fine), SHOWN))


def counts(row: ContactImport) -> list[tuple[Text, int, bool]]:
    """Each verdict that was given, how often, and whether something of it is brought in."""
    given = [verdict for verdict in Verdict if row.counts.get(verdict.value)]
    return [(verdict.label, row.counts[verdict.value], verdict in WRITTEN) for verdict in given]


def written(row: ContactImport) -> int:
    return sum(row.counts.get(verdict.value, 0) for verdict in WRITTEN)


def by_kind(row: ContactImport) -> dict[str, int]:
    """How many `emails` and `phones` were, or are to be, brought in."""
    letters = bytes(row.verdicts).decode()
    return {"emails": _written_in(letters[::2]), "phones": _written_in(letters[1::2])}


def _written_in(letters: str) -> int:
    return sum(letters.count(verdict) for verdict in WRITTEN)


def table(row: ContactImport) -> Table:
    headers = [_("Row"), _("E-mail"), _("What becomes of it"), _("Phone"), _("What becomes of it")]
    return Table(row.file_name.rpartition(".")[0], headers, _rows(row), row.merchant.zone)


def _rows(row: ContactImport) -> Iterator[list[Any]]:
    for line in lines(row):
        email, phone = (verdict.label for verdict in line.verdicts)
        yield [line.number, line.email, email, line.phone, phone]
