"""Salla's doors: the webhook, and the question whether a form may be saved."""

from math import ceil

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core import webhooks
from core.http import client_network
from core.limiter import Limit
from core.schema import SettingsError
from core.schema_data import read_json
from integrations import app_form, services

MAX_BODY = 1024 * 1024
MAX_FORM = 64 * 1024
# All of Salla's stores may ask from one address. Open without Redis: it costs nothing, and a merchant waits.
FORMS = Limit("integrations:settings", 300, 60, is_open_without_redis=True)
MAX_DIGITS = 20  # of a length: int() refuses thousands of them


@csrf_exempt
@require_POST
def salla_webhook(request: HttpRequest) -> JsonResponse:
    """Store one authentic delivery and answer 200, before anything is done about it."""
    refusal = _refused_size(request)
    if refusal is not None:
        return refusal
    body = request.body
    is_authentic = webhooks.verify(
        body,
        request.headers,
        strategy=settings.SALLA_WEBHOOK_STRATEGY,
        secrets=settings.SALLA_WEBHOOK_SECRETS,
    )
    if not is_authentic:
        return JsonResponse({"error": "not authentic"}, status=401)
    try:
        is_new = services.receive(body)
    except DatabaseError:
        return JsonResponse({"error": "try again"}, status=503, headers={"Retry-After": "60"})
    return JsonResponse({"status": "received" if is_new else "duplicate"})


@csrf_exempt
@require_POST
def salla_settings(request: HttpRequest) -> JsonResponse:
    """Salla asks before it saves a merchant's form. Unsigned: answered from the question alone, and nothing is kept."""
    refused = _refused_size(request, MAX_FORM)
    if refused is not None:
        return refused
    if wait := FORMS.take(client_network(request)):
        return JsonResponse({"error": "too many"}, status=429, headers={"Retry-After": str(ceil(wait))})
    try:
        asked = read_json(request.body)
    except SettingsError:
        asked = None
    refusal = app_form.refusal_of(asked.get("settings") if isinstance(asked, dict) else None)
    if refusal is None:
        return JsonResponse({"success": True})
    error = {"field": refusal.field, "message": refusal.words}
    return JsonResponse({"success": False, "error": error}, json_dumps_params={"ensure_ascii": False})


def _refused_size(request: HttpRequest, most: int = MAX_BODY) -> JsonResponse | None:
    """The size must be told beforehand: a chunked body arrives empty through WSGI."""
    length = request.META.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request.META or not (length.isascii() and length.isdigit()):
        return JsonResponse({"error": "Content-Length required"}, status=411)
    if len(length) > MAX_DIGITS or int(length) > most:
        return JsonResponse({"error": f"over {most} bytes"}, status=413)
    return None
