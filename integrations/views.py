"""Salla's door: the webhook."""

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core import webhooks
from integrations import services

MAX_BODY = 1024 * 1024
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


def _refused_size(request: HttpRequest) -> JsonResponse | None:
    """The size must be told beforehand: a chunked body arrives empty through WSGI."""
    length = request.META.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request.META or not (length.isascii() and length.isdigit()):
        return JsonResponse({"error": "Content-Length required"}, status=411)
    if len(length) > MAX_DIGITS or int(length) > MAX_BODY:
        return JsonResponse({"error": f"over {MAX_BODY} bytes"}, status=413)
    return None
