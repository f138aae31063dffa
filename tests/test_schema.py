"""The settings declaration: what is read, what is refused, what is given out."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from django.utils import translation
from django.utils.functional import Promise
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core import schema, schema_data, schema_errors
from core.digits import ascii_digits
from tests.schemas import (
    SAMPLES,
    Everything,
    Tone,
    Window,
    json_like,
    nasty,
    refusals,
    short_id,
    valid,
)


@pytest.fixture(autouse=True, scope="module")
def _in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


class TestParse:
    def test_defaults_are_valid_and_survive_a_dump(self) -> None:
        assert Everything.parse({}) == Everything()
        assert Everything.parse(Everything().dump()) == Everything()

    def test_text_bytes_and_data_are_read_alike(self) -> None:
        data = {"day": "2026-01-01", "floor": "12.50", "rows": [{"title": "a"}]}
        text = json.dumps(data)
        assert Everything.parse(data) == Everything.parse(text) == Everything.parse(text.encode())
        assert Everything.parse(text).day == date(2026, 1, 1)
        assert Everything.parse(text).floor == Decimal("12.50")

    def test_native_values_of_a_script_are_taken(self) -> None:
        assert Everything.parse({"day": date(2026, 1, 1), "tone": Tone.LOUD, "floor": Decimal("1.5")}) == (
            Everything.parse({"day": "2026-01-01", "tone": "loud", "floor": "1.5"})
        )

    @pytest.mark.parametrize(
        ("raw", "path", "message"),
        [
            ({"is_bold": "no"}, "is_bold", "Must be true or false."),
            ({"is_bold": 1}, "is_bold", "Must be true or false."),
            ({"delay_seconds": "5"}, "delay_seconds", "Must be a whole number."),
            ({"delay_seconds": 5.0}, "delay_seconds", "Must be a whole number."),
            ({"delay_seconds": True}, "delay_seconds", "Must be a whole number."),
            ({"delay_seconds": -1}, "delay_seconds", "Must be 0 or more."),
            ({"delay_seconds": 601}, "delay_seconds", "Must be 600 or less."),
            ({"step": 0}, "step", "Must be more than 0."),
            ({"step": 1000}, "step", "Must be less than 1000."),
            ({"step": 7}, "step", "Must be a multiple of 5."),
            ({"whole": 2**53 + 1}, "whole", "This number is too long."),
            ({"whole": -(2**63) - 1}, "whole", "This number is too long."),
            ({"days": 2**63}, "days", "This number is too long."),
            ({"share": "5"}, "share", "Must be a number."),
            ({"share": float("nan")}, "share", "Must be a number."),
            ({"floor": float("inf")}, "floor", "Must be a number."),
            ({"floor": "NaN"}, "floor", "Must be a number."),
            ({"floor": "no"}, "floor", "Must be a number."),
            ({"floor": True}, "floor", "Must be a number."),
            ({"floor": "1.234"}, "floor", "Digits after the point: at most 2."),
            ({"floor": "1234567"}, "floor", "Digits before the point: at most 6."),
            ({"floor": "123456789"}, "floor", "Digits: at most 8."),
            ({"loose": "1e999999"}, "loose", "This number is too long."),
            ({"loose": "1e-999999"}, "loose", "This number is too long."),
            ({"title": 5}, "title", "Must be text, in quotation marks."),
            ({"title": "x" * 201}, "title", "Too long: at most 200."),
            ({"title": "a\0b"}, "title", "Contains characters that cannot be stored."),
            ({"rows": [{"title": "\ud800"}]}, "rows[0].title", "Contains characters that cannot be stored."),
            ({"sku": "a"}, "sku", "Too short: at least 3."),
            ({"sku": "abc"}, "sku", "This text does not have the right form."),
            ({"position": "top"}, "position", "Must be one of: 'start', 'end'."),
            ({"tone": "shy"}, "tone", "Must be one of: 'calm', 'loud'."),
            ({"pages": "home"}, "pages", "Must be a list, in brackets."),
            ({"pages": ["home", "x"]}, "pages[1]", "Must be one of: 'home', 'product'."),
            ({"pages": ["home"] * 3}, "pages", "Too long: at most 2."),
            ({"names": []}, "names", "Must not be left empty."),
            ({"day": 5}, "day", "Must be a date such as 2026-01-31."),
            ({"day": "5"}, "day", "Must be a date such as 2026-01-31."),
            ({"day": "1999-12-31"}, "day", "Must be between the years 2000 and 2199."),
            ({"moment": "2026-01-01T00:00:00"}, "moment", schema_errors.MOMENT),
            ({"moment": "soon"}, "moment", schema_errors.MOMENT),
            ({"moment": 5}, "moment", schema_errors.MOMENT),
            ({"moment": "5"}, "moment", "Must be between the years 2000 and 2199."),
            ({"clock": "soon"}, "clock", "Must be a time such as 18:30, without a zone."),
            ({"clock": 5}, "clock", "Must be a time such as 18:30, without a zone."),
            ({"clock": "12:00Z"}, "clock", "Must be a time such as 18:30, without a zone."),
            ({"color": "red"}, "color", "Must be a colour such as #1a2b3c."),
            ({"link": "http://example.com"}, "link", "Must be a full address that begins with https://."),
            ({"link": "javascript:alert(1)"}, "link", "Must be a full address that begins with https://."),
            ({"licence": "12a"}, "licence", "Must have digits only."),
            ({"phone": "12"}, "phone", "Must be a phone number, such as +966501234567."),
            ({"rows": [{"title": "a"}, {"title": " "}]}, "rows[1].title", "Must not be left empty."),
            ({"rows": [{}]}, "rows[0].title", "This value is required."),
            ({"rows": [5]}, "rows[0]", "Must be a group of named values, in braces."),
            ({"rows": [{"title": "a", "z": 1}]}, "rows[0].z", "There is no setting with this name."),
            ({"__proto__": {}}, "__proto__", "There is no setting with this name."),
            ({"names": [object()]}, "names[0]", schema_data.NOT_PLAIN),
            ({1: 2}, "", "Contains characters that cannot be stored."),
            ('{"step": 5, "step": 10}', "", "The name “step” is written twice."),
            ('{"rows": [{"title": "a", "title": "a"}]}', "", "The name “title” is written twice."),
            (r'{"\ud800": 1, "\ud800": 2}', "", "The name “\\ud800” is written twice."),
            ('{"step": NaN}', "step", "Must be a number."),
            ('{"share": 1e999}', "share", "Must be a number."),
            ('{"title": "\\ud800"}', "title", "Contains characters that cannot be stored."),
            ('{"a": 1,\n]', "", "This is not valid JSON: see line 2, column 1."),
            ("", "", "This is not valid JSON: see line 1, column 1."),
            ("[" * 10**5, "", schema_errors.BAD_JSON),
            ('{"names": ' + "[" * 300 + "]" * 300 + "}", "", schema_errors.BAD_JSON),
            (b"\xff\xfe\xfa", "", schema_errors.BAD_JSON),
            ("9" * 5000, "", schema_errors.BAD_JSON),
            ({"step": 10**5000}, "", schema_errors.BAD_JSON),
            ("[]", "", "Must be a group of named values, in braces."),
            (None, "", "Must be a group of named values, in braces."),
            (object(), "", schema_data.NOT_PLAIN),
        ],
        ids=short_id,
    )  # fmt: skip
    def test_refuses(self, raw: object, path: str, message: object) -> None:
        assert refusals(Everything, raw) == [(path, str(message))]

    def test_every_message_is_reached_by_the_cases_above(self) -> None:
        (cases,) = (mark.args[1] for mark in self.test_refuses.pytestmark)
        templates = {str(template).split("{")[0] for template in schema_errors.MESSAGES.values()}
        said = {str(message) for _raw, _path, message in cases}
        assert {template for template in templates if not any(m.startswith(template) for m in said)} == set()
        assert str(schema_errors.UNKNOWN) not in said

    @pytest.mark.parametrize("name", Everything.model_fields)
    def test_no_field_has_a_refusal_without_words(self, name: str) -> None:
        wordless = []
        for sample in SAMPLES:
            try:
                Everything.parse({name: sample})
            except schema.SettingsError as refusal:
                wordless += [sample for error in refusal.errors if error.message == schema_errors.UNKNOWN]
        assert wordless == []

    def test_a_cycle_is_refused(self) -> None:
        loop: dict[str, Any] = {}
        loop["names"] = loop
        assert refusals(Everything, loop) == [("", schema_errors.BAD_JSON)]

    def test_all_reasons_are_given_at_once(self) -> None:
        raw = {"step": "5", "rows": [{"title": ""}, {}], "zzz": 1}
        assert [path for path, _message in refusals(Everything, raw)] == [
            "step", "rows[0].title", "rows[1].title", "zzz",
        ]  # fmt: skip

    def test_rules_across_fields_speak_their_own_words(self) -> None:
        assert refusals(Window, {"opens": 3}) == [("", "It must open before it closes.")]
        assert refusals(Window, {"opens": 2}) == [("", "It must be open for a while.")]

    def test_an_unknown_kind_has_a_general_message(self) -> None:
        error = schema_errors.translated({"type": "bytes_type", "loc": ("a",), "msg": "English", "input": 1})
        assert (error.path, str(error.message)) == ("a", "This value is not right.")

    def test_messages_are_lazy(self) -> None:
        with pytest.raises(schema.SettingsError) as caught:
            Everything.parse({"step": 1001, "zzz": 1})
        with pytest.raises(schema.SettingsError) as crossed:
            Window.parse({"opens": 3})
        with translation.override("ar"):
            assert all(isinstance(e.message, Promise) for e in [*caught.value.errors, *crossed.value.errors])
        assert all(isinstance(template, Promise) for template in schema_errors.MESSAGES.values())

    def test_a_secret_is_in_no_message_and_no_repr(self) -> None:
        assert "hush" not in repr(Everything(api_key="hush"))
        with pytest.raises(schema.SettingsError) as caught:
            Everything.parse({"api_key": ["hush"]})
        assert "hush" not in str(caught.value)
        assert caught.value.__cause__ is None

    @settings(deadline=None)
    @given(valid)
    def test_a_dump_is_read_back_as_the_same(self, raw: dict[str, Any]) -> None:
        parsed = Everything.parse(raw)
        assert Everything.parse(parsed.dump()) == Everything.parse(json.dumps(parsed.dump())) == parsed

    @settings(max_examples=200, deadline=None)
    @given(nasty)
    @example({"title": "</script>\u2028"})
    def test_nasty_input_is_refused_with_a_place_or_kept(self, raw: dict[str, Any]) -> None:
        reasons: list[schema.SettingError] = []
        try:
            parsed = Everything.parse(raw)
        except schema.SettingsError as refusal:
            reasons = refusal.errors
            assert reasons != []
        if reasons:
            assert all(reason.loc and str(reason.message) for reason in reasons)
            assert str(schema_errors.UNKNOWN) not in {str(reason.message) for reason in reasons}
            return
        dumped = parsed.dump()
        assert Everything.parse(dumped) == parsed
        assert raw.keys() <= dumped.keys()
        exact = {"is_bold", "delay_seconds", "step", "days", "position", "tone", "pages"} & raw.keys()
        assert {name: dumped[name] for name in exact} == {name: raw[name] for name in exact}

    @given(json_like.filter(lambda raw: not isinstance(raw, dict)))
    def test_what_is_not_a_group_is_refused(self, raw: object) -> None:
        with pytest.raises(schema.SettingsError):
            Everything.parse(raw)

    def test_hostile_text_is_kept_as_it_is(self) -> None:
        for text in ("</script>", "a\u2028b", "__proto__", "x" * 10**4, "{{ 7*7 }}", "%(name)s %"):
            assert Everything.parse({"body": text}).dump()["body"] == text


class TestLoad:
    def test_only_what_is_bad_falls_to_its_default(self) -> None:
        stored = {
            "delay_seconds": "7",
            "step": 15,
            "gone": 1,
            "pages": ["home", "old"],
            "rows": [{"title": "a", "gone": 1}, {"note": "no title"}, {"title": "b", "note": 5}],
            "names": [],
        }
        before = json.dumps(stored)
        assert Everything.load(stored) == Everything.parse(
            {"step": 15, "pages": ["home"], "rows": [{"title": "a"}, {"title": "b"}]}
        )
        assert json.dumps(stored) == before

    def test_a_broken_rule_across_fields_gives_the_defaults(self) -> None:
        assert Window.load({"opens": 3}) == Window()

    @pytest.mark.parametrize("stored", [None, [], "x", 5, {1: 2}, {"names": ("a", 5)}, {"step": object()}])
    def test_anything_loads(self, stored: object) -> None:
        assert isinstance(Everything.load(stored), Everything)

    @settings(max_examples=200, deadline=None)
    @given(nasty | json_like)
    def test_never_raises(self, stored: object) -> None:
        loaded = Everything.load(stored)
        assert Everything.parse(loaded.dump()) == loaded


class TestDump:
    def test_public_gives_public_fields_only_at_every_depth(self) -> None:
        loaded = Everything.parse({"rows": [{"title": "a", "note": "private"}], "api_key": "hush"})
        assert loaded.dump(public=True) == {
            "is_bold": False, "delay_seconds": 5, "title": "Welcome", "position": "end", "color": "#1a2b3c",
            "rows": [{"title": "a"}],
        }  # fmt: skip
        assert loaded.dump()["api_key"] == "hush"

    @settings(deadline=None)
    @given(valid)
    def test_public_never_has_more(self, raw: dict[str, Any]) -> None:
        public = Everything.parse(raw).dump(public=True)
        assert set(public) == {"is_bold", "delay_seconds", "title", "position", "color", "rows"}
        assert all(set(row) == {"title"} for row in public["rows"])


class TestDeclaration:
    def test_mistakes_fail_where_they_are_written(self) -> None:
        with pytest.raises(TypeError, match=r"^Bare\.x: declare it with schema.field"):
            type("Bare", (schema.Settings,), {"__annotations__": {"x": int}, "x": 5})
        for annotation, options in [
            (Literal["a", "b"], {"choices": {"a": "A"}}),
            (str, {"choices": {"a": "A"}}),
            (int | str, {}),
            (bool | None, {}),
            (datetime, {}),
            (complex, {}),
        ]:
            body = {"__annotations__": {"x": annotation}, "x": schema.field(None, label="X", **options)}
            with pytest.raises((TypeError, ValueError), match=r"Odd\.x|complex"):
                type("Odd", (schema.Settings,), body)

    def test_a_secret_is_neither_public_nor_in_rows(self) -> None:
        with pytest.raises(TypeError, match="never public"):
            schema.field("", label="Key", widget=schema.Secret, public=True)

        class Account(schema.Settings):
            key: str = schema.field("", label="Key", widget=schema.Secret)

        for annotation in (Account, list[Account], list[Account | None]):
            body = {"__annotations__": {"rows": annotation}, "rows": schema.field(label="Rows")}
            with pytest.raises(TypeError, match=r"Holder\.rows: a secret"):
                type("Holder", (schema.Settings,), body)

    def test_a_misspelt_limit_is_refused(self) -> None:
        with pytest.raises(DeprecationWarning, match="maxlength"):
            schema.field("", label="X", maxlength=5)

    def test_the_json_schema_carries_labels(self) -> None:
        described = Everything.model_json_schema()["properties"]["delay_seconds"]
        assert (described["title"], described["description"]) == ("Delay", "In seconds.")


class TestDigits:
    @pytest.mark.parametrize(
        ("text", "ascii_text"),
        [
            ("٠١٢٣٤٥٦٧٨٩", "0123456789"),
            ("۰۱۲۳۴۵۶۷۸۹", "0123456789"),
            ("١٢٣٫٥", "123.5"),
            ("١٬٢٣٤٬٥٦٧٫٨٩", "1234567.89"),
            ("١٬٢٣", "1٬23"),
            ("١٬٢٣٤٥", "1٬2345"),
            ("-٥", "-5"),
            ("\u061c-٥", "-5"),
            ("\u202a+٩٦٦ ٥٠\u202c", "+966 50"),
            ("SUMMER٢٥", "SUMMER25"),
            ("1,234.5", "1,234.5"),
        ],
    )
    def test_becomes(self, text: str, ascii_text: str) -> None:
        assert ascii_digits(text) == ascii_text

    @given(st.text())
    def test_twice_is_once(self, text: str) -> None:
        assert ascii_digits(ascii_digits(text)) == ascii_digits(text)
