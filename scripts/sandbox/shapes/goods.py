"""Products as Salla shows them."""

from scripts.sandbox.clock import plain
from scripts.sandbox.models import Product
from scripts.sandbox.shapes.common import CURRENCY, Json, Lens, money, plain_number

TAX = 0.15


def _prices(product: Product) -> Json:
    """Shelf prices include tax."""
    before_tax = product.now_price / (1 + TAX)
    return {
        "price": money(product.now_price),
        "taxed_price": money(product.now_price),
        "pre_tax_price": money(before_tax),
        "tax": money(product.now_price - before_tax),
        "sale_price": money(product.sale_price),
        "regular_price": money(product.price),
    }


def _image(lens: Lens, product: Product) -> Json:
    return {
        "id": product.id ^ 0x1F1F1F,
        "url": lens.picture(product),
        "main": True,
        "three_d_image_url": "",
        "alt": product.name(lens.language),
        "video_url": "",
        "type": "image",
        "sort": 1,
    }


def _sku(product: Product) -> Json:
    return {
        "id": product.id ^ 0x3C3C3C,
        "price": money(product.price),
        "regular_price": money(product.price),
        "cost_price": money(product.cost),
        "sale_price": {},
        "has_special_price": 0 < product.sale_price < product.price,
        "stock_quantity": product.quantity,
        "unlimited_quantity": False,
        "notify_low": "5",
        "barcode": f"62810{product.id % 10**8:08d}",
        "sku": product.sku,
        "mpn": f"M{product.id % 10**7:07d}",
        "gtin": f"{product.id % 10**8:08d}",
        "related_options": [],
        "related_option_values": [],
        "weight": plain_number(product.weight),
        "weight_type": "kg",
        "weight_label": f"{product.weight:g} كجم",
        "is_user_subscribed_to_sku": False,
        "is_default": True,
    }


def _numbers(product: Product) -> Json:
    return {"mpn": f"M{product.id % 10**7:07d}", "gtin": f"{product.id % 10**8:08d}"}


def _shelf(lens: Lens, product: Product) -> Json:
    """What the shopper sees of it."""
    url, name = lens.product_url(product), product.name(lens.language)
    rate = product.rating_total / product.rating_count if product.rating_count else 0
    return {
        "id": product.id,
        "promotion": {"title": "", "sub_title": ""},
        "sku": product.sku,
        "thumbnail": lens.picture(product),
        **_numbers(product),
        "type": "product",
        "name": name,
        "short_link_code": f"p{product.id % 10**6:x}",
        "urls": {"customer": url, "admin": f"{lens.admin}/products/{product.id}"},
        **_prices(product),
        "description": product.about(lens.language),
        "url": url,
        "main_image": lens.picture(product),
        "images": [_image(lens, product)],
        "rating": {"total": product.rating_total, "count": product.rating_count, "rate": plain_number(rate)},
        "metadata": {"title": name, "description": product.about(lens.language), "url": url},
    }


def _stock(product: Product) -> Json:
    """What the merchant keeps: counts, costs, limits."""
    return {
        "quantity": str(product.quantity),
        "status": product.status,
        "is_available": product.status == "sale" and product.quantity > 0,
        "views": product.views,
        "sale_end": {},
        "cost_price": str(plain_number(product.cost)),
        "weight": plain_number(product.weight),
        "weight_type": "kg",
        "sold_quantity": product.sold,
        "pinned_date": plain(product.updated_at),
        "updated_at": plain(product.updated_at),
        "skus": [_sku(product)],
    }


SAME_FOR_ALL: Json = {
    "require_shipping": True, "with_tax": True, "max_items_per_user": 0, "maximum_quantity_per_order": 10,
    "show_in_app": True, "notify_quantity": "5", "hide_quantity": False, "unlimited_quantity": False,
    "managed_by_branches": False, "services_blocks": {"installments": []}, "calories": "0",
    "customized_sku_quantity": False, "channels": ["web", "app"], "allow_attachments": False, "is_pinned": False,
    "sort": 0, "enable_upload_image": False,
}  # fmt: skip


def details(lens: Lens, product: Product) -> Json:
    return {**_shelf(lens, product), **_stock(product), **SAME_FOR_ALL}


def light(lens: Lens, product: Product) -> Json:
    kept = (
        "id", "sku", "thumbnail", "type", "name", "urls", "price", "sale_price", "regular_price", "quantity", "status",
        "is_available", "url", "updated_at",
    )  # fmt: skip
    full = details(lens, product)
    return {key: full[key] for key in kept}


def in_order(lens: Lens, product: Product) -> Json:
    """The product block of an order's item."""
    return {
        "id": product.id,
        "type": "product",
        "promotion": {"title": "", "sub_title": ""},
        "status": product.status,
        "is_available": product.status == "sale",
        "sku": product.sku,
        "name": product.name(lens.language),
        "price": money(product.now_price),
        "sale_price": money(product.sale_price),
        "currency": CURRENCY,
        "url": lens.product_url(product),
        "thumbnail": lens.picture(product),
        "has_special_price": 0 < product.sale_price < product.price,
        "regular_price": money(product.price),
        "calories": "0.00",
        "mpn": None,
        "gtin": None,
        "favorite": None,
        "starting_price": None,
    }


def event(lens: Lens, product: Product) -> Json:
    """product.created, product.updated: as the details, with a number for the quantity."""
    full = details(lens, product)
    return {
        **full, "quantity": product.quantity, "sale_end": None, "starting_price": None, "options": [], "categories": [],
        "brand": None, "tags": [], "metadata": {"title": None, "description": None},
    }  # fmt: skip


def price_event(product: Product) -> Json:
    """product.price.updated: flat numbers."""
    tax = product.now_price * TAX / (1 + TAX)
    return {
        "id": product.id,
        "sku": product.sku,
        "mpn": f"M{product.id % 10**7:07d}",
        "gtin": f"{product.id % 10**8:08d}",
        "cost": plain_number(product.cost),
        "starting_price": None,
        "price": plain_number(product.price),
        "sale_price": {
            "amount": plain_number(product.sale_price),
            "expired_at": plain(product.updated_at + 30 * 86400)[:10],
        },
        "tax": plain_number(tax),
        "taxed_price": plain_number(product.now_price),
        "regular_price": plain_number(product.price),
        "currency": CURRENCY,
        "with_tax": True,
    }


def status_event(product: Product) -> Json:
    return {
        "id": product.id,
        "sku": product.sku,
        "mpn": f"M{product.id % 10**7:07d}",
        "gtin": f"{product.id % 10**8:08d}",
        "status": product.status,
    }
