"""A day of a form in the other calendar: as Umm al-Qura has it, in the reader's language."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils import timezone, translation
from pydantic import AwareDatetime

from core import schema
from core.templatetags.ui import hijri, hijri_months


class Settings(schema.Settings):
    starts_at: AwareDatetime | None = schema.field(None, label="From")
    born_on: date | None = schema.field(None, label="Day")
    name: str = schema.field("", label="Name")


@pytest.mark.parametrize(
    ("day", "ar", "en"),
    [
        (date(2026, 2, 18), "1 رمضان 1447 هـ", "1 Ramadan 1447 AH"),
        (date(2026, 9, 23), "12 ربيع الثاني 1448 هـ", "12 Rabi' al-Thani 1448 AH"),
        (datetime(2026, 2, 17, 23, 59, tzinfo=UTC), "29 شعبان 1447 هـ", "29 Sha'ban 1447 AH"),
        ("2026-02-18T00:30:00", "1 رمضان 1447 هـ", "1 Ramadan 1447 AH"),
        ("2026-02-18", "1 رمضان 1447 هـ", "1 Ramadan 1447 AH"),
        *((nothing, "", "") for nothing in ("", None, "soon", "2026-02-31", date(2100, 1, 1), date(1800, 1, 1))),
    ],
)
def test_a_day_in_words(day: Any, ar: str, en: str) -> None:
    for language, words in (("ar", ar), ("en", en)):
        with translation.override(language):
            assert hijri(day) == words


def test_the_months_are_named_from_the_first() -> None:
    with translation.override("ar"):
        months = hijri_months().split(",")
    assert len(months) == 12
    assert (months[0], months[8], months[11]) == ("محرم", "رمضان", "ذو الحجة")


def test_a_form_shows_it_under_its_days_and_nowhere_else() -> None:
    """21:30 in UTC is the next day in Riyadh, whose clock the form is read by."""
    stored = Settings(starts_at=datetime(2026, 2, 17, 21, 30, tzinfo=UTC), born_on=date(2026, 2, 17))
    with translation.override("en"), timezone.override("Asia/Riyadh"):
        form = Settings.form(initial=stored)
        assert ">1 Ramadan 1447 AH</output>" in form["starts_at"].as_field_group()
        assert ">29 Sha&#x27;ban 1447 AH</output>" in form["born_on"].as_field_group()
        assert "<output" not in form["name"].as_field_group()
        empty = Settings.form({"starts_at": "2026-02-18T00:30", "born_on": "nonsense"})
        assert ">1 Ramadan 1447 AH</output>" in empty["starts_at"].as_field_group()
        assert "></output>" in empty["born_on"].as_field_group()
