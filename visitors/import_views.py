"""Pages of bringing contacts in and taking them out. Names and addresses are for owners and editors only."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_http_methods, require_POST

from core import activity, export
from core.access import MerchantRequest, can_change, merchant_page
from visitors import contact_export, contact_lists, import_report, imports
from visitors.import_files import FileError
from visitors.import_forms import ColumnsForm, UploadForm
from visitors.import_models import ContactImport
from visitors.importing import progress

Step = ContactImport.Step
LISTED = 10
EXPORTED = activity.declare("contacts.exported", gettext_noop("%(who)s downloaded all contacts"))
EXPORTED_SOME = activity.declare(
    "contacts.exported_some", gettext_noop("%(who)s downloaded the contacts of a search or a filter")
)
MOVES = {
    "go": lambda request, row: imports.bring_in(row),
    "change": lambda request, row: imports.change(row),
    "cancel": lambda request, row: imports.cancel(row),
}


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: MerchantRequest) -> HttpResponse:
    """How many contacts there are, the two ways, and the files of before."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid() and (row := _begun(request, form)):
        return redirect("imports:file", request.merchant.public_id, row.public_id)
    context = {
        "form": form,
        "can_change": can_change(request),
        "files": request.merchant.contact_imports.defer("content").select_related("by").order_by("-pk")[:LISTED],
        "count": request.merchant.contacts.filter(erased_at=None).count(),
    }
    return render(request, "visitors/imports.html", context, status=422 if form.errors else 200)


def _begun(request: MerchantRequest, form: UploadForm) -> ContactImport | None:
    file, kind = form.cleaned_data["file"], form.cleaned_data["kind"]
    try:
        return imports.begin(request.merchant, by=request.user, kind=kind, name=file.name, content=file.read())
    except FileError as error:
        form.add_error("file", str(error.message))
        return None


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def file(request: MerchantRequest, file: UUID) -> HttpResponse:
    """One file, at the step where it is; posted, what its columns are."""
    row = _row(request, file)
    form = ColumnsForm(row, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        channels = form.cleaned_data.get("channels", [])
        if not imports.choose(row, roles=form.roles, declared=form.declared, channels=channels):
            messages.warning(request, _("This file is further already."))
        return redirect("imports:file", request.merchant.public_id, row.public_id)
    return render(request, "visitors/import.html", _shown(row, form), status=422 if form.is_bound else 200)


def _shown(row: ContactImport, form: ColumnsForm) -> dict[str, Any]:
    context: dict[str, Any] = {"row": row, "form": form, "done": progress(row) if row.is_busy else 0}
    if row.step == Step.UPLOADED:
        columns = [(form[name], each) for name, each in zip(form.columns, imports.sample(row), strict=True)]
        return {**context, "columns": columns}
    if row.step == Step.CHECKED:
        context["problems"] = import_report.problems(row)
    context |= import_report.by_kind(row)
    return {**context, "counts": import_report.counts(row), "written": import_report.written(row)}


@merchant_page()
@require_POST
def move(request: MerchantRequest, file: UUID, move: str) -> HttpResponse:
    """Bring it in, go back to its columns, or forget it."""
    row = _row(request, file)
    if move not in MOVES:
        raise Http404
    if not MOVES[move](request, row):
        messages.warning(request, _("This file is further already."))
    elif move == "cancel":
        messages.success(request, _("The file is forgotten; nothing was brought in."))
        return redirect("imports:start", request.merchant.public_id)
    return redirect("imports:file", request.merchant.public_id, row.public_id)


@merchant_page()
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: MerchantRequest, file: UUID) -> HttpResponse:
    """A page with the question, then the button."""
    row = _row(request, file)
    if request.method != "POST" and row.is_undoable:
        return render(request, "visitors/import_undo.html", {"row": row, **import_report.by_kind(row)})
    if request.method == "POST" and imports.undo(row, by=request.user):
        messages.success(request, _("Taken back."))
    else:
        messages.warning(request, _("This file is further already."))
    return redirect("imports:file", request.merchant.public_id, row.public_id)


@merchant_page()
@require_POST
def report(request: MerchantRequest, file: UUID) -> HttpResponseBase:
    """What becomes of each row, as a file. Posted, so that only those who may change may have it."""
    return export.response(import_report.table(_row(request, file)), request.POST.get("as", "csv"))


@merchant_page()
@require_POST
def contacts(request: MerchantRequest) -> HttpResponseBase:
    """Every contact, or those of the list as it was narrowed, with what each agreed to; it is noted who took it."""
    form = contact_lists.SearchForm(request.GET)
    rows = contact_lists.found(request.merchant, form)
    answer = export.response(contact_export.table(request.merchant, rows), request.POST.get("as", "csv"))
    activity.note(request.merchant, EXPORTED_SOME if form.chosen else EXPORTED, user=request.user)
    return answer


def _row(request: MerchantRequest, file: UUID) -> ContactImport:
    if not can_change(request):
        raise PermissionDenied
    row: ContactImport = get_object_or_404(request.merchant.contact_imports.select_related("by"), public_id=file)
    return row
