"""Coupons and special offers as the API answers: other names than the request's, money as objects."""

from typing import Any

from scripts.sandbox.clock import php, plain
from scripts.sandbox.models import Coupon, Offer
from scripts.sandbox.shapes.common import Json, maybe_money, money

RENAMED = {
    "products_include": "include_product_ids",
    "products_exclude": "exclude_product_ids",
    "list_include_categories": "include_category_ids",
    "list_exclude_categories": "exclude_category_ids",
    "list_include_groups": "include_customer_group_ids",
    "list_exclude_groups": "exclude_customer_group_ids",
    "list_exclude_brands": "exclude_brands_ids",
    "list_exclude_shipping": "exclude_shipping_ids",
    "payment_methods": "include_payment_methods",
}


def statistics(coupon: Coupon) -> Json:
    return {
        "num_of_usage": len(coupon.used_by),
        "num_of_customers": len({customer for _, customer, _ in coupon.used_by}),
        "coupon_sales": money(sum(total for _, _, total in coupon.used_by)),
    }


def _marketing(coupon: Coupon, domain: str) -> Json:
    given: dict[str, Any] = coupon.marketing
    active = bool(given.get("marketing_active"))
    amount = given.get("marketing_amount")
    return {
        "marketing_active": active,
        "marketing_name": given.get("marketing_name"),
        "marketing_type": given.get("marketing_type"),
        "marketing_amount": maybe_money(float(amount)) if amount is not None else None,
        "marketing_hide_total_sales": bool(given.get("marketing_hide_total_sales")),
        "marketing_show_maximum_amount": bool(given.get("marketing_show_maximum_amount")),
        "marketing_maximum_amount": given.get("marketing_maximum_amount"),
        "marketing_info": given.get("marketing_info", "") if active else None,
        "marketing_visits_count": 0 if active else None,
        "marketing_url": f"{domain}?utm_source=ref&utm_campaign={coupon.code}" if active else None,
        "marketing_statistics_url": f"{domain}/marketer/{coupon.id:x}" if active else None,
    }


def details(coupon: Coupon, domain: str) -> Json:
    group = coupon.is_group
    return {
        "id": coupon.id,
        "code": coupon.code,
        "type": coupon.type,
        "status": coupon.status,
        "is_apply_with_offer": coupon.is_apply_with_offer,
        "amount": money(coupon.amount),
        "minimum_amount": maybe_money(coupon.minimum_amount),
        "maximum_amount": money(coupon.maximum_amount),
        "show_maximum_amount": coupon.show_maximum_amount,
        "expiry_date": coupon.expiry_date,
        "start_date": coupon.start_date,
        "free_shipping": coupon.free_shipping,
        "usage_limit": coupon.usage_limit,
        "usage_limit_per_user": coupon.usage_limit_per_user,
        **{answer: list(coupon.lists.get(asked, [])) for asked, answer in RENAMED.items()},
        "is_sale_products_exclude": coupon.exclude_sale_products,
        "include_customer_ids": [],
        "applied_in": coupon.applied_in,
        "is_group": group,
        "group_name": coupon.group_name,
        "group_coupons_count": coupon.group_coupons_count,
        "group_coupon_suffix": coupon.group_suffix,
        "group_coupons": [{"code": code} for _, code in coupon.group_codes] if group else None,
        "beneficiary_domain": coupon.beneficiary_domain,
        "statistics": statistics(coupon),
        "created_at": php(coupon.created_at),
        "updated_at": php(coupon.updated_at),
        **_marketing(coupon, domain),
    }


def offer(given: Offer) -> Json:
    return {
        "id": given.id,
        "name": given.name,
        "message": given.message,
        "expiry_date": plain(given.expiry_at),
        "start_date": plain(given.start_at),
        "offer_type": "percentage",
        "status": given.status,
        "show_price_after_discount": False,
        "show_discounts_table_message": False,
        "applied_to": "order",
        "buy": {"min_amount": given.min_amount, "min_items": 0},
        "get": {"discount_amount": f"{given.percent:.2f}"},
    }
