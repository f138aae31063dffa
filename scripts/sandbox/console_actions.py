"""The console's buttons by name; each takes fields and answers with the ids it made."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scripts.sandbox import embedded
from scripts.sandbox.actions import carts, lifecycle, orders, people
from scripts.sandbox.actions import history as past
from scripts.sandbox.actions.given import ActionError, Given
from scripts.sandbox.faults import FaultError
from scripts.sandbox.limits import PER_MINUTE
from scripts.sandbox.models import PAYMENT_METHODS, Order
from scripts.sandbox.pricing import CouponError
from scripts.sandbox.shapes.common import STATUSES
from scripts.sandbox.webhooks import SwitchError

Answer = dict[str, Any]
MOBILE_DIGITS = 9


def install(given: Given) -> Answer:
    chain = lifecycle.install(given.world, given.store, trial=given.flag("trial", default=True))
    return {"store": given.store.id, "chain": chain.id}


def authorize(given: Given) -> Answer:
    return {"store": given.store.id, "chain": lifecycle.authorize(given.world, given.store).id}


def app_update(given: Given) -> Answer:
    return {"store": given.store.id, "chain": lifecycle.update(given.world, given.store).id}


def uninstall(given: Given) -> Answer:
    lifecycle.uninstall(given.world, given.store)
    return {"store": given.store.id}


def history(given: Given) -> Answer:
    return {"store": given.store.id, "deliveries": past.resend(given.world, given.store)}


def expire_token(given: Given) -> Answer:
    given.world.grants.expire_access(given.store.id)
    return {"store": given.store.id}


def embedded_token(given: Given) -> Answer:
    store = given.store
    theme = given.one_of("theme", embedded.THEMES, "light")
    who = given.one_of("who", embedded.WHO, "owner")
    lang = given.one_of("lang", ("ar", "en"), "ar")
    url = embedded.frame_address(given.world, store, who=who, theme=theme, lang=lang)
    return {"token": parse_qs(urlsplit(url).query)["token"][0], "user": embedded.person_of(store, who), "url": url}


def _told(order: Order) -> Answer:
    return {
        "order": order.id, "reference": order.reference_id, "customer": order.customer_id, "cart": order.cart_id,
        "status": order.status, "total": order.total, "paid": order.paid,
    }  # fmt: skip


def order(given: Given) -> Answer:
    method = given.one_of("payment_method", PAYMENT_METHODS, "mada")
    device = given.one_of("device", ("mobile", "desktop"), "mobile")
    basket = orders.Basket(given.customer(), given.lines(), method, given.text("coupon", most=80), device=device)
    return _told(orders.place(given.world, given.store, basket))


def order_status(given: Given) -> Answer:
    slug = given.one_of("status", list(STATUSES))
    found = given.order()
    restock = given.flag("restore_items", default=False)
    orders.set_status(given.world, given.store, found, slug, given.text("note"), restock=restock)
    return _told(found)


def cancel(given: Given) -> Answer:
    found = given.order()
    orders.set_status(given.world, given.store, found, "canceled", restock=True)
    return _told(found)


def refund(given: Given) -> Answer:
    found = given.order()
    orders.set_status(given.world, given.store, found, "restored", restock=True)
    return _told(found)


def pay(given: Given) -> Answer:
    found = given.order()
    orders.pay(given.world, given.store, found)
    return _told(found)


def order_delete(given: Given) -> Answer:
    found = given.order()
    orders.delete(given.world, given.store, found)
    return _told(found)


def cart(given: Given) -> Answer:
    """A cart that is left; abandoned at once unless told otherwise."""
    made = carts.fill(given.world, given.store, given.customer(), given.lines())
    code = given.text("coupon", most=80)
    if code:
        carts.apply_coupon(given.world, given.store, made, code)
    if given.flag("abandon", default=True):
        carts.abandon(given.world, given.store, made)
    return {"cart": made.id, "customer": made.customer_id, "subtotal": made.subtotal}


def cart_abandon(given: Given) -> Answer:
    """Salla notices a left cart, or tells of it again."""
    found = given.cart()
    carts.abandon(given.world, given.store, found)
    return {"cart": found.id, "customer": found.customer_id}


def cart_purchased(given: Given) -> Answer:
    found = given.cart()
    customer = given.store.customers.get(found.customer_id or 0) or given.customer()
    method = given.one_of("payment_method", PAYMENT_METHODS, "mada")
    basket = orders.Basket(customer, found.lines, method, given.text("coupon", most=80), cart=found)
    return _told(orders.place(given.world, given.store, basket))


def coupon_applied(given: Given) -> Answer:
    found = given.cart()
    carts.apply_coupon(given.world, given.store, found, given.text("code", "WELCOME10", most=80))
    return {"cart": found.id, "customer": found.customer_id, "code": found.coupon}


def customer(given: Given) -> Answer:
    fallback = f"5003{people.free_number(given.world, given.store):05d}"
    mobile = given.text("mobile", fallback).removeprefix("+966").removeprefix("966").removeprefix("0")
    if not (mobile.isascii() and mobile.isdigit() and len(mobile) == MOBILE_DIGITS):
        raise ActionError(422, "mobile must be a Saudi number such as 5XXXXXXXX")
    try:
        made = people.create(
            given.world, given.store, name=given.text("name", "ليان السالم", most=60), mobile=mobile,
            email=given.text("email", f"shopper{mobile}@mail.example", most=120), city=given.text("city", most=60),
            consent=given.flag("consent", default=True),
        )  # fmt: skip
    except people.TakenError as error:
        raise ActionError(422, str(error)) from error
    return {"customer": made.id, "mobile": made.phone, "email": made.email}


def customer_login(given: Given) -> Answer:
    found = given.customer()
    people.login(given.world, given.store, found)
    return {"customer": found.id}


def customer_consent(given: Given) -> Answer:
    found = given.customer()
    people.change(given.world, given.store, found, consent=given.flag("consent", default=False))
    return {"customer": found.id, "consent": found.notifications}


def review(given: Given) -> Answer:
    rating = int(given.number("rating", 5, least=1, most=5))
    text = given.text("text", "منتج ممتاز والتوصيل سريع")
    return {"review": people.review(given.world, given.store, given.order(), rating, text).id}


def product_price(given: Given) -> Answer:
    product = given.product()
    price = given.number("price", product.price, least=0.01)
    sale = given.number("sale_price", 0.0 if given.has("price") else round(price * 0.8), most=price)
    people.reprice(given.world, given.store, product, price, sale)
    return {"product": product.id, "price": price, "sale_price": sale}


def product_status(given: Given) -> Answer:
    product = given.product()
    people.set_availability(given.world, given.store, product, given.one_of("status", ("sale", "out", "hidden"), "out"))
    return {"product": product.id, "status": product.status}


def subscription(given: Given) -> Answer:
    kind = given.one_of("event", lifecycle.SUBSCRIPTION_EVENTS, "started")
    plan = given.one_of("plan", list(lifecycle.PLANS), "Pro")
    current = lifecycle.subscribe(given.world, given.store, kind, plan)
    return {"subscription": current.id, "plan": current.plan, "status": current.status}


def add_on(given: Given) -> Answer:
    """More orders a month, beside the plan."""
    kind = given.one_of("event", lifecycle.SUBSCRIPTION_EVENTS, "started")
    current = lifecycle.add_on(given.world, given.store, kind, int(given.number("quantity", 1, least=1, most=100)))
    return {"subscription": current.id, "quantity": current.quantity, "status": current.status}


def trial(given: Given) -> Answer:
    kind = given.one_of("event", lifecycle.TRIAL_EVENTS, "started")
    lifecycle.trial_event(given.world, given.store, kind)
    return {"store": given.store.id, "event": f"app.trial.{kind}"}


def plan(given: Given) -> Answer:
    """The store's own plan at Salla, which sets its rate limit."""
    given.store.plan = given.one_of("plan", list(PER_MINUTE))
    return {"store": given.store.id, "plan": given.store.plan}


def feedback(given: Given) -> Answer:
    rating = int(given.number("rating", 5, least=1, most=5))
    lifecycle.feedback(given.world, given.store, rating, given.text("comment", "تطبيق ممتاز"))
    return {"store": given.store.id, "rating": rating}


def clock(given: Given) -> Answer:
    """Move the demo clock, and let Salla notice the carts that are left by then."""
    given.world.clock.advance(given.number("seconds", 45 * 60, most=40 * 86_400))
    given.world.dispatcher.tell_clock()
    return {"offset": given.world.clock.offset, "abandoned": carts.sweep(given.world)}


def fault(given: Given) -> Answer:
    try:
        given.world.faults.add(given.fields)
    except FaultError as error:
        raise ActionError(422, str(error), error.name) from error
    return {"faults": given.world.faults.listing()}


def faults_clear(given: Given) -> Answer:
    given.world.faults.clear()
    return {"faults": []}


def webhooks(given: Given) -> Answer:
    """Switch how deliveries behave."""
    try:
        given.world.dispatcher.set({k: v for k, v in given.fields.items() if k not in ("store", "back")})
    except SwitchError as error:
        raise ActionError(422, str(error), error.name) from error
    return given.world.dispatcher.summary()


def replay(given: Given) -> Answer:
    number = int(given.number("delivery", 0))
    if not given.world.dispatcher.replay(number):
        raise ActionError(404, "There is no such delivery")
    return {"delivery": number}


def reset(given: Given) -> Answer:
    given.world.dispatcher.reset()
    given.world.reset()
    given.world.dispatcher.tell_clock()
    return {"seed": given.world.config.seed}


ACTIONS: dict[str, Callable[[Given], Answer]] = {
    made.__name__: made
    for made in (
        install, authorize, app_update, uninstall, history, expire_token, embedded_token,
        order, order_status, cancel, refund,
        pay, order_delete, cart, cart_abandon, cart_purchased, coupon_applied, customer, customer_login,
        customer_consent, review, product_price, product_status, subscription, add_on, trial, plan, feedback,
        clock, fault, faults_clear, webhooks, replay, reset,
    )
}  # fmt: skip


def run(name: str, given: Given) -> Answer:
    """Do it; ActionError when it cannot be done."""
    action = ACTIONS.get(name)
    if action is None:
        raise ActionError(404, f"There is no action {name}; there are {', '.join(ACTIONS)}")
    given.world.counters[f"action.{name}"] += 1
    try:
        return action(given)
    except CouponError as error:
        raise ActionError(422, str(error)) from error
