"""The overview page, and the demo clock of sandbox mode."""

import json
from datetime import timedelta

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core import clock, webhooks
from core.access import MerchantRequest, memberships, merchant_page
from core.models import Merchant
from integrations.selectors import account, readings
from nomo_flow import selectors
from nomo_flow.design import ERROR_PAGES, TOKENS, design_samples

MAX_OFFSET_SECONDS = 366 * 86_400


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What Nomo Flow is, and the doors; whoever has stores goes to them."""
    if request.user.is_authenticated and (members := memberships(request)[:2]):
        if len(members) > 1:
            return redirect("core:stores")
        return redirect("store-overview", store=members[0].merchant.public_id)
    return render(request, "overview.html")


@merchant_page()
@require_safe
def store_overview(request: MerchantRequest) -> HttpResponse:
    """One store at a glance, and what to do next."""
    merchant = Merchant.objects.select_related("connection", "standing").get(pk=request.merchant.pk)
    latest = selectors.latest(merchant)
    context = {
        "numbers": selectors.numbers(merchant),
        "latest": latest,
        "account": account(merchant),
        "readings": readings(merchant),
        **selectors.next_steps(merchant, has_orders=bool(latest["orders"])),
    }
    return render(request, "store_overview.html", context)


@require_safe
def design(request: HttpRequest) -> HttpResponse:
    """The living page of the design language, for who works on it; `?error=404` shows an error page."""
    if not (settings.DEBUG or settings.SANDBOX or request.user.is_staff):
        raise Http404
    if request.GET.get("error") in ERROR_PAGES:
        return render(request, f"{request.GET['error']}.html")
    return render(request, "design.html", {"samples": design_samples(), "tokens": TOKENS})


@csrf_exempt
@require_POST
def sandbox_clock(request: HttpRequest) -> JsonResponse:
    """The sandbox moves the demo's clock: `{"offset": seconds}`, signed like a webhook; 404 outside sandbox mode."""
    if not settings.SANDBOX:
        raise Http404
    body = request.body
    secrets = settings.SALLA_WEBHOOK_SECRETS
    if not webhooks.verify(body, request.headers, strategy=webhooks.SIGNATURE, secrets=secrets):
        return JsonResponse({"error": "not authentic"}, status=401)
    try:
        seconds = float(json.loads(body)["offset"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return JsonResponse({"error": "offset is a number of seconds"}, status=422)
    if not abs(seconds) <= MAX_OFFSET_SECONDS:
        return JsonResponse({"error": f"offset is at most {MAX_OFFSET_SECONDS}"}, status=422)
    clock.set_demo_offset(timedelta(seconds=seconds))
    return JsonResponse({"offset": seconds})
