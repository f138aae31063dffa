"""Salla's store API as its storefront SDK calls it: the cart, coupons, products and the session of one browser.

Salla's is at `https://api.salla.dev/store/v1/` and knows the store by the header `Store-Identifier`. Three addresses
lie in the store itself, because there they meet its session: the latest cart, the token and the translations.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts.sandbox import words
from scripts.sandbox.actions import carts
from scripts.sandbox.models import Cart, Line, Product, Store
from scripts.sandbox.pricing import CouponError
from scripts.sandbox.reading import BodyError, integer, read_body
from scripts.sandbox.shapes import storefront as shapes
from scripts.sandbox.shapes.common import Lens
from scripts.sandbox.shopping import make_cart, open_cart, remember, session_of, summary, tracked
from scripts.sandbox.state import Session, World

API = "/store/v1"
MOST = 10
TOKEN_LIFE = 86_400.0
LANGUAGES = ("ar", "en")
NO_CART = "السلة غير متاحة"  # Salla's words: at these the SDK forgets the cart that it keeps


class ShopError(Exception):
    """The shop's no, with an Arabic text for the shopper."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass
class Ask:
    """One call of the SDK."""

    world: World
    store: Store
    session: Session
    lens: Lens
    path: dict[str, Any]
    given: dict[str, Any]

    def cart(self) -> Cart:
        """The cart of the address, which must be this browser's open one."""
        cart = open_cart(self.store, self.session)
        if cart is None or cart.id != integer(self.path["cart"]):
            raise ShopError(404, NO_CART)
        return cart

    def line(self) -> Line:
        number = integer(self.path["item"])
        found = next((line for line in self.cart().lines if line.id == number), None)
        if found is None:
            raise ShopError(404, "المنتج غير موجود في السلة")
        return found

    def product(self) -> Product:
        found = self.store.products.get(integer(self.path["product"]) or 0)
        if found is None or found.status == "hidden":
            raise ShopError(404, "المنتج غير متوفر")
        return found

    def says(self, word: str) -> str:
        return words.word(word, self.lens.language)


Data = dict[str, Any] | list[dict[str, Any]]
Handler = Callable[[Ask], Data]


def _changed(ask: Ask, line: Line, event: str = "", **more: Any) -> Data:
    """What the SDK is told after an item; `event` is what Salla has it track."""
    cart = ask.cart()
    tracking = {"events": {event: [tracked(ask.lens, line, cart.id)]}} if event else {}
    return {
        "product_id": line.product_id,
        "cart": summary(ask.lens, ask.session),
        "offer": None,
        "googleTags": None,
        **tracking,
        **more,
    }


def _quantity(ask: Ask, least: int) -> int:
    found = integer(ask.given.get("quantity", 1))
    if found is None or not least <= found <= MOST:
        raise ShopError(422, f"الكمية يجب أن تكون بين {least} و {MOST}")
    return found


def latest(ask: Ask) -> Data:
    """This browser's cart; the first call makes it."""
    make_cart(ask.world, ask.store, ask.session)
    return {"cart": summary(ask.lens, ask.session)}


def details(ask: Ask) -> Data:
    ask.cart()
    return {"cart": summary(ask.lens, ask.session)}


def add(ask: Ask) -> Data:
    product, cart, quantity = ask.product(), ask.cart(), _quantity(ask, 1)
    if product.status == "out" or product.quantity < quantity:
        raise ShopError(422, "الكمية المطلوبة غير متوفرة")
    line = next((row for row in cart.lines if row.product_id == product.id), None)
    if line is None:
        line = Line(ask.world.numbers.id(), product.id, quantity, product.now_price)
        cart.lines.append(line)
    else:
        line.quantity = min(MOST, line.quantity + quantity)
    carts.changed(ask.world, ask.store, cart)
    return _changed(ask, line, "Product Added", message=ask.says("item_added"))


def change(ask: Ask) -> Data:
    cart, line = ask.cart(), ask.line()
    line.quantity = _quantity(ask, 1)
    carts.changed(ask.world, ask.store, cart)
    return _changed(ask, line)


def take_out(ask: Ask) -> Data:
    cart, line = ask.cart(), ask.line()
    cart.lines.remove(line)
    if not cart.lines:
        cart.coupon = ""
    carts.changed(ask.world, ask.store, cart)
    return _changed(ask, line, "Product Removed")


def status(ask: Ask) -> Data:
    ask.cart()
    return {"active": True, "next_step": {"to": "checkout", "url": f"{ask.lens.domain}/checkout"}}


def add_coupon(ask: Ask) -> Data:
    cart, code = ask.cart(), str(ask.given.get("coupon", "")).strip()
    if not cart.lines:
        raise ShopError(422, "السلة فارغة")
    if not code or len(code) > 80:
        raise ShopError(422, "أدخل كود الكوبون")
    try:
        carts.apply_coupon(ask.world, ask.store, cart, code)
    except CouponError as error:
        raise ShopError(422, str(error)) from error
    return {"message": ask.says("coupon_added"), "cart": summary(ask.lens, ask.session)}


def delete_coupon(ask: Ask) -> Data:
    cart = ask.cart()
    cart.coupon = ""
    carts.changed(ask.world, ask.store, cart)
    return {"message": ask.says("coupon_deleted"), "cart": summary(ask.lens, ask.session)}


def assign(ask: Ask) -> Data:
    """The guest's cart becomes the customer's."""
    cart = ask.cart()
    cart.customer_id = ask.session.customer_id
    return {"cart_id": cart.id}


def product(ask: Ask) -> Data:
    return shapes.product(ask.lens, ask.product())


def reviews(ask: Ask) -> Data:
    shown = [review for review in ask.store.reviews.values() if review.is_published]
    count = integer(ask.given.get("per_page", 5)) or 5
    return [shapes.review(ask.lens, review) for review in shown[: max(1, min(count, 50))]]


def currencies(ask: Ask) -> Data:
    return [shapes.currency(ask.lens.language)]


def languages(ask: Ask) -> Data:
    return [{"id": number, "iso_code": code, "rtl": code == "ar"} for number, code in enumerate(LANGUAGES, 1)]


def profile(ask: Ask) -> Data:
    customer = ask.store.customers.get(ask.session.customer_id or 0)
    if customer is None:
        raise ShopError(401, "سجّل الدخول أولًا")
    return shapes.profile(ask.lens, customer)


def favourites(ask: Ask) -> Data:
    """The store has no wishlist."""
    return []


def unread(ask: Ask) -> Data:
    return {"count": 0, "is_notifiable": True}


def token(ask: Ask) -> Data:
    """A token like Salla's: the SDK reads of it whose it is and until when; nothing here asks for it."""
    customer = ask.session.customer_id
    if customer is None:
        raise ShopError(401, "سجّل الدخول أولًا")
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": str(customer), "exp": int(ask.world.clock.now() + TOKEN_LIFE)})
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return {"token": f"{'.'.join(encoded)}."}


def failure(code: int, text: str) -> Response:
    return JSONResponse({"status": code, "success": False, "error": {"code": "error", "message": text}}, code)


def _campaign(request: Request, session: Session) -> None:
    """What the SDK keeps of a campaign for ninety days comes with every call."""
    headers = request.headers
    found = {name: unquote(headers[name])[:200] for name in headers if name.startswith("s-utm-")}
    if "s-utm-source" in found:
        session.utm = {name.removeprefix("s-").replace("-", "_"): value for name, value in found.items()}


def _store(request: Request) -> Store | None:
    world: World = request.app.state.world
    asked = request.path_params.get("store") or request.headers.get("store-identifier")
    return world.stores.get(integer(asked) or 0)


def endpoint(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def call(request: Request) -> Response:
        world: World = request.app.state.world
        store = _store(request)
        if store is None:
            return failure(404, "المتجر غير موجود")
        session = session_of(request, store)
        _campaign(request, session)
        origin = f"{request.url.scheme}://{request.url.netloc}"
        lang = "en" if request.headers.get("accept-language", "").startswith("en") else "ar"
        lens = Lens(store, origin, world.clock.now(), lang)
        try:
            given = dict(request.query_params) | await read_body(request)
            data = handler(Ask(world, store, session, lens, request.path_params, given))
        except BodyError as error:
            return failure(400, str(error))
        except ShopError as error:
            return remember(request, store, session, failure(error.status, error.text))
        return remember(request, store, session, JSONResponse({"status": 200, "success": True, "data": data}))

    return call


async def unknown(request: Request) -> Response:
    return failure(404, "غير موجود")


async def translations(request: Request) -> Response:
    """The words of the theme, which the SDK fetches as a script."""
    found = {f"{lang}.trans": words.theme(lang) for lang in LANGUAGES}
    text = f"window.translations = {json.dumps(found, ensure_ascii=False)};"
    return Response(text, media_type="text/javascript")


CALLS: list[tuple[str, str, Handler]] = [
    ("GET", f"{API}/cart/latest", latest),
    ("POST", f"{API}/cart/{{cart}}/item/{{product}}/add", add),
    ("POST", f"{API}/cart/{{cart}}/item/{{product}}/quick-add", add),
    ("POST", f"{API}/cart/{{cart}}/item/{{item}}", change),
    ("DELETE", f"{API}/cart/{{cart}}/item/{{item}}", take_out),
    ("GET", f"{API}/cart/{{cart}}/status", status),
    ("POST", f"{API}/cart/{{cart}}/coupon", add_coupon),
    ("PUT", f"{API}/cart/{{cart}}/coupon", delete_coupon),
    ("DELETE", f"{API}/cart/{{cart}}/coupon/{{code}}", delete_coupon),
    ("POST", f"{API}/cart/{{cart}}/assign", assign),
    ("GET", f"{API}/cart/{{cart}}", details),
    ("GET", f"{API}/products/{{product}}/details", product),
    ("GET", f"{API}/products/favorites", favourites),
    ("GET", f"{API}/reviews", reviews),
    ("GET", f"{API}/currencies", currencies),
    ("GET", f"{API}/languages", languages),
    ("GET", f"{API}/auth/user", profile),
    ("GET", f"{API}/profile/notifications/unread", unread),
    ("GET", "/store/{store:int}/cart/latest", latest),
    ("POST", "/store/{store:int}/auth/refresh", token),
    ("POST", "/store/{store:int}/auth/jwt", token),
]
ROUTES = [
    *(Route(path, endpoint(handler), methods=[method]) for method, path, handler in CALLS),
    Route("/store/{store:int}/languages/assets/{hash}.js", translations, methods=["GET"]),
    Route(f"{API}/{{rest:path}}", unknown, methods=["GET", "POST", "PUT", "DELETE"]),
]
