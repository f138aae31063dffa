"""Middleware of our own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.dateparse import parse_date

from core import clock, frame, logs

# Addresses that Salla's servers, storefront scripts and our own watchmen call: no session, no cookies, no messages, no
# CSRF token, and no host name to check, since a watchman asks by number.
MACHINE_PREFIXES = ("/webhooks/", "/sf/", "/healthz", "/readyz", "/metrics")
RENEWED_ON = "renewed_on"
SIGNED_IN_ON = "signed_in_on"
# However often it was prolonged, a session ends this long after the sign-in.
LONGEST_SESSION = timedelta(days=90)
# Django's debug pages carry their style and script inside.
DEBUG_PAGES = {404, 500}
POLICY = (
    "default-src 'self'; img-src {images}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors {frames}"
)
OUR_IMAGES = "'self' data:"


class RequestContext:
    """Gives every request an id, which stands on each line that is logged meanwhile and in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request_id = logs.request_id(request.headers.get("X-Request-ID", ""))
        logs.begin(request_id=request_id)  # not ended here: Django logs a refusal after all middleware
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response


class MachineTraffic:
    """Answers machine addresses at once; everything below it in `MIDDLEWARE` is for people."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(MACHINE_PREFIXES):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        return response


class EmbeddedFrame:
    """What is asked for below `/embedded/` gets the addresses and the cookies of the frame (`core.frame`)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not frame.is_framed(request):
            return self.get_response(request)
        request.urlconf = settings.FRAME_URLCONF
        frame.take_cookies(request)
        response = self.get_response(request)
        frame.give_cookies(response)
        return response

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        if frame.is_framed(request) and request.resolver_match and not frame.is_reachable(request.resolver_match.route):
            raise Http404


class SlidingSession:
    """Prolongs the session of whoever is signed in, once a day instead of at every request, up to LONGEST_SESSION.

    Not with a page that is everybody's: a cache on its way would hand the cookie on.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self.get_response(request)
        today = clock.now().date().isoformat()
        if self._is_over(request, today):
            request.session.flush()
        response = self.get_response(request)
        is_due = SESSION_KEY in request.session and request.session.get(RENEWED_ON) != today
        if is_due and "public" not in response.headers.get("Cache-Control", ""):
            request.session.setdefault(SIGNED_IN_ON, today)
            request.session[RENEWED_ON] = today
        return response

    def _is_over(self, request: HttpRequest, today: str) -> bool:
        if SESSION_KEY not in request.session:
            return False
        since = parse_date(request.session.get(SIGNED_IN_ON, today))
        return since is None or clock.now().date() - since > LONGEST_SESSION


class ContentPolicy:
    """Pages load nothing from elsewhere and run no script of their own; Salla's dashboard frames what is for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if is_page and not (settings.DEBUG and response.status_code in DEBUG_PAGES):
            response.headers["Content-Security-Policy"] = self._policy_for(request, response)
        if frame.is_framed(request):
            response.headers.pop("X-Frame-Options", None)  # it knows no other site, and every browser knows the policy
        return response

    def _policy_for(self, request: HttpRequest, response: HttpResponseBase) -> str:
        """A page that we frame ourselves is a preview, and shows the pictures of the merchant's own products."""
        is_preview = response.headers.get("X-Frame-Options") == "SAMEORIGIN"
        around = ["'self'"] if is_preview else []
        around += [frame.dashboards()] if frame.is_framed(request) else []
        images = "* data:" if is_preview else OUR_IMAGES
        return POLICY.format(images=images, frames=" ".join(around) or "'none'")
