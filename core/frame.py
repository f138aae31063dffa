"""Pages inside Salla's dashboard: a frame of another site, with addresses, cookies and a policy of its own.

The dashboard stands a second time below `/embedded/`: only those addresses may be framed, and only their cookies are
given to a frame of another site, so that nothing which Salla's page could reach opens the standalone dashboard.
"""

from http.cookies import Morsel
from typing import Any

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import get_urlconf

PREFIX = "/embedded/"
# Beside the entrance: the pages of a store, and the choice of a language.
REACHABLE = ("embedded/stores/", "embedded/i18n/")
DOORS = {"embedded/", "embedded/sign-in/", "embedded/arrived/<str:token>/"}
MESSAGES = CookieStorage.cookie_name
THEME, THEMES = "theme", ("light", "dark")

# Python writes this attribute from 3.14 on by itself.
_words: dict[str, str] = Morsel._reserved  # type: ignore[attr-defined]
_flags: set[str] = Morsel._flags  # type: ignore[attr-defined]
_words.setdefault("partitioned", "Partitioned")
_flags.add("partitioned")


def is_framed(request: HttpRequest) -> bool:
    return request.path_info.startswith(PREFIX)


def is_being_framed() -> bool:
    """Whether the page being drawn is one of them: known without a request, which an error page may lack."""
    return get_urlconf() == settings.FRAME_URLCONF


def is_reachable(route: str) -> bool:
    """Whether a page of this pattern is meant for the frame: the admin and the sign-in by mail are not."""
    return route in DOORS or route.startswith(REACHABLE)


def frames_itself(request: HttpRequest) -> bool:
    """Whether the browser says that this page stands in a frame, or does not say."""
    return request.headers.get("Sec-Fetch-Dest", "iframe") != "document"


def dashboards() -> str:
    """Who may frame them; in sandbox mode also the stage, which shows the dashboard beside the shoppers' phones."""
    return " ".join({settings.SALLA_DASHBOARD_URL: 0, **({settings.SALLA_ACCOUNTS_URL: 0} if settings.SANDBOX else {})})


def theme_of(request: HttpRequest) -> str:
    """As Salla's dashboard shows itself; empty when it did not say."""
    theme = request.COOKIES.get(THEME, "")
    return theme if theme in THEMES else ""


def _names() -> dict[str, str]:
    """A cookie's own name → its name in the frame. `__Host-` asks for the path `/`, which ours must not have."""
    prefix = "__Secure-embedded" if settings.USE_HTTPS else "embedded"
    return {
        settings.SESSION_COOKIE_NAME: f"{prefix}-session",
        settings.CSRF_COOKIE_NAME: f"{prefix}-csrf",
        settings.LANGUAGE_COOKIE_NAME: "embedded-language",
        MESSAGES: f"{prefix}-messages",
        THEME: "embedded-theme",
    }


def take_cookies(request: HttpRequest) -> None:
    """Show the request its frame's cookies under their own names, and those of the standalone dashboard not at all."""
    for name, framed in _names().items():
        request.COOKIES.pop(name, None)
        if framed in request.COOKIES:
            request.COOKIES[name] = request.COOKIES[framed]


def give_cookies(response: HttpResponseBase) -> None:
    """Let a frame of another site keep what the answer sets: apart for every site that frames it (CHIPS)."""
    for name, framed in _names().items():
        given: Any = response.cookies.pop(name, None)
        if given is None:
            continue
        cookie: Any = Morsel()
        cookie.update(given)
        cookie.set(framed, given.value, given.coded_value)
        cookie.update({"path": PREFIX, "samesite": "None", "secure": True, "partitioned": True})
        response.cookies[framed] = cookie
