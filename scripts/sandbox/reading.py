"""Reading what a caller sent, without trusting it."""

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

MAX_BODY = 2_000_000


class BodyError(ValueError):
    """The body is no JSON object and no form."""


async def read_body(request: Request) -> dict[str, Any]:
    """A JSON object or a form as a dict; lists of a form come from repeated names or `name[]`."""
    raw = await request.body()
    if len(raw) > MAX_BODY:
        raise BodyError("too large")
    if not raw.strip():
        return {}
    if "form-urlencoded" in request.headers.get("content-type", ""):
        return form_fields(raw)
    try:
        value = json.loads(raw)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BodyError("not valid JSON") from error
    if not isinstance(value, dict):
        raise BodyError("not a JSON object")
    return value


def form_fields(raw: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True):
        if name.endswith("[]"):
            fields.setdefault(name[:-2], []).append(value)
        else:
            fields[name] = value
    return fields


def integer(value: Any) -> int | None:
    """A whole number from JSON or text; None when it is none."""
    if isinstance(value, bool):
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        return None


def number(value: Any) -> float | None:
    """A finite number from JSON or text; None when it is none."""
    if isinstance(value, bool):
        return None
    try:
        found = float(str(value).strip())
    except ValueError:
        return None
    return found if abs(found) < 1e12 else None


def truth(value: Any) -> bool | None:
    """Booleans as JSON, PHP and forms write them; None when it is none."""
    text = str(value).strip().lower()
    if text in ("true", "1", "on", "yes"):
        return True
    return False if text in ("false", "0", "off", "no", "") else None
