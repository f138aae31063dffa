"""The one exporter: rows as CSV or XLSX, a few at a time, and never a cell that a spreadsheet would work out.

A text stays a text and a number a number. What a spreadsheet would take for a formula, a phone too, gets an apostrophe
in CSV, which has no other way to say it; XLSX says it of the cell. `unguarded` takes the apostrophe off again.

openpyxl brings numpy with it, a quarter of what a process of ours takes to start: only who writes a workbook loads it.
"""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from importlib import import_module
from itertools import chain, islice
from typing import Any

from django.db.models import TextChoices
from django.http import FileResponse, Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.http import content_disposition_header
from django.utils.translation import gettext

from core.schema_errors import Text

ROWS_AT_ONCE = 500
# A workbook is made before the first byte leaves, some seconds of a process that shoppers wait for too.
ROWS_OF_A_WORKBOOK = 20_000
LONGEST_NAME = 100
LONGEST_TITLE = 31  # of a sheet
LONGEST_TEXT = 32_767  # of a cell
# Beyond it Excel knows only the first digits of a whole number: it leaves as text.
EXACT_DIGITS = 15
COLUMN_WIDTH = 20
BOM = "\ufeff"

# A cell begins at the start of a text, and wherever a program that separates by another mark would begin one.
_BEGIN = r"(?:^|(?<=[;\t\r\n]))"
_UNSEEN = (
    "[' \\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\xa0\\xad\u061c\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]*"
)
_FORMULA = f"{_UNSEEN}[-=+@＝＋－＠]"
_BREAK = f"{_UNSEEN}(?:[\\t\\r\\n]|(?<=\\x00))"
GUARD = re.compile(f"{_BEGIN}(?={_FORMULA})|^(?={_BREAK})")
GUARDED = re.compile(f"{_BEGIN}'(?={_FORMULA})|^'(?={_BREAK})")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_A_NAME = re.compile(r"[^\w.-]+")

Value = Text | int | float | Decimal | date | None


class Kind(TextChoices):
    CSV = "csv", "CSV"
    XLSX = "xlsx", "Excel"


TYPES = {
    Kind.CSV: "text/csv; charset=utf-8",
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class Table:
    """`rows` are read once, while the answer leaves; moments are written by the clock of `zone`."""

    name: Text
    headers: Sequence[Text]
    rows: Iterable[Sequence[Value]]
    zone: tzinfo


def response(table: Table, kind: str) -> HttpResponseBase:
    """The table as a file to keep, in the language of now. Raises `Http404` for a kind that is not one.

    What is too much for a workbook leaves as CSV, which Excel opens too.
    """
    if kind not in Kind.values:
        raise Http404
    if kind == Kind.XLSX:
        rows = iter(table.rows)
        first = list(islice(rows, ROWS_OF_A_WORKBOOK + 1))
        table = replace(table, rows=chain(first, rows))
        if len(first) <= ROWS_OF_A_WORKBOOK:
            name = file_name(str(table.name), Kind.XLSX)
            return FileResponse(workbook(table), as_attachment=True, filename=name, content_type=TYPES[Kind.XLSX])
    disposition = content_disposition_header(True, file_name(str(table.name), Kind.CSV))
    headers = {"Content-Disposition": disposition or "attachment"}
    return StreamingHttpResponse(csv_chunks(table), content_type=TYPES[Kind.CSV], headers=headers)


def file_name(name: str, kind: str) -> str:
    """Letters of any language and digits: no path, no mark that turns the name around."""
    kept = _NOT_IN_A_NAME.sub("-", name)[:LONGEST_NAME].strip("-.")
    return f"{kept or 'export'}.{kind}"


def guarded(text: str) -> str:
    """A text that no spreadsheet works out, however it cuts the file into cells."""
    return GUARD.sub("'", text)


def unguarded(text: str) -> str:
    """What `guarded` was given."""
    return GUARDED.sub("", text)


# CSV


def csv_chunks(table: Table) -> Iterator[bytes]:
    """With the mark by which Excel knows UTF-8; rows are asked for as they leave."""
    language, rows = translation.get_language(), iter(table.rows)
    yield (BOM + _lines([[str(header) for header in table.headers]])).encode()
    while True:
        with translation.override(language):
            lines = _lines([[_plain(value, table.zone) for value in row] for row in islice(rows, ROWS_AT_ONCE)])
        if not lines:
            return
        yield lines.encode("utf-8", "replace")


def _lines(rows: Iterable[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([guarded(value) if isinstance(value, str) else value for value in row] for row in rows)
    return buffer.getvalue()


def _plain(value: Value, zone: tzinfo) -> Any:
    """A number or a text."""
    match _cell_value(value, zone):
        case datetime() as moment:
            return moment.isoformat(" ", "seconds")
        case date() as day:
            return day.isoformat()
        case other:
            return other


def _cell_value(value: Value, zone: tzinfo) -> Any:
    """As a spreadsheet has it: a finite number, a moment without a zone, a day, or a text."""
    match value:
        case None:
            return ""
        case bool():
            return gettext("Yes") if value else gettext("No")
        case int():
            return value if len(str(abs(value))) <= EXACT_DIGITS else str(value)
        case float() | Decimal():
            number = Decimal(value)
            return value if number.is_finite() else ""
        case datetime():
            return value.astimezone(zone).replace(tzinfo=None, microsecond=0)
        case date():
            return value
    return str(value)[:LONGEST_TEXT]


# XLSX


def workbook(table: Table) -> Any:
    """An open temporary file. The rows go through the disk: memory holds one of them."""
    book = _openpyxl().Workbook(write_only=True)
    sheet = _sheet(book, table)
    for row in table.rows:
        sheet.append([_cell(sheet, _cell_value(value, table.zone)) for value in row])
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the answer
    book.save(file)
    file.seek(0)
    return file


def _sheet(book: Any, table: Table) -> Any:
    sheet = book.create_sheet(_NOT_IN_A_NAME.sub(" ", str(table.name)).strip()[:LONGEST_TITLE] or "1")
    language = translation.get_language() or ""
    sheet.sheet_view.rightToLeft = bool(language) and translation.get_language_info(language)["bidi"]
    sheet.freeze_panes = "A2"
    letter = _openpyxl().utils.get_column_letter
    for place in range(1, len(table.headers) + 1):
        sheet.column_dimensions[letter(place)].width = COLUMN_WIDTH
    sheet.append([_cell(sheet, str(header)) for header in table.headers])
    return sheet


def _cell(sheet: Any, value: Any) -> Any:
    """A text is marked as one, so that it stays one when somebody edits it; an empty one is no cell."""
    if value == "":
        return None
    cell_of = _openpyxl().cell.WriteOnlyCell
    if not isinstance(value, str):
        return cell_of(sheet, value)
    cell = cell_of(sheet, _NOT_XML.sub("�", value))
    cell.data_type, cell.number_format, cell.quotePrefix = "s", "@", True
    return cell


@cache
def _openpyxl() -> Any:
    return import_module("openpyxl")
