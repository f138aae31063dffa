"""What apps need of `salla` in a store, of Salla's published SDK and of the sandbox's own object alike.

Where they differ, Salla's is right and the sandbox's is mended.
"""

import os

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.e2e.conftest import Running
from tests.e2e.salla_object.conftest import SDK, STORE, Shop


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
