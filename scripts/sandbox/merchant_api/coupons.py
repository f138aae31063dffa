"""/coupons: create, list, details, update, delete, codes of a group, statistics."""

from dataclasses import fields
from typing import Any

from scripts.sandbox.merchant_api.coupon_rules import Reader
from scripts.sandbox.merchant_api.envelope import Json, gone, invalid, message, page, success
from scripts.sandbox.merchant_api.gate import Call, Endpoint
from scripts.sandbox.models import Coupon
from scripts.sandbox.numbers import Numbers
from scripts.sandbox.reading import integer
from scripts.sandbox.shapes import coupons as shapes

KNOWN = {f.name for f in fields(Coupon)}


def _checked(call: Call, coupon_id: int | None) -> dict[str, Any]:
    reader = Reader(call.body, call.store, call.world.clock.now(), coupon_id=coupon_id)
    reader.read()
    if reader.problems:
        raise invalid(reader.problems)
    return {name: value for name, value in reader.clean.items() if name in KNOWN}


def _codes(numbers: Numbers, suffix: str, count: int) -> list[tuple[int, str]]:
    """The suffix stands in front, as in the samples, with a few random letters after it."""
    codes: dict[str, int] = {}
    while len(codes) < count:
        codes.setdefault(f"{suffix}{numbers.token(4 if count < 1000 else 6)}", numbers.id())
    return [(number, code) for code, number in codes.items()]


def create(call: Call) -> Json:
    clean, now = _checked(call, None), call.world.clock.now()
    coupon = Coupon(id=call.world.numbers.id(), created_at=now, updated_at=now, **clean)
    if coupon.is_group:
        coupon.group_codes = _codes(call.world.numbers, coupon.group_suffix or "", coupon.group_coupons_count or 0)
    call.store.coupons[coupon.id] = coupon
    return success(shapes.details(coupon, call.lens.domain))


def _coupon(call: Call, number: int | None) -> Coupon:
    coupon = call.store.coupons.get(number or 0)
    if coupon is None or coupon.status == "deleted":
        raise gone()
    return coupon


def _asked(call: Call) -> Coupon:
    return _coupon(call, integer(call.request.path_params["id"]))


def listing(call: Call) -> Json:
    query = call.request.query_params
    keyword = (query.get("keyword") or "").casefold()
    rows = [
        coupon
        for coupon in call.store.coupons.values()
        if coupon.status != "deleted"
        and (not keyword or keyword in f"{coupon.code} {coupon.group_name or ''}".casefold())
    ]
    rows.sort(key=lambda coupon: coupon.created_at, reverse=True)
    domain = call.lens.domain
    return page(rows, lambda coupon: shapes.details(coupon, domain), query, call.url)


def details(call: Call) -> Json:
    return success(shapes.details(_asked(call), call.lens.domain))


def update(call: Call) -> Json:
    """Only the sent keys change."""
    coupon = _asked(call)
    clean = _checked(call, coupon.id)
    coupon.lists |= clean.pop("lists", {})
    coupon.marketing |= clean.pop("marketing", {})
    for name, value in clean.items():
        setattr(coupon, name, value)
    coupon.updated_at = call.world.clock.now()
    return success(shapes.details(coupon, call.lens.domain))


def delete(call: Call) -> Json:
    _asked(call).status = "deleted"
    return message("The coupon has been removed successfully", 202)


def codes(call: Call) -> Json:
    query = call.request.query_params
    if not query.get("coupon_id"):
        raise invalid({"coupon_id": ["حقل coupon id مطلوب."]})
    coupon = _coupon(call, integer(query["coupon_id"]))
    return page(coupon.group_codes, lambda row: {"id": row[0], "code": row[1]}, query, call.url)


def statistics(call: Call) -> Json:
    return success(shapes.statistics(_asked(call)))


ENDPOINTS = [
    Endpoint("POST", "/coupons", "marketing.read_write", create),
    Endpoint("GET", "/coupons", "marketing.read", listing),
    Endpoint("GET", "/coupons/codes", "marketing.read", codes),
    Endpoint("GET", "/coupons/statistics/{id}", "marketing.read", statistics),
    Endpoint("GET", "/coupons/{id}", "marketing.read", details),
    Endpoint("PUT", "/coupons/{id}", "marketing.read_write", update),
    Endpoint("DELETE", "/coupons/{id}", "marketing.read_write", delete),
]
