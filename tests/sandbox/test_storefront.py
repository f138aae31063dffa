"""The storefront, the phone and the stage, over plain HTTP."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.sandbox import storefront
from tests.sandbox.conftest import OUD, Api, World

SHOP = f"/store/{OUD}"


class Shopper:
    """A browser without JavaScript: keeps its cookies and calls the store's API as the SDK does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.http = requests.Session()

    def page(self, path: str = "/", **params: Any) -> requests.Response:
        return self.http.get(f"{self.world.base}{SHOP}{path}", params=params, timeout=10)

    def call(self, name: str, method: str = "POST", *, store: int = OUD, **body: Any) -> requests.Response:
        url, headers = f"{self.world.base}/store/v1/{name}", {"Store-Identifier": str(store)}
        return self.http.request(method, url, json=body, headers=headers, timeout=10)

    def cart(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page("/cart/latest").json()["data"]["cart"]
        return found

    def add(self, product: int, quantity: int = 1) -> dict[str, Any]:
        answer = self.call(f"cart/{self.cart()['id']}/item/{product}/add", quantity=quantity)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def coupon(self, code: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call(f"cart/{self.cart()['id']}/coupon", coupon=code).json()["data"]
        return found

    def submit(self, path: str, **form: str) -> requests.Response:
        return self.http.post(f"{self.world.base}{SHOP}{path}", data=form, timeout=10)


@pytest.fixture
def shopper(world: World) -> Any:
    found = Shopper(world)
    yield found
    found.http.close()


def goods(api: Api) -> list[dict[str, Any]]:
    """Dearest first."""
    return sorted(api.data("/products"), key=lambda p: -p["price"]["amount"])


@pytest.mark.parametrize("lang", ["ar", "en"])
@pytest.mark.parametrize(
    "path",
    [
        "/console/", f"/console/store/{OUD}", f"/console/store/{OUD}/app", "/console/log", "/phone/",
        "/phone/+966500100020/", "/phone/nobody@mail.example/", "/stage/", f"{SHOP}/", f"{SHOP}/cart", f"{SHOP}/login",
    ],
)  # fmt: skip
def test_every_page_speaks_both_languages(api: Api, path: str, lang: str) -> None:
    answer = api.world.get(path, params={"lang": lang})
    assert answer.status_code == 200
    assert f'<html lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}"' in answer.text


def test_buying_with_a_coupon_makes_a_real_order(api: Api, shopper: Shopper) -> None:
    product = goods(api)[0]
    shopper.page("/", utm_source="snapchat")
    assert shopper.add(product["id"])["cart"]["total"] == product["price"]["amount"]
    assert shopper.coupon("eid25")["cart"]["discount"] == 25
    contact = {"mobile": "05٠٠١٢٣٤٥٦", "name": "ليان السالم", "email": "Layan@mail.example"}
    assert "payment_method" in shopper.submit("/checkout", **contact).text
    thanks = shopper.submit("/checkout", payment_method="mada")
    assert "thank-you" in thanks.url
    order = api.world.events("order.created")[-1]["data"]
    assert order["amounts"]["discounts"][0]["code"] == "EID25"
    assert order["source_details"]["value"] == "snapchat"
    assert (order["customer"]["mobile"], order["customer"]["email"]) == (500123456, "layan@mail.example")
    assert api.world.events("order.payment.updated")
    assert api.world.events("coupon.applied")
    assert api.data(f"/orders/{order['id']}")["reference_id"] == order["reference_id"]
    assert shopper.cart()["count"] == 0


def test_a_left_cart_is_found_and_can_be_come_back_to(api: Api, shopper: Shopper) -> None:
    shopper.add(goods(api)[0]["id"], 2)
    shopper.submit("/login", mobile="0500123457")
    assert api.world.act("clock", seconds=2700)["abandoned"] == 1
    body = api.world.events("abandoned.cart")[0]["data"]
    assert body["customer"]["mobile"] == "+966500123457"
    other = Shopper(api.world)
    path = body["checkout_url"].split(SHOP)[1]
    assert other.page(path, coupon="EID25").url.endswith("/cart?coupon=EID25")
    assert other.cart()["id"] == body["id"]
    other.submit("/checkout", payment_method="cod")
    assert api.world.events("abandoned.cart.purchased")[0]["data"]["id"] == body["id"]
    assert api.world.events("order.created")[0]["data"]["source"] == "abandoned-cart"
    other.http.close()


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("POST", "cart/{cart}/item/1/add", {"quantity": 1}, 404),
        ("POST", "cart/{cart}/item/x/add", {"quantity": 1}, 404),
        ("POST", "cart/{cart}/item/1", {"quantity": 2, "_method": "PUT"}, 404),
        ("DELETE", "cart/{cart}/item/1", {}, 404),
        ("POST", "cart/{cart}/coupon", {"coupon": "EID25"}, 422),
        ("POST", "cart/1/coupon", {"coupon": "EID25"}, 404),
        ("GET", "cart/1", {}, 404),
        ("GET", "products/1/details", {}, 404),
        ("GET", "auth/user", {}, 401),
        ("POST", "cart/moon", {}, 404),
        ("PUT", "moon", {}, 404),
    ],
)
def test_the_store_api_refuses_bad_input(
    shopper: Shopper, method: str, name: str, body: dict[str, Any], status: int
) -> None:
    answer = shopper.call(name.format(cart=shopper.cart()["id"]), method, **body)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("quantity", [0, -1, 11, "x"])
def test_only_a_few_of_one_product_are_sold(api: Api, shopper: Shopper, quantity: Any) -> None:
    cart, product = shopper.cart()["id"], goods(api)[0]["id"]
    assert shopper.call(f"cart/{cart}/item/{product}/add", quantity=quantity).status_code == 422
    assert shopper.cart()["items"] == []


def test_a_cart_is_its_own_shopper_s(api: Api, shopper: Shopper) -> None:
    shopper.add(goods(api)[0]["id"])
    other = Shopper(api.world)
    assert other.call(f"cart/{shopper.cart()['id']}", "GET").status_code == 404
    assert other.call(f"cart/{shopper.cart()['id']}/coupon", coupon="EID25").status_code == 404
    assert other.cart()["count"] == 0
    assert shopper.cart()["count"] == 1
    other.http.close()


def test_the_store_api_knows_the_store_by_its_header(shopper: Shopper) -> None:
    assert shopper.call("languages", "GET").json()["data"][0]["iso_code"] == "ar"
    assert shopper.call("languages", "GET", store=1).status_code == 404
    assert shopper.http.get(f"{shopper.world.base}/store/v1/languages", timeout=10).status_code == 404


def test_a_campaign_comes_with_the_sdk_s_headers(api: Api, shopper: Shopper) -> None:
    """As the SDK sends them: from its storage, what is not ASCII escaped."""
    cart, product = shopper.cart()["id"], goods(api)[0]["id"]
    headers = {"Store-Identifier": str(OUD), "s-utm-source": "%D8%B3%D9%86%D8%A7%D8%A8", "s-utm-campaign": "x"}
    url = f"{api.world.base}/store/v1/cart/{cart}/item/{product}/quick-add"
    assert shopper.http.post(url, json={}, headers=headers, timeout=10).status_code == 200
    shopper.submit("/checkout", mobile="0500123458")
    shopper.submit("/checkout", payment_method="mada")
    assert api.world.events("order.created")[-1]["data"]["source_details"]["value"] == "سناب"


def test_the_token_is_the_customer_s(api: Api, shopper: Shopper) -> None:
    refresh = f"{api.world.base}{SHOP}/auth/refresh"
    assert shopper.http.post(refresh, timeout=10).status_code == 401
    customer = api.data("/customers")[0]
    shopper.page(f"/enter/{customer['id']}")
    payload = shopper.http.post(refresh, timeout=10).json()["data"]["token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"] == str(customer["id"])
    profile = shopper.call("auth/user", "GET").json()["data"]
    assert (profile["id"], profile["phone"]["number"]) == (customer["id"], str(customer["mobile"]))


@pytest.mark.parametrize("form", [{"mobile": "12"}, {"mobile": "0500000001", "email": "no"}, {"mobile": "+9665x"}])
def test_bad_contact_details_are_asked_again(api: Api, shopper: Shopper, form: dict[str, str]) -> None:
    shopper.add(goods(api)[0]["id"])
    assert 'role="alert"' in shopper.submit("/checkout", **form).text


def test_unknown_things_are_not_found(shopper: Shopper) -> None:
    assert shopper.page("/p1").status_code == 404
    assert shopper.page("/thank-you/none").status_code == 404
    assert shopper.world.get("/store/1/").status_code == 404
    assert shopper.world.get("/media/1/1.svg").status_code == 404


@pytest.mark.parametrize("is_fetched", [True, False])
def test_the_page_loads_the_sdk_first_and_the_snippet_last(
    shopper: Shopper, is_fetched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Salla's own where it was fetched, unless asked otherwise; the choice is kept."""
    monkeypatch.setattr(storefront, "STATIC", tmp_path)
    real, own = "/static/vendor/twilight.min.js", "/static/salla.js"
    if is_fetched:
        (tmp_path / "vendor").mkdir()
        (tmp_path / "vendor" / "twilight.min.js").touch()
    text = shopper.page().text
    first = text.index(real if is_fetched else own)
    assert first < text.index("<body>") < text.index("/static/start.js") < text.index("/static/js/snippet.js")
    assert own in shopper.page(sdk="own").text
    assert own in shopper.page().text
    assert (real if is_fetched else own) in shopper.page(sdk="real").text


def test_pictures_are_drawn(api: Api) -> None:
    for product in goods(api):
        answer = api.world.http.get(product["thumbnail"], timeout=10)
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert "{" not in answer.text


def test_the_stage_lets_each_shopper_in(api: Api, shopper: Shopper) -> None:
    customer = api.data("/customers")[0]
    assert customer["first_name"] in shopper.page(f"/enter/{customer['id']}").text
    assert api.world.events("customer.login")[0]["data"]["id"] == customer["id"]
    shopper.page(f"/enter/{customer['id']}")
    assert len(api.world.events("customer.login")) == 1
    assert shopper.page("/enter/1").status_code == 404


def test_a_cart_keeps_the_code_as_the_merchant_wrote_it(api: Api, shopper: Shopper) -> None:
    shopper.add(goods(api)[0]["id"])
    assert shopper.coupon(" eid25 ")["cart"]["coupon"] == "EID25"
    assert api.world.events("coupon.applied")[0]["data"]["cart"]["coupon"]["code"] == "EID25"
