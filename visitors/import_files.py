"""A file of people as another tool gave it: its encoding, its separator and its rows, as far as they can be known.

Nothing here knows what the columns mean. A file is at most 5 MB and 50,000 rows. Only who reads a workbook loads
openpyxl (`core.export` says why).
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from importlib import import_module
from itertools import islice
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core.export import unguarded
from core.schema_errors import Text

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 50_000
# Of a sheet, with its empty rows: a row may call itself the thousand millionth.
MOST_ROWS_READ = 2 * MAX_ROWS
MAX_COLUMNS = 50
MAX_CELL = 2_000
# Of a workbook when unpacked: what grows beyond it was made to.
MAX_UNPACKED = 100 * 1024 * 1024
LOOKED_AT = 20  # rows, to find the separator
SEPARATORS = (",", ";", "\t", "|")
ZIP = b"PK\x03\x04"
# How files begin that a reader of text may take for text: PDF, RTF, pictures, sounds and films, packed files.
FOREIGN = (
    b"%PDF-", b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"OggS", b"Rar!",
    b"7z\xbc\xaf", b"\x1f\x8b", b"PK\x05\x06", b"<?xml", b"<svg", b"<!DOCTYPE", b"<html",
)  # fmt: skip
ARABIC = range(0x0600, 0x0700)


class Encoding(TextChoices):
    UTF8 = "utf-8", "UTF-8"
    UTF16 = "utf-16", "UTF-16"
    WINDOWS = "cp1256", "Windows-1256"
    XLSX = "xlsx", "Excel"


class FileError(Exception):
    """The file cannot be read; `message` says in the reader's language why, and what helps."""

    def __init__(self, message: Text) -> None:
        self.message = message
        super().__init__(message)


@dataclass(frozen=True)
class Form:
    """How a file was read. Not `is_sure`: another encoding gives other letters, and nothing tells which is right."""

    encoding: Encoding
    separator: str = ""
    is_sure: bool = True


def form_of(content: bytes) -> Form:
    """Raises `FileError`."""
    if len(content) > MAX_BYTES:
        raise FileError(_("The file is too big: at most 5 MB."))
    if content.startswith(FOREIGN) or content[4:8] == b"ftyp" or _is_other_archive(content):
        raise FileError(_("This is no CSV or Excel file."))
    if content.startswith(ZIP):
        return Form(Encoding.XLSX)
    encoding, is_sure = _encoding_of(content)
    text = _decoded(content, encoding)
    if "\0" in text or not text.strip():
        raise FileError(_("There is no text in this file. Save it as CSV or as an Excel workbook (.xlsx)."))
    return Form(encoding, _separator_of(text), is_sure)


def _is_other_archive(content: bytes) -> bool:
    """Such as a letter of Word or packed pictures; what cannot be opened is left to the reader of workbooks."""
    if not content.startswith(ZIP):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            return not any(name.startswith("xl/") for name in parts.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def rows_of(content: bytes, form: Form) -> Iterator[list[str]]:
    """Every row that is not empty, the first one too. Raises `FileError`."""
    rows = _sheet_rows(content) if form.encoding == Encoding.XLSX else _text_rows(content, form)
    for number, row in enumerate(row for row in rows if any(row)):
        if number > MAX_ROWS:
            raise _too_many_rows()
        yield row


def _too_many_rows() -> FileError:
    return FileError(_("The file has too many rows: at most 50,000. Bring it in several parts."))


def _encoding_of(content: bytes) -> tuple[Encoding, bool]:
    """By its mark, by its zeros, or because it is good UTF-8; all else is what Arabic Windows writes."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:200]:
        return Encoding.UTF16, True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        letters = [ord(letter) for letter in content.decode("cp1256", "replace") if ord(letter) > 127]
        arabic = sum(letter in ARABIC for letter in letters)
        return Encoding.WINDOWS, arabic * 2 > len(letters)
    return Encoding.UTF8, True


def _decoded(content: bytes, encoding: Encoding) -> str:
    name = str(encoding.value)
    if encoding == Encoding.UTF16 and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        name = "utf-16-le" if content[1::2].count(0) >= content[::2].count(0) else "utf-16-be"
    try:
        return content.decode("utf-8-sig" if encoding == Encoding.UTF8 else name)
    except UnicodeDecodeError:
        raise FileError(_("There is no text in this file. Save it as CSV or as an Excel workbook (.xlsx).")) from None


def _separator_of(text: str) -> str:
    """The one that cuts the first rows into the most columns, alike in most rows."""

    def score(separator: str) -> tuple[int, int]:
        rows = [row for row in islice(_parsed(text, separator), LOOKED_AT) if any(row)]
        widths = [len(row) for row in rows]
        usual = max(widths, key=widths.count, default=1)
        return (widths.count(usual) if usual > 1 else 0, usual)

    return max(SEPARATORS, key=score)


def _parsed(text: str, separator: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    except csv.Error:
        raise FileError(_("A cell of this file is too long or never ends: a quotation mark may be missing.")) from None


def _text_rows(content: bytes, form: Form) -> Iterator[list[str]]:
    for row in _parsed(_decoded(content, form.encoding), form.separator):
        yield _cells(row)


def _sheet_rows(content: bytes) -> Iterator[list[str]]:
    """Of the first sheet, as it shows itself; no formula is worked out."""
    broken = FileError(_("This workbook cannot be read. Save it anew as .xlsx or as CSV."))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if sum(part.file_size for part in parts.infolist()) > MAX_UNPACKED:
                raise broken
        book = import_module("openpyxl").load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True, max_col=MAX_COLUMNS)):
            if number > MOST_ROWS_READ:
                raise _too_many_rows()
            yield _cells(_written(value) for value in row)
    except FileError:
        raise
    except Exception:  # noqa: BLE001 - a workbook can be broken in any way, and its reader raises anything
        raise broken from None


def _written(value: Any) -> str:
    """A number as it was typed: a phone of nine digits is no `5.01e8`."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float() if value.is_integer() and abs(value) < 10**15:
            return str(int(value))
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
    return str(value)


def _cells(row: Iterable[str]) -> list[str]:
    """As far as something stands in it."""
    cells = [unguarded(cell).replace("\0", "").strip()[:MAX_CELL] for cell in islice(row, MAX_COLUMNS)]
    while cells and not cells[-1]:
        del cells[-1]
    return cells
