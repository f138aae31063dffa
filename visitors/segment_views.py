"""Pages of segments: the list, the one on which one is built, and the question before one is deleted."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.access import MerchantRequest, can_change, merchant_page
from visitors import segment_lists, segments
from visitors.segment_editor import STARTS, Editor

page_and_form = require_http_methods(["GET", "HEAD", "POST"])


@merchant_page()
@require_safe
def listed(request: MerchantRequest) -> HttpResponse:
    """Every segment, with its rules in words and its numbers as they were counted last."""
    context = {
        "lines": segment_lists.lines(request.merchant),
        "starts": [(slug, title) for slug, (title, _rules) in STARTS.items()],
        "can_change": can_change(request),
    }
    return render(request, "visitors/segments.html", context)


@merchant_page()
@page_and_form
def new(request: MerchantRequest) -> HttpResponse:
    if not can_change(request):
        raise PermissionDenied
    posted = request.POST if request.method == "POST" else None
    return _edit(request, Editor(request.merchant, None, posted, request.GET.get("start", "")))


@merchant_page()
@page_and_form
def segment(request: MerchantRequest, segment: UUID) -> HttpResponse:
    row = get_object_or_404(request.merchant.segments, public_id=segment)
    return _edit(request, Editor(request.merchant, row, request.POST if request.method == "POST" else None))


def _edit(request: MerchantRequest, editor: Editor) -> HttpResponse:
    if request.method == "POST" and editor.accept(request.user):
        messages.success(request, _("The segment was saved."))
        return redirect("visitors:segments", store=request.merchant.public_id)
    is_refused = request.method == "POST" and editor.do == "save"
    context = {"editor": editor, "can_change": can_change(request)}
    return render(request, "visitors/segment.html", context, status=422 if is_refused else 200)


@merchant_page()
@page_and_form
def delete(request: MerchantRequest, segment: UUID) -> HttpResponse:
    """A page with the question, then the button."""
    row = get_object_or_404(request.merchant.segments, public_id=segment)
    if request.method != "POST":
        return render(request, "visitors/segment_delete.html", {"segment": row, "can_change": can_change(request)})
    segments.delete(request.merchant, segment=row, by=request.user)
    messages.success(request, _("The segment was deleted."))
    return redirect("visitors:segments", store=request.merchant.public_id)
