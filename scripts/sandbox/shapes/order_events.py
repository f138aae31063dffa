"""Orders as webhooks carry them."""

from typing import Any

from scripts.sandbox.clock import php
from scripts.sandbox.models import Line, Order, Step
from scripts.sandbox.shapes import goods, orders, people
from scripts.sandbox.shapes.common import CURRENCY, Json, Lens, arabic_weight, money, status, status_name

AREA = {"lat": 24.7136, "lng": 46.6753}


def body(lens: Lens, order: Order) -> Json:
    """The one model of order.created, .updated, .payment.updated, .refunded, .cancelled and .deleted."""
    waits, left = orders._pending(lens, order)
    return {
        "id": order.id,
        "reference_id": order.reference_id,
        "cart_reference_id": order.cart_id,
        "checkout_id": order.checkout_id,
        "urls": orders.urls(lens, order),
        "date": php(order.created_at),
        "updated_at": php(order.updated_at),
        "draft": False,
        "read": order.read,
        "source": order.source,
        "source_device": order.device,
        "source_details": orders.source_details(order),
        "status": status(lens, order.status),
        "receipt_image": f"{lens.base}/static/receipt.svg" if order.payment_method == "bank" else None,
        "payment_method": order.payment_method,
        "currency": CURRENCY,
        "amounts": _amounts(order),
        "shipping": _shipping(lens, order),
        "shipments": [],
        "can_cancel": order.status in orders.CANCELLABLE,
        "show_weight": False,
        "can_reorder": True,
        "is_pending_payment": waits,
        "pending_payment_ends_at": left,
        "total_weight": arabic_weight(orders.weight(lens, order)),
        "shipment_branch": [],
        "customer": people.core(lens, lens.store.customers[order.customer_id]),
        "items": [_item(lens, line) for line in order.lines],
        "product_reservations": [],
        "bank": _bank(lens) if order.payment_method == "bank" else None,
        "tags": [],
    }


def _amounts(order: Order) -> Json:
    """Webhooks give a row's free shipping as a number and leave the currency out."""
    rows = [
        {
            "title": d.title,
            "type": d.type,
            "code": d.code,
            "discount": f"{d.amount:.2f}",
            "discounted_shipping": d.free_shipping,
        }
        for d in order.discounts
    ]
    return {**orders.amounts(order), "discounts": rows}


def _item(lens: Lens, line: Line) -> Json:
    product = lens.store.products[line.product_id]
    full = orders.item(lens, line)
    kept = ("id", "name", "sku", "quantity", "currency", "weight", "weight_label", "amounts", "notes")
    return {
        **{key: full[key] for key in kept},
        "product": goods.in_order(lens, product),
        "options": [],
        "images": [],
        "codes": [],
        "files": [],
    }


def _bank(lens: Lens) -> Json:
    return {
        "id": lens.store.id % 10**9,
        "bank_name": "البنك الأهلي السعودي",
        "bank_id": 1473353380,
        "account_name": lens.store.name_ar,
        "account_number": "000000608010167519",
        "iban_number": "SA0000000000608010167519",
        "status": "active",
    }


def _address(city: str, block: str) -> Json:
    return {
        "country": "SA",
        "country_code": "SA",
        "city": city,
        "shipping_address": f" شارع الأمير، {block} ،, {city}, السعودية",
        "street_number": "شارع الأمير",
        "block": block,
        "postal_code": "",
        "geo_coordinates": {"lat": 0, "lng": 0},
    }


def _shipping(lens: Lens, order: Order) -> Json:
    customer = lens.store.customers[order.customer_id]
    shipper = {
        "name": lens.store.owner,
        "company_name": lens.store.username,
        "email": lens.store.email,
        "phone": lens.store.mobile.lstrip("+"),
    }
    return {
        "id": order.id ^ 0x0F0F0F,
        "app_id": None,
        "company": "سمسا",
        "logo": "",
        "receiver": orders.receiver(lens, order),
        "shipper": shipper,
        "pickup_address": {
            **_address(lens.store.city, "المستودع"),
            "country": "السعودية",
            "geo_coordinates": AREA,
        },
        "address": _address(customer.city, customer.location),
        "shipment": {"id": "0", "pickup_id": None, "tracking_link": "0", "label": []},
        "policy_options": [],
    }


def status_updated(lens: Lens, order: Order, step: Step, *, thin: bool = False) -> Json:
    """order.status.updated: the id is the history entry's, the status a label, the order inside."""
    inner: Json = {"id": order.id, "reference_id": order.reference_id}
    return {
        "id": step.id,
        "status": status_name(step.slug),
        "customized": None,
        "note": step.note,
        "created_at": php(step.at),
        "type": "activity",
        "order": inner if thin else {**inner, **_status_order(lens, order)},
    }


def _status_order(lens: Lens, order: Order) -> Json:
    full = body(lens, order)
    done = next((s.at for s in order.history if s.slug in ("completed", "delivered")), None)
    kept = (
        "urls", "date", "source", "source_device", "payment_method", "currency", "shipping", "can_cancel",
        "show_weight", "can_reorder", "is_pending_payment", "pending_payment_ends_at", "total_weight",
    )  # fmt: skip
    inner: Json = {key: full[key] for key in kept}
    inner["source_details"] = {**full["source_details"], "ip": None}
    inner["first_complete_at"] = php(done) if done else None
    inner["status"] = {key: full["status"][key] for key in ("id", "name", "slug")}
    inner["amounts"] = {
        **full["amounts"],
        "discounts": [_status_discount(row) for row in full["amounts"]["discounts"]],
    }
    inner["shipment_branch"] = [
        {"id": lens.store.id % 10**9, "name": "الرئيسي", "status": "active", "is_default": True, "type": {}}
    ]
    inner["customer"] = people.thin(lens, lens.store.customers[order.customer_id])
    inner["items"] = [_status_item(lens, line) for line in order.lines]
    inner["total"] = money(order.total)
    return inner


def _status_discount(row: dict[str, Any]) -> Json:
    return {key: row[key] for key in ("title", "type", "code", "discount")} | {"currency": CURRENCY}


def _status_item(lens: Lens, line: Line) -> Json:
    full = orders.item(lens, line)
    return {key: full[key] for key in ("id", "product_id", "name", "sku", "quantity", "weight", "amounts")}
