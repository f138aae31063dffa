"""The console: Salla's side of the app, with a button for everything that can happen."""

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scripts.sandbox.actions.given import ActionError, Given
from scripts.sandbox.actions.lifecycle import PLANS, SUBSCRIPTION_EVENTS, TRIAL_EVENTS
from scripts.sandbox.console_actions import run
from scripts.sandbox.faults import KINDS
from scripts.sandbox.limits import PER_MINUTE
from scripts.sandbox.merchant_api.gate import json_response
from scripts.sandbox.models import PAYMENT_METHODS, Store
from scripts.sandbox.pages import page, wrong
from scripts.sandbox.reading import BodyError, integer, read_body
from scripts.sandbox.shapes.common import STATUSES
from scripts.sandbox.state import World

RECENT = 12
LOG_ROWS = 200
ASKED = {"fault": ("count", "scope"), "webhooks": ("duplicate", "delay", "drop")}
"""The fields of the home page's forms that can be wrong."""


def _store(request: Request) -> Store | None:
    world: World = request.app.state.world
    return world.stores.get(integer(request.path_params["store"]) or 0)


async def home(request: Request) -> Response:
    return _home(request)


def _home(request: Request, status: int = 200, refused: dict[str, Any] | None = None) -> Response:
    """`refused` is a form that was not taken: its action, the wrong field, and what was typed."""
    faults = request.app.state.world.faults.listing()
    return page(request, "console_home.html", status, faults=faults, kinds=KINDS, refused=refused or {"action": ""})


async def store_page(request: Request) -> Response:
    store = _store(request)
    if store is None:
        return wrong(request, 404, "There is no such store")
    orders = sorted((o for o in store.orders.values() if not o.deleted), key=lambda o: o.created_at, reverse=True)
    left = (c for c in store.carts.values() if c.status == "active")
    carts = sorted(left, key=lambda c: c.updated_at, reverse=True)
    people = sorted(store.customers.values(), key=lambda c: c.updated_at, reverse=True)
    return page(
        request, "console_store.html", store=store, orders=orders[:RECENT], carts=carts[:RECENT], people=people,
        statuses=list(STATUSES), methods=PAYMENT_METHODS, plans=list(PER_MINUTE), app_plans=list(PLANS),
        subscription_events=SUBSCRIPTION_EVENTS, trial_events=TRIAL_EVENTS,
        chain=_chain(request.app.state.world, store),
        coupons=[c for c in store.coupons.values() if c.status == "active"],
    )  # fmt: skip


def _chain(world: World, store: Store) -> dict[str, object] | None:
    chains = [chain for chain in world.grants.summary()["chains"] if chain["store"] == store.id]
    return chains[-1] if chains else None


async def log(request: Request) -> Response:
    world: World = request.app.state.world
    rows = list(world.dispatcher.log)[-LOG_ROWS:][::-1]
    event = request.query_params.get("event")
    shown = [row for row in rows if not event or row.event == event]
    return page(request, "console_log.html", rows=shown, events=sorted({row.event for row in rows}), event=event)


def _back(world: World, asked: str) -> str:
    """A path of ours to return to; never another site."""
    parts = urlsplit(asked)
    own = not parts.netloc or f"{parts.scheme}://{parts.netloc}" == world.config.base
    return parts.path if own and parts.path.startswith(("/console", "/stage")) else "/console/"


def _foreign(request: Request, world: World) -> bool:
    """A form of another site; programs send no Origin."""
    origin = request.headers.get("origin")
    return origin is not None and origin not in (world.config.base, f"{request.url.scheme}://{request.url.netloc}")


async def act(request: Request) -> Response:
    """POST /console/api/<action>: JSON in, JSON out; a form goes back to its page."""
    world: World = request.app.state.world
    form = "text/html" in request.headers.get("accept", "")
    if _foreign(request, world):
        return json_response({"error": "Another site may not press these buttons"}, 403)
    try:
        fields = await read_body(request)
        answer = run(request.path_params["action"], Given(world, fields))
    except BodyError as error:
        return json_response({"error": str(error)}, 400)
    except ActionError as error:
        if not form:
            return json_response({"error": error.text}, error.status)
        action = request.path_params["action"]
        if error.name in ASKED.get(action, ()):
            return _home(request, error.status, {"action": action, "name": error.name, "typed": fields})
        return wrong(request, error.status, error.text)
    if form:
        return RedirectResponse(_back(world, str(fields.get("back", ""))), 303)
    return json_response(answer)


async def install_link(request: Request) -> Response:
    """s.salla.sa/apps/install/<app>: choose a store for it in the console."""
    return RedirectResponse("/console/", 303)


ROUTES = [
    Route("/console/", home, methods=["GET"]),
    Route("/console/log", log, methods=["GET"]),
    Route("/console/store/{store}", store_page, methods=["GET"]),
    Route("/console/api/{action}", act, methods=["POST"]),
    Route("/apps/install/{app}", install_link, methods=["GET"]),
]
