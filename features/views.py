"""The grid of cards, their one editor, and the storefront's two doors: its config and the widgets' questions."""

import logging
from math import ceil
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import export
from core.access import MerchantRequest, can_change, merchant_page
from core.http import NOT_KEPT, OPEN, PREFLIGHT, client_network, refused_length
from core.limiter import Limit
from core.models import Membership
from features import preview, registry, report, seen, selectors, services, storefront, trying
from features.editor import Editor
from features.models import Revision
from features.registry import Asker, BadRequestError, Card
from features.services import NotReadyError
from integrations import selectors as plan_selectors

log = logging.getLogger(__name__)

MAX_ACTION_BYTES = 8 * 1024
# Many shoppers share one address of a mobile operator. Open without Redis: a shop must not lose its widgets with it.
ACTION_LIMIT = Limit("storefront:act", 300, 60, is_open_without_redis=True)
# Of links that a stranger makes up, none is good.
TRY_LIMIT = Limit("storefront:try", 60, 60, is_open_without_redis=True)
KEPT = {**OPEN, "Cache-Control": "public, max-age=60, stale-while-revalidate=60"}


# The dashboard


@merchant_page()
@require_safe
def cards(request: MerchantRequest) -> HttpResponse:
    """Every card, grouped, with its switch."""
    groups, account = selectors.grid(request.merchant), plan_selectors.account(request.merchant)
    context = {"groups": groups, "account": account, "can_change": can_change(request)}
    return render(request, "features/cards.html", context)


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def card(request: MerchantRequest, slug: str) -> HttpResponse:
    """One card: its settings by form and as JSON, and its history."""
    card = _card(slug)
    editor = Editor(request.merchant, card, request.POST if request.method == "POST" else None)
    if request.method == "POST" and editor.accept(request.user):
        tile = selectors.tile(request.merchant, card)
        _tell(request, card, editor.revision, _said_of_saving(tile), came_from="card")
        return _to_card(request, card)
    context = {
        "card": card,
        "editor": editor,
        "tile": selectors.tile(request.merchant, card),
        "history": selectors.history(request.merchant, card),
        "account": plan_selectors.account(request.merchant),
        "health": preview.health(request.merchant, card, editor.stored),
        "panel": card.panel(request.merchant, editor.stored) if card.panel else None,
        "report": report.of(request.merchant, card, days=report.days_in(request.GET.get("days", ""))),
        "can_change": can_change(request),
    }
    return render(request, "features/card.html", context, status=422 if request.method == "POST" else 200)


@xframe_options_sameorigin
@merchant_page(change=Membership.Role.VIEWER)
@require_http_methods(["GET", "HEAD", "POST"])
def card_preview(request: MerchantRequest, slug: str) -> HttpResponse:
    """The card's widget alone, as a shopper of this store would see it: shown in a frame of the editor.

    Of the settings saved last or, by POST, of the form as it was typed, of which nothing is saved.
    """
    card = _card(slug)
    editor = Editor(request.merchant, card, request.POST if request.method == "POST" else None)
    if request.method == "POST" and not editor.form.is_valid():
        return render(request, "features/preview_refused.html", {"card": card, "form": editor.form}, status=422)
    shown = preview.shown(request.merchant, card, editor.form.settings if request.method == "POST" else editor.stored)
    if shown is None:
        raise Http404
    return render(request, "features/preview_page.html", {"card": card, "shown": shown})


@merchant_page()
@require_safe
def numbers(request: MerchantRequest, slug: str) -> HttpResponseBase:
    """The chart's numbers as a file, for everybody of the team: there are no people in them."""
    found = report.of(request.merchant, _card(slug), days=report.days_in(request.GET.get("days", "")))
    if not found.series:
        raise Http404
    return export.response(report.table(found), request.GET.get("as", "csv"))


@merchant_page()
@require_POST
def switch(request: MerchantRequest, slug: str) -> HttpResponse:
    """The button says which way, so that pressing it twice does no harm. From the grid, htmx takes the card alone."""
    card = _card(slug)
    is_on = request.POST.get("is_on") == "true"
    said = _("“%(card)s” is on.") if is_on else _("“%(card)s” is off.")
    try:
        revision = services.switch(request.merchant, card=card, is_on=is_on, by=request.user)
        _tell(request, card, revision, said % {"card": card.name}, came_from=request.GET.get("from", ""))
    except NotReadyError as refusal:
        messages.warning(request, refusal.missing)
    if request.headers.get("HX-Request"):
        context = {"tile": selectors.tile(request.merchant, card), "can_change": can_change(request)}
        return render(request, "features/switched.html", context)
    return _back(request, card)


@merchant_page()
@require_POST
def revert(request: MerchantRequest, slug: str, revision: UUID) -> HttpResponse:
    """Back to how the card was before one change."""
    card = _card(slug)
    row = get_object_or_404(request.merchant.revisions, public_id=revision, feature__slug=card.slug)
    try:
        done = services.revert(request.merchant, card=card, revision=row, by=request.user)
        messages.success(request, _("The earlier version is back.") if done else _("Nothing has changed."))
    except NotReadyError as refusal:
        messages.warning(request, refusal.missing)
    return _back(request, card)


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def try_store(request: MerchantRequest) -> HttpResponse:
    """A page that leads into the shop: no form of ours may, and a frame would be taken for the theme's editor.

    Signing the link changes nothing, so that the page may be opened again, and by its address; not by a viewer.
    """
    if not can_change(request):
        raise PermissionDenied
    address = trying.link(request.merchant)
    if address is None:
        messages.warning(
            request, _("We do not know your store's address yet. Salla tells us of it with the next change.")
        )
        return redirect("features:cards", request.merchant.public_id)
    return render(request, "features/try.html", {"address": address})


def _card(slug: str) -> Card[Any]:
    found = registry.get(slug)
    if found is None:
        raise Http404
    return found


def _said_of_saving(tile: selectors.Tile) -> str:
    if not tile.is_on:
        return _("Saved. Shoppers see it once you turn it on.")
    return _("Saved. Shoppers see it once your tools run again.") if tile.withheld else _("Saved and published.")


def _tell(request: MerchantRequest, card: Card[Any], revision: Revision | None, said: str, *, came_from: str) -> None:
    """A toast; what has changed can be taken back on it."""
    if revision is None:
        messages.info(request, _("Nothing has changed."))
        return
    undo = reverse("features:revert", args=[request.merchant.public_id, card.slug, revision.public_id])
    messages.success(request, said, extra_tags=f"{undo}?from=card" if came_from == "card" else undo)


def _back(request: MerchantRequest, card: Card[Any]) -> HttpResponse:
    """To the card's page if it was there, else to the grid."""
    if request.GET.get("from") == "card":
        return _to_card(request, card)
    return redirect("features:cards", request.merchant.public_id)


def _to_card(request: MerchantRequest, card: Card[Any]) -> HttpResponse:
    return redirect("features:card", request.merchant.public_id, card.slug)


# The storefront


@csrf_exempt
@require_safe
def config(request: HttpRequest, store: int) -> HttpResponse:
    """What the loader shows in this store: 304 for a browser that has it, and never an error."""
    served = services.storefront_config(store)
    if served.is_store:
        seen.note(store, request.META.get("HTTP_ORIGIN"))
    headers = {**(KEPT if served.is_sure else NOT_KEPT), "ETag": served.etag}
    if served.etag in request.META.get("HTTP_IF_NONE_MATCH", ""):  # proxies add W/ and lists of others
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(served.body, content_type="application/json", headers=headers)


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def tried(request: HttpRequest, store: int) -> HttpResponse:
    """What is on in the merchant's own browser, where his link is good; empty for anybody else."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=PREFLIGHT)
    if refusal := refused_length(request, MAX_ACTION_BYTES, may_be_untold=True):
        return HttpResponse(status=refusal, headers=NOT_KEPT)
    if wait := TRY_LIMIT.take(client_network(request)):
        return HttpResponse(status=429, headers={**NOT_KEPT, "Retry-After": str(ceil(wait))})
    try:
        match services.read_data(request.body):
            case {"token": str(token)}:
                told = trying.told(store, token=token)
            case _:
                told = None
    except BadRequestError:
        return HttpResponse(status=400, headers=NOT_KEPT)
    if told is None:
        return HttpResponse(status=204, headers=NOT_KEPT)
    return HttpResponse(storefront.script_safe(told), content_type="application/json", headers=NOT_KEPT)


@csrf_exempt
@require_http_methods(["POST", "OPTIONS"])
def act(request: HttpRequest, store: int, slug: str, action: str) -> HttpResponse:
    """A widget asks its card; empty where the card is off, the store is gone, or we fail: the shop goes on."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=PREFLIGHT)
    card = registry.get(slug)
    if card is None or action not in card.actions:
        return HttpResponse(status=404, headers=NOT_KEPT)
    if refusal := refused_length(request, MAX_ACTION_BYTES, may_be_untold=True):
        return HttpResponse(status=refusal, headers=NOT_KEPT)
    asker = Asker(client_network(request))
    if wait := ACTION_LIMIT.take(f"{asker.network} {store}"):
        return HttpResponse(status=429, headers={**NOT_KEPT, "Retry-After": str(ceil(wait))})
    try:
        answer = services.act(store, card=card, action=action, data=services.read_data(request.body), asker=asker)
        body = None if answer is None else storefront.script_safe(answer)
    except BadRequestError:
        return HttpResponse(status=400, headers=NOT_KEPT)
    except Exception:
        log.exception("the action %s of %s failed for store %s", action, slug, store)
        body = None
    if body is None:
        return HttpResponse(status=204, headers=NOT_KEPT)
    return HttpResponse(body, content_type="application/json", headers=NOT_KEPT)
