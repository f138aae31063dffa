"""What is wrong with settings: the place, and pydantic's kinds of error in the reader's language."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from pydantic_core import ErrorDetails, core_schema

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
else:
    Text = str | Promise
Loc = tuple[int | str, ...]

NUMBER = _("Must be a number.")
SIZE = _("This number is too long.")
TIME = _("Must be a time such as 18:30, without a zone.")
MOMENT = _("Must be a date and time with its zone, such as 2026-01-31T18:30:00+03:00.")
BAD_JSON = _("This JSON is nested too deeply, or holds a number that is too long or a broken character.")
UNKNOWN = _("This value is not right.")
EMPTY = _("Must not be left empty.")
_SHORT, _LONG = _("Too short: at least {min_length}."), _("Too long: at most {max_length}.")
_CHOICE = _("Must be one of: {expected}.")
_DATE = _("Must be a date such as 2026-01-31.")
MESSAGES: dict[str, Text] = {
    "missing": _("This value is required."),
    "extra_forbidden": _("There is no setting with this name."),
    "model_type": _("Must be a group of named values, in braces."),
    "bool_type": _("Must be true or false."),
    "int_type": _("Must be a whole number."),
    "int_parsing_size": SIZE,
    "float_type": NUMBER,
    "decimal_type": NUMBER,
    "decimal_parsing": NUMBER,
    "finite_number": NUMBER,
    "decimal_max_digits": _("Digits: at most {max_digits}."),
    "decimal_max_places": _("Digits after the point: at most {decimal_places}."),
    "decimal_whole_digits": _("Digits before the point: at most {whole_digits}."),
    "greater_than": _("Must be more than {gt}."),
    "greater_than_equal": _("Must be {ge} or more."),
    "less_than": _("Must be less than {lt}."),
    "less_than_equal": _("Must be {le} or less."),
    "multiple_of": _("Must be a multiple of {multiple_of}."),
    "string_type": _("Must be text, in quotation marks."),
    "string_too_short": _SHORT,
    "string_too_long": _LONG,
    "string_pattern_mismatch": _("This text does not have the right form."),
    "list_type": _("Must be a list, in brackets."),
    "too_short": _SHORT,
    "too_long": _LONG,
    "literal_error": _CHOICE,
    "enum": _CHOICE,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "datetime_type": MOMENT,
    "datetime_parsing": MOMENT,
    "timezone_aware": MOMENT,
    "time_type": TIME,
    "time_parsing": TIME,
    "json_invalid": BAD_JSON,
}
_PYDANTIC_KINDS = frozenset(get_args(core_schema.ErrorType))


@dataclass(frozen=True)
class SettingError:
    """One thing to put right: its place in the data and, in the reader's language, what is wrong."""

    loc: Loc
    message: Text

    @property
    def path(self) -> str:
        """The place as a person writes it, `rows[1].title`; empty for the whole."""
        return "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in self.loc).removeprefix(".")

    def described(self) -> Text:
        """The message behind its path, which runs left to right in a text of either direction."""
        return format_lazy("\u2066{}\u2069: {}", self.path, self.message)


class SettingsError(Exception):
    """Settings that were refused, with every reason."""

    def __init__(self, errors: Iterable[SettingError]) -> None:
        self.errors = list(errors)
        super().__init__(self.errors)

    def __str__(self) -> str:
        return "\n".join(f"{error.path}: {error.message}".removeprefix(": ") for error in self.errors)


def translated(error: ErrorDetails) -> SettingError:
    """Of pydantic's error; what a validator said with `ValueError(_("…"))` stays as it is."""
    kind, loc, values = error["type"], error["loc"], error.get("ctx", {})
    if values.get("min_length") == 1:
        return SettingError(loc, EMPTY)
    if kind in MESSAGES:
        if "expected" in values:
            values = values | {"expected": values["expected"].replace(" or ", ", ")}  # pydantic's "or" is English
        return SettingError(loc, format_lazy(MESSAGES[kind], **values))
    if kind == "value_error" and values["error"].args and isinstance(said := values["error"].args[0], Text):
        return SettingError(loc, said)
    return SettingError(loc, UNKNOWN if kind in _PYDANTIC_KINDS else error["msg"])
