"""Pages that links in mails open: whoever has the address may, and mail programs press their buttons too (RFC 8058)."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

View = Callable[..., HttpResponse]
HEADERS = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


def mailed_page(view: View) -> View:
    """A page whose signed address says who may, so that no cookie counts and no other site can press its button.

    Opening it must change nothing, because scanners open links; a POST acts at once.
    """

    @csrf_exempt
    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return page
