"""Drawn pictures of the goods: one small SVG per product, no files and no downloads."""

import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.sandbox.models import Product, Store
from scripts.sandbox.reading import integer
from scripts.sandbox.state import World

PALETTES = {
    "perfumes": ("#8c5a2b", "#c99a5b", "#6b3f2a", "#a9744f", "#b4636a", "#7d6b57"),
    "children": ("#3b8ea5", "#f49d6e", "#7fb685", "#e76f88", "#8e7dbe", "#e9b44c"),
}
SHAPES: dict[str, str] = json.loads(Path(__file__).with_name("drawings.json").read_text("utf-8"))
"""By name; {c} and {d} are the colour and the darker one."""


def product_svg(store: Store, product: Product) -> str:
    palette = PALETTES[store.kind]
    place = int(product.sku[-3:]) % len(palette)
    colour, dark = palette[place], palette[(place + 2) % len(palette)]
    drawn = SHAPES[product.shape].replace("{c}", colour).replace("{d}", dark)
    return SHAPES["frame"].format(tint=store.tint, colour=colour, drawn=drawn)


def logo_svg(store: Store) -> str:
    return SHAPES["logo"].format(colour=store.colour, mark=SHAPES[f"mark_{store.kind}"])


async def picture(request: Request) -> Response:
    world: World = request.app.state.world
    store = world.stores.get(integer(request.path_params["store"]) or 0)
    name = request.path_params["name"]
    if store and name == "logo":
        drawn = logo_svg(store)
    elif store and (product := store.products.get(integer(name) or 0)):
        drawn = product_svg(store, product)
    else:
        return Response("Not found", 404)
    return Response(drawn, media_type="image/svg+xml", headers={"Cache-Control": "max-age=3600"})


ROUTES = [Route("/media/{store}/{name}.svg", picture, methods=["GET"])]
