"""What other apps send to Salla and read from it, in one vocabulary: that of the requests.

Source: Salla Merchant API (coupons, special offers, webhooks) and Salla OAuth (app settings and subscriptions).
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from core.salla_values import id_of
from integrations.payload_fields import (
    Amount,
    Count,
    CouponCode,
    Moment,
    Name,
    OptionalId,
    Payload,
    Slug,
    Truth,
    Url,
    Whole,
    only_texts,
    text,
)

Texts = Annotated[tuple[str, ...], BeforeValidator(lambda value: tuple(only_texts(value)))]
Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
Id = Annotated[int, BeforeValidator(id_of)]
# `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`, the store's own time.
StoreDate = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$")]


class CouponChange(BaseModel):
    """What may be changed of a coupon; only what is set is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    type: Literal["percentage", "fixed"] | None = None
    amount: Money | None = None
    maximum_amount: Money | None = None
    minimum_amount: Money | None = None
    free_shipping: bool | None = None
    exclude_sale_products: bool | None = None
    is_apply_with_offer: bool | None = None
    start_date: StoreDate | None = None
    expiry_date: StoreDate | None = None
    status: Literal["active", "inactive"] | None = None
    usage_limit: int | None = None
    usage_limit_per_user: int | None = None
    applied_in: Literal["all", "web", "app"] | None = None
    products_include: tuple[str, ...] | None = None
    products_exclude: tuple[str, ...] | None = None
    list_include_categories: tuple[str, ...] | None = None
    list_exclude_categories: tuple[str, ...] | None = None
    list_include_groups: tuple[str, ...] | None = None
    list_exclude_groups: tuple[str, ...] | None = None
    list_exclude_brands: tuple[str, ...] | None = None
    list_exclude_shipping: tuple[str, ...] | None = None
    payment_methods: tuple[str, ...] | None = None

    def body(self) -> dict[str, Any]:
        """As Salla wants it: money as numbers."""
        values = self.model_dump(exclude_unset=True)
        return {name: float(value) if isinstance(value, Decimal) else value for name, value in values.items()}


class NewCoupon(CouponChange):
    """A coupon to create. What Salla would fill in by itself is always said: parts of its schema default to true."""

    code: Annotated[str, Field(min_length=1, max_length=64)]
    type: Literal["percentage", "fixed"]
    amount: Money
    maximum_amount: Money = Decimal(0)  # 0 means no cap
    free_shipping: bool = False
    exclude_sale_products: bool = False
    is_apply_with_offer: bool = False
    start_date: StoreDate
    expiry_date: StoreDate
    is_group: bool = False
    group_name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    group_suffix: Annotated[str, Field(pattern=r"^[A-Za-z]{1,5}$")] | None = None
    group_coupons_count: Annotated[int, Field(ge=1)] | None = None

    def body(self) -> dict[str, Any]:
        defaults = {name: getattr(self, name) for name in ("free_shipping", "exclude_sale_products", "is_group")}
        more = {"is_apply_with_offer": self.is_apply_with_offer, "maximum_amount": float(self.maximum_amount)}
        return {**defaults, **more, **super().body()}


class Coupon(Payload):
    """A coupon as Salla has it, under the names of the requests."""

    id: Id
    code: CouponCode = None
    type: Slug = None
    status: Slug = None
    amount: Amount = None
    minimum_amount: Amount = None
    maximum_amount: Amount = None  # 0 means no cap
    free_shipping: Truth = None
    exclude_sale_products: Truth = Field(default=None, alias="is_sale_products_exclude")
    is_apply_with_offer: Truth = None
    starts_at: Moment = Field(default=None, alias="start_date")
    expires_at: Moment = Field(default=None, alias="expiry_date")
    usage_limit: Whole = None
    usage_limit_per_user: Whole = None
    applied_in: Slug = None
    products_include: Texts = Field(default=(), alias="include_product_ids")
    products_exclude: Texts = Field(default=(), alias="exclude_product_ids")
    list_include_categories: Texts = Field(default=(), alias="include_category_ids")
    list_exclude_categories: Texts = Field(default=(), alias="exclude_category_ids")
    list_include_groups: Texts = Field(default=(), alias="include_customer_group_ids")
    list_exclude_groups: Texts = Field(default=(), alias="exclude_customer_group_ids")
    list_exclude_brands: Texts = Field(default=(), alias="exclude_brands_ids")
    list_exclude_shipping: Texts = Field(default=(), alias="exclude_shipping_ids")
    payment_methods: Texts = Field(default=(), alias="include_payment_methods")
    is_group: Truth = None
    group_name: Name = None
    group_suffix: CouponCode = Field(default=None, alias="group_coupon_suffix")
    group_coupons_count: Whole = None
    updated_at: Moment = None

    def is_what(self, wanted: NewCoupon) -> bool:
        """Whether creating `wanted` would make this one. Salla does not say whether case counts: here it does not."""
        mine = (self.type, self.amount, bool(self.is_group), self.group_name or None, (self.code or "").casefold())
        return mine == (wanted.type, wanted.amount, wanted.is_group, wanted.group_name, wanted.code.casefold())


class CouponCodeRow(Payload):
    """One code of a group coupon."""

    id: OptionalId = None
    code: Annotated[str, text(64)]


class SpecialOffer(Payload):
    """A special offer of the store's own, which a coupon may or may not be combined with."""

    id: Id
    name: Name = None
    status: Slug = None
    offer_type: Slug = None
    applied_to: Slug = None
    starts_at: Moment = Field(default=None, alias="start_date")
    expires_at: Moment = Field(default=None, alias="expiry_date")


class Webhook(Payload):
    """A webhook registered by API."""

    id: Id
    name: Name = None
    event: Slug = None
    url: Url = None
    rule: Annotated[str | None, text(500)] = None


class AppSettings(Payload):
    """Keyed by the form's field ids; values of mixed types, truth sometimes as text."""

    settings: Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})]


class Subscription(Payload):
    """A plan or an add-on of the app that a store has."""

    item_type: Slug = None
    item_slug: Slug = None
    plan_type: Slug = None
    plan_name: Name = None
    plan_period: Count = None
    starts_at: Moment = Field(default=None, alias="start_date")
    ends_at: Moment = Field(default=None, alias="end_date")
    quantity: Count = None
    total: Amount = None
