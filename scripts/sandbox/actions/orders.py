"""Orders: placed, paid, moved on, cancelled, refunded, deleted."""

from dataclasses import dataclass

from scripts.sandbox.actions import carts as cart_actions
from scripts.sandbox.clock import DAY
from scripts.sandbox.models import Cart, Customer, Discount, Line, Order, Step, Store
from scripts.sandbox.pricing import canonical, check_coupon, discount_of
from scripts.sandbox.seed.trade import NOTES
from scripts.sandbox.shapes import goods, order_events
from scripts.sandbox.shapes.common import Lens
from scripts.sandbox.state import World

SHIPPING, FREE_SHIPPING_FROM, COD_FEE = 25.0, 300.0, 15.0
LOW_STOCK = 5


@dataclass
class Basket:
    """What is bought and how it is paid."""

    customer: Customer
    lines: list[Line]
    payment_method: str = "mada"
    coupon: str = ""
    cart: Cart | None = None
    device: str = "mobile"
    source_type: str = "direct"
    source_value: str | None = None


def lens(world: World, store: Store) -> Lens:
    return Lens(store, world.config.base, world.clock.now())


def place(world: World, store: Store, basket: Basket) -> Order:
    """A new order with its webhooks; CouponError when the code is not good."""
    now = world.clock.now()
    cart = basket.cart or Cart(world.numbers.id(), basket.customer.id, basket.lines, now, now)
    order = Order(
        id=world.numbers.id(), reference_id=world.numbers.reference(), checkout_id=world.numbers.id(),
        token=world.numbers.token(), customer_id=basket.customer.id, lines=basket.lines, created_at=now, updated_at=now,
        payment_method=basket.payment_method, shipping_cost=SHIPPING, cart_id=cart.id, device=basket.device,
        source_type=basket.source_type, source_value=basket.source_value,
    )  # fmt: skip
    order.cod_cost = COD_FEE if order.payment_method == "cod" else 0.0
    if order.sub_total >= FREE_SHIPPING_FROM:
        order.shipping_cost = 0.0
    code = basket.coupon or cart.coupon
    if code:
        _take_coupon(world, store, order, cart, code, basket.customer)
    first = "payment_pending" if order.payment_method == "bank" else "under_review"
    order.paid = order.payment_method not in ("bank", "cod")
    order.pending_until = now + 2 * DAY if first == "payment_pending" else 0.0
    order.status = first
    order.history.append(Step(world.numbers.activity(), first, NOTES[first], now))
    if cart.abandoned_at is not None:
        order.source = "abandoned-cart"
    store.orders[order.id] = order
    _sell(world, store, order)
    _announce(world, store, order)
    cart_actions.bought(world, store, cart)
    return order


def _take_coupon(world: World, store: Store, order: Order, cart: Cart, code: str, customer: Customer) -> None:
    coupon = check_coupon(store, cart, code, customer, order.created_at)
    cart.coupon = shown = canonical(coupon, code)
    amount = discount_of(store, cart)
    free = order.shipping_cost if coupon.free_shipping else 0.0
    title = coupon.group_name or f"كوبون {shown}"
    order.discounts.append(Discount(title, "normal", shown, amount, free))
    for line in order.lines:
        line.discount = round(amount * line.total / order.sub_total, 2) if order.sub_total else 0.0
    coupon.used_by.append((shown, customer.id, order.total))


def _sell(world: World, store: Store, order: Order) -> None:
    for line in order.lines:
        product = store.products[line.product_id]
        product.sold += line.quantity
        before, product.quantity = product.quantity, max(0, product.quantity - line.quantity)
        if product.quantity == 0:
            product.status = "out"
            world.dispatcher.send(store, "product.status.updated", goods.status_event(product))
        if before >= LOW_STOCK > product.quantity:
            world.dispatcher.send(store, "product.quantity.low", goods.event(lens(world, store), product))


def _announce(world: World, store: Store, order: Order) -> None:
    """order.created always; an online payment follows as an event of its own."""
    world.dispatcher.send(store, "order.created", order_events.body(lens(world, store), order))
    if order.paid:
        world.dispatcher.send(store, "order.payment.updated", order_events.body(lens(world, store), order))
        world.dispatcher.send(store, "order.updated", order_events.body(lens(world, store), order))


def touch(world: World, order: Order) -> None:
    """Every change is later than the one before, even within one second."""
    order.updated_at = max(world.clock.now(), order.updated_at + 1)


def set_status(world: World, store: Store, order: Order, slug: str, text: str = "", *, restock: bool = False) -> Step:
    """A new status with its own event, the general one, and the cancelling or refunding one."""
    touch(world, order)
    order.status = slug
    step = Step(world.numbers.activity(), slug, text or NOTES[slug], order.updated_at)
    order.history.append(step)
    if order.payment_method == "cod" and slug in ("delivered", "completed"):
        order.paid = True
    if restock:
        for line in order.lines:
            store.products[line.product_id].quantity += line.quantity
    view, send = lens(world, store), world.dispatcher.send
    thin = world.dispatcher.switches.thin_status
    send(store, "order.status.updated", order_events.status_updated(view, order, step, thin=thin))
    if slug == "canceled":
        send(store, "order.cancelled", order_events.body(view, order))
    if slug == "restored":
        send(store, "order.refunded", order_events.body(view, order))
    send(store, "order.updated", order_events.body(view, order))
    return step


def note(world: World, order: Order, text: str) -> Step:
    touch(world, order)
    step = Step(world.numbers.activity(), order.status, text, order.updated_at)
    order.history.append(step)
    return step


def pay(world: World, store: Store, order: Order) -> None:
    """A transfer arrives: paid, and under review now."""
    touch(world, order)
    order.paid, order.pending_until = True, 0.0
    world.dispatcher.send(store, "order.payment.updated", order_events.body(lens(world, store), order))
    if order.status == "payment_pending":
        set_status(world, store, order, "under_review")


def delete(world: World, store: Store, order: Order) -> None:
    touch(world, order)
    order.deleted = True
    world.dispatcher.send(store, "order.deleted", order_events.body(lens(world, store), order))
