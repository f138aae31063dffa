"""The things a store has, in the sandbox's own words; `shapes` turns them into Salla's JSON."""

from dataclasses import dataclass, field
from typing import Any

PAID_METHODS = ("mada", "apple_pay", "credit_card", "stc_pay", "tabby_installment", "tamara_installment")
PAYMENT_METHODS = (*PAID_METHODS, "cod", "bank")
BROWSERS = {
    "mobile": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1",
    "desktop": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36",
}


@dataclass
class Product:
    id: int
    sku: str
    name_ar: str
    name_en: str
    about_ar: str
    about_en: str
    category: str
    shape: str
    price: float
    sale_price: float
    cost: float
    quantity: int
    weight: float
    updated_at: float
    status: str = "sale"
    sold: int = 0
    views: int = 0
    rating_total: int = 0
    rating_count: int = 0

    @property
    def now_price(self) -> float:
        return self.sale_price if 0 < self.sale_price < self.price else self.price

    def name(self, language: str) -> str:
        return self.name_en if language == "en" else self.name_ar

    def about(self, language: str) -> str:
        return self.about_en if language == "en" else self.about_ar


@dataclass
class Customer:
    id: int
    first_name: str
    last_name: str
    mobile: str
    email: str
    gender: str
    city: str
    location: str
    created_at: float
    updated_at: float
    birthday: float | None = None
    mobile_code: str = "+966"
    groups: list[int] = field(default_factory=list)
    notifications: bool = True
    language: str = "ar"
    last_login: float | None = None
    deleted: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def phone(self) -> str:
        return (
            f"{self.mobile_code}{self.mobile}"
            if self.mobile_code.startswith("+")
            else f"+{self.mobile_code}{self.mobile}"
        )


@dataclass
class Line:
    id: int
    product_id: int
    quantity: int
    price: float
    discount: float = 0.0

    @property
    def total(self) -> float:
        return self.price * self.quantity


@dataclass
class Discount:
    title: str
    type: str
    code: str
    amount: float
    free_shipping: float = 0.0


@dataclass
class Step:
    """One line of an order's history."""

    id: int
    slug: str
    note: str
    at: float


@dataclass
class Order:
    id: int
    reference_id: int
    checkout_id: int
    token: str
    customer_id: int
    lines: list[Line]
    payment_method: str
    created_at: float
    updated_at: float
    shipping_cost: float
    cart_id: int | None = None
    status: str = "under_review"
    paid: bool = True
    pending_until: float = 0.0
    discounts: list[Discount] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    source: str = "store"
    source_type: str = "direct"
    source_value: str | None = None
    device: str = "mobile"
    ip: str = "127.0.0.1"
    read: bool = False
    deleted: bool = False
    cod_cost: float = 0.0

    @property
    def sub_total(self) -> float:
        return round(sum(line.total for line in self.lines), 2)

    @property
    def discount(self) -> float:
        return round(sum(row.amount + row.free_shipping for row in self.discounts), 2)

    @property
    def total(self) -> float:
        """Prices include tax; shipping and the fee for cash come on top."""
        return round(max(0.0, self.sub_total + self.shipping_cost + self.cod_cost - self.discount), 2)

    @property
    def tax(self) -> float:
        return round(self.total * 15 / 115, 2)


@dataclass
class Cart:
    id: int
    customer_id: int | None
    lines: list[Line]
    created_at: float
    updated_at: float
    coupon: str = ""
    status: str = "active"
    abandoned_at: float | None = None
    device: str = "mobile"
    source_type: str = "direct"
    source_value: str | None = None

    @property
    def subtotal(self) -> float:
        return round(sum(line.total for line in self.lines), 2)


@dataclass
class Coupon:
    """A coupon with the request's fields; money as plain numbers, dates as store-local text."""

    id: int
    code: str
    type: str
    amount: float
    created_at: float
    updated_at: float
    expiry_date: str
    start_date: str | None = None
    status: str = "active"
    is_apply_with_offer: bool = True
    minimum_amount: float | None = None
    maximum_amount: float = 0.0
    show_maximum_amount: bool = False
    free_shipping: bool = False
    exclude_sale_products: bool = False
    usage_limit: int | None = None
    usage_limit_per_user: int | None = None
    applied_in: str = "all"
    is_group: bool = False
    group_name: str | None = None
    group_coupons_count: int | None = None
    group_suffix: str | None = None
    group_codes: list[tuple[int, str]] = field(default_factory=list)
    beneficiary_domain: str | None = None
    lists: dict[str, list[str]] = field(default_factory=dict)
    marketing: dict[str, Any] = field(default_factory=dict)
    used_by: list[tuple[str, int, float]] = field(default_factory=list)
    """Of each use: the code, the customer and the order's total."""


@dataclass
class Review:
    id: int
    product_id: int
    order_id: int | None
    customer_id: int
    rating: int
    content: str
    created_at: float
    type: str = "rating"
    is_published: bool = True


@dataclass
class Offer:
    id: int
    name: str
    message: str
    percent: float
    min_amount: float
    start_at: float
    expiry_at: float
    status: str = "active"


@dataclass
class Hook:
    """A webhook that was subscribed through the API."""

    id: int
    name: str
    event: str
    url: str
    version: int = 2
    rule: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    strategy: str = ""
    secret: str | None = None


@dataclass
class Subscription:
    id: int
    plan: str
    price: float
    started_at: float
    ends_at: float
    status: str = "active"
    item_slug: str | None = None  # of an add-on
    quantity: int = 1

    @property
    def item_type(self) -> str:
        return "addon" if self.item_slug else "plan"


@dataclass
class Store:
    id: int
    username: str
    name_ar: str
    name_en: str
    about_ar: str
    about_en: str
    city: str
    email: str
    mobile: str
    owner: str
    owner_id: int
    plan: str
    colour: str
    tint: str
    kind: str
    created_at: float
    type: str = "demo"
    installed_at: float | None = None
    settings: dict[str, Any] | None = None
    subscription: Subscription | None = None
    add_on: Subscription | None = None
    products: dict[int, Product] = field(default_factory=dict)
    customers: dict[int, Customer] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    carts: dict[int, Cart] = field(default_factory=dict)
    coupons: dict[int, Coupon] = field(default_factory=dict)
    reviews: dict[int, Review] = field(default_factory=dict)
    offers: dict[int, Offer] = field(default_factory=dict)
    hooks: dict[int, Hook] = field(default_factory=dict)
    status_ids: dict[str, int] = field(default_factory=dict)

    def name(self, language: str) -> str:
        return self.name_en if language == "en" else self.name_ar

    def coupon_of(self, code: str) -> Coupon | None:
        """The live coupon that a code belongs to; group codes count, case does not."""
        wanted = code.strip().casefold()
        for coupon in self.coupons.values():
            codes = [c for _, c in coupon.group_codes] if coupon.is_group else [coupon.code]
            if coupon.status != "deleted" and wanted in (c.casefold() for c in codes):
                return coupon
        return None
