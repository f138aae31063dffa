"""Salla's shapes of a store's things; only a missing id is an error.

Each mirrored thing has `stated()`: mirror columns → values, holding just what this body says.
Source: Salla webhooks, value traps and what matters per event; the same models serve the Merchant API.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from core.salla_values import amount_of, currency_of, id_of, phone_of
from integrations.payload_fields import (
    Amount,
    CouponCode,
    Currency,
    Moment,
    Name,
    OptionalId,
    Payload,
    Place,
    Slug,
    Stars,
    Truth,
    Url,
    Whole,
    known,
    one_object,
    only_objects,
    text,
)


class Customer(Payload):
    id: Annotated[int, BeforeValidator(id_of)]
    name: Name = None
    first_name: Name = None
    last_name: Name = None
    mobile: Any = None
    mobile_code: Any = None
    email: Annotated[str | None, text(254)] = None
    city: Place = None
    country: Place = None
    country_code: Place = None
    lang: Annotated[str | None, text(10)] = None
    is_notifications_enabled: Truth = None

    def stated(self) -> dict[str, Any]:
        name = self.name or " ".join(part for part in (self.first_name, self.last_name) if part)
        return known(
            {
                "name": name or None,
                "email": self.email.lower() if self.email else None,
                "phone": phone_of(self.mobile, self.mobile_code),
                "city": self.city or None,
                "country": self.country or None,
                "language": self.lang or None,
                "is_notifications_enabled": self.is_notifications_enabled,
            }
        )


def _customer(value: Any) -> Any:
    return value if isinstance(value, dict) and id_of(value.get("id")) else None


OptionalCustomer = Annotated[Customer | None, BeforeValidator(_customer)]


class Discount(Payload):
    type: Slug = None
    code: CouponCode = None
    discount: Amount = None


class Amounts(Payload):
    total: Any = None
    sub_total: Amount = None
    shipping_cost: Amount = None
    discounts: Annotated[list[Discount], BeforeValidator(only_objects)] = Field(default_factory=list)


class ItemProduct(Payload):
    id: OptionalId = None


class ItemAmounts(Payload):
    total: Amount = None


class Item(Payload):
    product_id: OptionalId = None
    product: Annotated[ItemProduct | None, BeforeValidator(one_object)] = None
    name: Annotated[str | None, text(255)] = None
    quantity: Whole = None
    amounts: Annotated[ItemAmounts | None, BeforeValidator(one_object)] = None

    def row(self) -> dict[str, Any]:
        """What the mirror keeps of an item, ready for JSON."""
        total = self.amounts.total if self.amounts else None
        values = {
            "product_id": self.product_id or (self.product.id if self.product else None),
            "name": self.name,
            "quantity": self.quantity,
            "total": None if total is None else str(total),
        }
        return known(values)


Items = Annotated[list[Item], BeforeValidator(only_objects)]


class Status(Payload):
    slug: Slug = None


class Address(Payload):
    city: Place = None
    country: Place = None
    country_code: Place = None


class Shipping(Payload):
    address: Annotated[Address | None, BeforeValidator(one_object)] = None


class Order(Payload):
    """`data` of every order event but `order.status.updated`, where it is `data.order`."""

    id: Annotated[int, BeforeValidator(id_of)]
    reference_id: OptionalId = None
    date: Moment = None
    draft: Truth = None
    source: Slug = None
    status: Annotated[Status | None, BeforeValidator(one_object)] = None
    payment_method: Slug = None
    is_pending_payment: Truth = None
    currency: Currency = None
    amounts: Annotated[Amounts | None, BeforeValidator(one_object)] = None
    total: Any = None
    cart_reference_id: OptionalId = None
    shipping: Annotated[Shipping | None, BeforeValidator(one_object)] = None
    customer: OptionalCustomer = None
    items: Items | None = None

    def stated(self) -> dict[str, Any]:
        money = {"total": amount_of(self.total), "currency": self.currency or currency_of(self.total)}
        return known(
            {
                "reference_id": self.reference_id,
                "placed_at": self.date,
                "is_draft": self.draft,
                "source": self.source,
                "status": self.status.slug if self.status else None,
                "payment_method": self.payment_method,
                "is_pending_payment": self.is_pending_payment,
                **money,
                "cart_salla_id": self.cart_reference_id,
                "items": [item.row() for item in self.items] if self.items else None,
                **self._stated_amounts(),
                **self._stated_place(),
            }
        )

    def _stated_amounts(self) -> dict[str, Any]:
        if self.amounts is None:
            return {}
        total = self.amounts.total if self.amounts.total is not None else self.total
        return known(
            {
                "total": amount_of(total),
                "currency": self.currency or currency_of(total),
                "subtotal": self.amounts.sub_total,
                "shipping_cost": self.amounts.shipping_cost,
                "discount": amount_of(sum(row.discount or Decimal(0) for row in self.amounts.discounts)),
                # The code of a `normal` row is the coupon's; a special offer writes its title there.
                "coupon_codes": sorted({d.code for d in self.amounts.discounts if d.type == "normal" and d.code}),
            }
        )

    def _stated_place(self) -> dict[str, Any]:
        address = self.shipping.address if self.shipping else None
        return known(
            {
                "city": (address.city if address else None) or (self.customer.city if self.customer else None) or None,
                "country": (address.country_code or address.country if address else None)
                or (self.customer.country if self.customer else None)
                or None,
            }
        )


class OrderActivity(Payload):
    """`order.status.updated`: a history entry; the order inside may be as thin as two ids."""

    order: Order


class Coupon(Payload):
    id: OptionalId = None
    code: CouponCode = None


class Cart(Payload):
    id: Annotated[int, BeforeValidator(id_of)]
    status: Slug = None
    total: Any = Field(default=None)
    misspelt_total: Any = Field(default=None, alias="totla")  # older documentation and bodies
    subtotal: Amount = None
    total_discount: Amount = None
    currency: Currency = None
    checkout_url: Url = None
    created_at: Moment = None
    customer: OptionalCustomer = None
    coupon: Annotated[Coupon | None, BeforeValidator(one_object)] = None
    items: Items | None = None

    def stated(self) -> dict[str, Any]:
        total = self.total if self.total is not None else self.misspelt_total
        coupon_code = (self.coupon.code or "" if self.coupon else "") if "coupon" in self.model_fields_set else None
        return known(
            {
                "status": self.status if self.status in {"active", "purchased"} else None,
                "total": amount_of(total),
                "subtotal": self.subtotal,
                "discount": self.total_discount,
                "currency": self.currency or currency_of(total),
                "checkout_url": self.checkout_url,
                "started_at": self.created_at,
                "coupon_code": coupon_code,
                "items": [item.row() for item in self.items] if self.items else None,
            }
        )


class CouponApplication(Payload):
    """`coupon.applied`: everything sits in `data.cart`."""

    cart: Cart


class Image(Payload):
    url: Url = None


def _image(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else one_object(value)


class Category(Payload):
    name: Annotated[str | None, text(255)] = None


class Product(Payload):
    id: Annotated[int, BeforeValidator(id_of)]
    name: Annotated[str | None, text(255)] = None
    sku: Annotated[str | None, text(100)] = None
    status: Slug = None
    is_available: Truth = None
    quantity: Whole = None
    price: Any = None
    sale_price: Amount = None
    regular_price: Amount = None
    currency: Currency = None
    url: Url = None
    main_image: Annotated[Image | None, BeforeValidator(_image)] = None
    thumbnail: Url = None
    categories: Annotated[list[Category] | None, BeforeValidator(only_objects)] = None

    def stated(self) -> dict[str, Any]:
        image = (self.main_image.url if self.main_image else None) or self.thumbnail
        return known(
            {
                "name": self.name or None,
                "sku": self.sku or None,
                "status": self.status[:16] if self.status else None,
                "is_available": self.is_available,
                "quantity": self.quantity if self.quantity is None else max(-(2**31), min(self.quantity, 2**31 - 1)),
                # Where a sale is on, `price` is the lowered one in some bodies and the regular one in others.
                "price": self.regular_price if self.regular_price is not None else amount_of(self.price),
                "sale_price": self.sale_price,
                "currency": self.currency or currency_of(self.price),
                "url": self.url or None,
                "image_url": image or None,
                "category_names": self._category_names(),
            }
        )

    def _category_names(self) -> list[str] | None:
        return None if self.categories is None else [row.name for row in self.categories if row.name]


class Reference(Payload):
    id: OptionalId = None


OptionalReference = Annotated[Reference | None, BeforeValidator(one_object)]


class Review(Payload):
    stars: Stars = Field(default=None, alias="rating")
    customer: OptionalCustomer = None
    product: OptionalReference = None
    order: OptionalReference = None


class SpecialOffer(Payload):
    id: Annotated[int, BeforeValidator(id_of)]
    status: Slug = None
