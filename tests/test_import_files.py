"""Files of people as other tools write them: their letters, separators and columns are found, or it is said why not."""

import io
import re
import zipfile
from datetime import date
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from visitors import import_files
from visitors.import_columns import Role, guessed, has_names
from visitors.import_files import Encoding, FileError, form_of, rows_of

ROWS = [["البريد الإلكتروني", "الاسم", "الجوال"], ["sara@example.com", "سارة العتيبي", "0501234567"]]


def text(separator: str = ",", rows: list[list[str]] = ROWS) -> str:
    return "\r\n".join(separator.join(row) for row in rows)


def read(content: bytes) -> list[list[str]]:
    return list(rows_of(content, form_of(content)))


def sheet(*rows: list[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (text().encode(), Encoding.UTF8),
        (text().encode("utf-8-sig"), Encoding.UTF8),
        (text().encode("utf-16"), Encoding.UTF16),
        (b"\xfe\xff" + text().encode("utf-16-be"), Encoding.UTF16),
        (text().encode("utf-16-le"), Encoding.UTF16),
        (text().encode("utf-16-be"), Encoding.UTF16),
        (text().encode("cp1256"), Encoding.WINDOWS),
    ],
)
def test_each_encoding_is_known(content: bytes, encoding: Encoding) -> None:
    form = form_of(content)
    assert (form.encoding, form.separator, form.is_sure) == (encoding, ",", True)
    assert read(content) == ROWS


def test_letters_that_no_arabic_computer_wrote_are_not_called_sure() -> None:
    assert not form_of("name,email\nJosé Müller Núñez,jose@example.com".encode("cp1252")).is_sure


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_each_separator_is_known(separator: str) -> None:
    content = text(separator).encode()
    assert form_of(content).separator == separator
    assert read(content) == ROWS


def test_one_column_needs_no_separator_and_a_comma_in_quotes_is_none() -> None:
    assert read(b"email\na@example.com\n\n  \nb@example.com\n") == [["email"], ["a@example.com"], ["b@example.com"]]
    content = b'email;name\na@example.com;"Sara, of Najd"\nb@example.com;"Nora, of Jeddah"'
    assert read(content)[1:] == [["a@example.com", "Sara, of Najd"], ["b@example.com", "Nora, of Jeddah"]]


def test_what_we_export_comes_back_as_it_was() -> None:
    assert read(b'"Phone"\r\n"\'+966501234567"\r\n"\'=1+1"') == [["Phone"], ["+966501234567"], ["=1+1"]]


def test_a_workbook_is_read_as_it_shows_itself() -> None:
    content = sheet(
        ["Phone", "Day", "Name"], [501234567, date(2026, 5, 1), "سارة"], [966551234567.0, None, True], [None, " ", ""]
    )
    assert form_of(content).encoding == Encoding.XLSX
    assert read(content) == [
        ["Phone", "Day", "Name"],
        ["501234567", "2026-05-01", "سارة"],
        ["966551234567", "", "true"],
    ]


def packed(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        parts.writestr(name, b"<x/>")
    return file.getvalue()


def bomb() -> bytes:
    """Little that unpacks to much."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/worksheets/sheet1.xml", b"0" * (import_files.MAX_UNPACKED + 1))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "There is no text"),
        (b" \n\n ", "There is no text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "This is no CSV or Excel file"),
        (b"\xff\xd8\xff\xe0 JFIF", "This is no CSV or Excel file"),
        (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>", "This is no CSV or Excel file"),
        (packed("word/document.xml"), "This is no CSV or Excel file"),
        (b"\xff\xfe\x00", "There is no text"),
        (b"a" * (import_files.MAX_BYTES + 1), "at most 5 MB"),
        (b"PK\x03\x04 and nothing", "This workbook cannot be read"),
        (b'email\n"' + b"a" * 200_000, "never ends"),
        (b"email\n" + b"a@example.com\n" * 50_001, "at most 50,000"),
    ],
    ids=range(11),
)
def test_what_is_no_such_file_is_refused(content: bytes, message: str) -> None:
    with translation.override("en"), pytest.raises(FileError, match=message):
        read(content)


def test_a_bomb_does_not_go_off() -> None:
    content = bomb()
    assert len(content) < import_files.MAX_BYTES
    with pytest.raises(FileError):
        read(content)


def test_a_file_of_exactly_the_most_rows_is_read() -> None:
    assert len(read(b"email\n" + b"a@example.com\n" * 50_000)) == 50_001


@settings(deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        rows = read(content)
    except FileError:
        return
    assert all(isinstance(cell, str) and "\0" not in cell for row in rows for cell in row)


# Columns


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["Email", "Phone Number", "Full name"], ["email", "phone", "name"]),
        (["E-MAIL", "mobile_number", "Customer Name"], ["email", "phone", "name"]),
        (["البريد الالكترونى", "رقم الجوّال", "الإسم"], ["email", "phone", "name"]),
        (["الايميل", "الهاتف", "اسم العميل"], ["email", "phone", "name"]),
        (["مصدر الموافقة", "تاريخ الاشتراك", "نص الموافقة"], ["where", "when", "words"]),
        (["Where they agreed", "When they agreed", "In which words they agreed"], ["where", "when", "words"]),
        (["Total spent", "Tags", "email"], ["", "", "email"]),
        (["Email", "Email address", "x"], ["email", "", ""]),
    ],
)
def test_columns_are_known_by_their_names(names: list[str], roles: list[str]) -> None:
    assert guessed(names, [["", "", ""]]) == roles


def test_else_by_what_stands_in_them() -> None:
    rows = [["سارة", "0501234567", "sara@example.com"], ["نورة", "٠٥٥١٢٣٤٥٦٧", "nora@example.com"], ["ريم", "", "-"]]
    assert guessed([], rows) == [Role.IGNORE, Role.PHONE, Role.EMAIL]
    assert guessed(["a", "b", "c"], rows) == [Role.IGNORE, Role.PHONE, Role.EMAIL]
    assert not has_names(rows[0])
    assert has_names(ROWS[0])
    assert has_names(["id", "966", "total"])


def test_a_row_that_calls_itself_a_far_one_is_refused_soon() -> None:
    content, found = io.BytesIO(sheet(["email"], ["a@example.com"])), io.BytesIO()
    far = b'<row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData>'
    with zipfile.ZipFile(content) as parts, zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as made:
        for part in parts.infolist():
            text = re.sub(rb"<dimension[^>]*/>", b"", parts.read(part))
            is_sheet = part.filename.endswith("sheet1.xml")
            made.writestr(part.filename, text.replace(b"</sheetData>", far) if is_sheet else text)
    with translation.override("en"), pytest.raises(FileError, match="too many rows"):
        read(found.getvalue())
