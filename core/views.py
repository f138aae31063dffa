"""Pages of signing in and out, of a person's stores, and of a store's team."""

import logging

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import activity, services, signin
from core.access import BOUND_TO, MerchantRequest, memberships, merchant_page
from core.forms import InviteForm, RoleForm, SignInForm, wait_text
from core.http import client_network
from core.models import Membership, User

log = logging.getLogger(__name__)

# The link's own address reaches nobody. With `no-referrer` browsers send `Origin: null` with the page's own form,
# which is refused as a forgery.
LINK_REFERRER_POLICY = "strict-origin"
ACTIVITIES_PER_PAGE = 50
Role = Membership.Role
page_and_form = require_http_methods(["GET", "HEAD", "POST"])


# Signing in and out


@never_cache
@page_and_form
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for a link by e-mail. A known address gets the same answer as an unknown one."""
    if request.method != "POST":
        form = SignInForm(initial={"next": signin.safe_path(request.GET.get("next", ""))})
        return _sign_in_page(request, form)
    form = SignInForm(request.POST)
    status = _request_link(request, form) if form.is_valid() else 422
    if status == 200:
        context = {"email": form.cleaned_data["email"], "minutes": int(signin.LIFETIME.total_seconds() // 60)}
        return render(request, "core/link_sent.html", context)
    return _sign_in_page(request, form, status)


def _sign_in_page(request: HttpRequest, form: SignInForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "custom_mode": settings.SALLA_CUSTOM_MODE}
    return render(request, "core/sign_in.html", context, status=status)


def _request_link(request: HttpRequest, form: SignInForm) -> int:
    """The status; every other than 200 has its reason in the form."""
    email, next_path = form.cleaned_data["email"], form.cleaned_data["next"]
    if wait := signin.seconds_to_wait(email, client_network(request)):
        form.add_error(None, wait_text(wait))
        return 429
    try:
        signin.request_link(email, language=get_language() or "ar", next_path=next_path)
    except signin.MailDownError:
        form.add_error(None, _("We cannot send e-mail at the moment. Please try again in a few minutes."))
        return 503
    return 200


@never_cache
@page_and_form
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """The e-mailed link: opening it uses nothing up, because mail scanners open links; the button signs in."""
    link = signin.use(token) if request.method == "POST" else signin.find(token)
    if link is None:
        response = _wrong_link(request)
    elif request.method == "POST":
        signin.open_session(request, link.user, link.merchant, until=link.session_ends_at)
        log.info("sign-in: person %s", link.user_id)
        response = redirect(signin.safe_path(link.next_path) or "overview")
    else:
        response = render(request, "core/link.html", {"person": link.user, "store": link.merchant})
    response.headers["Referrer-Policy"] = LINK_REFERRER_POLICY
    return response


def _wrong_link(request: HttpRequest) -> HttpResponse:
    """One answer for forged, expired and used links."""
    wait = signin.WRONG_LINKS.take(client_network(request))
    context = {"wait": wait_text(wait) if wait else ""}
    return render(request, "core/link_gone.html", context, status=429 if wait else 410)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("overview")


@merchant_page(change=Role.VIEWER)
@require_POST
def window(request: MerchantRequest) -> HttpResponse:
    """The way out of Salla's dashboard: a one-time link for this store. A new window has none of the frame's cookies,
    so that the page with the link is shown in the frame. A session that is bound to the store hands on its own end.
    """
    until = request.session.get_expiry_date() if BOUND_TO in request.session else None
    link = signin.link_to_store(request.membership, until=until)
    return render(request, "embedded/window.html", {"address": signin.address_of(link)})


# A person's stores


@never_cache
@login_required
@require_safe
def stores(request: HttpRequest) -> HttpResponse:
    """The store switcher."""
    members = memberships(request).order_by("merchant__name", "merchant__salla_id")
    return render(request, "core/stores.html", {"members": members})


# The team


@merchant_page(change=Role.OWNER)
@page_and_form
def team(request: MerchantRequest) -> HttpResponse:
    """Who works in this store; owners invite."""
    if request.method == "POST":
        return _invite(request, InviteForm(request.POST))
    return _team_page(request, InviteForm(initial={"role": Role.EDITOR}))


def _team_page(request: MerchantRequest, form: InviteForm, status: int = 200) -> HttpResponse:
    members = request.merchant.memberships.select_related("user").order_by("user__email")
    is_owner = request.membership.role == Role.OWNER
    return render(request, "core/team.html", {"members": members, "form": form, "is_owner": is_owner}, status=status)


def _invite(request: MerchantRequest, form: InviteForm) -> HttpResponse:
    if not form.is_valid():
        return _team_page(request, form, 422)
    email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
    if "confirmed" not in request.POST:
        question = _("Invite %(email)s as %(role)s?") % {"email": email, "role": role.label}
        return _confirm(request, question, _("Invite"), email=email, role=role.value)
    if wait := services.INVITATIONS.take(str(request.merchant.pk)):
        form.add_error(None, wait_text(wait))
        return _team_page(request, form, 429)
    try:
        language = get_language() or "ar"
        is_told = services.invite(request.merchant, by=request.user, email=email, role=role, language=language)
    except services.AlreadyMemberError:
        form.add_error("email", _("This person is already in the team."))
        return _team_page(request, form, 422)
    if is_told:
        messages.success(request, _("The invitation is on its way to %(email)s.") % {"email": email})
    else:
        text = _("%(email)s is in the team now, but the e-mail could not be sent. They can sign in with this address.")
        messages.warning(request, text % {"email": email})
    return _to_team(request)


@merchant_page(change=Role.OWNER)
@page_and_form
def member_role(request: MerchantRequest, member: int) -> HttpResponse:
    """Change what a person may do."""
    held = get_object_or_404(request.merchant.memberships.select_related("user"), pk=member)
    form = RoleForm(request.POST if request.method == "POST" else None, initial={"role": held.role})
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "core/member_role.html", {"form": form, "member": held}, status=status)
    role = Role(form.cleaned_data["role"])
    if "confirmed" not in request.POST:
        question = _("Change the role of %(email)s to %(role)s?") % {"email": _address(held.user), "role": role.label}
        return _confirm(request, question, _("Change the role"), role=role.value)
    try:
        services.change_role(request.merchant, by=request.user, member=held, role=role)
    except services.LastOwnerError:
        form.add_error(None, _("A store always has an owner. First make another person the owner."))
        return render(request, "core/member_role.html", {"form": form, "member": held}, status=409)
    messages.success(request, _("The role was changed."))
    return _to_team(request)


@merchant_page(change=Role.OWNER)
@page_and_form
def member_remove(request: MerchantRequest, member: int) -> HttpResponse:
    """Take a person out of the team. A page with the question, then the button."""
    held = get_object_or_404(request.merchant.memberships.select_related("user"), pk=member)
    question = _("Remove %(email)s from the team?") % {"email": _address(held.user)}
    if request.method != "POST":
        return _confirm(request, question, _("Remove from the team"), is_dangerous=True)
    try:
        services.remove(request.merchant, by=request.user, member=held)
    except services.LastOwnerError:
        error = _("A store always has an owner. First make another person the owner.")
        return _confirm(request, question, _("Remove from the team"), error=error, is_dangerous=True)
    messages.success(request, _("The person was removed from the team."))
    if held.user_id == request.user.pk:
        return redirect("core:stores")
    return _to_team(request)


def _address(user: User) -> str:
    return user.shown_name if user.is_known_by_number else user.email


def _confirm(
    request: MerchantRequest, question: str, verb: str, *, error: str = "", is_dangerous: bool = False, **fields: str
) -> HttpResponse:
    """The question before the act; its button posts `fields` and `confirmed` to the same address."""
    fields["confirmed"] = "yes"
    context = {"question": question, "verb": verb, "error": error, "fields": fields, "is_dangerous": is_dangerous}
    return render(request, "core/confirm.html", context, status=409 if error else 200)


def _to_team(request: MerchantRequest) -> HttpResponse:
    return redirect("core:team", store=request.merchant.public_id)


# What people did


@merchant_page()
@require_safe
def activity_log(request: MerchantRequest) -> HttpResponse:
    rows = request.merchant.activities.select_related("user", "whom").order_by("-at", "-pk")
    page = Paginator(rows, ACTIVITIES_PER_PAGE).get_page(request.GET.get("page"))
    lines = [{"at": row.at, "text": activity.sentence_of(row)} for row in page]
    return render(request, "core/activity.html", {"page": page, "lines": lines})
