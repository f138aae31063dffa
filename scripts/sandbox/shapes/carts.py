"""Abandoned carts in their four disguises."""

from typing import Any

from scripts.sandbox.clock import parse_store_time, php, spoken
from scripts.sandbox.models import Cart, Coupon
from scripts.sandbox.pricing import discount_of
from scripts.sandbox.shapes import orders, people
from scripts.sandbox.shapes.common import CURRENCY, Json, Lens, money, plain_number


def _totals(lens: Lens, cart: Cart) -> tuple[float, float, float]:
    discount = discount_of(lens.store, cart)
    return cart.subtotal - discount, cart.subtotal, discount


def _frame(lens: Lens, cart: Cart) -> Json:
    total, subtotal, discount = _totals(lens, cart)
    return {
        "id": cart.id,
        "total": money(total),
        "subtotal": money(subtotal),
        "total_discount": money(discount),
        "checkout_url": f"{lens.domain}/checkout/{cart.id}",
        "age_in_minutes": max(0, int((lens.now - cart.created_at) / 60)),
        "created_at": php(cart.created_at),
        "updated_at": php(cart.updated_at),
    }


def _customer(lens: Lens, cart: Cart, *, email: bool = True) -> Json | None:
    customer = lens.store.customers.get(cart.customer_id or 0)
    return people.thin(lens, customer, email=email) if customer else None


def coupon_state(lens: Lens, coupon: Coupon) -> str:
    if coupon.status != "active":
        return "invalid"
    return "expired" if parse_store_time(coupon.expiry_date) < lens.now else "active"


def _coupon(lens: Lens, cart: Cart) -> Json | None:
    """As the API and coupon.applied give it: money objects and PHP dates."""
    coupon = lens.store.coupon_of(cart.coupon) if cart.coupon else None
    if coupon is None:
        return None
    return {
        "id": coupon.id,
        "code": cart.coupon,
        "status": coupon_state(lens, coupon),
        "type": coupon.type,
        "amount": money(coupon.amount),
        "minimum_amount": money(coupon.minimum_amount or 0),
        "expiry_date": coupon.expiry_date,
        "created_at": php(coupon.created_at),
    }


def _flat_coupon(lens: Lens, cart: Cart) -> Json | None:
    """As abandoned.cart gives it: plain numbers and a spoken date."""
    coupon = lens.store.coupon_of(cart.coupon) if cart.coupon else None
    if coupon is None:
        return None
    return {
        "id": coupon.id,
        "code": cart.coupon,
        "status": coupon_state(lens, coupon),
        "type": coupon.type,
        "amount": plain_number(coupon.amount),
        "minimum_amount": plain_number(coupon.minimum_amount or 0),
        "expiry_date": coupon.expiry_date,
        "start_date": coupon.start_date,
        "created_at": spoken(coupon.created_at),
        "free_shipping": coupon.free_shipping,
    }


def _short_items(cart: Cart) -> list[Json]:
    """Events give neither names nor prices."""
    return [{"id": line.id, "product_id": line.product_id, "quantity": line.quantity} for line in cart.lines]


def api(lens: Lens, cart: Cart) -> Json:
    items: list[dict[str, Any]] = [
        {
            "id": line.id,
            "product_id": line.product_id,
            "quantity": line.quantity,
            "weight": lens.store.products[line.product_id].weight,
            "amounts": orders.item_amounts(line),
            "notes": "",
        }
        for line in cart.lines
    ]
    return {
        **_frame(lens, cart),
        "status": cart.status,
        "customer": _customer(lens, cart),
        "coupon": _coupon(lens, cart),
        "items": items,
    }


def abandoned(lens: Lens, cart: Cart) -> Json:
    return {
        **_frame(lens, cart),
        "customer": _customer(lens, cart),
        "coupon": _flat_coupon(lens, cart),
        "items": _short_items(cart),
    }


def applied(lens: Lens, cart: Cart) -> Json:
    """coupon.applied: everything sits in `cart`, and the customer has no e-mail."""
    return {
        "cart": {
            **_frame(lens, cart),
            "customer": _customer(lens, cart, email=False),
            "coupon": _coupon(lens, cart),
            "items": _short_items(cart),
        }
    }


def status_changed(cart: Cart) -> Json:
    return {"id": cart.id, "status": cart.status}


def purchased(lens: Lens, cart: Cart) -> Json:
    """Plain numbers with the currency beside them."""
    total, subtotal, discount = _totals(lens, cart)
    return {
        "id": cart.id,
        "status": "purchased",
        "currency": CURRENCY,
        "total": plain_number(total),
        "subtotal": plain_number(subtotal),
        "total_discount": plain_number(discount),
    }
