"""What apps need of `salla` in a store, of Salla's published SDK and of the sandbox's own object alike.

Salla's comes from npm (`make e2e` fetches it); where they differ, Salla's is right and the sandbox's is mended.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from scripts import servers
from tests.e2e.conftest import Running

SDK = servers.PROJECT / "scripts" / "sandbox" / "static" / "vendor" / "twilight.min.js"
MOBILES = {"own": "0551110001", "real": "0551110002"}
SCRIPTS = {"own": "/static/salla.js", "real": "/static/vendor/twilight.min.js"}
STORE = 1305146709
CART_EVENTS = [
    "cart::updated", "cart::latest.fetched", "cart::latest.failed", "cart::details.fetched", "cart::item.added",
    "cart::item.added.failed", "cart::item.updated", "cart::item.deleted", "cart::coupon.added", "cart::coupon.deleted",
    "cart::coupon.addition.failed", "cart::success.reset",
]  # fmt: skip
SUMMARY = {
    "id", "user_id", "store_id", "sub_total", "discount", "total", "count", "real_shipping_cost", "free_shipping_bar",
    "items",
}  # fmt: skip
LISTEN = """(names) => {
  window.heard = [];
  const plain = (each) => each?.response ? {name: each.name, status: each.response.status, data: each.response.data}
    : each instanceof Error ? {name: each.name} : each;
  for (const name of names) salla.event.on(name, (...given) => heard.push([name, ...given.map(plain)]));
}"""
TRACK = """() => {
  window.tracked = [];
  salla.analytics.registerTracker({
    name: "nomo",
    track: (name, payload) => tracked.push([name, payload]),
    page: (payload) => tracked.push(["page", payload]),
  });
}"""


@dataclass
class Shop:
    """The storefront in one shopper's browser, with the SDK that was asked for."""

    page: Page
    sdk: str
    root: str
    sandbox: str

    def go(self, path: str = "/", **query: str) -> None:
        asked = "&".join(f"{name}={value}" for name, value in ({"sdk": self.sdk} | query).items())
        self.page.goto(f"{self.root}{path}?{asked}")
        self.page.evaluate("() => salla.onReady()")

    def run(self, script: str, given: Any = None) -> Any:
        return self.page.evaluate(script, given)

    def product(self) -> int:
        return int(self.page.locator("[data-add]").first.get_attribute("data-add") or 0)

    def listen(self) -> None:
        self.run(LISTEN, CART_EVENTS)

    def heard(self) -> list[list[Any]]:
        found: list[list[Any]] = self.run("() => JSON.parse(JSON.stringify(heard.splice(0)))")
        return found

    def cart(self) -> int:
        return int(self.run("() => salla.cart.getCurrentCartId()"))


@pytest.fixture(params=sorted(SCRIPTS))
def sdk(request: pytest.FixtureRequest) -> str:
    if request.param == "real" and not SDK.exists():
        pytest.skip("Salla's SDK is not here: get npm and run make e2e")
    return str(request.param)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(locale="ar", viewport={"width": 390, "height": 844})
    yield made
    made.close()


@pytest.fixture
def shop(sdk: str, context: BrowserContext, running: Running) -> Iterator[Shop]:
    """Without the app's snippet, whose calls would mix with the test's."""
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.route("**/static/js/snippet.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    street = running.addresses["storefront"]
    made = Shop(page, sdk, f"{street}{STORE}", street.removesuffix("/store/"))
    made.go()
    assert page.locator(f"script[src='{SCRIPTS[sdk]}']").count() == 1
    yield made
    assert thrown == []


def test_salla_s_sdk_is_here() -> None:
    if not SDK.exists():
        assert not os.environ.get("CI"), "npm must be there in CI"
        pytest.skip("Salla's SDK is not installed: get npm and run make e2e")


# What it is and when


@pytest.mark.parametrize(("language", "symbol"), [("ar", "ر.س"), ("en", "SAR")])
def test_configuration(shop: Shop, language: str, symbol: str) -> None:
    shop.go(lang=language)
    paths = [
        "store.id", "store.url", "store.username", "store.lang", "store.settings.cart.apply_coupon_enabled",
        "store.settings.arabic_numbers_enabled", "user.type", "user.language_code", "user.currency_code",
        "user.country_code", "user.email", "currencies.SAR.symbol", "languages.ar.is_rtl", "theme.mode", "page.slug",
        "page.id", "app.none", "none", "none.at.all",
    ]  # fmt: skip
    assert shop.run("(paths) => paths.map((path) => salla.config.get(path) ?? null)", paths) == [
        STORE, shop.root, "nafahat-najd", None, True, False, "guest", language, "SAR", "SA", None, symbol, True, "live",
        "index", None, None, None, None,
    ]  # fmt: skip
    fallbacks = ["page.slug", "app.none", "none", "store.settings.arabic_numbers_enabled"]
    asked = shop.run("(paths) => paths.map((path) => salla.config.get(path, 'else'))", fallbacks)
    assert asked == ["index", "else", "else", False]
    assert shop.run("() => [salla.config.isGuest(), salla.config.isUser(), salla === Salla]") == [True, False, True]
    assert shop.run("() => Number.isInteger(salla.config.get('user.id'))")
    assert shop.run("() => /^#/.test(salla.config.get('theme.color.primary'))")


@pytest.mark.parametrize(
    ("path", "slug"), [("/", "index"), ("/cart", "cart"), ("/p{product}", "product.single"), ("/login", "login")]
)
def test_pages(shop: Shop, path: str, slug: str) -> None:
    product = shop.product()
    shop.go(path.format(product=product))
    assert shop.run("(slug) => [salla.config.get('page.slug'), !!salla.url.is_page(slug)]", slug) == [slug, True]
    assert not shop.run("() => salla.url.is_page('thank-you')")
    if slug == "product.single":
        assert shop.run("() => salla.config.get('page.id')") == product


def test_ready_is_called_once_before_and_after(shop: Shop) -> None:
    """A snippet that runs before it is ready, and one that runs after."""
    shop.page.add_init_script("""
      window.addEventListener("salla::created", () => {
        window.calls = [];
        salla.onReady((config) => calls.push(["early", config.store.id]));
        salla.event.on("twilight::initiated", () => calls.push(["event"]));
      });
    """)
    shop.go()
    shop.run("() => salla.onReady((config) => calls.push(['late', config.store.id]))")
    assert sorted(shop.run("() => calls")) == [["early", STORE], ["event"], ["late", STORE]]
    assert shop.run("() => salla.onReady().then((config) => config.store.id)") == STORE
    assert shop.run("() => salla.onReady(() => 7)") == 7


def test_the_bus(shop: Shop) -> None:
    assert shop.run("""() => {
      const calls = [];
      const listener = (...given) => calls.push(["on", ...given]);
      salla.event.on("nomo::test", listener);
      salla.event.once("nomo::test", (...given) => calls.push(["once", ...given]));
      salla.event.emit("nomo::test", {a: 1}, 2);
      salla.event.dispatch("nomo::test", 3);
      salla.event.off("nomo::test", listener);
      salla.event.emit("nomo::test", 4);
      return calls;
    }""") == [["on", {"a": 1}, 2], ["once", {"a": 1}, 2], ["on", 3]]


# The cart


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


# Products, storage, campaigns


def test_a_product_has_flat_prices(shop: Shop) -> None:
    answer = shop.run("(id) => salla.product.getDetails(id)", shop.product())
    details = answer["data"]
    assert (answer["success"], details["id"], details["price"], details["currency"]) == (
        True,
        shop.product(),
        420,
        "SAR",
    )
    assert details["image"]["url"].endswith(f"{shop.product()}.svg")
    assert shop.run("() => salla.product.getDetails(1).catch((error) => error.response.status)") == 404
    assert shop.run("() => salla.api.component.getReviews({per_page: 2})")["data"][0]["rating"] in range(1, 6)


def test_storage(shop: Shop) -> None:
    assert shop.run("""() => {
      salla.storage.set("nomo", {a: [1, "٢"]});
      salla.storage.set("nomo.b", true);
      const kept = [salla.storage.get("nomo"), salla.storage.get("nomo.a"), localStorage.getItem("nomo")];
      salla.storage.remove("nomo");
      return [...kept, salla.storage.get("nomo") ?? null, salla.storage.get("nomo", 5)];
    }""") == [{"a": [1, "٢"], "b": True}, [1, "٢"], '{"a":[1,"٢"],"b":true}', None, 5]
    assert shop.run(
        """(store) => {
      salla.storage.setWithTTL("nomo", {a: 1}, 5);
      salla.storage.setWithTTL("gone", 1, -1);
      salla.storage.setWithTTL("short", 2, 5, "session");
      const {value, expiry} = JSON.parse(localStorage.getItem(`nomo_${store}`));
      return [
        value, Math.round((expiry - Date.now()) / 60000), salla.storage.getWithTTL("nomo"),
        salla.storage.getWithTTL("gone"), salla.storage.getWithTTL("gone", "else"),
        localStorage.getItem(`gone_${store}`),
        salla.storage.getWithTTL("short", null, "session"), sessionStorage.getItem(`short_${store}`) !== null,
      ];
    }""",
        STORE,
    ) == [{"a": 1}, 5, {"a": 1}, None, "else", None, 2, True]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ({"utm_source": "snapchat", "utm_medium": "cpc"}, {"s-utm-source": "snapchat", "s-utm-medium": "cpc"}),
        (
            {"UTM_Source": "نشرة", "utm_campaign": "eid_sale-25!", "other": "x"},
            {"s-utm-source": "نشرة", "s-utm-campaign": "eid sale-25"},
        ),
        (
            {"ttclid": "ab.c"},
            {
                "s-utm-source": "tiktok",
                "s-utm-campaign": "Using the CLICKID ttclid provided by tiktok",
                "s-utm-term": "ttclid: ab c",
            },
        ),
        ({"gad_source": "1", "utm_source": "mail"}, {"s-utm-source": "mail"}),
        ({"utm_medium": "cpc"}, None),
    ],
)
def test_a_campaign_is_kept(shop: Shop, query: dict[str, str], kept: dict[str, str] | None) -> None:
    """For ninety days, under the store's key; without punctuation, and `_` is punctuation."""
    shop.go(**query)
    found = shop.run("() => salla.storage.getWithTTL('s-utms')")
    assert found == (kept and {**kept, "s-utm-referrer": ""})
    if kept:
        days = "(store) => (JSON.parse(localStorage.getItem(`s-utms_${store}`)).expiry - Date.now()) / 86400000"
        assert round(shop.run(days, STORE)) == 90
        shop.go(utm_source="later")
        assert shop.run("() => salla.storage.getWithTTL('s-utms')['s-utm-source']") == "later"
        shop.go()
        with shop.page.expect_request("**/cart/latest*") as asked:
            shop.run("() => salla.cart.latest()")
        headers = asked.value.headers
        assert (headers["store-identifier"], headers["s-utm-source"]) == (str(STORE), "later")


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


# Who, where, and what is said


def test_a_customer(shop: Shop) -> None:
    shop.go("/login")
    shop.page.locator(".known button").first.click()
    shop.page.wait_for_url(f"{shop.root}/")
    shop.run("() => salla.onReady()")
    user = shop.run("() => salla.config.get('user')")
    assert (user["type"], user["mobile"][:5], user["language_code"]) == ("user", "+9665", "ar")
    assert shop.run("() => [salla.config.isGuest(), salla.config.isUser()]") == [False, True]
    shop.page.wait_for_load_state("networkidle")
    shop.run("(id) => salla.cart.addItem({id, quantity: 1})", shop.product())
    assert shop.run("() => salla.cart.latest()")["data"]["cart"]["user_id"] == user["id"]
    shop.page.locator("form[action$='/logout'] button").click()
    shop.page.wait_for_url(f"{shop.root}/")
    shop.run("() => salla.onReady()")
    assert shop.run("() => [salla.config.isGuest(), salla.storage.get('cart') ?? null]") == [True, None]


def test_a_frame_is_a_preview_except_on_the_stage(shop: Shop) -> None:
    assert shop.run("() => salla.helpers.isPreview()") is False
    preview = "() => salla.onReady().then(() => salla.helpers.isPreview())"
    address = f"{shop.root}/?sdk={shop.sdk}"
    shop.run(
        "(src) => new Promise((done) => document.body.append(Object.assign(document.createElement('iframe'),"
        " {src, onload: done})))",
        address,
    )
    assert shop.page.frames[1].evaluate(preview) is True
    shop.page.goto(f"{shop.sandbox}/stage/")
    [framed] = [frame for frame in shop.page.frames if frame.name == "stage-1"]
    framed.wait_for_url(f"{shop.root}/")
    framed.wait_for_function("() => window.salla?.status === 'ready'")
    assert framed.evaluate(preview) is False


@pytest.mark.parametrize(("language", "title", "symbol"), [("ar", "السلة", "ر.س"), ("en", "Cart", "SAR")])
def test_words_and_numbers(shop: Shop, language: str, title: str, symbol: str) -> None:
    shop.go(lang=language)
    shop.run("() => salla.lang.onLoaded()")
    assert shop.run("""() => [
      salla.lang.get("pages.cart.title"), salla.lang.get("none.such"), salla.lang.getLocale(),
      salla.money({amount: 1234.5, currency: "SAR"}), salla.money(5), salla.helpers.number("١٢٫٥"),
      salla.url.get("cart"), salla.url.get("/cart"),
    ]""") == [
        title, "none.such", language, f"1234.5 {symbol}", f"5 {symbol}", "12.5", f"{shop.root}/cart",
        f"{shop.root}/cart",
    ]  # fmt: skip
    for kind in ("success", "error", "info"):
        shop.run("([kind, text]) => salla.notify[kind](text)", [kind, f"<b>{kind}</b>"])
        expect(shop.page.locator(f".toast.{kind}", has_text=f"<b>{kind}</b>")).to_be_visible()


# The app's own script


def test_the_snippet_runs_last_and_nothing_leaves_the_machine(
    sdk: str, context: BrowserContext, running: Running
) -> None:
    """As Salla loads it: before the end of the body, when `salla` is there and its start has begun."""
    page = context.new_page()
    thrown: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    root = f"{running.addresses['storefront']}{STORE}"
    addresses = ["/", "/login", "/cart"]
    page.goto(f"{root}/?sdk={sdk}")
    addresses.append(page.locator("a[href*='/p']").first.get_attribute("href").split(str(STORE))[1])  # type: ignore[union-attr]
    snippet = f"{running.addresses['dashboard']}static/js/snippet.js"
    for path in addresses:
        page.goto(f"{root}{path}")
        page.wait_for_load_state("networkidle")
        served = page.request.get(f"{root}{path}").text()
        assert served.split("<body>")[1].split("</body>")[0].rstrip().endswith(f'<script src="{snippet}"></script>')
    ours = tuple(running.addresses[name].split("/store/")[0] for name in ("dashboard", "storefront"))
    assert [url for url in asked if not url.startswith((*ours, "data:"))] == []
    assert thrown == []
