"""Salla's values in all the ways in which it writes them (webhooks, value traps)."""

from decimal import Decimal
from typing import Any

import pytest

from core.salla_values import (
    amount_of,
    currency_of,
    id_of,
    integer_of,
    phone_of,
    text_of,
    time_of,
    truth_of,
)

HUGE = "9" * 400


@pytest.mark.parametrize(
    ("value", "amount", "currency"),
    [
        ({"amount": 43.5, "currency": "SAR"}, "43.50", "SAR"),
        ({"amount": Decimal("43.50"), "currency": "SAR"}, "43.50", "SAR"),
        ({"amount": {"amount": "5.00", "currency": "SAR"}, "percent": "15.00"}, "5.00", "SAR"),
        (34.99, "34.99", None),
        (0, "0.00", None),
        (-5, "-5.00", None),
        ("5.00", "5.00", None),
        (" 5 ", "5.00", None),
        ("١٢٫٥٠", "12.50", None),
        ("١٬٢٣٤٫٥٠", "1234.50", None),
        (Decimal("0.005"), "0.00", None),
        (Decimal("0.015"), "0.02", None),
        ("999999999999.99", "999999999999.99", None),
        ({"amount": 1, "currency": "sar"}, "1.00", None),
        ({"amount": 1, "currency": None}, "1.00", None),
        ({"amount": None, "currency": "SAR"}, None, "SAR"),
        (None, None, None),
        ([], None, None),
        ({}, None, None),
        (True, None, None),
        ("", None, None),
        ("free", None, None),
        ("1,5", None, None),
        ("٠٫٢٥ كجم", None, None),
        ("NaN", None, None),
        ("Infinity", None, None),
        ("1e400", None, None),
        (HUGE, None, None),
        (10**12, None, None),
    ],
)
def test_money(value: Any, amount: str | None, currency: str | None) -> None:
    assert amount_of(value) == (None if amount is None else Decimal(amount))
    assert currency_of(value) == currency


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2022-12-31 12:31:25", "2022-12-31T09:31:25+00:00"),
        ("Tue Jan 21 2025 18:00:32 GMT+0300", "2025-01-21T15:00:32+00:00"),
        ("Mon Nov 10 2025 17:18:13 GMT+0300", "2025-11-10T14:18:13+00:00"),
        ("2026-05-28T13:34:45+03:00", "2026-05-28T10:34:45+00:00"),
        ("2026-05-28T10:34:45Z", "2026-05-28T10:34:45+00:00"),
        ("2026-05-28T10:34:45.123Z", "2026-05-28T10:34:45.123000+00:00"),
        (" 2022-12-31 12:31:25 ", "2022-12-31T09:31:25+00:00"),
        ("2022-12-31", "2022-12-30T21:00:00+00:00"),
        (
            {"date": "2020-04-15 00:27:16.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"},
            "2020-04-14T21:27:16+00:00",
        ),
        ({"date": "2020-04-15 00:27:16.000000", "timezone_type": 3, "timezone": "UTC"}, "2020-04-15T00:27:16+00:00"),
        ({"date": "2020-04-15 00:27:16.5"}, "2020-04-14T21:27:16.500000+00:00"),
        ({"date": "2020-04-15 00:27:16", "timezone": "Nowhere/Land"}, "2020-04-14T21:27:16+00:00"),
        ({"date": "2020-04-15 00:27:16", "timezone": "../etc/passwd"}, "2020-04-14T21:27:16+00:00"),
        ({"date": "2020-04-15 00:27:16", "timezone": 3}, "2020-04-14T21:27:16+00:00"),
        ({"date": None}, None),
        ({}, None),
        ([], None),
        (None, None),
        ("", None),
        ("0000-00-00 00:00:00", None),
        ("-0001-11-30 00:00:00", None),
        ("0001-01-01 00:00:00", None),
        ("yesterday", None),
        (1_700_000_000, None),
        (True, None),
    ],
)
def test_moments(value: Any, moment: str | None) -> None:
    found = time_of(value)
    assert (found and found.isoformat()) == moment


@pytest.mark.parametrize(
    ("value", "identity", "integer"),
    [
        (1305146709, 1305146709, 1305146709),
        ("1305146709", 1305146709, 1305146709),
        (" 7 ", 7, 7),
        (2**63 - 1, 2**63 - 1, 2**63 - 1),
        (2**63, None, None),
        (str(2**63), None, None),
        (HUGE, None, None),
        (0, None, 0),
        (-3, None, -3),
        ("-3", None, -3),
        ("٣", None, 3),
        ("3.0", None, None),
        (3.0, None, None),
        (Decimal(3), None, None),
        (True, None, None),
        ("", None, None),
        ("0x1", None, None),
        (None, None, None),
        ([], None, None),
        ({"id": 1}, None, None),
    ],
)
def test_ids_and_whole_numbers(value: Any, identity: int | None, integer: int | None) -> None:
    assert (id_of(value), integer_of(value)) == (identity, integer)


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True), (False, False), (1, True), (0, False), ("1", True), ("0", False), ("true", True), ("True", True),
        ("false", False), (" yes ", True), ("no", False), ("on", True), ("off", False), (None, None), ("", None),
        (2, None), ("2", None), ([], None), ({}, None), ("نعم", None),
    ],
)  # fmt: skip
def test_truths(value: Any, truth: bool | None) -> None:
    assert truth_of(value) is truth


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("عطر العود", "عطر العود"),
        ("  a\0b\x1b[31m\u202ec ", "ab[31mc"),
        ("two\nlines\tand", "two\nlines\tand"),
        (42, "42"),
        ("", ""),
        ("x" * 300, "x" * 255),
        (True, None),
        (None, None),
        (1.5, None),
        ([], None),
        ({}, None),
    ],
)
def test_texts(value: Any, text: str | None) -> None:
    assert text_of(value) == text


SAUDI = "+966501234567"


@pytest.mark.parametrize(
    ("mobile", "code", "phone"),
    [
        (501234567, "+966", SAUDI),
        (501234567, "966", SAUDI),
        (501234567, 966, SAUDI),
        (501234567, "00966", SAUDI),
        (501234567, None, SAUDI),
        (501234567, "", SAUDI),
        ("501234567", "+966", SAUDI),
        ("0501234567", "+966", SAUDI),
        ("0501234567", "966", SAUDI),
        ("0501234567", None, SAUDI),
        ("05 0123 4567", None, SAUDI),
        ("050-123-4567", None, SAUDI),
        ("(050) 123.4567", None, SAUDI),
        ("+966501234567", None, SAUDI),
        ("+966501234567", "+966", SAUDI),
        ("+966501234567", "+971", SAUDI),
        ("+966 50 123 4567", None, SAUDI),
        ("+9660501234567", None, SAUDI),
        ("966501234567", None, SAUDI),
        ("966501234567", "+966", SAUDI),
        (966501234567, "966", SAUDI),
        ("00966501234567", None, SAUDI),
        ("00966501234567", "+966", SAUDI),
        ("٠٥٠١٢٣٤٥٦٧", None, SAUDI),
        ("٥٠١٢٣٤٥٦٧", "+٩٦٦", SAUDI),
        ("+٩٦٦٥٠١٢٣٤٥٦٧", None, SAUDI),
        ("۰۵۰۱۲۳۴۵۶۷", None, SAUDI),
        ("\u200e+966 50 123 4567\u200f", None, SAUDI),
        ("\u2066٠٥٠١٢٣٤٥٦٧\u2069", None, SAUDI),
        (501234567, "+971", "+971501234567"),
        ("0501234567", "971", "+971501234567"),
        ("1001234567", "+20", "+201001234567"),
        ("01001234567", "+20", "+201001234567"),
        ("33123456", "+973", "+97333123456"),
        ("+14155552671", None, "+14155552671"),
        ("0112345678", None, "+966112345678"),
        ("05012345", None, None),
        ("050123456789", None, None),
        ("0000000000", None, None),
        ("+", None, None),
        ("", "+966", None),
        ("phone", "+966", None),
        ("sara@example.com", None, None),
        ("1" * 50, None, None),
        (0, "+966", None),
        (True, "+966", None),
        (None, "+966", None),
        ([], None, None),
        ({"mobile": 501234567}, None, None),
        (501234567.0, "+966", None),
    ],
)
def test_phones(mobile: Any, code: Any, phone: str | None) -> None:
    assert phone_of(mobile, code) == phone
