"""Salla's envelopes: success, message, page and the many errors."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from scripts.sandbox.reading import integer

T = TypeVar("T")
Json = dict[str, Any]
PER_PAGE, MOST_PER_PAGE = 15, 60


class ApiError(Exception):
    """An answer that is not a success; `error` stands under that name in the envelope."""

    def __init__(self, status: int, error: Json, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.error, self.headers = status, error, headers or {}

    def body(self) -> Json:
        return {"status": self.status, "success": False, "error": self.error}


def success(data: Any, status: int = 200) -> Json:
    return {"status": status, "success": True, "data": data}


def message(text: str | None, code: int) -> Json:
    """A success that only says so: the code is inside the body, the HTTP status may be another."""
    return success({"message": text, "code": code}, code)


def gone() -> ApiError:
    """The 404 of resources from Salla's older pages."""
    return ApiError(404, {"code": "error", "message": "المحتوى الذي تحاول الوصول اليه غير متوفر"})


def missing() -> ApiError:
    """The 404 of Salla's newer pages: an integer code and English text."""
    return ApiError(404, {"code": 404, "message": "The content you are trying to access is no longer available"})


def unauthorized(text: str) -> ApiError:
    return ApiError(401, {"code": "Unauthorized", "message": text})


def bad_request(text: str) -> ApiError:
    return ApiError(400, {"code": "bad_request", "message": text})


def invalid(fields: dict[str, list[str]]) -> ApiError:
    return ApiError(422, {"code": "error", "message": "alert.invalid_fields", "fields": fields})


def page(items: Sequence[T], shape: Callable[[T], Any], query: QueryParams, url: str) -> Json:
    """One page of items, 15 unless asked otherwise and never more than 60."""
    wanted = _positive(query, "page", 1)
    per_page = min(_positive(query, "per_page", PER_PAGE), MOST_PER_PAGE)
    pages = max(1, math.ceil(len(items) / per_page))
    rows = items[(wanted - 1) * per_page : wanted * per_page]
    links: Json = {}
    if wanted > 1:
        links["previous"] = _link(url, query, wanted - 1)
    if wanted < pages:
        links["next"] = _link(url, query, wanted + 1)
    return {
        **success([shape(row) for row in rows]),
        "pagination": {
            "count": len(rows),
            "total": len(items),
            "perPage": per_page,
            "currentPage": wanted,
            "totalPages": pages,
            "links": links or [],
        },
    }


def _positive(query: QueryParams, name: str, default: int) -> int:
    if not query.get(name):
        return default
    value = integer(query[name])
    if value is None:
        raise invalid({name: [f"يجب أن يكون حقل {name} عددًا صحيحًا"]})
    if value < 1:
        raise invalid({name: [f"يجب أن يكون حقل {name} على الأقل 1"]})
    return value


def _link(url: str, query: QueryParams, number: int) -> str:
    kept = [(name, value) for name, value in query.multi_items() if name != "page"]
    return f"{url}?{urlencode([*kept, ('page', str(number))])}"
