"""Plain data before it is settings: strict JSON, what cannot be stored, and the data without what is bad."""

import json
import math
from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from core.digits import ascii_digits
from core.schema_errors import BAD_JSON, NUMBER, Loc, SettingError, SettingsError, Text

NOT_PLAIN = _("Must be plain data: text, numbers, true, false, lists and groups.")
_CHARACTERS = _("Contains characters that cannot be stored.")
_SYNTAX = _("This is not valid JSON: see line {line}, column {column}.")
_TWICE = _("The name “{name}” is written twice.")


def read_json(text: str | bytes) -> object:
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        place = format_lazy(_SYNTAX, line=error.lineno, column=error.colno)
        raise SettingsError([SettingError((), place)]) from None
    except (ValueError, RecursionError):
        raise SettingsError([SettingError((), BAD_JSON)]) from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    group: dict[str, Any] = {}
    for name, value in pairs:
        if name in group:
            shown = name.encode(errors="backslashreplace").decode()  # half a character would break the page
            raise SettingsError([SettingError((), format_lazy(_TWICE, name=shown))])
        group[name] = value
    return group


def faults(value: object, *loc: int | str) -> Iterator[SettingError]:
    """What JSON or PostgreSQL cannot hold and pydantic would let pass, or refuse without a place."""
    if message := _fault(value):
        yield SettingError(loc, message)
    else:
        for at, child in _children(value):
            yield from faults(child, *loc, at)


def _fault(value: object) -> Text | None:
    match value:
        case str() if not _is_storable(value):
            return _CHARACTERS
        case dict() if not all(isinstance(name, str) and _is_storable(name) for name in value):
            return _CHARACTERS
        case float() if not math.isfinite(value):
            return NUMBER
        case dict() | list() | tuple() | str() | int() | float() | Decimal() | date() | time() | None:
            return None
    return NOT_PLAIN


def _is_storable(text: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text)


def without(data: object, bad: Iterable[Loc]) -> object:
    """The data less what is bad; None when that is the whole."""
    places = {_existing(data, loc) for loc in bad}
    return None if () in places else _pruned(data, places)


def _existing(data: object, loc: Loc) -> Loc:
    """The place, or the nearest around it that is there: what lacks a value is itself bad."""
    for depth, at in enumerate(loc):
        children = dict(_children(data))
        if at not in children:
            return loc[:depth]
        data = children[at]
    return loc


def _pruned(data: object, bad: set[Loc], *loc: int | str) -> object:
    kept = {at: _pruned(child, bad, *loc, at) for at, child in _children(data) if (*loc, at) not in bad}
    if isinstance(data, dict):
        return kept
    return list(kept.values()) if isinstance(data, list | tuple) else data


def _children(value: object) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def western(value: object) -> object:
    """Arabic digits in a text as ASCII; anything else as it is."""
    return ascii_digits(value) if isinstance(value, str) else value
