"""The only door from a person to a store: pages of a store begin here, and anybody else's store does not exist."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.cache import never_cache

from core.models import Membership, Merchant, User

Role = Membership.Role
RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}
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
            return view(inside, **kwargs)

        return page

    return decorate


def _reloads_for_htmx(view: MerchantView) -> MerchantView:
    """Whose session has ended is sent to sign in as a whole page, not as a piece of one."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.headers.get("HX-Request") and not request.user.is_authenticated:
            return HttpResponse(status=401, headers={"HX-Refresh": "true"})
        return view(request, *args, **kwargs)

    return page


def _membership(request: HttpRequest, store: UUID) -> Membership:
    user = cast(User, request.user)
    found = user.memberships.select_related("merchant").filter(merchant__public_id=store).first()
    if found is None:
        raise Http404
    return found
