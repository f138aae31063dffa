"""The settings declaration: one class gives types, strict JSON and a Django form; it stores nothing.

class Settings(schema.Settings):
    position: Literal["start", "end"] = schema.field(
        "end", label=_("Position"), choices={"start": _("Start"), "end": _("End")}, public=True
    )
    api_key: str = schema.field("", label=_("API key"), widget=schema.Secret)

A value is a bool, int, float, Decimal, str, date, AwareDatetime, time, Literal, TextChoices, IntegerChoices,
Color, HttpsUrl, Digits, Phone, another Settings, one of these `| None`, or a list of one of these.
Every field of a class that is loaded has a valid default; a class used for rows may leave it out.
A rule of your own is a pydantic validator that raises `ValueError(_("…"))`.
"""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Self

import pydantic
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pydantic_core import to_json

from core.contact_values import phone_of
from core.schema_data import faults, read_json, western, without
from core.schema_errors import BAD_JSON, SIZE, TIME, SettingError, SettingsError, Text, translated
from core.schema_form import LTR, Control, Look, Secret, SettingsForm, form_class, look_of

__all__ = [
    "Color",
    "Digits",
    "HttpsUrl",
    "Phone",
    "Secret",
    "SettingError",
    "Settings",
    "SettingsError",
    "SettingsForm",
    "field",
]


def field(
    default: Any = ...,
    *,
    label: Text,
    help_text: Text = "",
    widget: type[forms.Widget] | None = None,
    choices: Mapping[Any, Text] | None = None,
    public: bool = False,
    **limits: Any,
) -> Any:
    """Private unless `public`; `choices` labels a Literal's values; `limits` are pydantic's own."""
    if public and widget is Secret:
        raise TypeError(f"{label}: a secret is never public")
    limits["json_schema_extra"] = Look(label, help_text, widget, choices or {}, public)
    limits["repr"] = widget is not Secret
    if isinstance(default, Promise):
        return pydantic.Field(default_factory=partial(str, default), **limits)  # in the language of the moment
    return pydantic.Field(default, **limits)


def _color(text: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ValueError(_("Must be a colour such as #1a2b3c."))
    return text.lower()


def _https_url(text: str) -> str:
    try:
        URLValidator(schemes=["https"])(text)
    except ValidationError:
        raise ValueError(_("Must be a full address that begins with https://.")) from None
    return text


def _phone(text: str) -> str:
    if (number := phone_of(text)) is None:
        raise ValueError(_("Must be a phone number, such as +966501234567."))
    return number


def _digits(text: str) -> str:
    if not re.fullmatch("[0-9]*", text):
        raise ValueError(_("Must have digits only."))
    return text


Color = Annotated[str, pydantic.AfterValidator(_color), Control(forms.ColorInput(), required=True)]
HttpsUrl = Annotated[str, pydantic.AfterValidator(_https_url), Control(forms.URLInput(LTR), required=True)]
Phone = Annotated[str, pydantic.AfterValidator(_phone), Control(forms.TelInput(LTR), required=True)]
Digits = Annotated[
    str,
    pydantic.BeforeValidator(western),
    pydantic.AfterValidator(_digits),
    Control(forms.TextInput({"inputmode": "numeric", **LTR}), required=False),
]


class Settings(pydantic.BaseModel):
    """The base of every settings class."""

    model_config = pydantic.ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        validate_default=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )

    @classmethod
    def __pydantic_on_complete__(cls) -> None:
        cls.form_class()  # a wrong declaration fails at import

    @classmethod
    def parse(cls, raw: object) -> Self:
        """From JSON, or plain data of the same shape, that a person or a script wrote; else SettingsError."""
        data = read_json(raw) if isinstance(raw, str | bytes) else raw
        try:
            if errors := list(faults(data)):
                raise SettingsError(errors)
            return cls.model_validate_json(to_json(data))
        except pydantic.ValidationError as refusal:
            details = refusal.errors(include_url=False, include_input=False)
            raise SettingsError(map(translated, details)) from None
        except (ValueError, RecursionError):
            raise SettingsError([SettingError((), BAD_JSON)]) from None

    @classmethod
    def load(cls, stored: object) -> Self:
        """From a row of this or an older shape: what no longer fits falls to its default; never fails."""
        while isinstance(stored, dict):
            try:
                return cls.parse(stored)
            except SettingsError as refusal:
                stored = without(stored, [error.loc for error in refusal.errors])
        return cls()

    def dump(self, *, public: bool = False) -> dict[str, Any]:
        """Ready for JSON; `public` leaves only what a shopper may see."""
        return self.model_dump(mode="json", context={"public": public})

    @classmethod
    def form_class(cls) -> type[SettingsForm[Self]]:
        form: type[SettingsForm[Self]] = form_class(cls)
        return form

    @classmethod
    def form(
        cls, data: Mapping[str, Any] | None = None, *, initial: Self | None = None, **options: Any
    ) -> SettingsForm[Self]:
        """`is_valid()` then gives `.settings`; `initial` is what is stored now."""
        return cls.form_class()(data, initial=initial, **options)

    @pydantic.field_validator("*")
    @classmethod
    def _within_reason(cls, value: Any) -> Any:
        """Refuses what pydantic takes but formats, forms and clocks cannot carry."""
        match value:
            case int() if abs(value) > 2**53:  # beyond it JavaScript counts in twos
                raise ValueError(SIZE)
            case Decimal() if max(len(value.as_tuple().digits), abs(value.adjusted())) > 28:
                raise ValueError(SIZE)
            case date() if not 2000 <= value.year < 2200:
                raise ValueError(_("Must be between the years 2000 and 2199."))
            case time() if value.tzinfo:
                raise ValueError(TIME)
        return value

    @pydantic.model_serializer(mode="wrap")
    def _visible(
        self, handler: pydantic.SerializerFunctionWrapHandler, info: pydantic.SerializationInfo[Any]
    ) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if not (info.context or {}).get("public"):
            return values
        fields = type(self).model_fields
        return {name: value for name, value in values.items() if look_of(fields[name]).public}
