"""/apps/{id}: settings and subscriptions, and the introspection of embedded tokens."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scripts.sandbox.actions import lifecycle
from scripts.sandbox.clock import day, zulu
from scripts.sandbox.grants import GrantError
from scripts.sandbox.merchant_api.envelope import Json, message, missing, success
from scripts.sandbox.merchant_api.gate import Call, Endpoint, spoil
from scripts.sandbox.models import Subscription
from scripts.sandbox.reading import BodyError, read_body
from scripts.sandbox.shapes.common import plain_number
from scripts.sandbox.state import World


def _own_app(call: Call) -> None:
    if call.request.path_params["id"] != call.world.config.app_id:
        raise missing()


def settings(call: Call) -> Json:
    _own_app(call)
    slug = call.world.config.app_name.lower().replace(" ", "-")
    return success({"app_id": call.world.config.app_id, "app_slug": slug, "settings": call.store.settings or {}})


def save_settings(call: Call) -> Json:
    """A full replace: what is left out becomes null."""
    _own_app(call)
    forgotten = dict.fromkeys(call.store.settings or {})
    call.store.settings = {**forgotten, **call.body}
    lifecycle.settings_updated(call.world, call.store)
    return message("The entity has been updated successfully", 201)


def subscriptions(call: Call) -> Json:
    _own_app(call)
    sold = (call.store.subscription, call.store.add_on)
    return success([_subscription(call.world, each) for each in sold if each])


def _subscription(world: World, given: Subscription) -> Json:
    """Here prices are numbers; the events have them as text."""
    tax = given.price * 0.15
    return {
        "id": world.config.app_id,
        "app_name": world.config.app_name,
        "description": "Marketing for Salla stores",
        "app_type": "app",
        "categories": ["Marketing"],
        "item_type": given.item_type,
        "item_slug": given.item_slug,
        "plan_type": "recurring" if given.price else "free",
        "plan_name": given.plan,
        "plan_period": "1",
        "start_date": day(given.started_at),
        "end_date": day(given.ends_at),
        "initialization_cost": 0,
        "price_before_discount": plain_number(given.price),
        "price": plain_number(given.price),
        "tax": plain_number(tax),
        "tax_value": plain_number(tax),
        "total": plain_number(given.price + tax),
        "subscription_balance": 0,
        "coupon": None,
        "features": [{"key": "messages", "quantity": 1}],
        "quantity": given.quantity,
    }


async def introspect(request: Request) -> Response:
    """POST /exchange-authority/v1/introspect with the header S-Source."""
    world: World = request.app.state.world
    world.counters["introspect.calls"] += 1
    fault = world.faults.take("introspect", request.url.path)
    if fault and (spoiled := await spoil(fault, request)):
        return spoiled
    try:
        token = str((await read_body(request)).get("token", ""))
        store_id, user_id, until = world.grants.introspect(token, request.headers.get("s-source", ""))
    except (GrantError, BodyError):
        error = {"message": "Decryption failed", "code": 0}
        return JSONResponse({"status": 401, "success": False, "error": error}, 401)
    exp = zulu(until).replace(".000000", "")
    return JSONResponse(success({"merchant_id": store_id, "user_id": user_id, "exp": exp}))


ENDPOINTS = [
    Endpoint("GET", "/apps/{id}/settings", "", settings),
    Endpoint("POST", "/apps/{id}/settings", "", save_settings),
    Endpoint("GET", "/apps/{id}/subscriptions", "", subscriptions),
]
