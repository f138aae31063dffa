"""What a coupon takes off a cart, and why it may not."""

from scripts.sandbox.clock import parse_store_time
from scripts.sandbox.models import Cart, Coupon, Customer, Store

REASONS = {
    "unknown": "كود الكوبون غير صحيح",
    "inactive": "الكوبون غير مفعّل",
    "early": "لم يبدأ تفعيل الكوبون بعد",
    "expired": "انتهت صلاحية الكوبون",
    "used": "تم استخدام الكوبون بالكامل",
    "used_by_you": "لقد استخدمت هذا الكوبون من قبل",
    "minimum": "قيمة السلة أقل من الحد الأدنى للكوبون",
    "products": "الكوبون لا ينطبق على منتجات السلة",
    "beneficiary": "الكوبون غير متاح لحسابك",
    "empty": "السلة فارغة",
}


class CouponError(Exception):
    """The shop says no; `reason` is a key of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


def canonical(coupon: Coupon, code: str) -> str:
    """The code as the merchant wrote it, whatever case the shopper typed."""
    codes = [known for _, known in coupon.group_codes] if coupon.is_group else [coupon.code]
    return next(known for known in codes if known.casefold() == code.strip().casefold())


def eligible_total(store: Store, cart: Cart, coupon: Coupon) -> float:
    """The part of the cart that the coupon is for."""
    included = set(coupon.lists.get("products_include", []))
    excluded = set(coupon.lists.get("products_exclude", []))
    total = 0.0
    for line in cart.lines:
        product = store.products[line.product_id]
        on_sale = 0 < product.sale_price < product.price
        if (included and str(product.id) not in included) or str(product.id) in excluded:
            continue
        if coupon.exclude_sale_products and on_sale:
            continue
        total += line.total
    return round(total, 2)


def discount_of(store: Store, cart: Cart) -> float:
    """What the cart's coupon takes off, shipping left aside."""
    coupon = store.coupon_of(cart.coupon) if cart.coupon else None
    if coupon is None:
        return 0.0
    eligible = eligible_total(store, cart, coupon)
    amount = eligible * coupon.amount / 100 if coupon.type == "percentage" else coupon.amount
    if coupon.maximum_amount:
        amount = min(amount, coupon.maximum_amount)
    return round(min(amount, eligible), 2)


def check_coupon(store: Store, cart: Cart, code: str, customer: Customer | None, now: float) -> Coupon:
    """The coupon that the code stands for; CouponError with the reason otherwise."""
    if not cart.lines:
        raise CouponError("empty")
    coupon = store.coupon_of(code)
    if coupon is None:
        raise CouponError("unknown")
    _check_dates(coupon, now)
    _check_uses(coupon, code, customer)
    if coupon.beneficiary_domain and not (customer and customer.email.endswith(f"@{coupon.beneficiary_domain}")):
        raise CouponError("beneficiary")
    if eligible_total(store, cart, coupon) == 0:
        raise CouponError("products")
    if coupon.minimum_amount and cart.subtotal < coupon.minimum_amount:
        raise CouponError("minimum")
    return coupon


def _check_dates(coupon: Coupon, now: float) -> None:
    if coupon.status != "active":
        raise CouponError("inactive")
    if coupon.start_date and parse_store_time(coupon.start_date) > now:
        raise CouponError("early")
    if parse_store_time(coupon.expiry_date) < now:
        raise CouponError("expired")


def _check_uses(coupon: Coupon, code: str, customer: Customer | None) -> None:
    """A code of a group works once; other coupons count all their uses."""
    if coupon.is_group and any(used.casefold() == code.strip().casefold() for used, _, _ in coupon.used_by):
        raise CouponError("used")
    if coupon.usage_limit is not None and len(coupon.used_by) >= coupon.usage_limit:
        raise CouponError("used")
    if customer and coupon.usage_limit_per_user is not None:
        mine = sum(who == customer.id for _, who, _ in coupon.used_by)
        if mine >= coupon.usage_limit_per_user:
            raise CouponError("used_by_you")
