"""/carts/abandoned, /customers and /reviews."""

from starlette.datastructures import QueryParams

from scripts.sandbox.clock import DAY, parse_store_time
from scripts.sandbox.merchant_api.envelope import Json, gone, invalid, missing, page, success
from scripts.sandbox.merchant_api.gate import Call, Endpoint
from scripts.sandbox.models import Cart, Customer
from scripts.sandbox.reading import integer
from scripts.sandbox.shapes import carts as cart_shapes
from scripts.sandbox.shapes import people

REVIEW_TYPES = ("rating", "ask", "shipping", "testimonial")


def _date(query: QueryParams, name: str, *, end: bool = False) -> float | None:
    if not query.get(name):
        return None
    try:
        at = parse_store_time(query[name])
    except ValueError:
        raise invalid({name: [f"حقل {name} ليس تاريخًا صحيحًا"]}) from None
    return at + DAY - 1 if end and len(query[name].strip()) <= 10 else at


def carts(call: Call) -> Json:
    query, now = call.request.query_params, call.world.clock.now()
    offset = integer(query.get("offset") or 0)
    if offset is None:
        raise invalid({"offset": ["يجب أن يكون حقل offset عددًا صحيحًا"]})
    keyword = (query.get("keyword") or "").lstrip("+ ")
    rows = [
        cart
        for cart in call.store.carts.values()
        if cart.abandoned_at is not None
        and cart.created_at <= now - offset * 60
        and (not keyword or _belongs(call, cart, keyword))
    ]
    lens = call.lens
    rows.sort(key=lambda cart: cart.updated_at, reverse=True)
    return page(rows, lambda cart: cart_shapes.api(lens, cart), query, call.url)


def _belongs(call: Call, cart: Cart, keyword: str) -> bool:
    customer = call.store.customers.get(cart.customer_id or 0)
    return customer is not None and keyword in (str(customer.id), customer.phone.lstrip("+"), customer.mobile)


def cart(call: Call) -> Json:
    number = integer(call.request.path_params["id"])
    found = call.store.carts.get(number or 0)
    if found is None or found.abandoned_at is None:
        raise gone()
    return success(cart_shapes.api(call.lens, found))


def customers(call: Call) -> Json:
    query = call.request.query_params
    keyword = (query.get("keyword") or "").strip().lstrip("+")
    start, end = _date(query, "date_from"), _date(query, "date_to", end=True)
    rows = [
        customer
        for customer in call.store.customers.values()
        if not customer.deleted
        and (not keyword or _known_as(customer, keyword))
        and (start is None or customer.created_at >= start)
        and (end is None or customer.created_at <= end)
    ]
    rows.sort(key=lambda customer: customer.created_at, reverse=True)
    lens = call.lens
    return page(rows, lambda customer: people.listed(lens, customer), query, call.url)


def _known_as(customer: Customer, keyword: str) -> bool:
    fields = (customer.full_name, customer.email, customer.mobile, customer.phone, str(customer.id))
    return any(keyword.casefold() in field.casefold() for field in fields)


def customer(call: Call) -> Json:
    found = call.store.customers.get(call.id())
    if found is None or found.deleted:
        raise missing()
    return success(people.details(call.lens, found))


def reviews(call: Call) -> Json:
    query = call.request.query_params
    kind = query.get("type") or ""
    if kind and kind not in REVIEW_TYPES:
        raise invalid({"type": ["حقل type غير صالحٍ"]})
    stars = {value for key in ("stars", "stars[]") for value in query.getlist(key)}
    products = {value for key in ("products", "products[]") for value in query.getlist(key)}
    start, end = _date(query, "start_date"), _date(query, "end_date", end=True)
    rows = [
        review
        for review in call.store.reviews.values()
        if (not kind or review.type == kind)
        and (not stars or str(review.rating) in stars)
        and (not products or str(review.product_id) in products)
        and (start is None or review.created_at >= start)
        and (end is None or review.created_at <= end)
        and (query.get("publish") in (None, "") or review.is_published == (query["publish"] in ("1", "true")))
    ]
    rows.sort(key=lambda review: review.created_at, reverse=True)
    lens = call.lens
    return page(rows, lambda review: people.review(lens, review), query, call.url)


def review(call: Call) -> Json:
    found = call.store.reviews.get(call.id())
    if found is None:
        raise missing()
    return success(people.review(call.lens, found))


ENDPOINTS = [
    Endpoint("GET", "/carts/abandoned", "carts.read", carts),
    Endpoint("GET", "/carts/abandoned/{id}", "carts.read", cart),
    Endpoint("GET", "/customers", "customers.read", customers, customers=True),
    Endpoint("GET", "/customers/{id}", "customers.read", customer, customers=True),
    Endpoint("GET", "/reviews", "reviews.read", reviews),
    Endpoint("GET", "/reviews/{id}", "reviews.read", review),
]
