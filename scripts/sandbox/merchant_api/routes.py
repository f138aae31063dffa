"""All routes of the Merchant API."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.sandbox.merchant_api import apps, catalogue, coupons, hooks, orders, shoppers
from scripts.sandbox.merchant_api.envelope import missing
from scripts.sandbox.merchant_api.gate import PREFIX
from scripts.sandbox.state import World

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def unknown(request: Request) -> Response:
    return JSONResponse(missing().body(), 404)


def routes(world: World) -> list[Route]:
    modules = (catalogue, orders, shoppers, coupons, hooks, apps)
    return [
        *(endpoint.route(world) for module in modules for endpoint in module.ENDPOINTS),
        Route("/exchange-authority/v1/introspect", apps.introspect, methods=["POST"]),
        Route(PREFIX + "/{rest:path}", unknown, methods=METHODS),
    ]
