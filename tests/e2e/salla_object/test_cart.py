"""What apps need of `salla.cart` and of its events, up to the end of a purchase."""

import pytest
from playwright.sync_api import expect

from tests.e2e.salla_object.conftest import MOBILES, SUMMARY, TRACK, Shop


def test_a_guest_has_no_cart_until_one_is_asked_for(shop: Shop) -> None:
    asked: list[str] = []
    shop.page.on("request", lambda request: asked.append(request.url))
    assert shop.run("() => salla.cart.getCurrentCartId(false, '', false)") is None
    assert shop.run("() => salla.cart.details().catch((error) => error.name)") == "CartNotCreated"
    assert asked == []
    shop.listen()
    cart = shop.cart()
    assert [event[0] for event in shop.heard()] == ["cart::updated", "cart::latest.fetched"]
    assert shop.cart() == cart
    assert [url.split("?")[0] for url in asked] == [f"{shop.root}/cart/latest"]
    assert shop.run("() => salla.storage.get('cart.id')") == cart


def test_the_events_of_a_cart(shop: Shop) -> None:
    product, cart = shop.product(), shop.cart()
    shop.listen()
    answer = shop.run("(id) => salla.cart.addItem({id, quantity: 2})", product)
    assert (answer["status"], answer["success"], answer["data"]["product_id"]) == (200, True, product)
    updated, added = shop.heard()
    assert (updated[0], added[0]) == ("cart::updated", "cart::item.added")
    assert set(updated[1]) >= SUMMARY
    assert (updated[1]["id"], updated[1]["count"]) == (cart, 2)
    assert added[1] == answer
    assert added[2] == product
    assert set(added[1]["data"]) >= {"product_id", "cart", "offer", "googleTags"}
    item = added[1]["data"]["cart"]["items"][0]
    assert set(item) >= {"id", "product_id", "product_price", "price", "total", "quantity", "is_available", "offer"}
    assert (item["product_id"], item["quantity"], item["total"]) == (product, 2, item["price"] * 2)

    shop.run("(id) => salla.cart.updateItem({id, quantity: 3})", item["id"])
    assert [[event[0], event[1].get("count")] for event in shop.heard()] == [
        ["cart::updated", 3],
        ["cart::item.updated", None],
    ]
    latest = shop.run("() => salla.cart.latest()")
    assert (latest["data"]["cart"]["id"], latest["data"]["cart"]["count"]) == (cart, 3)
    assert [event[0] for event in shop.heard()] == ["cart::updated", "cart::latest.fetched"]
    assert shop.run("() => salla.cart.details()")["data"]["cart"]["count"] == 3
    assert [event[0] for event in shop.heard()] == ["cart::details.fetched"]
    assert shop.run("() => salla.cart.status()")["data"]["next_step"]["to"] == "checkout"
    shop.run("(id) => salla.cart.deleteItem(id)", item["id"])
    assert [event[0] for event in shop.heard()] == ["cart::updated", "cart::item.deleted"]
    assert shop.run("() => salla.cart.latest()")["data"]["cart"]["items"] == []


@pytest.mark.parametrize("form", ["code", "({coupon: code})"])
def test_a_coupon_comes_and_goes(shop: Shop, form: str) -> None:
    cart = shop.cart()
    shop.run("(id) => salla.cart.addItem({id, quantity: 1})", shop.product())
    shop.listen()
    answer = shop.run(f"(code) => salla.cart.addCoupon({form})", "eid25")
    assert (answer["data"]["cart"]["coupon"], answer["data"]["cart"]["discount"]) == ("EID25", 25)
    updated, added = shop.heard()
    assert (updated[0], updated[1]["discount"]) == ("cart::updated", 25)
    assert added == ["cart::coupon.added", answer, cart]
    shop.run("() => salla.cart.deleteCoupon()")
    updated, deleted = shop.heard()
    assert (updated[0], updated[1]["discount"]) == ("cart::updated", 0)
    assert (deleted[0], deleted[2]) == ("cart::coupon.deleted", cart)


def test_a_refused_coupon_says_why(shop: Shop) -> None:
    """Rejected with the answer inside, told to the listeners with it, and shown to the shopper by the SDK itself."""
    cart = shop.cart()
    shop.listen()
    failed = "async (code) => salla.cart.addCoupon(code).catch((e) => [e.name, e.response?.data.error.message ?? null])"
    for code, says in (("EID25", "السلة فارغة"), ("NOPE", "كود الكوبون غير صحيح")):
        if code == "NOPE":
            shop.run("(id) => salla.cart.addItem({id, quantity: 1})", shop.product())
            shop.heard()
        assert shop.run(failed, code) == ["AxiosError", says]
        [(name, error, told)] = shop.heard()
        assert (name, told) == ("cart::coupon.addition.failed", cart)
        assert (error["name"], error["status"]) == ("AxiosError", 422)
        assert error["data"]["error"]["message"] == says
        expect(shop.page.locator(".toast.error", has_text=says)).to_be_visible()
    assert shop.run(failed, "") == ["EmptyCoupon", None]
    assert [event[:2] for event in shop.heard()] == [["cart::coupon.addition.failed", {"name": "EmptyCoupon"}]]


def test_a_bought_cart_is_followed_by_a_new_one(shop: Shop) -> None:
    """The SDK keeps the cart's id; the shop's 404 makes it forget that and try once more."""
    product, bought = shop.product(), shop.cart()
    shop.run("(id) => salla.cart.addItem({id, quantity: 1})", product)
    contact = {"mobile": MOBILES[shop.sdk]}
    for form in (contact, {"payment_method": "mada"}):
        shop.page.request.post(f"{shop.root}/checkout", form=form)
    shop.listen()
    answer = shop.run("(id) => salla.cart.addItem({id, quantity: 1})", product)
    assert answer["data"]["cart"]["id"] != bought
    assert [event[0] for event in shop.heard()] == [
        "cart::success.reset", "cart::updated", "cart::latest.fetched", "cart::updated", "cart::item.added",
    ]  # fmt: skip


def test_an_item_that_is_not_there(shop: Shop) -> None:
    shop.cart()
    shop.listen()
    assert shop.run("() => salla.cart.addItem({id: 1, quantity: 1}).catch((e) => e.response.status)") == 404
    assert shop.heard()[-1][0] == "cart::item.added.failed"
    assert shop.run("() => salla.cart.latest()")["data"]["cart"]["count"] == 0


# Tracking


def test_a_tracker_is_told_the_past_and_the_future(shop: Shop) -> None:
    product, cart = shop.product(), shop.cart()
    shop.go(f"/p{product}")
    shop.run("() => salla.analytics.registerTracker({name: 'half', track: () => { throw new Error('never'); }})")
    shop.run(TRACK)
    shop.run(TRACK.replace("window.tracked = [];", "").replace("tracked.push", "twice.push"))
    shop.run("(id) => salla.cart.addItem({id, quantity: 2})", product)
    shop.run("() => salla.cart.addCoupon('NOPE').catch(() => {})")
    shop.run("() => salla.cart.addCoupon('EID25')")
    shop.run("() => salla.analytics.track('Nomo Test', {a: 1})")
    told = shop.run("() => tracked")
    assert [name for name, _ in told] == [
        "Product Viewed", "page", "Product Added", "Coupon Denied", "Coupon Applied", "Nomo Test",
    ]  # fmt: skip
    viewed, page, added, denied, applied, own = (payload for _, payload in told)
    assert all(payload["event_id"] for _, payload in told)
    assert (viewed["product_id"], viewed["price"], viewed["currency"]) == (str(product), 420, "SAR")
    assert (page["name"], page["id"]) == ("product.single", str(product))
    assert (added["product_id"], added["cart_id"], added["quantity"]) == (str(product), str(cart), 2)
    assert (denied["coupon_name"], denied["reason"]) == ("NOPE", "كود الكوبون غير صحيح")
    assert (applied["coupon_name"], applied["discount"], applied["cart_id"]) == ("EID25", 25, str(cart))
    assert own["a"] == 1


def test_the_end_of_a_purchase_is_tracked(shop: Shop) -> None:
    shop.run("(id) => salla.cart.addItem({id, quantity: 1})", shop.product())
    shop.go("/cart")
    shop.run(TRACK)
    assert [name for name, _ in shop.run("() => tracked")] == ["Cart Viewed", "page"]
    contact = {"mobile": MOBILES[shop.sdk]}
    shop.page.request.post(f"{shop.root}/checkout", form=contact)
    thanks = shop.page.request.post(f"{shop.root}/checkout", form={"payment_method": "mada"}).url
    shop.go(thanks.removeprefix(shop.root))
    shop.run(TRACK)
    [(name, order), _page] = shop.run("() => tracked")
    assert name == "Order Completed"
    assert order["order_id"] == shop.run("() => salla.config.get('page.id')")
    assert (order["total"], order["currency"]) == (420, "SAR")
    assert [row["quantity"] for row in order["products"]] == [1]
    assert shop.run("() => salla.storage.get('cart') ?? null") is None
