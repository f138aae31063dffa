"""Carts: left, found abandoned, given a coupon, bought after all."""

from scripts.sandbox.models import Cart, Customer, Line, Store
from scripts.sandbox.pricing import canonical, check_coupon
from scripts.sandbox.shapes import carts as shapes
from scripts.sandbox.shapes.common import Lens
from scripts.sandbox.state import World

ABANDONED_AFTER = 30 * 60


def lens(world: World, store: Store) -> Lens:
    return Lens(store, world.config.base, world.clock.now())


def fill(world: World, store: Store, customer: Customer | None, lines: list[Line]) -> Cart:
    """An open cart that nobody was told of yet."""
    now = world.clock.now()
    cart = Cart(world.numbers.id(), customer.id if customer else None, lines, now, now)
    store.carts[cart.id] = cart
    return cart


def abandon(world: World, store: Store, cart: Cart) -> None:
    """Salla calls the cart abandoned; a change of such a cart sends the event again."""
    if cart.abandoned_at is None:
        cart.abandoned_at = world.clock.now()
    world.dispatcher.send(store, "abandoned.cart", shapes.abandoned(lens(world, store), cart))


def changed(world: World, store: Store, cart: Cart) -> None:
    cart.updated_at = max(world.clock.now(), cart.updated_at + 1)
    if cart.abandoned_at is not None and cart.status == "active":
        abandon(world, store, cart)


def apply_coupon(world: World, store: Store, cart: Cart, code: str) -> None:
    """CouponError when the shop says no."""
    customer = store.customers.get(cart.customer_id or 0)
    coupon = check_coupon(store, cart, code, customer, world.clock.now())
    cart.coupon = canonical(coupon, code)
    cart.updated_at = max(world.clock.now(), cart.updated_at + 1)
    world.dispatcher.send(store, "coupon.applied", shapes.applied(lens(world, store), cart))


def bought(world: World, store: Store, cart: Cart) -> None:
    """A cart that was abandoned says so; others end silently."""
    cart.status = "purchased"
    cart.updated_at = max(world.clock.now(), cart.updated_at + 1)
    if cart.abandoned_at is not None:
        world.dispatcher.send(store, "abandoned.cart.status.changed", shapes.status_changed(cart))
        world.dispatcher.send(store, "abandoned.cart.purchased", shapes.purchased(lens(world, store), cart))


def sweep(world: World) -> int:
    """Find the carts that were left long enough ago; how many there were."""
    found, now = 0, world.clock.now()
    for store in world.stores.values():
        for cart in list(store.carts.values()):
            stale = now - cart.updated_at >= ABANDONED_AFTER
            if cart.status == "active" and cart.abandoned_at is None and cart.lines and stale and cart.customer_id:
                abandon(world, store, cart)
                found += 1
    return found
