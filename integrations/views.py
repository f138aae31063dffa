"""Salla's doors: the webhook, the app's form, the entrance inside its dashboard, and, in development, OAuth."""

import logging
from collections.abc import Callable
from functools import wraps
from math import ceil

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST, require_safe

from core import access, frame, signin, webhooks
from core.access import MerchantRequest, merchant_page
from core.forms import wait_text
from core.http import client_network, refused_length
from core.limiter import Limit
from core.salla_errors import InvalidGrantError, SallaError
from core.schema import SettingsError
from core.schema_data import read_json
from integrations import app_form, custom_mode, embedded, selectors, services

log = logging.getLogger(__name__)
# Of a store. Open without Redis: a check that runs is not begun again in any case.
CHECKS = Limit("integrations:checks", 4, 3600, is_open_without_redis=True)
MAX_BODY = 1024 * 1024
MAX_FORM = 64 * 1024
# All of Salla's stores may ask from one address. Open without Redis: it costs nothing, and a merchant waits.
FORMS = Limit("integrations:settings", 300, 60, is_open_without_redis=True)


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
    words = {411: "Content-Length required", 413: f"over {most} bytes"}
    status = refused_length(request, most)
    return JsonResponse({"error": words[status]}, status=status) if status else None


# Inside Salla's dashboard


@never_cache
@require_GET
def entrance(request: HttpRequest) -> HttpResponse:
    """Salla's dashboard loads this with a token: a session for that store, and an address without the token."""
    worn = _wear(request)
    if "token" not in request.GET and request.user.is_authenticated and (member := access.memberships(request).first()):
        return redirect("store-overview", store=member.merchant.public_id)
    try:
        member = embedded.enter(request.GET.get("token", ""), sender=client_network(request))
    except embedded.EntryRefusedError as refusal:
        response = _outside(request, refusal)
    else:
        link = signin.link_to_store(member)
        if not frame.frames_itself(request):  # a window of its own: whoever sent the address is asked about first
            response = redirect(signin.address_of(link))
        else:
            logout(request)
            signin.open_session(request, member.user, member.merchant)
            told = {name: request.GET[name] for name in ("lang", "theme") if name in request.GET}
            response = HttpResponseRedirect(reverse("arrived", args=[link], query=told))
            for name, value in worn.items():
                response.set_cookie(name, value)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _wear(request: HttpRequest) -> dict[str, str]:
    """Answer in the language and colours that Salla says its dashboard has; returns them, each under its cookie."""
    language, theme = request.GET.get("lang", "")[:2], request.GET.get("theme", "")
    worn = {settings.LANGUAGE_COOKIE_NAME: language} if language in dict(settings.LANGUAGES) else {}
    if worn:
        translation.activate(language)
    if theme in frame.THEMES:
        request.COOKIES[frame.THEME] = worn[frame.THEME] = theme
    return worn


@never_cache
@require_GET
def arrived(request: HttpRequest, token: str) -> HttpResponse:
    """Where the entrance leads: into the store, or, where the browser keeps no cookie of ours, into a window."""
    _wear(request)
    link = signin.find(token)
    if link is None and request.user.is_authenticated:
        return redirect("overview")
    if link is None:
        return _outside(request, embedded.EntryRefusedError())
    if request.user == link.user and request.session.get(access.BOUND_TO) == link.merchant_id:
        signin.use(token)
        return redirect("overview")
    return render(request, "embedded/window.html", {"address": signin.address_of(token), "is_refused": True})


@never_cache
@require_GET
def ended(request: HttpRequest) -> HttpResponse:
    """In the frame, in place of the sign-in page: Salla gives a new token."""
    return _outside(request, embedded.EntryRefusedError())


def _outside(request: HttpRequest, refusal: embedded.EntryRefusedError) -> HttpResponse:
    context = {"heading": _(refusal.heading), "words": _(refusal.words), "can_refresh": refusal.can_refresh}
    return render(request, "embedded/outside.html", context, status=refusal.status)


# Custom mode, in development


def _in_custom_mode(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    @never_cache
    @require_GET
    @wraps(view)
    def page(request: HttpRequest) -> HttpResponse:
        if not settings.SALLA_CUSTOM_MODE:
            raise Http404
        return view(request)

    return page


@_in_custom_mode
def connect(request: HttpRequest) -> HttpResponse:
    """To Salla's consent page."""
    return redirect(custom_mode.begin(request.session))


@_in_custom_mode
def callback(request: HttpRequest) -> HttpResponse:
    """Back from Salla. Only who began here is signed in; what began at Salla installs, and changes no session."""
    is_ours = custom_mode.take_state(request.session, request.GET.get("state", ""))
    code = request.GET.get("code", "")
    if not code:
        return _not_connected(request, _("The permission was not given, so nothing was connected."), 400)
    try:
        member = custom_mode.install(code)
    except InvalidGrantError:
        return _not_connected(request, _("This answer of Salla was used already, or is too old. Begin again."), 400)
    except SallaError as error:
        log.warning("callback: %s", error)
        return _not_connected(request, error.told, 503)
    if is_ours and member is not None and signin.people().filter(pk=member.user_id).exists():
        logout(request)
        signin.open_session(request, member.user, member.merchant)
        return redirect("store-overview", store=member.merchant.public_id)
    messages.success(request, _("The store is connected. Sign in with the e-mail of your Salla account."))
    return redirect("core:sign-in")


def _not_connected(request: HttpRequest, words: str, status: int) -> HttpResponse:
    context = {"heading": _("The store was not connected"), "words": words, "again": reverse("integrations:connect")}
    return render(request, "embedded/outside.html", context, status=status)


# How the store is read


@merchant_page()
@require_safe
def readings(request: MerchantRequest) -> HttpResponse:
    """How far the reading is, for the page that asks again and again; that page reloads once it has ended."""
    if not request.headers.get("HX-Request"):
        return redirect("store-overview", request.merchant.public_id)
    found = selectors.readings(request.merchant)
    response = render(request, "integrations/readings.html", {"readings": found})
    if not found.is_busy:
        response.headers["HX-Refresh"] = "true"
    return response


@merchant_page()
@require_POST
def check(request: MerchantRequest) -> HttpResponse:
    """Compare the last 60 days with Salla now."""
    merchant = request.merchant
    found = selectors.readings(merchant)
    if not found.is_connected:
        messages.warning(request, _("The store is not connected to Salla."))
    elif found.is_busy:
        messages.info(request, _("Your data is being read right now."))
    elif wait := CHECKS.take(str(merchant.pk)):
        messages.warning(request, _("Your data was checked several times within the hour.") + " " + wait_text(wait))
    else:
        services.check(merchant, window=services.HISTORY)
        messages.success(request, _("We are comparing your orders and carts with Salla's."))
    return redirect("store-overview", merchant.public_id)
