"""The sandbox as one ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from scripts.sandbox import accounts, console, control, embedded, phone, pictures, stage, storefront, storefront_api
from scripts.sandbox.actions import carts
from scripts.sandbox.config import Config
from scripts.sandbox.merchant_api import routes as merchant_api
from scripts.sandbox.providers import routes as providers
from scripts.sandbox.providers.smtp import serve_mail
from scripts.sandbox.state import World
from scripts.sandbox.webhooks import Dispatcher

STATIC = Path(__file__).resolve().parent / "static"
SWEEP_EVERY = 5.0


async def index(request: Request) -> Response:
    return RedirectResponse("/console/", 303)


async def sweep_for_ever(world: World) -> None:
    """Salla notices left carts by itself."""
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        carts.sweep(world)


def routes(world: World) -> list[BaseRoute]:
    return [
        Route("/", index),
        *accounts.ROUTES,
        *merchant_api.routes(world),
        *control.ROUTES,
        *console.ROUTES,
        *embedded.ROUTES,
        *pictures.ROUTES,
        *storefront_api.ROUTES,
        *storefront.ROUTES,
        *providers.ROUTES,
        *phone.ROUTES,
        *stage.ROUTES,
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def build(config: Config) -> Starlette:
    """The application with its own world; the mail sink lives as long as it does."""
    world = World(config)
    world.dispatcher = Dispatcher(world)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(sweep_for_ever(world))
        async with serve_mail(world):
            yield
        sweeper.cancel()
        world.dispatcher.close()

    app = Starlette(routes=routes(world), lifespan=lifespan)
    app.state.world = world
    return app
