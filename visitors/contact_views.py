"""A store's pages of its contacts. Whole addresses are for who may change things; viewers see enough to recognise."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.access import MerchantRequest, can_change, merchant_page
from visitors import contact_desk, contact_lists
from visitors.models import Contact

CONTACTS_PER_PAGE = 50


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def contacts(request: MerchantRequest) -> HttpResponse:
    """The list, and the form that adds one."""
    new = contact_lists.NewForm(request.POST or None)
    if request.method == "POST" and new.is_valid():
        contact = contact_desk.add(request.merchant, *new.cleaned_data["value"], name=new.cleaned_data["name"])
        return redirect("contacts:contact", request.merchant.public_id, contact.public_id)
    form = contact_lists.SearchForm(request.GET)
    rows = contact_lists.found(request.merchant, form, is_whole=can_change(request))
    page = Paginator(rows, CONTACTS_PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "form": form,
        "new": new,
        "page": page,
        "rows": contact_lists.rows(request.merchant, list(page), is_whole=can_change(request)),
        "query": query.urlencode(),
        "can_change": can_change(request),
    }
    return render(request, "contacts/list.html", context, status=422 if new.errors else 200)


@merchant_page()
@require_safe
def contact(request: MerchantRequest, contact: UUID) -> HttpResponse:
    """One contact, with the ledger in words."""
    return _page(request, _contact(request, contact))


@merchant_page()
@require_POST
def give(request: MerchantRequest, contact: UUID) -> HttpResponse:
    """The merchant declares what somebody agreed to."""
    row = _contact(request, contact)
    form = contact_lists.ConsentForm(row, request.POST)
    if not form.is_valid():
        return _page(request, row, give=form)
    contact_desk.declare(request.merchant, row, form, by=request.user)
    messages.success(request, _("The consent stands in the ledger."))
    return redirect("contacts:contact", request.merchant.public_id, row.public_id)


@merchant_page()
@require_POST
def end(request: MerchantRequest, contact: UUID) -> HttpResponse:
    """Somebody told the store that he wants no messages."""
    row = _contact(request, contact)
    form = contact_lists.EndForm(request.POST)
    if not form.is_valid():
        return _page(request, row, end=form)
    contact_desk.end(request.merchant, row, reason=form.cleaned_data["reason"], by=request.user)
    messages.success(request, _("No more offers, news or reminders go there."))
    return redirect("contacts:contact", request.merchant.public_id, row.public_id)


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def erase(request: MerchantRequest, contact: UUID) -> HttpResponse:
    """A page with the question, which names everything that goes; then the button."""
    row = _contact(request, contact)
    if not can_change(request):
        raise PermissionDenied
    if request.method != "POST":
        reach = contact_desk.reach(request.merchant, row)
        return render(request, "contacts/erase_contact.html", {"contact": row, "reach": reach})
    contact_desk.erase(request.merchant, row, by=request.user)
    messages.success(request, _("This person's data was erased."))
    return redirect("contacts:list", request.merchant.public_id)


@merchant_page()
@require_safe
def file(request: MerchantRequest, contact: UUID) -> HttpResponse:
    """All that is held of this person, as a file to give to him."""
    if not can_change(request):
        raise PermissionDenied
    row = _contact(request, contact)
    held = contact_desk.export(request.merchant, row, by=request.user)
    headers = {"Content-Disposition": f'attachment; filename="contact-{row.public_id}.json"'}
    return JsonResponse(held, headers=headers, json_dumps_params={"ensure_ascii": False, "indent": 2})


def _contact(request: MerchantRequest, public_id: UUID) -> Contact:
    found: Contact = get_object_or_404(request.merchant.contacts, public_id=public_id, erased_at=None)
    return found


def _page(
    request: MerchantRequest,
    row: Contact,
    *,
    give: contact_lists.ConsentForm | None = None,
    end: contact_lists.EndForm | None = None,
) -> HttpResponse:
    context = {
        "whole": contact_lists.whole(request.merchant, row, is_whole=can_change(request)),
        "give": give or contact_lists.ConsentForm(row),
        "end": end or contact_lists.EndForm(),
        "can_change": can_change(request),
    }
    return render(request, "contacts/contact.html", context, status=422 if give or end else 200)
