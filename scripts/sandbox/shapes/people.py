"""Customers and reviews as Salla shows them."""

from typing import Any

from scripts.sandbox.clock import php, plain
from scripts.sandbox.models import BROWSERS, Customer, Review
from scripts.sandbox.shapes.common import CURRENCY, Json, Lens, plain_number

COUNTRY = "السعودية"
LOST = ("canceled", "restored")


def number(mobile: str) -> Any:
    """Salla gives the number without its code as an integer, and keeps text that is none."""
    return int(mobile) if mobile.isdigit() else mobile


UNKNOWN_BIRTHDAY = -3 * 3600  # 1970-01-01 in Riyadh


def core(lens: Lens, customer: Customer) -> Json:
    """The block that every customer has, inside orders too."""
    return {
        "id": customer.id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "mobile": number(customer.mobile),
        "mobile_code": customer.mobile_code,
        "email": customer.email,
        "urls": {"customer": f"{lens.domain}/profile", "admin": f"{lens.admin}/customers/{customer.id}"},
        "avatar": lens.avatar(customer),
        "gender": customer.gender,
        "birthday": php(UNKNOWN_BIRTHDAY if customer.birthday is None else customer.birthday),
        "city": customer.city,
        "country": COUNTRY,
        "country_code": "SA",
        "currency": CURRENCY,
        "location": customer.location,
        "updated_at": php(customer.updated_at),
    }


def listed(lens: Lens, customer: Customer) -> Json:
    return {
        **core(lens, customer),
        "full_name": customer.full_name,
        "lang": customer.language,
        "created_at": php(customer.created_at),
        "groups": customer.groups,
        "block_reason": None,
        "is_blocked": False,
        "is_inactive": False,
        "is_notifications_enabled": customer.notifications,
    }


def details(lens: Lens, customer: Customer) -> Json:
    orders = [o for o in lens.store.orders.values() if o.customer_id == customer.id and not o.deleted]
    kept = [o for o in orders if o.status not in LOST]
    spent = sum(o.total for o in kept)
    rated = {r.order_id for r in lens.store.reviews.values() if r.customer_id == customer.id}
    share = round(100 * len(kept) / len(orders)) if orders else 0
    latest = max((o.created_at for o in orders), default=None)
    return {
        **listed(lens, customer),
        "stats": {"orders_count": len(kept), "orders_amount": plain_number(spent)},
        "is_orders_rated": bool(rated),
        "pending_rating_count": sum(o.id not in rated for o in kept),
        "abandoned_carts_items": None,
        "country_id": None,
        "current_store_customer": {
            "id": customer.id ^ 0x2A2A2A,
            "approval_status": 1,
            "reason": None,
            "created_at": php(customer.created_at),
            "updated_at": php(customer.updated_at),
            "last_login_date": php(customer.last_login) if customer.last_login else None,
        },
        "custom_fields": [],
        "latest_purchase": php(latest) if latest else None,
        "orders_average": plain_number(spent / len(kept)) if kept else 0,
        "orders_cancel": len(orders) - len(kept),
        "orders_cancel_ratio": 100 - share if orders else 0,
        "orders_complete_ratio": share,
        "total_points": 0,
        "wallet_balance": 0,
    }


def event(lens: Lens, customer: Customer, device: str = "mobile") -> Json:
    """The body of customer.created, customer.updated and customer.login."""
    return {
        **core(lens, customer),
        "groups": customer.groups,
        "source": {"device": device, "user-agent": BROWSERS[device], "ip": "127.0.0.1"},
        "is_notifications_enabled": customer.notifications,
    }


def thin(lens: Lens, customer: Customer, *, email: bool = True) -> Json:
    """The customer of carts and status events: one name, the number in E.164."""
    shape: Json = {"id": customer.id, "name": customer.full_name, "mobile": customer.phone}
    if email:
        shape["email"] = customer.email
    return {**shape, "avatar": lens.avatar(customer), "country": COUNTRY, "city": customer.city}


def review(lens: Lens, given: Review) -> Json:
    customer = lens.store.customers[given.customer_id]
    return {
        "id": given.id,
        "type": given.type,
        "rating": given.rating,
        "content": given.content,
        "order_id": given.order_id,
        "is_published": given.is_published,
        "created_at": plain(given.created_at),
        "customer": {**thin(lens, customer), "mobile": number(customer.mobile)},
    }


def review_event(lens: Lens, given: Review) -> Json:
    """review.added: ids and amounts as strings, the product spread over the top."""
    customer, product = lens.store.customers[given.customer_id], lens.store.products[given.product_id]
    order = lens.store.orders.get(given.order_id or 0)
    slug = order.status if order else "completed"
    return {
        "type": given.type,
        "rating": str(given.rating),
        "content": given.content,
        "customer": {**thin(lens, customer, email=False), "id": str(customer.id)},
        "product": {
            "id": str(product.id),
            "type": "product",
            "promotion": {"title": None, "sub_title": None},
        },
        "status": {
            "id": str(lens.store.status_ids[slug]),
            "name": slug,
            "customized": {"id": str(lens.store.status_ids[slug]), "name": slug},
            "can_cancel": False,
        },
        "is_available": product.status == "sale",
        "sku": product.sku,
        "name": product.name_ar,
        "price": {"amount": plain_number(product.price), "currency": CURRENCY},
        "sale_price": {"amount": f"{plain_number(product.sale_price)}", "currency": CURRENCY},
        "currency": CURRENCY,
        "url": lens.product_url(product),
        "thumbnail": lens.picture(product),
        "has_special_price": 0 < product.sale_price < product.price,
        "regular_price": {"amount": f"{plain_number(product.price)}", "currency": CURRENCY},
        "favorite": None,
        "order": {
            "id": str(order.id if order else ""),
            "reference_id": str(order.reference_id if order else ""),
            "total": {"amount": f"{plain_number(order.total if order else 0)}", "currency": CURRENCY},
        },
        "date": [plain(given.created_at)[:10]],
        "items": [{"name": product.name_ar, "quantity": "1"}],
    }
