"""s.salla.sa/embedded: the merchant's dashboard around the app, in the words of Salla's embedded SDK.

The SDK listens to Salla's own hosts and to `localhost`, so the dashboard stands there; the app's page is loaded from
127.0.0.1, another site, so that its cookies are third-party as they are at Salla.
"""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scripts.sandbox.models import Store
from scripts.sandbox.pages import language, page, wrong
from scripts.sandbox.reading import integer
from scripts.sandbox.state import World

THEMES = ("light", "dark")
WHO = ("owner", "employee")


def person_of(store: Store, who: str) -> int:
    """The number of the store's owner, or of somebody who works for him, of whom Salla tells apps nothing else."""
    return store.owner_id if who != "employee" else store.owner_id * 10 + 7


def frame_address(world: World, store: Store, *, who: str, theme: str, lang: str) -> str:
    """What Salla's dashboard puts into the frame: the app's address with a new token."""
    token = world.grants.give_embedded(store.id, person_of(store, who))
    told = {"token": token, "theme": theme, "lang": lang, "app_id": world.config.app_id}
    return f"{world.config.framed_to}?{urlencode(told)}"


def _of(query: str | None, choices: tuple[str, ...]) -> str:
    return query if query in choices else choices[0]


async def dashboard(request: Request) -> Response:
    world: World = request.app.state.world
    if request.path_params["app"] != world.config.app_id:
        return wrong(request, 404, "There is no such app")
    query = request.query_params
    installed = [store for store in world.stores.values() if store.installed_at]
    store = world.stores.get(integer(query.get("store")) or 0) or next(iter(installed or world.stores.values()))
    theme, who = _of(query.get("theme"), THEMES), _of(query.get("who"), WHO)
    src = frame_address(world, store, who=who, theme=theme, lang=language(request))
    return page(request, "embedded.html", store=store, src=src, whos=WHO, theme=theme, who=who)


async def home(request: Request) -> Response:
    """The app's page of the chosen store: `/embedded/?store=…`."""
    world: World = request.app.state.world
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{world.config.dashboard}/embedded/app/{world.config.app_id}/{query}", 303)


async def of_store(request: Request) -> Response:
    """The console's button."""
    query = {**request.query_params, "store": request.path_params["store"]}
    return RedirectResponse(f"/embedded/?{urlencode(query)}", 303)


ROUTES = [
    Route("/embedded/", home, methods=["GET"]),
    Route("/embedded/app/{app}/", dashboard, methods=["GET"]),
    Route("/console/store/{store}/app", of_store, methods=["GET"]),
]
