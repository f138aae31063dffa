"""The form made of a settings declaration."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from hypothesis import given, settings
from hypothesis import strategies as st

from core import schema, schema_errors
from tests.schemas import Everything, Row, Window, posted, short_id, valid


@pytest.fixture(autouse=True, scope="module")
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


class TestForm:
    @settings(deadline=None)
    @given(valid)
    def test_submitted_as_it_stands_it_gives_the_same_settings(self, raw: dict[str, Any]) -> None:
        stored = Everything.parse(raw)
        form = Everything.form(posted(Everything.form(initial=stored)), initial=stored)
        assert form.errors == {}
        assert form.settings == stored

    @settings(deadline=None)
    @given(
        st.dictionaries(
            st.sampled_from(list(Everything.model_fields)),
            st.text()
            | st.sampled_from(["[" * 10**5, "[1e999]", "1e999999999", "9" * 5000, "NaN", "٣" * 400, '["\\ud800"]']),
        )
    )
    def test_nothing_typed_breaks_it(self, typed: dict[str, str]) -> None:
        form = Everything.form(posted(Everything.form()) | typed)
        if form.is_valid():
            assert Everything.parse(form.settings.dump()) == form.settings
        else:
            assert form.errors.keys() <= typed.keys()
        assert form.as_p()

    def test_clocks_ask_for_no_seconds(self) -> None:
        form = Everything.form()
        assert [form[name].field.widget.attrs["step"] for name in ("clock", "moment")] == [60, 60]

    def test_fields_follow_the_declaration(self) -> None:
        fields = Everything.form().fields
        assert str(fields["delay_seconds"].help_text) == "In seconds."
        assert isinstance(fields["delay_seconds"].label, Promise)
        assert list(fields) == list(Everything.model_fields)
        assert [str(label) for _value, label in fields["position"].choices] == ["Start", "End"]
        assert [value for value, _label in fields["days"].choices] == ["", 7, 28]
        required = {name for name, item in fields.items() if item.required}
        assert required == {
            "delay_seconds", "step", "whole", "share", "floor", "loose", "sku", "position", "tone", "clock", "color",
            "first",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("name", "typed", "value"),
        [
            ("delay_seconds", "١٢", 12),
            ("delay_seconds", "۱۲", 12),
            ("floor", "١٬٢٣٤٫٥", Decimal("1234.5")),
            ("floor", "۱٬۲۳۴٫۵", Decimal("1234.5")),
            ("floor", "\u200f١٢٣٫٥", Decimal("123.5")),
            ("share", "٠٫٢٥", 0.25),
            ("day", "٢٠٢٦-٠١-٠٢", date(2026, 1, 2)),
            ("clock", "١٨:٣٠", time(18, 30)),
            ("moment", "٢٠٢٦-٠١-٠٢T١٨:٣٠", datetime(2026, 1, 2, 15, 30, tzinfo=UTC)),
            ("licence", "١٢۳", "123"),
            ("phone", "٠٥٠١٢٣٤٥٦٧", "+966501234567"),
            ("days", "28", 28),
            ("color", "#AABBCC", "#aabbcc"),
        ],
    )
    def test_takes_what_people_type(self, settings: Any, name: str, typed: str, value: object) -> None:
        settings.TIME_ZONE = "Asia/Riyadh"
        form = Everything.form(posted(Everything.form()) | {name: typed})
        assert form.errors == {}
        assert getattr(form.settings, name) == value

    @pytest.mark.parametrize(
        ("name", "typed", "message"),
        [
            ("delay_seconds", "", "This field is required."),
            ("delay_seconds", "5x", "Enter a whole number."),
            ("delay_seconds", "601", "Must be 600 or less."),
            ("floor", "1,5", "Enter a number."),
            ("floor", "١٬٥", "Enter a number."),
            ("floor", "1.234", "Digits after the point: at most 2."),
            ("clock", "", "This field is required."),
            ("position", "top", "Select a valid choice. top is not one of the available choices."),
            ("color", "red", "Must be a colour such as #1a2b3c."),
            ("day", "1999-01-01", "Must be between the years 2000 and 2199."),
            ("rows", '[{"title": "a"}, {"title": ""}]', "\u2066rows[1].title\u2069: Must not be left empty."),
            ("rows", "[{]", "This is not valid JSON: see line 1, column 3."),
            ("rows", '[{"title": "a", "title": "b"}]', "The name “title” is written twice."),
            ("rows", "[" * 10**5, schema_errors.BAD_JSON),
            ("rows", "{}", "Must be a list, in brackets."),
            ("first", "", "This field is required."),
        ],
        ids=short_id,
    )
    def test_refuses_beside_the_field_and_keeps_what_was_typed(self, name: str, typed: str, message: object) -> None:
        form = Everything.form(posted(Everything.form()) | {name: typed})
        assert form.errors == {name: [str(message)]}
        assert form[name].value() == typed
        assert not hasattr(form, "settings")

    def test_django_and_our_refusals_are_told_together(self) -> None:
        form = Everything.form(posted(Everything.form()) | {"step": "x", "delay_seconds": "601", "color": "red"})
        assert set(form.errors) == {"step", "delay_seconds", "color"}

    def test_two_bad_rows_are_both_told(self) -> None:
        form = Everything.form(posted(Everything.form()) | {"rows": '[{"title": ""}, {}]'})
        assert form.errors["rows"] == [
            "\u2066rows[0].title\u2069: Must not be left empty.",
            "\u2066rows[1].title\u2069: This value is required.",
        ]

    def test_what_may_be_left_out_may_be_left_empty(self) -> None:
        class Loose(schema.Settings):
            row: Row | None = schema.field(None, label=_("Row"))
            names: list[str] = schema.field(["x"], label=_("Names"))
            words: str | None = schema.field("x", label=_("Words"))

        form = Loose.form({"row": "", "names": "", "words": ""})
        assert form.errors == {}
        assert form.settings == Loose(row=None, names=[], words=None)

    def test_rules_across_fields_wait_for_the_fields(self) -> None:
        assert Window.form({"opens": "3", "closes": "2"}).errors == {"__all__": ["It must open before it closes."]}
        assert set(Window.form({"opens": "3", "closes": ""}).errors) == {"closes"}

    def test_a_secret_is_kept_when_left_empty_and_never_shown(self) -> None:
        stored = Everything(api_key="hush")
        unchanged = Everything.form(posted(Everything.form(initial=stored)) | {"api_key": ""}, initial=stored)
        assert unchanged.is_valid()
        assert unchanged.settings.api_key == "hush"
        changed = Everything.form(posted(Everything.form()) | {"api_key": "new"}, initial=stored)
        assert changed.is_valid()
        assert changed.settings.api_key == "new"
        for form in (Everything.form(initial=stored), unchanged, changed):
            assert "hush" not in form.as_p()
            assert "hush" not in repr(form.initial)
        assert "value" not in changed["api_key"].as_widget()

    def test_the_stored_secret_does_not_mark_another_form(self) -> None:
        Everything.form(initial=Everything(api_key="hush"))
        assert "placeholder" not in Everything.form()["api_key"].as_widget()

    def test_renders_in_arabic(self) -> None:
        with translation.override("ar"):
            page = Everything.form(initial=Everything.parse({"floor": "1234.50", "day": "2026-01-31"})).as_p()
        assert 'value="1234.50"' in page
        assert 'value="2026-01-31"' in page
