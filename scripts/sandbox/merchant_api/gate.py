"""What every call passes: faults, token, rate limit, scope, a body that can be read."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.sandbox.faults import Fault
from scripts.sandbox.grants import Chain
from scripts.sandbox.merchant_api.envelope import ApiError, Json, bad_request, missing, unauthorized
from scripts.sandbox.models import Store
from scripts.sandbox.reading import BodyError, integer, read_body
from scripts.sandbox.shapes.common import Lens
from scripts.sandbox.state import World
from scripts.sandbox.wire import cut

PREFIX = "/admin/v2"
DELETED = "The User is not exists."
INACTIVE = "عفوا لا يمكنك تسجيل الدخول, حسابك غير مفعل"


@dataclass
class Call:
    """One accepted call: whose store, what was asked."""

    world: World
    store: Store
    request: Request
    body: Json

    @property
    def lens(self) -> Lens:
        language = self.request.headers.get("accept-language", "ar")[:2].lower()
        return Lens(self.store, self.world.config.base, self.world.clock.now(), "en" if language == "en" else "ar")

    @property
    def url(self) -> str:
        return str(self.request.url.replace(query=""))

    def id(self, name: str = "id") -> int:
        """A numeric path parameter; anything else is nowhere to be found."""
        found = integer(self.request.path_params[name])
        if found is None:
            raise missing()
        return found


@dataclass(frozen=True)
class Endpoint:
    """A row of the API: what it needs and what it does."""

    method: str
    path: str
    scope: str
    handler: Callable[[Call], Json]
    customers: bool = False

    def route(self, world: World) -> Route:
        async def run(request: Request) -> Response:
            return await watched(world, self, request)

        return Route(PREFIX + self.path, run, methods=[self.method], include_in_schema=False)


async def watched(world: World, endpoint: Endpoint, request: Request) -> Response:
    """The answer; counted are the calls of those who were told to wait and did not."""
    chain = bearer(world, request)
    if chain and world.patience.is_broken_by(chain.store_id, customers=endpoint.customers):
        world.counters["api.too_early"] += 1
    found = await answer(world, endpoint, request)
    if chain and "Retry-After" in found.headers:
        world.patience.told(chain.store_id, found.headers)
    return found


async def answer(world: World, endpoint: Endpoint, request: Request) -> Response:
    """The endpoint's answer, or why there is none."""
    headers: dict[str, str] = {}
    world.counters["api.calls"] += 1
    world.counters[f"api {endpoint.method} {endpoint.path}"] += 1
    path = request.url.path.removeprefix(PREFIX)
    try:
        chain = bearer(world, request)
        fault = world.faults.take("api", path, chain.store_id if chain else None)
        if fault:
            spoiled = await spoil(fault, request)
            if spoiled:
                world.counters[f"api.fault.{fault.kind}"] += 1
                return spoiled
        if chain is None:
            raise unauthorized("The access token is invalid")
        store = world.store(chain.store_id)
        headers = limited(world, store, endpoint)
        scoped(world, chain, endpoint, path)
        call = Call(world, store, request, await read_body(request))
        payload = endpoint.handler(call)
    except ApiError as error:
        world.counters[f"api.status.{error.status}"] += 1
        return JSONResponse(error.body(), error.status, {**headers, **error.headers})
    except BodyError as error:
        return JSONResponse(bad_request(f"Bad request: {error}").body(), 400, headers)
    status = 201 if payload["status"] == 201 else 200
    return JSONResponse(payload, status, headers)


def bearer(world: World, request: Request) -> Chain | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return world.grants.by_access(token.strip()) if kind.lower() == "bearer" else None


def limited(world: World, store: Store, endpoint: Endpoint) -> dict[str, str]:
    verdict = world.limits.check(store.id, store.plan, customers=endpoint.customers)
    if verdict.blocked:
        raise ApiError(403, {"code": "forbidden", "message": "Temporarily blocked"}, verdict.headers)
    if not verdict.allowed:
        raise too_many(verdict.headers)
    return verdict.headers


def too_many(headers: dict[str, str]) -> ApiError:
    return ApiError(429, {"code": "too_many_requests", "message": "Too Many Attempts."}, headers)


def scoped(world: World, chain: Chain, endpoint: Endpoint, path: str) -> None:
    """A read scope is also opened by its read_write."""
    if not endpoint.scope:
        return
    held = chain.scopes - world.faults.lost_scopes(path, chain.store_id)
    wide = endpoint.scope if endpoint.scope.endswith("_write") else f"{endpoint.scope}_write"
    if endpoint.scope not in held and wide not in held:
        raise unauthorized(f"The access token should have access to one of those scopes: {endpoint.scope}")


async def spoil(fault: Fault, request: Request) -> Response | None:
    """The answer of a fault; None when the call goes on after all."""
    if fault.kind in ("timeout", "slow"):
        await asyncio.sleep(fault.seconds)
        return cut(request) if fault.kind == "timeout" else None
    if fault.kind in ("drop", "answer_lost"):
        return cut(request)
    if fault.kind == "garbage":
        return Response("<html><body>502 Bad Gateway</body></html>", 200, media_type="text/html")
    error = _fault_error(fault)
    return JSONResponse(error.body(), error.status, error.headers)


def _fault_error(fault: Fault) -> ApiError:
    if fault.kind == "429":
        wait = str(max(1, int(fault.seconds)))
        return too_many({"Retry-After": wait, "X-RateLimit-Limit": "120", "X-RateLimit-Remaining": "0"})
    if fault.kind == "user_deleted":
        return unauthorized(DELETED)
    if fault.kind == "user_inactive":
        return unauthorized(INACTIVE)
    return ApiError(int(fault.kind), {"code": "error", "message": "Something went wrong, please try again later"})


def json_response(payload: Any, status: int = 200) -> Response:
    """JSON for people and tests: indented, Arabic left readable."""
    text = json.dumps(payload, ensure_ascii=False, indent=1)
    return Response(text, status, media_type="application/json")


Handler = Callable[[Request], Awaitable[Response]]
