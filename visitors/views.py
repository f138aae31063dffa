"""What shoppers' browsers tell and ask, and the page that says what is counted."""

from math import ceil

from django.conf import settings
from django.core.signing import BadSignature
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe
from redis import RedisError

from core.http import NOT_KEPT, OPEN, PREFLIGHT, client_network, refused_length
from core.limiter import Limit
from features.registry import BadRequestError
from features.selectors import language_of
from features.services import read_data
from features.storefront import script_safe
from visitors import beacons, counter, door
from visitors.agents import LONGEST_AGENT
from visitors.beacons import BadBeaconError
from visitors.door import AwayError
from visitors.identity import Sender
from visitors.presence import Verdict

MAX_KEY_BYTES = 1024
# Shoppers who agree are few. Closed without Redis: an id that was made up must not pass for one that was asked for.
KEY_LIMIT = Limit("visitors:key", 20, 3600)
FULL = {Verdict.NETWORK_FULL, Verdict.STORE_FULL}
FULL_SECONDS = "60"
KEPT_SHORTLY = {**OPEN, "Cache-Control": "public, max-age=5"}
PAGE_KEPT = "public, max-age=60"


# The storefront's doors


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def collect(request: HttpRequest, store: int) -> HttpResponse:
    """What happened on a page: 204 once it is kept or was not wanted, 503 where it could not be kept."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=PREFLIGHT)
    if refusal := refused_length(request, beacons.MAX_BYTES):
        return HttpResponse(status=refusal, headers=NOT_KEPT)
    sender = Sender(client_network(request), request.META.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT])
    try:
        verdict = door.take(store, text=request.body, sender=sender)
    except (BadBeaconError, BadSignature, UnreadablePostError):
        return HttpResponse(status=400, headers=NOT_KEPT)
    except (AwayError, RedisError):
        return HttpResponse(status=503, headers=NOT_KEPT)
    if verdict in FULL:
        return HttpResponse(status=429, headers={**NOT_KEPT, "Retry-After": FULL_SECONDS})
    return HttpResponse(status=204, headers=NOT_KEPT)


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def visitor(request: HttpRequest, store: int) -> HttpResponse:
    """A shopper has agreed to be known again: his signed key."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=PREFLIGHT)
    if refusal := refused_length(request, MAX_KEY_BYTES, may_be_untold=True):
        return HttpResponse(status=refusal, headers=NOT_KEPT)
    if wait := KEY_LIMIT.take(f"{client_network(request)} {store}"):
        return HttpResponse(status=429, headers={**NOT_KEPT, "Retry-After": str(ceil(wait))})
    try:
        key = door.issue_key(store, old=_old_key(request.body))
    except (BadRequestError, BadSignature, UnreadablePostError):
        return HttpResponse(status=400, headers=NOT_KEPT)
    except AwayError:
        return HttpResponse(status=503, headers=NOT_KEPT)
    if key is None:
        return HttpResponse(status=204, headers=NOT_KEPT)
    return HttpResponse(script_safe({"key": key}), content_type="application/json", headers=NOT_KEPT)


def _old_key(text: bytes) -> str:
    """Empty for a shopper without one. Raises `BadRequestError`."""
    match read_data(text):
        case {"key": str(key), **others} if not others:
            return key
        case {**others} if not others:
            return ""
    raise BadRequestError


@csrf_exempt
@require_safe
def live(request: HttpRequest, store: int) -> HttpResponse:
    """How many are here, as far as shoppers are told; never an error."""
    asked = request.GET.get("product", "")
    product_id = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= counter.LONGEST_ID else None
    answer = counter.told(store, product_id=product_id)
    return HttpResponse(script_safe(answer), content_type="application/json", headers=KEPT_SHORTLY)


# What shoppers may read


@require_safe
def live_page(request: HttpRequest, store: int) -> HttpResponse:
    """What the counter counts, in the store's language or the one that was asked for. The same for everybody."""
    board = counter.public_board(store)
    if board is None:
        raise Http404
    language = request.GET.get("lang", "")
    with translation.override(language if language in dict(settings.LANGUAGES) else language_of(board.merchant)):
        response = render(request, "visitors/live.html", {"board": board})
        response.headers["Content-Language"] = translation.get_language()
    response.headers["Cache-Control"] = PAGE_KEPT
    return response
