"""The Django form of a settings class: a form field for each kind of setting; `parse` has the last word."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar, get_args, get_origin

import pydantic
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Choices
from django.utils.translation import gettext_lazy as _
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from core.schema_data import read_json, western
from core.schema_errors import SettingError, SettingsError, Text

LTR = {"dir": "ltr"}


class Secret(forms.PasswordInput):
    """The widget of a text that is never shown again; left empty, the stored one stays."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "new-password", **LTR, **(attrs or {})})


@dataclass(frozen=True)
class Look:
    """How a field looks and who sees it; as pydantic's `json_schema_extra` it titles the JSON schema."""

    label: Text
    help_text: Text
    widget: type[forms.Widget] | None
    choices: Mapping[Any, Text]
    public: bool

    def __call__(self, json_schema: dict[str, Any]) -> None:
        json_schema.update(title=str(self.label), description=str(self.help_text))


def look_of(info: FieldInfo) -> Look:
    if not isinstance(info.json_schema_extra, Look):
        raise TypeError("declare it with schema.field(...)")
    return info.json_schema_extra


@dataclass(frozen=True)
class Control:
    """Attached to a kind of text: its widget, and whether that kind has no empty value."""

    widget: forms.Widget
    required: bool


S = TypeVar("S", bound=pydantic.BaseModel)


class SettingsForm(forms.Form, Generic[S]):
    """Valid, it has `settings`."""

    declaration: ClassVar[Any]  # type[S], which a class variable cannot say
    settings: S

    def __init__(self, data: Mapping[str, Any] | None = None, *, initial: S | None = None, **options: Any) -> None:
        self.stored = initial if initial is not None else self.declaration()
        self.secrets = {name for name, item in self.base_fields.items() if isinstance(item.widget, Secret)}
        shown = {name: getattr(self.stored, name) for name in self.base_fields if name not in self.secrets}
        super().__init__(data, initial=shown, **options)
        for name in self.secrets:
            if getattr(self.stored, name):
                self.fields[name].widget.attrs["placeholder"] = _("Saved. Leave empty to keep it.")

    def clean(self) -> dict[str, Any]:
        values = dict(self.cleaned_data)
        values.update({name: getattr(self.stored, name) for name in self.secrets if not values.get(name)})
        try:
            settings = self.declaration.parse(values)
        except SettingsError as refusal:
            self._show(refusal.errors, typed=set(values))
        else:
            if not self.errors:
                self.settings = settings
        return self.cleaned_data

    def _show(self, errors: list[SettingError], *, typed: set[str]) -> None:
        """Beside their fields. What Django refused has said so already; rules across fields wait for it."""
        whole = not self.errors
        for error in errors:
            name = str(error.loc[0]) if error.loc else None
            if name in typed or (name is None and whole):
                self.add_error(name, error.described() if error.loc[1:] else error.message)


class _AnyDigits(forms.Field):
    """Also takes Arabic digits; type="number" would keep them from being typed at all."""

    def to_python(self, value: Any) -> Any:
        return super().to_python(western(value))


class _IntegerField(_AnyDigits, forms.IntegerField):
    widget = forms.TextInput({"inputmode": "numeric"})


class _FloatField(_AnyDigits, forms.FloatField):
    widget = forms.TextInput({"inputmode": "decimal"})


class _DecimalField(_AnyDigits, forms.DecimalField):
    widget = forms.TextInput({"inputmode": "decimal"})


class _DateField(_AnyDigits, forms.DateField):
    widget = forms.DateInput({"type": "date"}, "%Y-%m-%d")
    input_formats = ["%Y-%m-%d"]


class _TimeField(_AnyDigits, forms.TimeField):
    widget = forms.TimeInput({"type": "time", "step": 60}, "%H:%M:%S")
    input_formats = ["%H:%M:%S", "%H:%M"]


class _MomentField(_AnyDigits, forms.DateTimeField):
    widget = forms.DateTimeInput({"type": "datetime-local", "step": 60}, "%Y-%m-%dT%H:%M:%S")
    input_formats = ["%Y-%m-%d %H:%M"]


class _TextField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return text and text.replace("\r\n", "\n")  # as JSON has it


class _JsonField(forms.Field):
    """Rows and groups as JSON text, until they have an editor of their own."""

    widget = forms.Textarea({"spellcheck": "false", **LTR})

    def __init__(self, *, empty_value: Any, **options: Any) -> None:
        super().__init__(**options)
        self.empty_value = empty_value

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else to_json(value, indent=2).decode()

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return self.empty_value
        try:
            return read_json(value)
        except SettingsError as refusal:
            raise ValidationError([error.message for error in refusal.errors]) from None


_FIELDS: dict[Any, type[forms.Field]] = {
    int: _IntegerField,
    float: _FloatField,
    Decimal: _DecimalField,
    date: _DateField,
    time: _TimeField,
    pydantic.AwareDatetime: _MomentField,
}


@cache
def form_class(declaration: type[pydantic.BaseModel]) -> Any:
    attributes: dict[str, Any] = {"declaration": declaration}
    for name, info in declaration.model_fields.items():
        try:
            attributes[name] = _form_field(info)
        except TypeError as error:
            raise TypeError(f"{declaration.__name__}.{name}: {error}") from None
    return type(f"{declaration.__name__}Form", (SettingsForm,), attributes)


def _form_field(info: FieldInfo) -> forms.Field:
    look = look_of(info)
    kind, optional, attached = _opened(info.annotation)
    is_list = get_origin(kind) is list
    item = get_args(kind)[0] if is_list else kind
    options: dict[str, Any] = {"label": look.label, "help_text": look.help_text}
    options["required"] = not optional and not is_list
    if look.widget:
        options["widget"] = look.widget
    if offered := _offered(item, look):
        return _choice_field(offered, is_list=is_list, **options)
    if is_list or _is_group(item):
        return _json_field(item, is_list=is_list, **options)
    if kind is str:
        return _text_field([*info.metadata, *attached], optional=optional, **options)
    if kind is bool and not optional:
        return forms.BooleanField(**options | {"required": False})
    if kind in _FIELDS:
        return _FIELDS[kind](**options)
    raise TypeError(f"there is no form field for {info.annotation}")


def _opened(kind: Any) -> tuple[Any, bool, list[Any]]:
    """The bare type, whether it may be None, and what is attached to it."""
    attached: list[Any] = []
    if optional := NoneType in get_args(kind):
        kind, *more = (part for part in get_args(kind) if part is not NoneType)
        if more:
            raise TypeError("a setting has one type, or one and None")
    if get_origin(kind) is Annotated:
        kind, *attached = get_args(kind)
    return kind, optional, attached


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def _offered(kind: Any, look: Look) -> list[tuple[Any, Text]]:
    if isinstance(kind, type) and issubclass(kind, Choices):
        return list(kind.choices)
    values = get_args(kind) if get_origin(kind) is Literal else ()
    if set(values) != set(look.choices):
        raise TypeError("choices must label each value of the Literal and nothing else")
    return [(value, look.choices[value]) for value in values]


def _choice_field(offered: list[tuple[Any, Text]], *, is_list: bool, **options: Any) -> forms.Field:
    options["coerce"] = {str(value): value for value, _label in offered}.__getitem__
    if is_list:
        return forms.TypedMultipleChoiceField(choices=offered, **{"widget": forms.CheckboxSelectMultiple} | options)
    blank = [] if options["required"] else [("", _("None"))]
    return forms.TypedChoiceField(choices=[*blank, *offered], empty_value=None, **options)


def _json_field(item: Any, *, is_list: bool, **options: Any) -> forms.Field:
    kind, _optional, _attached = _opened(item)
    inner = form_class(kind).base_fields.values() if _is_group(kind) else ()
    if any(isinstance(part.widget, Secret) for part in inner):
        raise TypeError("a secret belongs to the outer class: rows are shown as JSON")
    return _JsonField(empty_value=[] if is_list else None, **options)


def _text_field(attached: list[Any], *, optional: bool, **options: Any) -> forms.Field:
    has_minimum = any(getattr(limit, "min_length", None) for limit in attached)
    plain = Control(forms.TextInput(), required=False)
    control = next((part for part in attached if isinstance(part, Control)), plain)
    widget = control.widget
    if optional and isinstance(widget, forms.ColorInput):
        widget = forms.TextInput(LTR)  # a colour input cannot be left empty
    options = {"widget": widget} | options
    options["required"] &= (control.required or has_minimum) and options["widget"] is not Secret
    return _TextField(strip=False, empty_value=None if optional else "", **options)
