"""Pages of a store's visitors: numbers, visits, who is there now, one visit, one visitor, and a visitor's end."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core import export
from core.access import MerchantRequest, can_change, merchant_page
from visitors import counter, countries, presence, profiles, reports, spans, visit_lists, visit_services, words
from visitors.visit_models import VISITOR_DATA

VISITS_PER_PAGE = 50


@merchant_page()
@require_safe
def overview(request: MerchantRequest) -> HttpResponse:
    """The numbers of some days."""
    span, form = spans.asked(request.merchant, request.GET.dict())
    context = {
        "report": reports.overview(request.merchant, span),
        "span": span,
        "form": form,
        "crowd": counter.crowd(request.merchant),
        "most_unknown": presence.MOST_UNKNOWN,
        "is_kept": _is_kept(request),
        **_countries(),
    }
    return render(request, "visitors/overview.html", context, status=422 if form.is_bound and form.errors else 200)


@merchant_page()
@require_safe
def visits(request: MerchantRequest) -> HttpResponseBase:
    """The visits of some days, narrowed as asked; with `as` as a file."""
    span, form = spans.asked(request.merchant, request.GET.dict())
    filters = visit_lists.Filters(request.merchant, span, request.GET)
    rows = visit_lists.found(request.merchant, span, filters)
    if "as" in request.GET:
        return export.response(visit_lists.table(request.merchant, span, rows), request.GET["as"])
    page = Paginator(rows, VISITS_PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "span": span,
        "form": form,
        "filters": filters,
        "page": page,
        "rows": visit_lists.lines(request.merchant, list(page)),
        "query": query.urlencode(),
        "is_kept": _is_kept(request),
        **_countries(),
    }
    return render(request, "visitors/visits.html", context)


@merchant_page()
@require_safe
def now(request: MerchantRequest) -> HttpResponse:
    """Who is there; the page asks for itself again while it is looked at."""
    here, total = visit_lists.here(request.merchant), visit_lists.going_on(request.merchant).count()
    context = {
        "here": here,
        "total": total,
        "crowd": counter.crowd(request.merchant),
        "most_unknown": presence.MOST_UNKNOWN,
        "is_kept": _is_kept(request),
        **_countries(),
    }
    return render(request, "visitors/now.html", context)


@merchant_page()
@require_safe
def visit(request: MerchantRequest, visit: UUID) -> HttpResponse:
    """One visit, step by step."""
    row = get_object_or_404(request.merchant.visits.select_related("visitor"), public_id=visit)
    return render(request, "visitors/visit.html", {"told": profiles.told(request.merchant, row), **_countries()})


@merchant_page()
@require_safe
def visitor(request: MerchantRequest, visitor: UUID) -> HttpResponse:
    """One visitor who agreed to be known again."""
    row = get_object_or_404(request.merchant.visitors, public_id=visitor)
    context = {
        "profile": profiles.profile(request.merchant, row),
        "first_source": words.source(row.source, row.channel),
        "can_change": can_change(request),
    }
    return render(request, "visitors/visitor.html", context)


@merchant_page()
@require_safe
def visitor_file(request: MerchantRequest, visitor: UUID) -> HttpResponse:
    """All that is kept of one visitor, as a file."""
    if not can_change(request):
        raise PermissionDenied
    row = get_object_or_404(request.merchant.visitors, public_id=visitor)
    headers = {"Content-Disposition": f'attachment; filename="visitor-{row.public_id}.json"'}
    told = visit_services.give(request.merchant, row, by=request.user)
    return JsonResponse(told, headers=headers, json_dumps_params={"ensure_ascii": False, "indent": 2})


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: MerchantRequest, visitor: UUID) -> HttpResponse:
    """A page with the question, then the button."""
    row = get_object_or_404(request.merchant.visitors, public_id=visitor)
    if request.method != "POST":
        return render(request, "visitors/erase.html", {"visitor": row, "can_change": can_change(request)})
    visit_services.erase(request.merchant, visitor=row, by=request.user)
    messages.success(request, _("The visitor was erased, with all visits."))
    return redirect("visitors:visits", store=request.merchant.public_id)


def _is_kept(request: MerchantRequest) -> bool:
    """Whether visits are kept now."""
    return request.merchant.features.filter(slug=VISITOR_DATA, is_on=True).exists()


def _countries() -> dict[str, object]:
    return {
        "knows_countries": countries.is_known(),
        "credit": countries.CREDIT,
        "credit_address": countries.CREDIT_ADDRESS,
    }
