"""The demo storefront: home, product, cart, login, checkout and thank-you, in Arabic and English."""

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from scripts.sandbox.actions import carts, orders, people
from scripts.sandbox.models import Customer, Order, Product, Store
from scripts.sandbox.pages import language, page, wrong
from scripts.sandbox.pricing import CouponError
from scripts.sandbox.reading import BodyError, integer, read_body, truth
from scripts.sandbox.seed.stores import catalogue
from scripts.sandbox.shapes import storefront as shapes
from scripts.sandbox.shapes.common import Lens
from scripts.sandbox.shopping import open_cart, remember, session_of, shopper_id, summary, tracked, viewed
from scripts.sandbox.state import Session, World
from scripts.sandbox.storefront_api import API

SDKS = {"real": "vendor/twilight.min.js", "own": "salla.js"}
"""The scripts that define `window.salla`, in `static/`: Salla's published SDK where npm has fetched it, and ours."""

TRACKED = (
    "Cart Updated", "Cart Viewed", "Coupon Applied", "Coupon Denied", "Coupon Removed", "Order Completed",
    "Product Added", "Product Removed", "Product Viewed",
)  # fmt: skip
STATIC = Path(__file__).resolve().parent / "static"

MOBILE = re.compile(r"5\d{8}")
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,}")
METHODS = ("mada", "apple_pay", "tabby_installment", "tamara_installment", "cod", "bank")
CLICK_IDS = {"fbclid": "facebook", "gad_source": "google", "ttclid": "tiktok", "twclid": "twitter", "scid": "snapchat"}


def _store(request: Request) -> Store | None:
    world: World = request.app.state.world
    return world.stores.get(integer(request.path_params["store"]) or 0)


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _lens(request: Request, store: Store) -> Lens:
    return Lens(store, _origin(request), request.app.state.world.clock.now(), language(request))


def _sdk(request: Request, session: Session) -> str:
    """`?sdk=own` or `?sdk=real` is kept; Salla's own where it was fetched."""
    if request.query_params.get("sdk") in SDKS:
        session.sdk = request.query_params["sdk"]
    return "own" if session.sdk == "own" or not (STATIC / SDKS["real"]).exists() else "real"


def show(request: Request, store: Store, session: Session, template: str, slug: str, **context: Any) -> Response:
    """A page of the store; `slug` is what the SDK calls it, `tracking` what Salla has the SDK track on it."""
    _campaign(request, session)
    lens, sdk = _lens(request, store), _sdk(request, session)
    customer = store.customers.get(session.customer_id or 0)
    title = context.get("title", store.name(lens.language))
    where = {"slug": slug, "title": title, "id": context.pop("page_id", None)}
    config = _config(lens, session, customer) | {"page": where, "events": context.pop("tracking", {})}
    answer = page(
        request, template, store=store, cart=summary(lens, session), customer=customer, sdk=sdk, sdk_config=config,
        sdk_address=f"/static/{SDKS[sdk]}", categories=catalogue(store.kind)["categories"], root=f"/store/{store.id}",
        **context,
    )  # fmt: skip
    return remember(request, store, session, answer)


def _campaign(request: Request, session: Session) -> None:
    """The last touch wins and needs a source, as in Salla's SDK."""
    query = request.query_params
    found = {name: query[name][:200] for name in query if name.startswith("utm_")}
    for name, network in CLICK_IDS.items():
        if name in query:
            found.setdefault("utm_source", network)
    if found.get("utm_source"):
        session.utm = found


def _config(lens: Lens, session: Session, customer: Customer | None) -> dict[str, Any]:
    """What Salla's theme engine hands to `salla.init`, without the page's part."""
    store, lang = lens.store, lens.language
    user: dict[str, Any] = {
        "id": shopper_id(session),
        "type": "user" if customer else "guest",
        "language_code": lang,
        "currency_code": "SAR",
        "country_code": "SA",
    }
    if customer:
        user |= {"email": customer.email, "mobile": customer.phone, "first_name": customer.first_name}
    return {
        "store": {
            "id": store.id, "url": lens.domain, "api": f"{lens.base}{API}/",
            "name": store.name(lang), "username": store.username, "logo": f"/media/{store.id}/logo.svg",
            "country": "SA", "lang": None, "features": [], "scope": None,
            "settings": {"cart": {"apply_coupon_enabled": True}, "arabic_numbers_enabled": False},
            "contacts": {"whatsapp": store.mobile},
        },
        "user": user,
        "currencies": {"SAR": shapes.currency(lang)},
        "languages": {"ar": {"code": "ar", "is_rtl": True}, "en": {"code": "en", "is_rtl": False}},
        "theme": {
            "name": "sandbox", "mode": "live", "translations_hash": "1",
            "color": {"primary": store.colour, "text": "#fff", "is_dark": True, "reverse_primary": store.tint},
        },
        "app": {key: value for key, value in (store.settings or {}).items() if not key.startswith("secret")},
        "jitsu": {"events": TRACKED},
    }  # fmt: skip


def nothing(request: Request) -> Response:
    return wrong(request, 404, "404")


async def home(request: Request) -> Response:
    store = _store(request)
    if store is None:
        return nothing(request)
    chosen = request.query_params.get("category")
    best = sorted(store.products.values(), key=lambda p: p.price, reverse=True)[2:8:2]
    shown = [p for p in store.products.values() if p.status != "hidden" and (not chosen or p.category == chosen)]
    slug = "product.index" if chosen else "index"
    return show(
        request, store, session_of(request, store), "store_home.html", slug, products=shown, chosen=chosen,
        favourites=best,
    )  # fmt: skip


async def product_page(request: Request) -> Response:
    store = _store(request)
    product = store.products.get(integer(request.path_params["product"]) or 0) if store else None
    if store is None or product is None or product.status == "hidden":
        return nothing(request)
    product.views += 1
    reviews = [r for r in store.reviews.values() if r.product_id == product.id and r.is_published]
    return show(
        request, store, session_of(request, store), "store_product.html", "product.single", page_id=product.id,
        product=product, title=product.name(language(request)), reviews=reviews[-6:], others=_others(store, product),
        tracking={"Product Viewed": [viewed(_lens(request, store), product)]},
    )  # fmt: skip


def _others(store: Store, product: Product) -> list[Product]:
    same = [p for p in store.products.values() if p.category == product.category and p.id != product.id]
    rest = [p for p in store.products.values() if p.category != product.category]
    return [p for p in (*same, *rest) if p.status == "sale"][:4]


async def cart_page(request: Request) -> Response:
    store = _store(request)
    if store is None:
        return nothing(request)
    session = session_of(request, store)
    cart = open_cart(store, session)
    tracking: dict[str, Any] = {}
    if cart is not None and cart.lines:
        rows = [tracked(_lens(request, store), line, cart.id) for line in cart.lines]
        tracking["Cart Viewed"] = [{"cart_id": cart.id, "products": rows}]
    page_id = cart.id if cart else None
    return show(request, store, session, "store_cart.html", "cart", page_id=page_id, tracking=tracking)


async def cart_link(request: Request) -> Response:
    """The `checkout_url` of a left cart: the shopper comes back to it, whatever the device."""
    store = _store(request)
    cart = store.carts.get(integer(request.path_params["cart"]) or 0) if store else None
    if store is None or cart is None:
        return nothing(request)
    session = session_of(request, store)
    _campaign(request, session)
    if cart.status == "active":
        session.cart_id, session.customer_id = cart.id, cart.customer_id
    answer = RedirectResponse(f"/store/{store.id}/cart?{request.url.query}", 303)
    return remember(request, store, session, answer)


async def login(request: Request) -> Response:
    """A number is enough here; a new one makes a customer."""
    store = _store(request)
    if store is None:
        return nothing(request)
    world: World = request.app.state.world
    session = session_of(request, store)
    if request.method == "GET":
        some = [c for c in store.customers.values() if not c.deleted][:8]
        return show(request, store, session, "store_login.html", "login", problem="", some=some)
    try:
        customer, problem = _identify(world, store, await read_body(request))
    except BodyError as error:
        return wrong(request, 400, str(error))
    if customer is None:
        some = list(store.customers.values())[:8]
        return show(request, store, session, "store_login.html", "login", problem=problem, some=some)
    _sign_in(store, session, customer)
    people.login(world, store, customer)
    return remember(request, store, session, RedirectResponse(f"/store/{store.id}/", 303))


async def enter(request: Request) -> Response:
    """The sandbox's own way in: this browser belongs to that customer, for the stage and for tests."""
    store = _store(request)
    customer = store.customers.get(integer(request.path_params["customer"]) or 0) if store else None
    if store is None or customer is None:
        return nothing(request)
    session = session_of(request, store)
    if session.customer_id != customer.id:
        session.cart_id = None
        _sign_in(store, session, customer)
        people.login(request.app.state.world, store, customer)
    return remember(request, store, session, RedirectResponse(f"/store/{store.id}/", 303))


async def logout(request: Request) -> Response:
    store = _store(request)
    if store is None:
        return nothing(request)
    session = session_of(request, store)
    session.customer_id, session.cart_id = None, None
    return RedirectResponse(f"/store/{store.id}/", 303)


def _sign_in(store: Store, session: Session, customer: Customer) -> None:
    session.customer_id = customer.id
    cart = open_cart(store, session)
    if cart is not None:
        cart.customer_id = customer.id


def _identify(world: World, store: Store, given: dict[str, Any]) -> tuple[Customer | None, str]:
    """The customer of these contact fields, new if need be; or what is wrong with them."""
    western = str(given.get("mobile", "")).translate(str.maketrans("٠١٢٣٤٥٦٧٨٩", "0123456789"))
    digits = "".join(letter for letter in western if letter.isdigit())
    mobile = digits.removeprefix("00").removeprefix("966").removeprefix("0")
    if not MOBILE.fullmatch(mobile):
        return None, "mobile"
    email = str(given.get("email", "")).strip().lower()
    if email and not EMAIL.fullmatch(email):
        return None, "email"
    known = next((c for c in store.customers.values() if c.mobile == mobile and not c.deleted), None)
    if known:
        return known, ""
    name = str(given.get("name", "")).strip()[:60] or "زائر المتجر"
    consent = bool(truth(given.get("consent", "")))
    email = email or f"s{mobile}@mail.example"
    city = str(given.get("city", ""))[:40]
    try:
        return people.create(world, store, name=name, mobile=mobile, email=email, city=city, consent=consent), ""
    except people.TakenError as error:
        return None, f"{error.field}_taken"


async def checkout(request: Request) -> Response:
    """Salla's own checkout, without snippets: first who, then how to pay."""
    store = _store(request)
    if store is None:
        return nothing(request)
    session = session_of(request, store)
    cart = open_cart(store, session)
    if cart is None or not cart.lines:
        return RedirectResponse(f"/store/{store.id}/cart", 303)
    if request.method == "GET":
        return _checkout_page(request, store, session)
    try:
        given = await read_body(request)
    except BodyError as error:
        return wrong(request, 400, str(error))
    world: World = request.app.state.world
    if "payment_method" not in given:
        customer, problem = _identify(world, store, given)
        if customer is None:
            return _checkout_page(request, store, session, problem)
        _sign_in(store, session, customer)
        return RedirectResponse(f"/store/{store.id}/checkout", 303)
    return _pay(request, world, store, session, str(given["payment_method"]))


def _checkout_page(request: Request, store: Store, session: Session, problem: str = "") -> Response:
    return show(request, store, session, "store_checkout.html", "checkout", problem=problem, methods=METHODS)


def _pay(request: Request, world: World, store: Store, session: Session, method: str) -> Response:
    customer, cart = store.customers.get(session.customer_id or 0), open_cart(store, session)
    if customer is None or cart is None or method not in METHODS:
        return _checkout_page(request, store, session, "method")
    agent = request.headers.get("user-agent", "")
    source = session.utm.get("utm_source")
    basket = orders.Basket(
        customer, cart.lines, method, cart.coupon, cart, "mobile" if "Mobi" in agent else "desktop",
        "utm_source" if source else "direct", source,
    )  # fmt: skip
    try:
        order = orders.place(world, store, basket)
    except CouponError as error:
        cart.coupon = ""
        carts.changed(world, store, cart)
        return _checkout_page(request, store, session, str(error))
    session.cart_id = None
    return RedirectResponse(f"/store/{store.id}/thank-you/{order.token}", 303)


def _order(store: Store | None, token: str) -> Order | None:
    return next((o for o in store.orders.values() if o.token == token), None) if store else None


async def thank_you(request: Request) -> Response:
    store = _store(request)
    order = _order(store, request.path_params["token"])
    if store is None or order is None:
        return nothing(request)
    tracking = {"Order Completed": [_completed(_lens(request, store), order)]}
    return show(
        request, store, session_of(request, store), "store_thanks.html", "thank-you", page_id=order.id, order=order,
        tracking=tracking,
    )  # fmt: skip


def _completed(lens: Lens, order: Order) -> dict[str, Any]:
    rows = [
        {**viewed(lens, lens.store.products[line.product_id]), "price": line.price, "quantity": line.quantity}
        for line in order.lines
    ]
    products = [{"product_id": str(row.pop("id")), **row} for row in rows]
    return {
        "order_id": order.id, "checkout_id": order.checkout_id, "total": order.total, "subtotal": order.sub_total,
        "shipping": order.shipping_cost, "discount": order.discount, "currency": "SAR", "products": products,
        "coupon": order.discounts[0].code if order.discounts else None,
    }  # fmt: skip


async def leave(request: Request) -> Response:
    """The sandbox's own button: Salla finds this cart abandoned now."""
    store = _store(request)
    if store is None:
        return nothing(request)
    world: World = request.app.state.world
    session = session_of(request, store)
    cart = open_cart(store, session)
    if cart is not None and cart.lines and cart.customer_id:
        carts.abandon(world, store, cart)
    return RedirectResponse(f"/store/{store.id}/", 303)


async def any_store(request: Request) -> Response:
    """The street: its first shop."""
    return RedirectResponse(f"/store/{next(iter(request.app.state.world.stores))}/", 303)


ROUTES = [
    Route("/store/", any_store, methods=["GET"]),
    Route("/store/{store}/", home, methods=["GET"]),
    Route("/store/{store}/cart", cart_page, methods=["GET"]),
    Route("/store/{store}/login", login, methods=["GET", "POST"]),
    Route("/store/{store}/enter/{customer}", enter, methods=["GET"]),
    Route("/store/{store}/logout", logout, methods=["POST"]),
    Route("/store/{store}/leave", leave, methods=["POST"]),
    Route("/store/{store}/checkout", checkout, methods=["GET", "POST"]),
    Route("/store/{store}/checkout/{cart}", cart_link, methods=["GET"]),
    Route("/store/{store}/thank-you/{token}", thank_you, methods=["GET"]),
    Route("/store/{store}/order/{token}", thank_you, methods=["GET"]),
    Route("/store/{store}/p{product}", product_page, methods=["GET"]),
    Route("/store/{store}/{slug}/p{product}", product_page, methods=["GET"]),
]
