"""Limits, filters, pages, validation and faults of the Merchant API."""

from typing import Any

import pytest

from tests.sandbox.conftest import KIDS, Api, World
from tests.sandbox.test_contract import GROUP, coupon_body


def freeze(world: World) -> None:
    """Rate limits whose time stands still until a test moves it."""
    world.post("/_clock", {"rate_speed": 0})


def spend(api: Api, count: int, path: str = "/store/info") -> list[int]:
    return [api.get(path).status_code for _ in range(count)]


def test_a_plus_store_may_call_120_times_and_then_once_a_second(world: World) -> None:
    api = world.installed(KIDS)
    freeze(world)
    assert spend(api, 120) == [200] * 120
    refused = api.get("/store/info")
    assert refused.status_code == 429
    assert (refused.headers["X-RateLimit-Limit"], refused.headers["X-RateLimit-Remaining"]) == ("120", "0")
    assert refused.headers["Retry-After"] == "1"
    world.post("/_clock", {"advance": 3})
    assert spend(api, 4) == [200, 200, 200, 429]


def test_customers_have_a_window_of_their_own(api: Api) -> None:
    freeze(api.world)
    api.world.act("plan", store=api.store, plan="special")
    assert set(spend(api, 500, "/customers/1")) == {404}
    refused = api.get("/customers")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "600"
    assert api.get("/store/info").status_code == 200
    api.world.post("/_clock", {"advance": 600})
    assert api.get("/customers").status_code == 200


def test_long_abuse_is_blocked_for_a_while(world: World) -> None:
    api = world.installed(KIDS)
    freeze(world)
    statuses = spend(api, 421)
    assert statuses[120:420] == [429] * 300
    assert statuses[420] == 403


def test_headers_count_down(api: Api) -> None:
    freeze(api.world)
    left = [int(api.get("/store/info").headers["X-RateLimit-Remaining"]) for _ in range(3)]
    assert left == [359, 358, 357]


def test_pages_join_without_gaps(api: Api) -> None:
    seen: list[int] = []
    page, total = 1, 1
    while page <= total:
        body = api.get("/orders", page=page, per_page=500).json()
        assert body["pagination"]["perPage"] == 60
        seen += [order["id"] for order in body["data"]]
        total, page = body["pagination"]["totalPages"], page + 1
    assert len(seen) == len(set(seen)) == body["pagination"]["total"]
    assert body["pagination"]["links"]["previous"].endswith(f"page={page - 2}")
    assert api.get("/orders", page=99).json()["data"] == []


@pytest.mark.parametrize(
    "query", [{"page": "x"}, {"page": "0"}, {"per_page": "-1"}, {"from_date": "soon"}, {"sort_by": "x-asc"}]
)
def test_bad_queries_name_the_field(api: Api, query: dict[str, str]) -> None:
    answer = api.get("/orders", **query)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == list(query)


def test_order_filters(api: Api) -> None:
    made = api.world.act(
        "order", store=api.store, coupon="EID25", product=api.dear(), payment_method="tabby_installment"
    )
    for query in (
        {"reference_id": made["reference"]},
        {"keyword": str(made["order"])},
        {"coupon": "eid25", "from_date": "2020-01-01", "customer_id": made["customer"]},
        {"payment_method[]": "tabby_installment", "status[]": 566146469},
    ):
        assert made["order"] in [order["id"] for order in api.data("/orders", **query)]
    assert api.data("/orders", from_date="2099-01-01") == []
    assert api.data("/orders", **{"status[]": "1"}) == []
    assert api.data("/orders/1", reference_id=made["reference"])["id"] == made["order"]


def test_details_have_no_items_and_items_are_asked_for(api: Api) -> None:
    order = api.data("/orders")[0]["id"]
    assert "items" not in api.data(f"/orders/{order}")
    assert "customer" not in api.data(f"/orders/{order}", format="light")
    items = api.data("/orders/items", order_id=order)
    assert all(item["quantity"] >= 1 and item["amounts"]["total"]["currency"] == "SAR" for item in items)
    assert api.get("/orders/items").status_code == 422


def test_labels_follow_the_language(api: Api) -> None:
    arabic = api.call("GET", "/products").json()["data"][0]["name"]
    english = api.call("GET", "/products", headers={"Accept-Language": "en"}).json()["data"][0]["name"]
    assert not arabic.isascii()
    assert english.isascii() or "¼" in english


def test_abandoned_carts(api: Api) -> None:
    made = api.world.act("cart", store=api.store)
    cart = api.data(f"/carts/abandoned/{made['cart']}")
    assert (cart["status"], cart["subtotal"]["amount"]) == ("active", made["subtotal"])
    assert cart["items"][0]["amounts"]["total"]["currency"] == "SAR"
    assert made["cart"] in [row["id"] for row in api.data("/carts/abandoned", keyword=str(made["customer"]))]
    assert made["cart"] not in [row["id"] for row in api.data("/carts/abandoned", offset=60, per_page=60)]


def test_a_coupon_comes_back_under_other_names(api: Api) -> None:
    body = coupon_body(code="NAMES", products_include=[5], payment_methods=["mada"], exclude_sale_products=True)
    data = api.call("POST", "/coupons", json=body).json()["data"]
    assert data["include_product_ids"] == ["5"]
    assert data["include_payment_methods"] == ["mada"]
    assert data["is_sale_products_exclude"] is True
    assert data["amount"] == {"amount": 10, "currency": "SAR"}
    assert data["expiry_date"] == "2099-12-12 00:00:00"
    assert [c["code"] for c in api.data("/coupons", keyword="names")] == ["NAMES"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "WELCOME10"}, "code"),
        ({"code": "welcome10"}, "code"),
        ({"type": "PERCENT"}, "type"),
        ({"type": "amount"}, "type"),
        ({"maximum_amount": None}, "maximum_amount"),
        ({"amount": "ten"}, "amount"),
        ({"amount": 120}, "amount"),
        ({"exclude_sale_products": None}, "exclude_sale_products"),
        ({"expiry_date": "2020-01-01"}, "expiry_date"),
        ({"expiry_date": "tomorrow"}, "expiry_date"),
        ({"start_date": "2100-01-01"}, "expiry_date"),
        ({"payment_methods": ["gold"]}, "payment_methods"),
        ({"products_include": 5}, "products_include"),
        (GROUP | {"group_suffix": "AB1"}, "group_suffix"),
        (GROUP | {"group_suffix": "ABCDEF"}, "group_suffix"),
        (GROUP | {"group_coupons_count": 0}, "group_coupons_count"),
        (GROUP | {"group_name": ""}, "group_name"),
        ({"usage_limit": "many"}, "usage_limit"),
        ({"applied_in": "moon"}, "applied_in"),
    ],
)
def test_bad_coupons_name_the_field(api: Api, changes: dict[str, Any], field: str) -> None:
    answer = api.call("POST", "/coupons", json=coupon_body(code="NEW") | changes)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]


def test_a_group_gives_codes_that_work_once(api: Api) -> None:
    group = coupon_body(code="GRP", type="fixed", amount=20, **GROUP)
    made = api.call("POST", "/coupons", json=group).json()["data"]
    codes = [row["code"] for row in api.data("/coupons/codes", coupon_id=made["id"])]
    assert len(set(codes)) == 3
    assert all(code.startswith("DEAL") for code in codes)
    api.world.act("order", store=api.store, product=api.dear(), coupon=codes[0].lower())
    again = api.world.post("/console/api/order", {"store": api.store, "product": api.dear(), "coupon": codes[0]})
    assert again.status_code == 422
    statistics = api.data(f"/coupons/statistics/{made['id']}")
    assert (statistics["num_of_usage"], statistics["num_of_customers"]) == (1, 1)


def test_an_update_changes_only_what_was_sent(api: Api) -> None:
    made = api.call("POST", "/coupons", json=coupon_body(code="UPD", usage_limit=7)).json()["data"]
    changed = api.call("PUT", f"/coupons/{made['id']}", json={"status": "inactive"}).json()["data"]
    assert (changed["status"], changed["usage_limit"], changed["code"]) == ("inactive", 7, "UPD")
    assert api.call("DELETE", f"/coupons/{made['id']}").json()["status"] == 202
    assert api.get(f"/coupons/{made['id']}").status_code == 404


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("503", 503), ("429", 429), ("user_deleted", 401)])
def test_faults_pass_after_their_count(api: Api, kind: str, status: int) -> None:
    api.world.post("/_faults", {"kind": kind, "count": 2, "store": api.store, "path": "/orders"})
    assert [api.get("/orders").status_code for _ in range(3)] == [status, status, 200]
    assert api.get("/products").status_code == 200


@pytest.mark.parametrize("kind", ["drop", "timeout"])
def test_cut_connections(api: Api, kind: str, raises_cut: Any) -> None:
    api.world.post("/_faults", {"kind": kind, "count": 1, "seconds": 0.01})
    raises_cut(lambda: api.get("/orders"))
    assert api.get("/orders").status_code == 200


def test_a_revoked_scope_is_not_an_invalid_token(api: Api) -> None:
    api.world.post("/_faults", {"kind": "revoked_scope", "scope": "orders.read_write"})
    assert "orders.read" in api.get("/orders").json()["error"]["message"]
    assert api.get("/products").status_code == 200
    api.world.post("/_faults", {"clear": True})
    assert api.get("/orders").status_code == 200


@pytest.mark.parametrize(
    "given",
    [{"kind": "moon"}, {"kind": "500", "target": "x"}, {"kind": "revoked_scope"}, {"kind": "500", "count": "x"}],
)
def test_bad_faults_are_refused(world: World, given: dict[str, str]) -> None:
    assert world.post("/_faults", given).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("GET", "/orders/abc", None, 404),
        ("POST", "/coupons", b"{", 400),
        ("POST", "/coupons", b"[1]", 400),
        ("POST", "/coupons", b'{"code": "\xff"}', 400),
        ("PUT", "/webhooks/1", b"{}", 404),
    ],
)
def test_bad_input_gets_an_envelope(api: Api, method: str, path: str, data: bytes | None, status: int) -> None:
    answer = api.call(method, path, data=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.json()["success"] is False


def test_app_settings_are_replaced_as_a_whole(api: Api) -> None:
    path = f"/apps/{api.world.config.app_id}/settings"
    api.call("POST", path, json={"a": 1, "b": True})
    api.world.settle()  # webhooks overtake each other
    api.call("POST", path, json={"b": False})
    assert api.data(path)["settings"] == {"a": None, "b": False}
    assert api.world.events("app.settings.updated")[-1]["data"]["settings"]["b"] is False


def test_subscribed_webhooks(api: Api) -> None:
    url = f"{api.world.config.app_origin}/webhooks/extra"
    first = api.call("POST", "/webhooks/subscribe", json={"event": "order.created", "url": url, "name": "x"}).json()
    second = api.call("POST", "/webhooks/subscribe", json={"event": "order.created", "url": url}).json()
    assert first["data"]["id"] == second["data"]["id"]
    assert api.call("DELETE", "/webhooks/unsubscribe", params={"url": url}).json()["status"] == 202
    assert api.data("/webhooks") == []
