"""Salla's words into ours: each event updates the mirror and records facts, in the caller's transaction.

An event that Salla can send and the product has no use for is not listed here, and ends as ignored.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from core.models import Merchant
from core.webhooks import Envelope
from core.work import HopelessError, IgnoredError
from events import facts
from events.services import record
from integrations import agenda, app_events, lifecycle, mirror, payloads
from integrations.models import Cart, Connection, Order, Sync


@dataclass(frozen=True)
class StoreEvent:
    """One event of a store, with the moment that orders it among others."""

    name: str
    merchant: Merchant
    data: dict[str, Any]
    at: datetime

    def record(self, fact: facts.Fact, *key: object) -> None:
        record(self.merchant, fact, key=":".join(str(part) for part in key), occurred_at=self.at)


Translator = Callable[[StoreEvent], None]
_translators: dict[str, Translator] = {}


def translate(envelope: Envelope, *, received_at: datetime) -> Merchant:
    """Apply one delivery; returns its store. Raises `IgnoredError` or `HopelessError` with the reason."""
    at = envelope.created_at or received_at
    try:
        if envelope.event.startswith("app."):
            return app_events.translate(envelope, at=at)
        return _translate_store_event(envelope, at)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in ("data", *first["loc"]))
        raise HopelessError(f"{place}: {first['msg']}") from error


def state(merchant: Merchant, name: str, data: dict[str, Any], *, at: datetime) -> None:
    """What a body of the API says, as if the event `name` had brought it at `at`. Raises `pydantic.ValidationError`."""
    _translators[name](StoreEvent(name, merchant, data, at))


def _translate_store_event(envelope: Envelope, at: datetime) -> Merchant:
    translator = _translators.get(envelope.event)
    if translator is None:
        raise IgnoredError(lifecycle.EVENT_NOT_USED)
    merchant = lifecycle.merchant_of(envelope.store_id)
    if merchant is None:
        raise IgnoredError(lifecycle.UNKNOWN_STORE)
    connection = Connection.unscoped.filter(merchant=merchant).first()
    if connection is None or connection.state == Connection.State.UNINSTALLED:
        raise IgnoredError(lifecycle.UNINSTALLED_STORE)
    if connection.uninstalled_at is not None and at <= connection.uninstalled_at:
        raise IgnoredError(lifecycle.OLDER_THAN_UNINSTALL)
    translator(StoreEvent(envelope.event, merchant, envelope.data, at))
    return merchant


def _translates(*names: str) -> Callable[[Translator], Translator]:
    def register(translator: Translator) -> Translator:
        _translators.update(dict.fromkeys(names, translator))
        return translator

    return register


# Orders


@_translates(
    "order.created",
    "order.updated",
    "order.cancelled",
    "order.refunded",
    "order.products.updated",
    "order.payment.updated",
    "order.coupon.updated",
    "order.total.price.updated",
    "order.shipment.creating",
    "order.shipment.created",
    "order.shipment.cancelled",
    "order.shipment.return.creating",
    "order.shipment.return.created",
    "order.shipment.return.cancelled",
    "order.shipping.address.updated",
)
def _order(event: StoreEvent) -> None:
    _apply_order(event, payloads.Order.read(event.data), **_STATED_BY.get(event.name, {}))


# What the name alone says, should the body be thin.
_STATED_BY: dict[str, dict[str, Any]] = {
    "order.cancelled": {"status": "canceled"},
    "order.refunded": {"is_refunded": True},
}


@_translates("order.status.updated")
def _order_status(event: StoreEvent) -> None:
    body = payloads.OrderActivity.read(event.data).order
    _apply_order(event, body)
    if body.status is None:  # as thin as two ids: what changed is asked for
        agenda.schedule(event.merchant, Sync.Kind.ORDER, Sync.Purpose.UPKEEP, subject=body.id)


@_translates("order.deleted")
def _order_deleted(event: StoreEvent) -> None:
    order, _ = mirror.upsert_order(event.merchant, payloads.Order.read(event.data), event.at, is_deleted=True)
    event.record(facts.OrderDeleted(order_id=order.salla_id), "order", order.salla_id, "deleted")


def _apply_order(event: StoreEvent, body: payloads.Order, **stated: Any) -> None:
    order, changed = mirror.upsert_order(event.merchant, body, event.at, **stated)
    if order.is_draft or not order.is_known:
        return
    is_first_sight = _record_placed(event, order)
    if "status" in changed and not is_first_sight:
        fact = facts.OrderStatusChanged(**_order_fields(order))
        event.record(fact, "order", order.salla_id, "status", order.status, event.at.isoformat())
    if order.is_paid:
        event.record(facts.OrderPaid(**_order_fields(order)), "order", order.salla_id, "paid")
    if order.is_canceled:
        event.record(facts.OrderCanceled(**_order_fields(order)), "order", order.salla_id, "canceled")
    if order.is_refunded:
        event.record(facts.OrderRefunded(**_order_fields(order)), "order", order.salla_id, "refunded")


def _record_placed(event: StoreEvent, order: Order) -> bool:
    fact = facts.OrderPlaced(
        **_order_fields(order),
        source=order.source,
        coupon_codes=tuple(order.coupon_codes),
        product_ids=tuple(item["product_id"] for item in order.items if "product_id" in item),
    )
    key = f"order:{order.salla_id}:placed"
    return record(event.merchant, fact, key=key, occurred_at=order.placed_at or event.at) is not None


def _order_fields(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.salla_id,
        "customer_id": order.customer.salla_id if order.customer else None,
        "status": order.status,
        "payment_method": order.payment_method,
        "total": order.total,
        "currency": order.currency or None,
    }


# Carts


@_translates("abandoned.cart", "abandoned.cart.updated")
def _cart_abandoned(event: StoreEvent) -> None:
    cart, _ = mirror.upsert_cart(event.merchant, payloads.Cart.read(event.data), event.at, status="active")
    if cart.status != Cart.Status.ACTIVE:
        return  # bought before this arrived: nobody must be reminded
    products = tuple(item["product_id"] for item in cart.items if "product_id" in item)
    fact = facts.CartAbandoned(**_cart_fields(cart), product_ids=products)
    event.record(fact, "cart", cart.salla_id, "abandoned")


@_translates("abandoned.cart.status.changed", "abandoned.cart.purchased")
def _cart_status(event: StoreEvent) -> None:
    stated = {"status": "purchased"} if event.name == "abandoned.cart.purchased" else {}
    cart, changed = mirror.upsert_cart(event.merchant, payloads.Cart.read(event.data), event.at, **stated)
    if cart.status == Cart.Status.PURCHASED:
        event.record(facts.CartPurchased(cart_id=cart.salla_id), "cart", cart.salla_id, "purchased")
    elif "status" in changed:
        event.record(facts.CartReopened(cart_id=cart.salla_id), "cart", cart.salla_id, "reopened", event.at.isoformat())


@_translates("coupon.applied")
def _coupon_applied(event: StoreEvent) -> None:
    body = payloads.CouponApplication.read(event.data).cart
    cart, _ = mirror.upsert_cart(event.merchant, body, event.at)
    if body.coupon is None or not body.coupon.code:
        return
    fact = facts.CouponApplied(**_cart_fields(cart), coupon_id=body.coupon.id, code=body.coupon.code)
    event.record(fact, "cart", cart.salla_id, "coupon", body.coupon.code.casefold())


def _cart_fields(cart: Cart) -> dict[str, Any]:
    return {
        "cart_id": cart.salla_id,
        "customer_id": cart.customer.salla_id if cart.customer else None,
        "total": cart.total,
        "currency": cart.currency or None,
    }


# Customers


@_translates("customer.created", "customer.updated", "customer.login")
def _customer(event: StoreEvent) -> None:
    customer, changed = mirror.upsert_customer(event.merchant, payloads.Customer.read(event.data), event.at)
    number = customer.salla_id
    if event.name == "customer.created":
        event.record(facts.CustomerRegistered(customer_id=number), "customer", number, "registered")
    if event.name == "customer.login":
        event.record(facts.CustomerLoggedIn(customer_id=number), "customer", number, "login", event.at.isoformat())
    if "is_notifications_enabled" in changed:
        is_enabled = bool(customer.is_notifications_enabled)
        fact = facts.CustomerNotificationsChanged(customer_id=number, is_enabled=is_enabled)
        event.record(fact, "customer", number, "notifications", event.at.isoformat())


# Products, reviews, special offers


@_translates(
    "product.created",
    "product.updated",
    "product.available",
    "product.quantity.low",
    "product.price.updated",
    "product.status.updated",
    "product.image.updated",
    "product.category.updated",
)
def _product(event: StoreEvent) -> None:
    product, changed = mirror.upsert_product(event.merchant, payloads.Product.read(event.data), event.at)
    if changed:
        fact = facts.ProductChanged(product_id=product.salla_id)
        event.record(fact, "product", product.salla_id, event.name, event.at.isoformat())


@_translates("product.deleted")
def _product_deleted(event: StoreEvent) -> None:
    body = payloads.Product.read(event.data)
    product, _ = mirror.upsert_product(event.merchant, body, event.at, is_deleted=True)
    event.record(facts.ProductDeleted(product_id=product.salla_id), "product", product.salla_id, "deleted")


@_translates("review.added")
def _review(event: StoreEvent) -> None:
    body = payloads.Review.read(event.data)
    if body.customer is not None:
        mirror.upsert_customer(event.merchant, body.customer, event.at)
    fact = facts.ReviewAdded(
        product_id=body.product.id if body.product else None,
        customer_id=body.customer.id if body.customer else None,
        order_id=body.order.id if body.order else None,
        rating=body.stars,
    )
    event.record(fact, "review", fact.order_id, fact.product_id, fact.customer_id, event.at.isoformat())


@_translates("specialoffer.created", "specialoffer.updated")
def _special_offer(event: StoreEvent) -> None:
    body = payloads.SpecialOffer.read(event.data)
    fact = facts.SpecialOfferChanged(offer_id=body.id, status=body.status or "")
    event.record(fact, "special_offer", body.id, body.status or "", event.at.isoformat())
