"""A declaration with every kind of setting, and what may be written into it."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal, Self

import pytest
from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from hypothesis import strategies as st
from pydantic import AwareDatetime, model_validator
from pydantic_core import PydanticCustomError

from core import schema


class Tone(TextChoices):
    CALM = "calm", _("Calm")
    LOUD = "loud", _("Loud")


class Row(schema.Settings):
    title: str = schema.field(label=_("Title"), min_length=1, max_length=40, public=True)
    note: str = schema.field("", label=_("Note"))


class Everything(schema.Settings):
    is_bold: bool = schema.field(False, label=_("Bold"), public=True)
    delay_seconds: int = schema.field(5, label=_("Delay"), help_text=_("In seconds."), ge=0, le=600, public=True)
    step: int = schema.field(10, label=_("Step"), multiple_of=5, gt=0, lt=1000)
    whole: int = schema.field(0, label=_("Whole"))
    share: float = schema.field(0.5, label=_("Share"), ge=0, le=1)
    floor: Decimal = schema.field(Decimal("12.50"), label=_("Floor"), max_digits=8, decimal_places=2)
    loose: Decimal = schema.field(Decimal(0), label=_("Loose"))
    title: str = schema.field(_("Welcome"), label=_("Title"), max_length=200, public=True)
    body: str = schema.field("", label=_("Body"), widget=forms.Textarea)
    sku: str = schema.field("A-1", label=_("SKU"), min_length=3, pattern=r"^[A-Z]-[0-9]+$")
    position: Literal["start", "end"] = schema.field(
        "end", label=_("Position"), choices={"start": _("Start"), "end": _("End")}, public=True
    )
    days: Literal[7, 28] | None = schema.field(None, label=_("Days"), choices={7: _("Week"), 28: _("Month")})
    tone: Tone = schema.field(Tone.CALM, label=_("Tone"))
    pages: list[Literal["home", "product"]] = schema.field(
        ["home"], label=_("Pages"), choices={"home": _("Home"), "product": _("Product")}, max_length=2
    )
    day: date | None = schema.field(None, label=_("Day"))
    moment: AwareDatetime | None = schema.field(None, label=_("Moment"))
    clock: time = schema.field(time(9, 30), label=_("Clock"))
    color: schema.Color = schema.field("#1a2b3c", label=_("Colour"), public=True)
    second_color: schema.Color | None = schema.field(None, label=_("Second colour"))
    link: schema.HttpsUrl | None = schema.field(None, label=_("Link"))
    licence: schema.Digits = schema.field("", label=_("Licence"), max_length=12)
    phone: schema.Phone | None = schema.field(None, label=_("Phone"))
    api_key: str = schema.field("", label=_("API key"), widget=schema.Secret)
    rows: list[Row] = schema.field([], label=_("Rows"), max_length=3, public=True)
    names: list[str] = schema.field(["x"], label=_("Names"), min_length=1)
    first: Row = schema.field(Row(title="one"), label=_("First"))


class Window(schema.Settings):
    opens: int = schema.field(1, label=_("Opens"))
    closes: int = schema.field(2, label=_("Closes"))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens > self.closes:
            raise ValueError(_("It must open before it closes."))
        if self.opens == self.closes:
            raise PydanticCustomError("empty_window", "It must be open for a while.")
        return self


def short_id(value: object) -> str | None:
    return value[:40] if isinstance(value, str) else None


def refusals(declaration: type[schema.Settings], raw: object) -> list[tuple[str, str]]:
    with pytest.raises(schema.SettingsError) as caught:
        declaration.parse(raw)
    return [(error.path, str(error.message)) for error in caught.value.errors]


def posted(form: schema.SettingsForm[Any]) -> dict[str, Any]:
    """What a browser sends when the form is submitted as it stands."""
    data: dict[str, Any] = {}
    for bound in form:
        widget, value = bound.field.widget, bound.value()
        if isinstance(widget, forms.CheckboxInput):
            data |= {bound.name: "on"} if value else {}
        elif isinstance(widget, forms.CheckboxSelectMultiple):
            data[bound.name] = widget.format_value(value)
        elif isinstance(widget, forms.Select):
            data[bound.name] = widget.format_value(value)[0]
        elif not isinstance(widget, schema.Secret):
            data[bound.name] = (widget.format_value(value) or "").replace("\n", "\r\n")
    return data


plain_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=60)
MOMENTS = datetime(2000, 1, 2), datetime(2199, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
rows = st.fixed_dictionaries(
    {"title": st.text("abc ع٣", min_size=1, max_size=40).filter(str.strip), "note": plain_text}
)
valid = st.fixed_dictionaries(
    {},
    optional={
        "is_bold": st.booleans(),
        "delay_seconds": st.integers(0, 600),
        "step": st.integers(1, 199).map(lambda n: n * 5),
        "whole": st.integers(-(2**53), 2**53),
        "share": st.floats(0, 1),
        "floor": st.decimals("-999999.99", "999999.99", places=2).map(str),
        "loose": st.decimals(-(10**9), 10**9, allow_nan=False, places=7).map(str),
        "title": plain_text,
        "body": plain_text,
        "sku": st.from_regex(r"\A[A-Z]-[0-9]+\Z"),
        "position": st.sampled_from(["start", "end"]),
        "days": st.sampled_from([7, 28, None]),
        "tone": st.sampled_from(["calm", "loud"]),
        "pages": st.lists(st.sampled_from(["home", "product"]), max_size=2),
        "day": st.none() | st.dates(date(2000, 1, 1), date(2199, 12, 31)).map(str),
        "moment": st.none()
        | st.datetimes(*MOMENTS, timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0).isoformat()),
        "clock": st.times().map(lambda clock: clock.replace(microsecond=0).isoformat()),
        "color": st.from_regex(r"\A#[0-9a-fA-F]{6}\Z"),
        "link": st.sampled_from([None, "https://example.com/a?b=1#c", "https://متجر.السعودية/عرض"]),
        "licence": st.text("0123456789٠١٢٣۴", max_size=12),
        "phone": st.sampled_from([None, "+966501234567", "٠٥٠١٢٣٤٥٦٧"]),
        "api_key": plain_text,
        "rows": st.lists(rows, max_size=3),
        "names": st.lists(plain_text, min_size=1, max_size=3),
        "first": rows,
    },
)
json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["</script>", "\u2028", "__proto__", "x" * 10**4, "no", "5", "2026-01-01", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
nasty = st.dictionaries(st.sampled_from([*Everything.model_fields, "__proto__", "", "x.y[0]"]), json_like, max_size=4)


SAMPLES: list[object] = [
    None, True, False, 0, 5, -1, 7, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 1.5, 1e300, -0.0,
    "", "no", "5", "x" * 50, "NaN", "Infinity", "1e5", "1e99999999999999999999", "-", "१२", "\u2028", "[]",
    "2026-01-01", "2026-13-01", "99999-01-01", "12:00", "12:61", "2026-01-01T00:00:00Z", "2026-01-01T25:00:00Z",
    "2026-01-01T00:00:00+99:00", "253402300800", "99999999999999999999",
    [], [1], [None], ["a"], [[]], [{}], [{"title": None}], {}, {"a": 1}, {"title": 1}, {"title": "a"},
]  # fmt: skip
