"""The only door from a person to a store: pages of a store begin here, and anybody else's store does not exist."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from core import logs
from core.models import Membership, Merchant, User

Role = Membership.Role
RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}
# In a session that was opened from Salla: the only store that it may enter.
BOUND_TO = "bound_to"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class MerchantRequest(HttpRequest):
    """A request inside one store, by one of its people."""

    user: User
    merchant: Merchant
    membership: Membership


MerchantView = Callable[..., HttpResponseBase]


def merchant_page(*, change: Role = Role.EDITOR) -> Callable[[MerchantView], MerchantView]:
    """A view under `stores/<uuid:store>/…`: signed-in people of that store only; unsafe methods need the role `change`.

    A store that is not theirs answers 404, exactly like one that is not there. The view gets the request with
    `merchant` and `membership` in place of the `store` argument.
    """

    def decorate(view: MerchantView) -> MerchantView:
        @never_cache
        @_reloads_for_htmx
        @login_required
        @wraps(view)
        def page(request: HttpRequest, store: UUID, **kwargs: Any) -> HttpResponseBase:
            membership = _membership(request, store)
            if request.method not in SAFE_METHODS and RANK[Role(membership.role)] < RANK[change]:
                raise PermissionDenied
            inside = cast(MerchantRequest, request)
            inside.merchant, inside.membership = membership.merchant, membership
            logs.add(merchant=membership.merchant_id)
            return view(inside, **kwargs)

        return page

    return decorate


def can_change(request: MerchantRequest) -> bool:
    """Whether this person may change the store's things: a viewer is shown no button that the door would refuse."""
    return RANK[Role(request.membership.role)] >= RANK[Role.EDITOR]


def _reloads_for_htmx(view: MerchantView) -> MerchantView:
    """Whose session has ended is sent to sign in as a whole page, not as a piece of one."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return view(request, *args, **kwargs)

    return page


def memberships(request: HttpRequest) -> QuerySet[Membership]:
    """Of the signed-in person, as far as this session reaches."""
    rows = cast(User, request.user).memberships.select_related("merchant")
    bound_to = request.session.get(BOUND_TO)
    return rows if bound_to is None else rows.filter(merchant=bound_to)


def _membership(request: HttpRequest, store: UUID) -> Membership:
    found = memberships(request).filter(merchant__public_id=store).first()
    if found is not None:
        return found
    if not cast(User, request.user).is_staff and not memberships(request).exists():
        logout(request)  # no team has him any more: nothing is left that the session is for
    raise Http404
