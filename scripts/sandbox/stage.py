"""The stage: two shoppers' phones, the merchant's dashboard and the demo clock side by side."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.sandbox.models import Customer, Store
from scripts.sandbox.pages import page
from scripts.sandbox.reading import integer
from scripts.sandbox.state import World

SHOPPERS = 2


def cast(store: Store) -> list[Customer]:
    """Two shoppers who agreed to messages."""
    willing = [c for c in store.customers.values() if c.notifications and not c.deleted]
    return willing[:SHOPPERS]


async def stage(request: Request) -> Response:
    world: World = request.app.state.world
    asked = integer(request.query_params.get("store"))
    store = world.stores.get(asked or 0) or next(iter(world.stores.values()))
    return page(
        request, "stage.html", store=store, shoppers=cast(store), other_origin=world.config.other_base,
        now=world.clock.now(),
    )  # fmt: skip


ROUTES = [Route("/stage/", stage, methods=["GET"])]
