"""What a person of a team wants by e-mail: in the dashboard, and by the button of a mail program."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.access import MerchantRequest, Role, merchant_page
from core.mailed import mailed_page
from notifications import selectors, services
from notifications.forms import ChoicesForm

page_and_form = require_http_methods(["GET", "HEAD", "POST"])


@merchant_page(change=Role.VIEWER)
@page_and_form
def choices(request: MerchantRequest) -> HttpResponse:
    """Everybody chooses for himself, viewers too."""
    held = selectors.choice_of(request.merchant, request.user)
    initial = {"wants_digest": held.wants_digest, "language": held.language}
    form = ChoicesForm(request.POST or None, initial=initial)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "email": selectors.address_of(request.user)}
        return render(request, "notifications/choices.html", context, status=422 if form.is_bound else 200)
    services.choose(request.merchant, request.user, **form.cleaned_data)
    messages.success(request, _("Saved."))
    return redirect("notifications:choices", request.merchant.public_id)


@mailed_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Opening it ends nothing, because mail scanners open links; the button does, theirs or ours."""
    found = selectors.subscription_of(token)
    if found is None:
        raise Http404
    merchant, user = found
    if request.method == "POST":
        services.choose(merchant, user, wants_digest=False)
    context = {"store": merchant, "is_done": not selectors.choice_of(merchant, user).wants_digest}
    return render(request, "notifications/unsubscribe.html", context)
