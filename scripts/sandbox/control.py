"""What tests and other programs steer the sandbox with: JSON under names that begin with an underscore."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.sandbox.actions import carts
from scripts.sandbox.faults import FaultError
from scripts.sandbox.merchant_api.gate import json_response
from scripts.sandbox.reading import BodyError, integer, number, read_body
from scripts.sandbox.state import World

LONGEST_WAIT = 120.0


def _bad(text: str) -> Response:
    return json_response({"error": text}, 422)


async def state(request: Request) -> Response:
    return json_response(request.app.state.world.summary())


async def reset(request: Request) -> Response:
    world: World = request.app.state.world
    world.dispatcher.reset()
    world.reset()
    return json_response({"seed": world.config.seed})


async def faults(request: Request) -> Response:
    """GET lists, POST adds one (or `{"clear": true}`), DELETE clears."""
    world: World = request.app.state.world
    try:
        given = await read_body(request)
        if request.method == "DELETE" or given.get("clear"):
            world.faults.clear()
        elif request.method == "POST":
            world.faults.add(given)
    except (FaultError, BodyError) as error:
        return _bad(str(error))
    return json_response({"faults": world.faults.listing()})


async def clock(request: Request) -> Response:
    """GET tells the offset; POST `advance` (or `offset`) in seconds, `rate_speed` for the rate limits' time."""
    world: World = request.app.state.world
    try:
        given = await read_body(request) if request.method == "POST" else {}
    except BodyError as error:
        return _bad(str(error))
    values = {name: number(given[name]) for name in ("advance", "offset", "rate_speed") if name in given}
    if None in values.values():
        return _bad("advance, offset and rate_speed are numbers")
    world.clock.advance(values.get("advance") or 0.0)
    world.clock.offset = values["offset"] or 0.0 if "offset" in values else world.clock.offset
    world.clock.rate_speed = values["rate_speed"] or 0.0 if "rate_speed" in values else world.clock.rate_speed
    found = carts.sweep(world) if values else 0
    return json_response({"offset": world.clock.offset, "now": world.clock.now(), "abandoned": found})


async def webhooks(request: Request) -> Response:
    """GET the delivery log (`?event=`, `?merchant=`, `?after=`, `?last=`, `?body=0`); POST switches."""
    dispatcher = request.app.state.world.dispatcher
    if request.method == "POST":
        try:
            dispatcher.set(await read_body(request))
        except (ValueError, TypeError) as error:
            return _bad(str(error))
        return json_response(dispatcher.summary())
    query = request.query_params
    newest = integer(query.get("last")) or len(dispatcher.log)
    rows = [
        delivery.row(body=query.get("body") != "0")
        for delivery in list(dispatcher.log)[-newest:]
        if (not query.get("event") or delivery.event == query["event"])
        and (not query.get("merchant") or str(delivery.merchant) == query["merchant"])
        and delivery.id > (integer(query.get("after")) or 0)
    ]
    return json_response({**dispatcher.summary(), "deliveries": rows})


async def settle(request: Request) -> Response:
    """Wait until no webhook is on its way; `?seconds=` at most (10)."""
    seconds = number(request.query_params.get("seconds", 10))
    if seconds is None or not 0 <= seconds <= LONGEST_WAIT:
        return _bad(f"seconds must be from 0 to {LONGEST_WAIT:g}")
    world: World = request.app.state.world
    world.dispatcher.release()
    return json_response({"settled": await world.dispatcher.settle(seconds), **world.dispatcher.summary()})


async def messages(request: Request) -> Response:
    """GET `?to=&channel=&provider=`; DELETE forgets them."""
    world: World = request.app.state.world
    if request.method == "DELETE":
        world.mailbox.clear()
    query = request.query_params
    wanted = {name: query.get(name, "") for name in ("to", "channel", "provider", "state", "correlation")}
    return json_response({"messages": world.mailbox.listing(**wanted)})


ROUTES = [
    Route("/_state", state, methods=["GET"]),
    Route("/_reset", reset, methods=["POST"]),
    Route("/_faults", faults, methods=["GET", "POST", "DELETE"]),
    Route("/_clock", clock, methods=["GET", "POST"]),
    Route("/_webhooks", webhooks, methods=["GET", "POST"]),
    Route("/console/log.json", webhooks, methods=["GET"]),
    Route("/_settle", settle, methods=["GET", "POST"]),
    Route("/_messages", messages, methods=["GET", "DELETE"]),
]
