"""/store/info, /products, /specialoffers and /payment/methods."""

from scripts.sandbox.merchant_api.envelope import Json, gone, invalid, missing, page, success
from scripts.sandbox.merchant_api.gate import Call, Endpoint
from scripts.sandbox.models import Product, Store
from scripts.sandbox.shapes import coupons, goods
from scripts.sandbox.shapes.common import CURRENCY, METHOD_NAMES


def store_info(call: Call) -> Json:
    store, lens = call.store, call.lens
    return success(
        {
            "id": store.id,
            "name": store.name(lens.language),
            "entity": "company",
            "email": store.email,
            "avatar": f"{lens.base}/media/{store.id}/logo.svg",
            "plan": store.plan,
            "type": store.type,
            "status": "active",
            "verified": True,
            "currency": CURRENCY,
            "domain": lens.domain,
            "description": store.about_en if lens.language == "en" else store.about_ar,
            "licenses": {
                "tax_number": f"3{store.id}00003",
                "commercial_number": f"{store.id % 10**10:010d}",
                "freelance_number": "",
            },
            "social": _social(store),
        }
    )


def _social(store: Store) -> Json:
    names = (
        "telegram", "twitter", "facebook", "maroof", "youtube", "snapchat", "appstore_link", "googleplay_link",
    )  # fmt: skip
    return {**dict.fromkeys(names, ""), "whatsapp": store.mobile, "twitter": f"https://x.example/{store.username}"}


def products(call: Call) -> Json:
    query = call.request.query_params
    status, keyword = query.get("status"), (query.get("keyword") or "").casefold()
    if status and status not in ("hidden", "sale", "out"):
        raise invalid({"status": ["حقل status غير صالحٍ"]})
    rows = [
        product
        for product in call.store.products.values()
        if (not status or product.status == status)
        and (not query.get("category") or product.category == query["category"])
        and (not keyword or keyword in f"{product.name_ar} {product.name_en} {product.sku}".casefold())
    ]
    lens = call.lens
    shape = goods.light if query.get("format") == "light" else goods.details
    return page(rows, lambda product: shape(lens, product), query, call.url)


def _shown(call: Call, product: Product | None) -> Json:
    if product is None:
        raise missing()
    return success(goods.details(call.lens, product))


def product(call: Call) -> Json:
    return _shown(call, call.store.products.get(call.id()))


def product_by_sku(call: Call) -> Json:
    sku = call.request.path_params["sku"]
    return _shown(call, next((p for p in call.store.products.values() if p.sku == sku), None))


def offers(call: Call) -> Json:
    rows = list(call.store.offers.values())
    return page(rows, coupons.offer, call.request.query_params, call.url)


def offer(call: Call) -> Json:
    found = call.store.offers.get(call.id())
    if found is None:
        raise missing()
    return success(coupons.offer(found))


def payment_methods(call: Call) -> Json:
    return success([{"id": number, "slug": slug, "name": name} for slug, (number, name) in METHOD_NAMES.items()])


def nowhere(call: Call) -> Json:
    raise gone()


ENDPOINTS = [
    Endpoint("GET", "/store/info", "", store_info),
    Endpoint("GET", "/products", "products.read", products),
    Endpoint("GET", "/products/sku/{sku}", "products.read", product_by_sku),
    Endpoint("GET", "/products/{id}", "products.read", product),
    Endpoint("GET", "/specialoffers", "specialoffers.read", offers),
    Endpoint("GET", "/specialoffers/{id}", "specialoffers.read", offer),
    Endpoint("GET", "/payment/methods", "payments.read", payment_methods),
]
