"""accounts.salla.sa: consent page, token endpoint, user info, and the install link."""

import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from scripts.sandbox.clock import plain
from scripts.sandbox.grants import ACCESS_LIFE, Chain, GrantError
from scripts.sandbox.merchant_api.envelope import unauthorized
from scripts.sandbox.merchant_api.gate import bearer, spoil
from scripts.sandbox.models import Store
from scripts.sandbox.pages import page, wrong
from scripts.sandbox.reading import BodyError, integer, read_body
from scripts.sandbox.state import World
from scripts.sandbox.wire import cut

INVALID_GRANT = (
    "The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is "
    "invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to "
    "another client. The OAuth 2.0 Client ID from this request does not match the ID during the initial token issuance."
)


def refused(error: str, text: str, status: int = 401) -> Response:
    """OAuth errors come bare, without Salla's envelope."""
    return JSONResponse({"error": error, "error_description": text}, status)


def _asked(world: World, given: dict[str, Any]) -> str | None:
    """What is wrong with an authorize request; None when nothing is."""
    if given.get("client_id") != world.config.client_id:
        return "invalid_client: unknown client_id"
    if given.get("response_type") != "code":
        return "unsupported_response_type: only code"
    parts = urlsplit(str(given.get("redirect_uri", "")))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return "invalid_request: redirect_uri is missing or no address"
    expected = world.config.callback_url
    if expected and given.get("redirect_uri") != expected:
        return "invalid_request: redirect_uri does not match the portal's"
    held = set(world.config.scopes.split())
    held |= {scope.removesuffix("_write") for scope in held}
    unknown = set(str(given.get("scope", "")).split()) - held
    if unknown:
        return f"invalid_scope: the app does not have {' '.join(sorted(unknown))}"
    return None


async def authorize(request: Request) -> Response:
    """The consent page; its form comes back here with the chosen store."""
    world: World = request.app.state.world
    try:
        given = dict(request.query_params) | (await read_body(request) if request.method == "POST" else {})
    except BodyError as error:
        return wrong(request, 400, str(error))
    problem = _asked(world, given)
    if problem:
        return wrong(request, 400, problem)
    if request.method == "GET":
        return page(request, "consent.html", asked=given, scopes=str(given.get("scope", "")).split())
    redirect = str(given["redirect_uri"])
    state = str(given.get("state", "")).replace("-", "")  # Salla drops hyphens when it echoes the state
    if given.get("answer") == "deny":
        return RedirectResponse(_with(redirect, {"error": "access_denied", "state": state}), 303)
    store = world.stores.get(integer(given.get("store")) or 0)
    if store is None:
        return wrong(request, 422, "Choose a store")
    scopes = frozenset(str(given.get("scope", "")).split())
    code = world.grants.give_code(store.id, redirect, scopes)
    world.counters["oauth.codes"] += 1
    return RedirectResponse(_with(redirect, {"code": code, "scope": " ".join(sorted(scopes)), "state": state}), 303)


def _with(address: str, query: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"


async def token(request: Request) -> Response:
    """Code or refresh token against a new pair."""
    world: World = request.app.state.world
    world.counters["token.calls"] += 1
    fault = world.faults.take("token", request.url.path)
    if fault and fault.kind != "answer_lost":
        spoiled = await spoil(fault, request)
        if spoiled:
            return spoiled
    try:
        given = await read_body(request)
    except BodyError as error:
        return refused("invalid_request", str(error), 400)
    answer = _token_answer(world, given)
    if fault and fault.kind == "answer_lost":
        world.counters["token.answers_lost"] += 1
        return cut(request)
    return answer


def _same(given: Any, wanted: str) -> bool:
    return secrets.compare_digest(str(given or "").encode(), wanted.encode())


def _token_answer(world: World, given: dict[str, Any]) -> Response:
    if not _same(given.get("client_id"), world.config.client_id) or not _same(
        given.get("client_secret"), world.config.client_secret
    ):
        return refused("invalid_client", "Client authentication failed")
    kind = given.get("grant_type")
    if kind not in ("authorization_code", "refresh_token"):
        return refused("unsupported_grant_type", "The authorization grant type is not supported", 400)
    world.counters[f"token.{kind}"] += 1
    try:
        if kind == "authorization_code":
            code = world.grants.take_code(str(given.get("code", "")), str(given.get("redirect_uri", "")))
            chain = world.grants.open(code.store_id, code.scopes)
            world.store(chain.store_id).installed_at = world.clock.now()
            return JSONResponse(_pair(chain, "expires"))
        return JSONResponse(_pair(world.grants.refresh(str(given.get("refresh_token", ""))), "expires_in"))
    except GrantError:
        world.counters["token.refused"] += 1
        return refused("invalid_grant", INVALID_GRANT)


def _pair(chain: Chain, life: str) -> dict[str, Any]:
    """The two grants name the lifetime differently; both mean a duration."""
    pair = {"access_token": chain.access, life: ACCESS_LIFE}
    if chain.refresh:
        pair["refresh_token"] = chain.refresh
    return {**pair, "scope": " ".join(sorted(chain.scopes)), "token_type": "bearer"}


async def user_info(request: Request) -> Response:
    world: World = request.app.state.world
    world.counters["userinfo.calls"] += 1
    chain = bearer(world, request)
    if chain is None:
        return JSONResponse(unauthorized("The access token is invalid").body(), 401)
    return JSONResponse({"status": 200, "success": True, "data": _user(world, world.store(chain.store_id))})


def _user(world: World, store: Store) -> dict[str, Any]:
    return {
        "id": store.owner_id,
        "name": store.owner,
        "email": store.email,
        "mobile": store.mobile,
        "role": "user",
        "created_at": plain(store.created_at),
        "merchant": {
            "id": store.id,
            "username": store.username,
            "name": store.name_ar,
            "avatar": f"{world.config.base}/media/{store.id}/logo.svg",
            "store_location": "24.7136,46.6753",
            "plan": store.plan,
            "status": "active",
            "domain": f"{world.config.base}/store/{store.id}",
            "tax_number": f"3{store.id}00003",
            "commercial_number": f"{store.id % 10**10:010d}",
            "created_at": plain(store.created_at),
        },
    }


ROUTES = [
    Route("/oauth2/auth", authorize, methods=["GET", "POST"]),
    Route("/oauth2/token", token, methods=["POST"]),
    Route("/oauth2/user/info", user_info, methods=["GET"]),
]
