"""/orders: list, details, items, histories, statuses."""

from collections.abc import Callable
from typing import Any

from starlette.datastructures import QueryParams

from scripts.sandbox.actions import orders as order_actions
from scripts.sandbox.clock import DAY, parse_store_time
from scripts.sandbox.merchant_api.envelope import Json, gone, invalid, message, missing, page, success
from scripts.sandbox.merchant_api.gate import Call, Endpoint
from scripts.sandbox.models import Order, Step, Store
from scripts.sandbox.reading import integer, truth
from scripts.sandbox.shapes import orders as shapes
from scripts.sandbox.shapes.common import STATUSES

SORTS: dict[str, Callable[[Order], float]] = {
    "id": lambda o: o.id,
    "total": lambda o: o.total,
    "created_at": lambda o: o.created_at,
    "updated_at": lambda o: o.updated_at,
}


def _values(query: QueryParams, name: str) -> list[str]:
    return [value for key in (name, f"{name}[]") for value in query.getlist(key) if value]


def _moment(query: QueryParams, name: str) -> float | None:
    if not query.get(name):
        return None
    try:
        return parse_store_time(query[name])
    except ValueError:
        raise invalid({name: [f"حقل {name} ليس تاريخًا صحيحًا"]}) from None


def _keyword(store: Store, order: Order, text: str) -> bool:
    customer = store.customers[order.customer_id]
    fields = (
        str(order.id),
        str(order.reference_id),
        customer.full_name,
        customer.mobile,
        customer.phone,
        customer.email,
    )
    return any(text in field for field in fields)


def _matching(store: Store, query: QueryParams) -> list[Order]:
    slugs = _status_slugs(store, _values(query, "status"))
    methods = set(_values(query, "payment_method"))
    sources = set(_values(query, "source"))
    start, end = _moment(query, "from_date"), _moment(query, "to_date")
    if end is not None and len(query["to_date"].strip()) <= 10:
        end += DAY - 1  # a bare day means all of it
    tests: list[Callable[[Order], bool]] = [lambda o: not o.deleted]
    if slugs is not None:
        tests.append(lambda o: o.status in slugs)
    if methods:
        tests.append(lambda o: o.payment_method in methods)
    if sources:
        tests.append(lambda o: o.source in sources)
    if start is not None:
        tests.append(lambda o: o.created_at >= start)
    if end is not None:
        tests.append(lambda o: o.created_at <= end)
    tests += _text_tests(store, query)
    return [order for order in store.orders.values() if all(test(order) for test in tests)]


def _text_tests(store: Store, query: QueryParams) -> list[Callable[[Order], bool]]:
    tests: list[Callable[[Order], bool]] = []
    if keyword := query.get("keyword"):
        tests.append(lambda o: _keyword(store, o, keyword))
    if reference := query.get("reference_id"):
        tests.append(lambda o: str(o.reference_id) == reference)
    if customer := query.get("customer_id"):
        tests.append(lambda o: str(o.customer_id) == customer)
    if city := query.get("city"):
        tests.append(lambda o: store.customers[o.customer_id].city == city)
    if coupon := query.get("coupon"):
        tests.append(lambda o: any(d.type == "normal" and d.code.casefold() == coupon.casefold() for d in o.discounts))
    if product := query.get("product"):
        tests.append(lambda o: any(str(line.product_id) == product for line in o.lines))
    return tests


def _status_slugs(store: Store, ids: list[str]) -> set[str] | None:
    if not ids:
        return None
    by_id = {str(number): slug for slug, (number, *_) in STATUSES.items()}
    by_id |= {str(number): slug for slug, number in store.status_ids.items()}
    return {by_id[wanted] for wanted in ids if wanted in by_id}


def listing(call: Call) -> Json:
    query = call.request.query_params
    name, _, direction = (query.get("sort_by") or "created_at-desc").partition("-")
    if name not in SORTS or direction not in ("", "asc", "desc"):
        raise invalid({"sort_by": ["حقل sort_by غير صالحٍ"]})
    found = sorted(_matching(call.store, query), key=SORTS[name], reverse=direction != "asc")
    lens = call.lens
    return page(found, lambda order: shapes.listed(lens, order), query, call.url)


def _order(call: Call) -> Order:
    """By id, or by the number that people see in `reference_id`."""
    reference = call.request.query_params.get("reference_id")
    if reference:
        found = next((o for o in call.store.orders.values() if str(o.reference_id) == reference), None)
    else:
        found = call.store.orders.get(call.id())
    if found is None or found.deleted:
        raise gone()
    return found


def details(call: Call) -> Json:
    order, lens = _order(call), call.lens
    full = shapes.details(lens, order)
    if call.request.query_params.get("format") == "light":
        heavy = ("features", "actions", "urls", "source_details", "receiver", "customer", "bank", "tags")
        return success({key: value for key, value in full.items() if key not in heavy})
    return success(full)


def items(call: Call) -> Json:
    order_id = integer(call.request.query_params.get("order_id"))
    if order_id is None:
        raise invalid({"order_id": ["حقل order id مطلوب."]})
    order = call.store.orders.get(order_id)
    if order is None or order.deleted:
        raise gone()
    return success([shapes.item(call.lens, line) for line in order.lines])


def histories(call: Call) -> Json:
    order, lens = call.store.orders.get(call.id()), call.lens
    if order is None or order.deleted:
        raise missing()
    rows: list[Step] = sorted(order.history, key=lambda step: step.at, reverse=True)
    return page(rows, lambda step: shapes.history(lens, order, step), call.request.query_params, call.url)


def add_history(call: Call) -> Json:
    note = str(call.body.get("note") or "").strip()
    if not note:
        raise invalid({"note": ["نص التعليق مطلوب"]})
    step = order_actions.note(call.world, _order(call), note)
    return success(shapes.history_created(call.lens, step))


def statuses(call: Call) -> Json:
    return success(shapes.statuses(call.lens))


def status_details(call: Call) -> Json:
    found = shapes.status_details(call.lens, call.id())
    if found is None:
        raise missing()
    return success(found)


def _slug(call: Call) -> str:
    """The slug that the body names by id or slug."""
    slug: Any = call.body.get("slug")
    status_id = call.body.get("status_id")
    if not slug and status_id is None:
        raise invalid(
            {
                "status_id": ["حقل الحالة مطلوب إذا لم يتوفّر رمز الحالة."],
                "slug": ["حقل رمز الحالة مطلوب إذا لم يتوفّر الحالة."],
            }
        )
    slugs = {str(slug)} if slug else _status_slugs(call.store, [str(status_id)]) or set()
    if not slugs or not slugs <= set(STATUSES):
        raise invalid({"slug" if slug else "status_id": ["الحالة غير صالحة"]})
    return slugs.pop()


def update_status(call: Call) -> Json:
    order = _order(call)
    note = str(call.body.get("note") or "")
    order_actions.set_status(
        call.world, call.store, order, _slug(call), note, restock=bool(truth(call.body.get("restore_items")))
    )
    return message("The entity has been updated successfully", 201)


ENDPOINTS = [
    Endpoint("GET", "/orders", "orders.read", listing),
    Endpoint("GET", "/orders/items", "orders.read", items),
    Endpoint("GET", "/orders/statuses", "orders.read", statuses),
    Endpoint("GET", "/orders/statuses/{id}", "orders.read", status_details),
    Endpoint("GET", "/orders/{id}", "orders.read", details),
    Endpoint("GET", "/orders/{id}/histories", "orders.read", histories),
    Endpoint("POST", "/orders/{id}/histories", "orders.read_write", add_history),
    Endpoint("POST", "/orders/{id}/status", "orders.read_write", update_status),
]
