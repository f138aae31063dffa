"""Orders as the API lists and details them, and their histories and statuses."""

from typing import Any

from scripts.sandbox.clock import php
from scripts.sandbox.models import BROWSERS, Discount, Line, Order, Step
from scripts.sandbox.shapes import people
from scripts.sandbox.shapes.common import (
    CHILDREN,
    CURRENCY,
    STATUSES,
    Json,
    Lens,
    arabic_weight,
    money,
    status,
    status_name,
    tax,
)

CANCELLABLE = ("payment_pending", "under_review", "in_progress")
MESSAGE = "[ {store.name} ] \\n أصبحت حالة طلبك {order.id} {status}"
ICONS = {"completed": "sicon-gold-badge", "delivering": "sicon-shipping", "delivered": "sicon-party-horn"}


def _pending(lens: Lens, order: Order) -> tuple[bool, int]:
    """The second is seconds left, not a date."""
    waits = not order.paid and order.payment_method != "cod" and order.status == "payment_pending"
    return waits, max(0, int(order.pending_until - lens.now)) if waits else 0


def listed(lens: Lens, order: Order) -> Json:
    waits, left = _pending(lens, order)
    return {
        "id": order.id,
        "reference_id": order.reference_id,
        "total": money(order.total),
        "exchange_rate": {"base_currency": CURRENCY, "exchange_currency": CURRENCY, "rate": 1},
        "date": php(order.created_at),
        "status": status(lens, order.status),
        "can_cancel": order.status in CANCELLABLE,
        "can_reorder": True,
        "payment_method": order.payment_method,
        "is_pending_payment": waits,
        "pending_payment_ends_at": left,
        "features": {"digitalable": False, "shippable": True, "has_suspicious_alert": False},
        "items": [
            {
                "name": lens.store.products[line.product_id].name(lens.language),
                "quantity": line.quantity,
                "thumbnail": lens.picture(lens.store.products[line.product_id]),
            }
            for line in order.lines
        ],
    }


def discount(row: Discount) -> Json:
    return {
        "title": row.title,
        "type": row.type,
        "code": row.code,
        "discount": f"{row.amount:.2f}",
        "currency": CURRENCY,
        "discounted_shipping": f"{row.free_shipping:.2f}",
        "hasMarketing": False,
    }


def amounts(order: Order) -> Json:
    return {
        "sub_total": money(order.sub_total),
        "shipping_cost": money(order.shipping_cost),
        "cash_on_delivery": money(order.cod_cost),
        "tax": tax(order.tax),
        "discounts": [discount(row) for row in order.discounts],
        "total": money(order.total),
    }


def urls(lens: Lens, order: Order) -> Json:
    return {
        "customer": f"{lens.domain}/order/{order.token}",
        "admin": f"{lens.admin}/orders/{order.token}",
        "rating": f"{lens.domain}/rating/{order.token}",
        "checkout": f"{lens.domain}/checkout/{order.checkout_id}",
    }


def source_details(order: Order) -> Json:
    return {
        "type": order.source_type,
        "value": order.source_value,
        "device": order.device,
        "user-agent": BROWSERS[order.device],
        "ip": order.ip,
    }


def receiver(lens: Lens, order: Order) -> Json:
    customer = lens.store.customers[order.customer_id]
    return {"name": customer.full_name, "email": customer.email, "phone": customer.phone.lstrip("+")}


def weight(lens: Lens, order: Order) -> float:
    return sum(lens.store.products[line.product_id].weight * line.quantity for line in order.lines)


def details(lens: Lens, order: Order) -> Json:
    """Without items, as the documented answer: they are asked for at /orders/items."""
    waits, left = _pending(lens, order)
    customer = people.core(lens, lens.store.customers[order.customer_id])
    digital = f"{lens.domain}/orders/digital/{order.token}"
    return {
        "id": order.id,
        "checkout_id": order.checkout_id,
        "cart_reference_id": order.cart_id,
        "reference_id": order.reference_id,
        "features": {
            "shippable": True, "digitalable": False, "multiple_shipments_supported": False,
            "order_type_price_quote": False, "has_suspicious_alert": False,
        },
        "actions": {"cancellable": order.status in CANCELLABLE, "reorderable": True, "payable": waits},
        "urls": {**urls(lens, order), "digital_content": digital},
        "date": php(order.created_at),
        "updated_at": php(order.updated_at),
        "source": order.source,
        "source_details": source_details(order),
        "status": status(lens, order.status),
        "is_price_quote": False,
        "payment_method": order.payment_method,
        "currency": CURRENCY,
        "amounts": amounts(order),
        "can_cancel": order.status in CANCELLABLE,
        "show_weight": True,
        "can_reorder": True,
        "is_pending_payment": waits,
        "pending_payment_ends_at": left,
        "total_weight": arabic_weight(weight(lens, order)),
        "receiver": receiver(lens, order),
        "customer": {**customer, "urls": {**customer["urls"], "digital_content": digital}},
        "bank": None,
        "tags": [],
    }  # fmt: skip


def item(lens: Lens, line: Line) -> Json:
    product = lens.store.products[line.product_id]
    return {
        "id": line.id,
        "product_id": product.id,
        "name": product.name(lens.language),
        "sku": product.sku,
        "quantity": line.quantity,
        "currency": CURRENCY,
        "weight": product.weight,
        "weight_label": arabic_weight(product.weight),
        "amounts": item_amounts(line),
        "notes": "",
        "options": [],
        "images": [],
        "codes": [],
        "files": [],
        "reservations": [],
    }


def item_amounts(line: Line) -> Json:
    before_tax = line.total / 1.15
    return {
        "price_without_tax": money(before_tax),
        "total_discount": money(line.discount),
        "tax": tax(line.total - before_tax),
        "total": money(line.total),
    }


def history(lens: Lens, order: Order, step: Step) -> Json:
    customer = lens.store.customers[order.customer_id]
    return {
        **history_created(lens, step),
        "created_by": {"id": customer.id, "name": customer.full_name},
        "type": "activity",
    }


def history_created(lens: Lens, step: Step) -> Json:
    name = status_name(step.slug, lens.language)
    return {
        "id": step.id,
        "status": name,
        "customized": {
            "id": lens.store.status_ids[step.slug],
            "name": name,
            "type": "custom",
            "slug": step.slug,
            "original": {"id": STATUSES[step.slug][0], "name": name},
            "parent": {},
        },
        "note": step.note,
        "created_at": php(step.at),
    }


def statuses(lens: Lens) -> list[Json]:
    """The original statuses and the store's own ones of the same slugs."""
    originals: list[Json] = [
        {
            "id": STATUSES[slug][0],
            "name": status_name(slug, lens.language),
            "type": "original",
            "slug": slug,
            "original": {},
            "parent": {},
        }
        for slug in STATUSES
    ]
    return originals + [_custom(lens, slug, position) for position, slug in enumerate(STATUSES)]


def _custom(lens: Lens, slug: str, position: int) -> Json:
    parent: Any = {}
    if slug in CHILDREN:
        parent = {"id": lens.store.status_ids["completed"], "name": status_name("completed", lens.language)}
    return {
        "id": lens.store.status_ids[slug],
        "name": status_name(slug, lens.language),
        "type": "custom",
        "slug": slug,
        "sort": position,
        "message": MESSAGE,
        "icon": ICONS.get(slug, "sicon-shipping-fast"),
        "is_active": True,
        "parent": parent,
        "original": {"id": STATUSES[slug][0], "name": status_name(slug, lens.language)},
    }


def status_details(lens: Lens, status_id: int) -> Json | None:
    """One status with its children, by either of its ids."""
    found = next((s for s in statuses(lens) if s["id"] == status_id), None)
    if found is None:
        return None
    slug = found["slug"]
    children = CHILDREN if found["type"] == "custom" and slug == "completed" else ()
    return {
        **{key: found[key] for key in ("id", "name", "type", "slug", "original", "parent")},
        "message": MESSAGE,
        "color": STATUSES[slug][3],
        "icon": ICONS.get(slug, "sicon-shipping-fast"),
        "sort": list(STATUSES).index(slug),
        "is_active": True,
        "children": [
            {
                **{k: v for k, v in _custom(lens, child, position).items() if k not in ("parent", "original")},
                "color": STATUSES[child][3],
            }
            for position, child in enumerate(children)
        ],
    }
