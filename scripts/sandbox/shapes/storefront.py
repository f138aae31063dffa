"""What the store API gives the storefront's SDK: flat numbers where the Merchant API has money objects."""

from scripts.sandbox.clock import plain
from scripts.sandbox.models import Customer, Product, Review
from scripts.sandbox.shapes.common import CURRENCY, Json, Lens, plain_number

SYMBOLS = {"ar": "ر.س", "en": "SAR"}
NAMES = {"ar": "ريال سعودي", "en": "Saudi Riyal"}


def currency(language: str) -> Json:
    symbol, name = SYMBOLS[language], NAMES[language]
    return {"code": CURRENCY, "name": name, "symbol": symbol, "amount": 1, "country_code": "sa"}


def product(lens: Lens, product: Product) -> Json:
    """`ProductDetail` of the SDK's types."""
    on_sale, name = 0 < product.sale_price < product.price, product.name(lens.language)
    rate = product.rating_total / product.rating_count if product.rating_count else 0
    picture = {"url": lens.picture(product), "alt": name}
    return {
        "id": product.id,
        "sku": product.sku,
        "name": name,
        "description": product.about(lens.language),
        "url": lens.product_url(product),
        "promotion_title": "",
        "subtitle": "",
        "type": "product",
        "status": product.status,
        "weight": str(plain_number(product.weight)),
        "price": plain_number(product.now_price),
        "sale_price": plain_number(product.sale_price) if on_sale else 0,
        "regular_price": plain_number(product.price),
        "base_currency_price": plain_number(product.now_price),
        "starting_price": None,
        "quantity": product.quantity,
        "sold_quantity": product.sold,
        "max_quantity": min(product.quantity, 10),
        "discount_ends": None,
        "is_taxable": True,
        "image": picture,
        "images": [{"id": product.id ^ 0x1F1F1F, "main": True, **picture}],
        "rating": {"stars": round(rate), "count": product.rating_count},
        "brand": None,
        "tags": [],
        "options": [],
        "has_options": False,
        "is_on_sale": on_sale,
        "is_available": product.status == "sale" and product.quantity > 0,
        "is_out_of_stock": product.status == "out" or product.quantity == 0,
        "is_require_shipping": True,
        "currency": CURRENCY,
    }


def review(lens: Lens, given: Review) -> Json:
    customer = lens.store.customers[given.customer_id]
    return {
        "id": given.id,
        "rating": given.rating,
        "content": given.content,
        "name": customer.first_name,
        "avatar": lens.avatar(customer),
        "date": plain(given.created_at),
    }


def profile(lens: Lens, customer: Customer) -> Json:
    """Whom the SDK keeps as `user`."""
    return {
        "id": customer.id,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "email": customer.email,
        "phone": {"code": "+966", "number": customer.mobile, "country": "SA"},
        "gender": customer.gender,
        "avatar": lens.avatar(customer),
        "language": lens.language,
        "currency": CURRENCY,
        "notifications": 0,
        "pending_orders": 0,
        "is_hidden_name": False,
        "is_notifiable": customer.notifications,
    }
