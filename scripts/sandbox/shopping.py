"""One shopper's browser in one store: its session, its cart, and the cart's summary as Salla's SDK gives it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from scripts.sandbox.actions import carts
from scripts.sandbox.models import Cart, Line, Product, Store
from scripts.sandbox.pricing import discount_of
from scripts.sandbox.shapes.common import CURRENCY, Lens, plain_number
from scripts.sandbox.state import Session, World

FREE_SHIPPING_FROM, SHIPPING = 300.0, 25.0
TAX = 0.15
COOKIE_LIFE = 30 * 86_400


def cookie_name(request: Request, store: Store) -> str:
    """Cookies do not tell ports apart, two shoppers on one machine must."""
    return f"sf_{request.url.port or 80}_{store.id}"


def session_of(request: Request, store: Store) -> Session:
    """The browser's session, a new one when it has none."""
    world: World = request.app.state.world
    key = request.cookies.get(cookie_name(request, store), "")
    found = world.sessions.get(key)
    if found is None or found.store_id != store.id:
        found = Session(world.numbers.token(24), store.id)
        world.sessions[found.key] = found
    return found


def remember(request: Request, store: Store, session: Session, answer: Response) -> Response:
    name = cookie_name(request, store)
    if request.cookies.get(name) != session.key:
        answer.set_cookie(name, session.key, max_age=COOKIE_LIFE, httponly=True, samesite="lax")
    return answer


def shopper_id(session: Session) -> int:
    """`user.id`: Salla gives guests one too."""
    return session.customer_id or int(session.key.encode().hex()[:8], 16)


def open_cart(store: Store, session: Session) -> Cart | None:
    found = store.carts.get(session.cart_id or 0)
    return found if found and found.status == "active" else None


def make_cart(world: World, store: Store, session: Session) -> Cart:
    found = open_cart(store, session)
    if found is None:
        found = carts.fill(world, store, store.customers.get(session.customer_id or 0), [])
        session.cart_id = found.id
    return found


def summary(lens: Lens, session: Session) -> dict[str, Any]:
    """CartSummary; an empty one when there is no cart."""
    cart = open_cart(lens.store, session)
    lines = cart.lines if cart else []
    subtotal = cart.subtotal if cart else 0.0
    discount = discount_of(lens.store, cart) if cart else 0.0
    left = max(0.0, FREE_SHIPPING_FROM - subtotal)
    shipping = SHIPPING if lines and left else 0.0
    total = subtotal - discount + shipping
    return {
        "id": cart.id if cart else None,
        "user_id": shopper_id(session),
        "store_id": lens.store.id,
        "sub_total": plain_number(subtotal),
        "discount": plain_number(discount),
        "total_discount": plain_number(discount),
        "tax_amount": plain_number(total * TAX / (1 + TAX)),
        "coupon": cart.coupon if cart else "",
        "total": plain_number(total),
        "count": sum(line.quantity for line in lines),
        "real_shipping_cost": plain_number(shipping),
        "free_shipping_bar": {
            "minimum_amount": FREE_SHIPPING_FROM,
            "has_free_shipping": left == 0,
            "percent": min(100, round(subtotal / FREE_SHIPPING_FROM * 100)),
            "remaining": plain_number(left),
        },
        "items": [_item(lens, line) for line in lines],
    }


def _item(lens: Lens, line: Line) -> dict[str, Any]:
    product = lens.store.products[line.product_id]
    on_sale = 0 < product.sale_price < product.price
    return {
        "id": line.id,
        "product_id": product.id,
        "product_name": product.name(lens.language),
        "product_sku": product.sku,
        "product_image": lens.picture(product),
        "url": lens.product_url(product),
        "product_price": plain_number(product.price),
        "price": plain_number(line.price),
        "total": plain_number(line.total),
        "quantity": line.quantity,
        "special_price": plain_number(product.sale_price) if on_sale else 0,
        "is_available": product.status == "sale",
        "offer": None,
    }


def viewed(lens: Lens, product: Product) -> dict[str, Any]:
    """A product as Salla hands it to the SDK for tracking; the SDK renames `id` to `product_id`."""
    return {
        "id": product.id,
        "name": product.name(lens.language),
        "price": plain_number(product.now_price),
        "sku": product.sku,
        "category": product.category,
        "currency": CURRENCY,
        "url": lens.product_url(product),
        "image_url": lens.picture(product),
    }


def tracked(lens: Lens, line: Line, cart_id: int) -> dict[str, Any]:
    """A cart's line, likewise."""
    bought = {"price": plain_number(line.price), "quantity": line.quantity}
    return {**viewed(lens, lens.store.products[line.product_id]), **bought, "cart_id": cart_id, "cart_item_id": line.id}
