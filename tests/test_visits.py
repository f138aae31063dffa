"""Visits: what beacons come to, which orders they led to, and what is forgotten. All of it comes by the stream."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from core import clock, memory, subjects
from core.models import Activity, Merchant
from events import facts, ingest, tallies
from events.models import BadBatch
from events.services import record
from features import services
from tests import shoppers
from tests.conftest import work
from tests.visits import IPHONE, PRODUCT, WINDOWS, Shoppers, cart, completed, viewed
from visitors import counting, countries, visit_services
from visitors.cards.visitor_data.card import CARD
from visitors.devices import agent_of
from visitors.models import Visit, VisitOrder
from visitors.sources import own_hosts
from visitors.visit_models import MOST_PRODUCTS
from visitors.vocabulary import MOST, OTHER

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 10, 6, tzinfo=UTC)  # 09:00 in Riyadh


@pytest.fixture(autouse=True)
def _morning() -> Any:
    with time_machine.travel(MORNING, tick=False):
        yield


@pytest.fixture
def shop(merchant: Merchant) -> Shoppers:
    Merchant.objects.filter(pk=merchant.pk).update(domain="https://najd.example")
    memory.forget()
    return Shoppers(merchant).turn_on().sells(7, 8)


def counted(merchant: Merchant, name: str, dimension: str = "") -> int:
    day = {"since": clock.now(), "until": clock.now() + timedelta(minutes=1)}
    return tallies.total(merchant, name, dimension=dimension, **day).count


def counted_visits(merchant: Merchant) -> dict[tuple[str, str], int]:
    """What the tallies of days hold of visits and their steps."""
    rows = merchant.tallies.filter(period="day", name__startswith="visits").exclude(count=0)
    return {(row.name, row.dimension): row.count for row in rows}


def recounted_visits(merchant: Merchant) -> dict[tuple[str, str], int]:
    """The same, from the rows of visits as they are now."""
    visits = list(merchant.visits.select_related("visitor"))
    steps = {
        counting.VISITS: visits,
        counting.VIEWED: [visit for visit in visits if visit.products and not visit.is_bot],
        counting.CARTED: [visit for visit in visits if visit.has_cart and not visit.is_bot],
        counting.ORDERED: [visit for visit in visits if visit.orders_count],
    }
    found: Counter[tuple[str, str]] = Counter()
    for name, of_step in steps.items():
        for count in counting.of_visits(name, of_step):
            found[name, count.dimension] += count.count
    return dict(found)


# One visit


def test_a_visit_tells_where_it_came_from_and_what_it_saw(shop: Shoppers) -> None:
    shop.send(referrer="https://l.instagram.com/", utm={"source": "ig", "medium": "cpc", "campaign": "رمضان"})
    shop.send("page.viewed", viewed(7), page=PRODUCT, minutes=2, referrer="https://najd.example/")
    shop.send(viewed(7), viewed(8), cart(), page=PRODUCT, minutes=3)
    ingest.drain()
    (visit,) = shop.visits()
    assert (visit.started_at, visit.last_seen_at) == (MORNING, MORNING + timedelta(minutes=3))
    assert (visit.pages, visit.landing, visit.landing_slug) == (2, "/", "index")
    assert (visit.exit, visit.exit_slug) == ("/عود/p7", "product.single")
    assert (visit.channel, visit.source, visit.medium, visit.campaign) == ("paid_social", "instagram", "cpc", "رمضان")
    assert (visit.referrer, visit.device, visit.browser, visit.system) == ("l.instagram.com", "phone", "Safari", "iOS")
    assert visit.products == [7, 8]
    assert (visit.cart_id, visit.cart_total, visit.cart_currency) == (55, Decimal("120.50"), "SAR")
    assert (visit.is_bot, visit.is_returning, visit.orders_count, visit.language) == (False, False, 0, "ar")
    assert visit.visitor is not None
    assert (visit.visitor.key, visit.visitor.visits_count, visit.visitor.source) == ("v:noura", 1, "instagram")


def test_nothing_of_the_address_or_the_agent_is_kept(shop: Shoppers) -> None:
    shop.come()
    (visit,) = Visit.unscoped.values()
    assert not [value for value in visit.values() if "188.48" in str(value) or "Mozilla" in str(value)]


def test_what_a_page_says_is_no_word_to_the_database(shop: Shoppers) -> None:
    texts = ["\\N", "\\.", "a\\", "\\\\t", "\\x00", "\\u0000", "'); DROP TABLE x;--", '{1,"2"}', "NULL", "😀"]
    for number, text in enumerate(texts):
        page = {"slug": "index", "id": None, "path": f"/{text}"}
        shop.send(key=f"v:{number}", page=page, utm={"source": "x", "campaign": text})
    ingest.drain()
    for number, text in enumerate(texts):  # they go on
        page = {"slug": "index", "id": None, "path": f"/{text}/{text}"}
        shop.send(key=f"v:{number}", page=page, utm={"source": "x", "campaign": text}, minutes=1)
    ingest.drain()
    told = {(visit.landing, visit.exit, visit.campaign, visit.pages) for visit in shop.visits()}
    assert told == {(f"/{text}", f"/{text}/{text}", text, 2) for text in texts}
    assert not BadBatch.objects.exists()


@pytest.mark.parametrize(("minutes", "visits"), [(29, 1), (30, 1), (31, 2)])
def test_half_an_hour_of_silence_ends_it(shop: Shoppers, minutes: int, visits: int) -> None:
    shop.come()
    shop.come(minutes=minutes)
    assert len(shop.visits()) == visits


def test_it_goes_on_while_something_is_heard(shop: Shoppers) -> None:
    for minutes in range(0, 120, 20):
        shop.send(minutes=minutes)
    ingest.drain()
    (visit,) = shop.visits()
    assert visit.pages == 6


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_another_source_begins_another(shop: Shoppers, is_one_batch: bool) -> None:
    told: list[dict[str, Any]] = [
        {"referrer": "https://www.google.com/"},
        {"referrer": "https://najd.example/"},
        {"referrer": ""},
        {"referrer": "https://checkout.tabby.ai/"},
        {"referrer": "https://l.instagram.com/"},
        {"referrer": "https://l.instagram.com/"},
    ]
    for minutes, each in enumerate(told):
        shop.send(minutes=minutes, **each)
        if not is_one_batch:
            ingest.drain()
    ingest.drain()
    assert [(visit.source, visit.pages, visit.is_returning) for visit in shop.visits()] == [
        ("google", 4, False),
        ("instagram", 2, True),
    ]


def test_a_late_word_of_an_older_page_begins_none(shop: Shoppers) -> None:
    """Two tabs: what the first tells on closing still names the site that it came from."""
    shop.come(referrer="https://www.google.com/")
    shop.come(minutes=1, referrer="https://l.instagram.com/")
    shop.come("page.left", minutes=2, referrer="https://www.google.com/")
    assert [visit.source for visit in shop.visits()] == ["google", "instagram"]


def test_a_page_that_was_left_open_is_no_visit(shop: Shoppers) -> None:
    """It is closed hours later, and tells so."""
    visit = shop.come()
    shop.come("page.left", "vitals.measured", minutes=180)
    assert shop.visits() == [visit]
    assert (visit.last_seen_at, visit.visitor.visits_count) == (MORNING, 1)
    shop.come("page.left", minutes=20)
    assert [each.last_seen_at for each in shop.visits()] == [MORNING + timedelta(minutes=20)]


def test_sallas_stored_campaign_begins_none_inside_the_store(shop: Shoppers) -> None:
    """Salla's SDK tells the click of the first page as a campaign from the second page on."""
    shop.come(click="facebook", referrer="https://l.facebook.com/")
    utm = {"source": "facebook", "campaign": "fbclid"}
    shop.come(minutes=1, referrer="https://najd.example/", utm=utm)
    (visit,) = shop.visits()
    assert (visit.source, visit.campaign, visit.pages) == ("facebook", "", 2)


def test_who_did_not_agree_is_nobody(shop: Shoppers) -> None:
    """His key is another one on the next day: nothing ties the two visits."""
    first = shop.come(key="d:monday")
    second = shop.come(key="d:tuesday", minutes=5)
    assert (first.visitor, second.visitor) == (None, None)
    assert (first.is_returning, second.is_returning) == (False, False)
    assert shop.merchant.visitors.count() == 0


@pytest.mark.parametrize("is_one_batch", [True, False])
def test_who_agrees_in_the_middle_of_a_visit_is_still_in_it(shop: Shoppers, is_one_batch: bool) -> None:
    """It keeps its source and its pages, and whatever was counted of it agrees with a recount."""
    steps: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        (("page.viewed", viewed(7)), {"key": "d:today", "referrer": "https://www.google.com/", "page": PRODUCT}),
        ((("card.clicked", {"card": CARD.slug}),), {"former": "d:today"}),
        (("page.viewed", cart()), {"former": "d:today", "customer": 225}),
        (("page.viewed",), {"minutes": 35}),
    ]
    for minutes, (events, told) in enumerate(steps):
        shop.send(*events, **{"minutes": minutes * 10, **told})
        if not is_one_batch:
            ingest.drain()
    ingest.drain()
    (visit,) = shop.visits()
    assert (visit.source, visit.landing_slug, visit.pages, visit.products) == ("google", "product.single", 3, [7])
    assert (visit.visitor_key, visit.is_returning, visit.customer_salla_id) == ("v:noura", False, 225)
    visitor = shop.merchant.visitors.get()
    assert (visit.visitor, visitor.visits_count, visitor.channel, visitor.source) == (visitor, 1, "search", "google")
    assert visitor.customer_salla_id == 225
    assert counted_visits(shop.merchant) == recounted_visits(shop.merchant)
    assert counted(shop.merchant, "visits.carted", "known:new") == 1


def test_an_order_of_before_is_counted_as_his_who_agrees(shop: Shoppers) -> None:
    shop.come(cart(55), key="d:today")
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    shop.come(completed(900), former="d:today", minutes=1)
    (visit,) = shop.visits()
    assert (visit.orders_count, visit.visitor_key) == (1, "v:noura")
    assert counted_visits(shop.merchant) == recounted_visits(shop.merchant)
    assert counted(shop.merchant, "visits.ordered", "known:new") == 1


@pytest.mark.parametrize(
    "told",
    [
        {"former": "d:another"},
        {"minutes": 31},
        {"referrer": "https://l.instagram.com/"},
        {"is_bot": True},
    ],
)
def test_what_is_not_the_visit_he_agreed_in_stays_as_it_is(shop: Shoppers, told: dict[str, Any]) -> None:
    shop.come(key="d:today", referrer="https://www.google.com/")
    shop.come(**{"former": "d:today", "minutes": 1, **told})
    assert [(visit.visitor_key, visit.pages) for visit in shop.visits()] == [("d:today", 1), ("v:noura", 1)]
    assert counted_visits(shop.merchant) == recounted_visits(shop.merchant)


def test_a_visit_becomes_one_visitors_and_no_more(shop: Shoppers, other_merchant: Merchant) -> None:
    """Two behind one network whom nobody could tell apart: the first who agrees goes on, the other begins anew."""
    Shoppers(other_merchant).turn_on().come(key="d:today")
    shop.come(key="d:today")
    shop.come(key="v:first", former="d:today", minutes=1)
    shop.come(key="v:second", former="d:today", minutes=2)
    shop.come(key="v:first", former="d:today", minutes=3)
    assert [(visit.visitor_key, visit.pages) for visit in shop.visits()] == [("v:first", 3), ("v:second", 1)]
    assert other_merchant.visits.get().visitor_key == "d:today"
    assert counted_visits(shop.merchant) == recounted_visits(shop.merchant)


def test_who_agreed_comes_again(shop: Shoppers) -> None:
    first = shop.come(customer=225)
    again = shop.come(minutes=24 * 60)
    assert (first.is_returning, again.is_returning) == (False, True)
    assert first.visitor == again.visitor
    visitor = shop.merchant.visitors.get()
    assert (visitor.visits_count, visitor.customer_salla_id) == (2, 225)
    assert (visitor.first_seen_at, visitor.last_seen_at) == (MORNING, MORNING + timedelta(days=1))


def test_bots_stand_apart(shop: Shoppers) -> None:
    visit = shop.come("page.viewed", viewed(7), key="v:bot", is_bot=True)
    assert (visit.is_bot, visit.device, visit.visitor) == (True, "bot", None)
    assert (counted(shop.merchant, "visits"), counted(shop.merchant, "visits", "bots")) == (0, 1)
    assert counted(shop.merchant, "product.viewed", "product:7") == 0


def test_stores_keep_their_own(shop: Shoppers, other_merchant: Merchant) -> None:
    other = Shoppers(other_merchant).turn_on()
    shop.send()
    other.send()
    ingest.drain()
    assert (len(shop.visits()), len(other.visits())) == (1, 1)
    assert shop.merchant.visitors.get() != other_merchant.visitors.get()


def test_products_are_bounded_and_real(shop: Shoppers) -> None:
    shop.sells(*range(100, 140))
    for number in range(100, 140):
        shop.send(viewed(number), viewed(999))
    ingest.drain()
    (visit,) = shop.visits()
    assert visit.products == list(range(100, 100 + MOST_PRODUCTS))
    assert counted(shop.merchant, "product.viewed", f"product:{OTHER}") == 40
    assert counted(shop.merchant, "product.viewed", "product:139") == 1


@pytest.mark.parametrize(
    "context",
    [
        {"page": None, "utm": [], "agent": 7, "network": {}, "customer": "x", "referrer": None},
        {"page": {"slug": 7, "path": []}, "utm": {"source": 7}, "customer": -1, "network": "nonsense"},
        {"page": {"path": "/" + "x" * 900}, "lang": "arabic-of-riyadh", "customer": 2**70},
    ],
)
def test_nonsense_is_no_trouble(shop: Shoppers, context: dict[str, Any]) -> None:
    bad = [
        ("product.viewed", {}),
        ("cart.updated", {"total": "NaN", "count": "1"}),
        ("order.completed", {"order_id": {}}),
    ]
    visit = shop.come("page.viewed", *bad, **context)
    assert (visit.products, visit.has_cart, visit.order_hint, visit.customer_salla_id) == ([], False, None, None)
    assert BadBatch.objects.count() == 0


# Through the door


def test_what_a_page_sends_becomes_a_visit(shop: Shoppers, client: Client) -> None:
    """From the browser's text and headers to the row; then its shopper agrees, and is known the next time."""
    store = {"store": shop.merchant.salla_id}
    page = {"slug": "product.single", "id": 7, "path": "/عود/p7"}
    events = [{"name": "page.viewed", "data": {}}, {"name": "product.viewed", "data": {"product_id": 7}}]
    told = shoppers.beacon(events, page=page, referrer="https://www.google.com/", customer=225)
    assert shoppers.send(client, told, address="188.48.1.9", **store) == 204
    ingest.drain()
    (visit,) = shop.visits()
    assert (visit.visitor, visit.products, visit.source, visit.device) == (None, [7], "google", "phone")
    assert (visit.landing, visit.customer_salla_id, visit.visitor_key[:2]) == ("/عود/p7", 225, "d:")
    assert visit.country == ("SA" if countries.is_known() else "")
    key = client.post(f"/sf/{shop.merchant.salla_id}/visitor", b"", content_type="text/plain").json()["key"]
    for _time in range(2):
        assert shoppers.send(client, shoppers.beacon(key=key), **store) == 204
    ingest.drain()
    visitor = shop.merchant.visitors.get()
    assert (visitor.visits_count, visitor.visits.get().pages) == (1, 2)


def test_who_agrees_after_the_first_page_makes_one_visit(shop: Shoppers, client: Client) -> None:
    """By the door: for as long as a visit may be silent, a key says what its shopper was called until then."""
    store = {"store": shop.merchant.salla_id}
    assert shoppers.send(client, shoppers.beacon(referrer="https://www.google.com/"), **store) == 204
    key = client.post(f"/sf/{shop.merchant.salla_id}/visitor", b"", content_type="text/plain").json()["key"]
    clicked = {"name": "card.clicked", "data": {"card": CARD.slug}}
    assert shoppers.send(client, shoppers.beacon([clicked], key=key), **store) == 204
    ingest.drain()
    with time_machine.travel(MORNING + timedelta(minutes=20), tick=False):
        assert shoppers.send(client, shoppers.beacon(key=key), address="203.0.113.5", **store) == 204
    ingest.drain()
    (visit,) = shop.visits()
    assert (visit.source, visit.pages, visit.visitor_key) == ("google", 2, f"v:{key.split(':')[0]}")
    assert shop.merchant.visitors.get().source == "google"
    with time_machine.travel(MORNING + timedelta(minutes=31), tick=False):
        assert shoppers.send(client, shoppers.beacon(key=key), **store) == 204
    assert [beacon.former for beacon in shoppers.waiting(shop.merchant)] == [""]


# The card


def test_without_the_card_only_counts_are_kept(merchant: Merchant) -> None:
    shop = Shoppers(merchant).sells(7)
    shop.send("page.viewed", viewed(7), ("card.shown", {"card": CARD.slug}), ("card.shown", {"card": "no_such"}))
    ingest.drain()
    assert (merchant.visits.count(), merchant.visitors.count()) == (0, 0)
    assert counted(merchant, "page.viewed", "page:index") == 1
    assert counted(merchant, "page.viewed", "path:/") == 1
    assert counted(merchant, "product.viewed", "product:7") == 1
    assert counted(merchant, "card.shown", f"card:{CARD.slug}") == 1
    assert counted(merchant, "card.shown", f"card:{OTHER}") == 1
    assert counted(merchant, "visits") == 0


def test_turning_the_card_off_keeps_no_more(shop: Shoppers) -> None:
    shop.come()
    services.switch(shop.merchant, card=CARD, is_on=False)
    shop.send(minutes=1)
    ingest.drain()
    (visit,) = shop.visits()
    assert visit.pages == 1


# Counts


def test_visits_are_counted_by_what_they_are(shop: Shoppers) -> None:
    shop.send("page.viewed", viewed(7), referrer="https://www.google.com/", page=PRODUCT)
    shop.send(key="d:other", agent=WINDOWS, network="10.0.0.1")
    shop.send(viewed(8), cart(), minutes=1)
    shop.send(cart(), minutes=2)
    ingest.drain()
    found = {
        dimension: counted(shop.merchant, "visits", dimension)
        for dimension in (
            "", "source:google", "channel:search", "channel:direct", "device:phone", "device:desktop", "country:?",
            "page:product.single", "page:index", "known:new", "known:no", "known:again",
        )
    }  # fmt: skip
    assert found == {
        "": 2, "source:google": 1, "channel:search": 1, "channel:direct": 1, "device:phone": 1, "device:desktop": 1,
        "country:?": 1 if countries.is_known() else 2,
        "page:product.single": 1, "page:index": 1, "known:new": 1, "known:no": 1, "known:again": 0,
    }  # fmt: skip
    assert counted(shop.merchant, "visits.viewed") == 1
    assert counted(shop.merchant, "visits.carted", "source:google") == 1
    assert counted(shop.merchant, "visits.ordered") == 0


def test_a_step_counts_on_the_day_on_which_its_visit_began(shop: Shoppers) -> None:
    late = MORNING.replace(hour=20, minute=50)  # ten minutes before midnight in Riyadh
    shop.send(at=late)
    shop.send(cart(), at=late, minutes=20)
    ingest.drain()
    assert counted(shop.merchant, "visits.carted") == 1


def test_a_day_has_so_many_words_and_no_more(shop: Shoppers) -> None:
    for number in range(MOST["source"] + 5):
        shop.send(key=f"d:{number}", utm={"source": f"word{number}", "campaign": "x"})
    shop.send(key="d:known", referrer="https://www.bing.com/")
    ingest.drain()
    assert counted(shop.merchant, "visits", "source:word0") == 1
    assert counted(shop.merchant, "visits", f"source:{OTHER}") == 5
    assert counted(shop.merchant, "visits", "source:bing") == 1
    assert counted(shop.merchant, "visits") == MOST["source"] + 6


# Orders


def placed(merchant: Merchant, number: int) -> None:
    record(merchant, facts.OrderPlaced(order_id=number), key=f"order:{number}:placed")
    work()


@pytest.mark.parametrize(
    ("events", "context", "order", "sign"),
    [
        ([cart(55)], {}, {"cart_salla_id": 55}, "cart"),
        ([completed(900)], {}, {}, "page"),
        (["page.viewed"], {"customer": 225}, {"customer": 225}, "customer"),
    ],
)
def test_an_order_finds_the_visit_it_was_made_in(
    shop: Shoppers, events: list[Any], context: dict[str, Any], order: dict[str, Any], sign: str
) -> None:
    visit = shop.come("page.viewed", *events, referrer="https://www.google.com/", **context)
    if "customer" in order:
        order = {"customer": shop.merchant.customers.create(salla_id=225, source_updated_at=clock.now())}
    shop.order(900, **order)
    placed(shop.merchant, 900)
    link = shop.merchant.visit_orders.get()
    assert (link.visit, link.order_salla_id, link.sign) == (visit, 900, sign)
    visit.refresh_from_db()
    assert visit.orders_count == 1
    assert counted(shop.merchant, "visits.ordered", "source:google") == 1


@pytest.mark.parametrize("event", [cart(55), completed(900)])
def test_an_order_that_came_before_the_beacon_is_found(shop: Shoppers, event: Any) -> None:
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    assert shop.merchant.visit_orders.count() == 0
    visit = shop.come("page.viewed", event)
    visit = shop.come(event, minutes=1)
    assert [(link.visit, link.order_salla_id) for link in shop.merchant.visit_orders.all()] == [(visit, 900)]
    assert visit.orders_count == 1
    assert counted(shop.merchant, "visits.ordered") == 1


def test_an_order_has_one_visit_and_keeps_it(shop: Shoppers) -> None:
    first = shop.come(cart(55))
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    shop.come(cart(55), completed(900), key="v:stranger", minutes=1)
    record(shop.merchant, facts.OrderPaid(order_id=900), key="order:900:paid")
    work()
    assert [(link.visit, link.sign) for link in shop.merchant.visit_orders.all()] == [(first, "cart")]
    assert counted(shop.merchant, "visits.ordered") == 1


def test_two_orders_of_one_visit_are_one_visit_with_an_order(shop: Shoppers) -> None:
    visit = shop.come(cart(55))
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    shop.come(completed(901), minutes=5)
    shop.order(901)
    placed(shop.merchant, 901)
    visit.refresh_from_db()
    assert visit.orders_count == 2
    assert counted(shop.merchant, "visits.ordered") == 1


@pytest.mark.parametrize(
    ("visit_at", "order"),
    [
        (-8 * 24 * 60, {"cart_salla_id": 55}),  # too long ago
        (30, {"cart_salla_id": 55}),  # began after the order
        (0, {"cart_salla_id": 56}),
        (0, {"cart_salla_id": 55, "is_draft": True}),
    ],
)
def test_no_link_without_a_good_sign(shop: Shoppers, visit_at: int, order: dict[str, Any]) -> None:
    shop.come(cart(55), minutes=visit_at)
    shop.order(900, **order)
    placed(shop.merchant, 900)
    assert shop.merchant.visit_orders.count() == 0


def test_another_stores_cart_is_no_sign(shop: Shoppers, other_merchant: Merchant) -> None:
    other = Shoppers(other_merchant).turn_on()
    other.come(cart(55))
    shop.come(cart(77), key="d:x")
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    assert VisitOrder.unscoped.count() == 0


def test_money_of_a_browser_is_nowhere_added_up(shop: Shoppers) -> None:
    shop.come(cart(55, total=10**6), completed(900))
    assert not shop.merchant.tallies.exclude(amount=0).exists()


# Writing


def test_a_batch_costs_the_same_however_many_it_holds(shop: Shoppers) -> None:
    shop.come()  # the day's partition is there now
    costs = []
    for size in (5, 300):
        for number in range(size):
            shop.send("page.viewed", viewed(7), cart(number + 1), key=f"v:{size}-{number}")
        with CaptureQueriesContext(connection) as context:
            ingest.drain()
        costs.append(len(context))
    assert shop.merchant.visits.count() == 306
    assert costs[0] == costs[1] <= 45


def test_who_agrees_costs_a_batch_three_queries_however_many_they_are(shop: Shoppers) -> None:
    costs = []
    for size in (0, 5, 300):
        for number in range(300):
            shop.send(key=f"d:{size}-{number}")
        ingest.drain()
        shop.send(key=f"v:new-{size}")
        for number in range(300):
            agreed = {"key": f"v:{size}-{number}", "former": f"d:{size}-{number}"} if number < size else {}
            shop.send(minutes=1, **{"key": f"d:{size}-{number}", **agreed})
        with CaptureQueriesContext(connection) as context:
            ingest.drain()
        costs.append(len(context))
    assert shop.merchant.visits.filter(visitor__key__startswith="v:300").count() == 300
    assert costs == [costs[0], costs[0] + 3, costs[0] + 3]


def test_a_batch_that_fails_leaves_nothing(shop: Shoppers, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again in halves, and what is not the culprit is there once."""
    real = tallies.add

    def fail(counts: Any) -> None:
        if any(count.dimension == "source:poison" for count in counts):
            raise ValueError("poison")
        real(counts)

    monkeypatch.setattr(tallies, "add", fail)
    for number in range(7):
        shop.send(key=f"v:{number}", utm={"source": "poison" if number == 3 else "good", "campaign": "x"})
    ingest.drain()
    assert sorted(visit.visitor_key for visit in shop.visits()) == [f"v:{each}" for each in (0, 1, 2, 4, 5, 6)]
    assert counted(shop.merchant, "visits", "source:good") == 6
    assert BadBatch.objects.count() == 1


# Forgetting


def test_old_visits_are_forgotten_as_the_merchant_chose(shop: Shoppers) -> None:
    shop.come(key="v:old", minutes=-100 * 24 * 60)
    shop.come(key="v:young", minutes=-80 * 24 * 60)
    visit_services.forget_old()
    assert len(shop.visits()) == 2
    services.save(shop.merchant, card=CARD, raw={"retention_months": 3})
    visit_services.forget_old()
    assert [visit.visitor_key for visit in shop.visits()] == ["v:young"]
    assert [visitor.key for visitor in shop.merchant.visitors.all()] == ["v:young"]


def test_a_store_that_left_keeps_nobody(shop: Shoppers, other_merchant: Merchant) -> None:
    Shoppers(other_merchant).turn_on().come()
    shop.come(cart(55))
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    record(shop.merchant, facts.StorePurged(), key="store:purged:x")
    work()
    assert (shop.visits(), shop.merchant.visitors.count(), shop.merchant.visit_orders.count()) == ([], 0, 0)
    assert shop.merchant.orders.count() == 1
    assert counted(shop.merchant, "visits") == 1  # names nobody
    assert other_merchant.visits.count() == 1


def test_a_visitor_is_erased_with_all_he_left(shop: Shoppers) -> None:
    visit = shop.come("page.viewed", cart(55))
    shop.come(minutes=24 * 60)
    shop.come(key="v:other")
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    visit_services.erase(shop.merchant, visitor=visit.visitor)
    assert [each.visitor_key for each in shop.visits()] == ["v:other"]
    assert set(shop.merchant.storefront_events.values_list("visitor_key", flat=True)) == {"v:other"}
    assert (shop.merchant.visit_orders.count(), shop.merchant.orders.count()) == (0, 1)
    assert Activity.unscoped.latest("pk").what == "visitor.erased"


def test_a_visitor_who_comes_again_after_it_is_new(shop: Shoppers) -> None:
    visit = shop.come()
    visit_services.erase(shop.merchant, visitor=visit.visitor)
    again = shop.come(minutes=1)
    assert (again.is_returning, again.visitor.visits_count, again.pages) == (False, 1, 1)


def test_all_that_is_kept_of_a_visitor_is_given(shop: Shoppers) -> None:
    visit = shop.come("page.viewed", viewed(7), cart(55), referrer="https://www.google.com/", customer=225)
    shop.come(key="v:other")
    shop.order(900, cart_salla_id=55)
    placed(shop.merchant, 900)
    told = visit_services.told_of(shop.merchant, visit.visitor)
    assert (told["visitor"]["customer_salla_id"], told["visitor"]["source"]) == (225, "google")
    (row,) = told["visits"]
    assert (row["orders"], row["products"], row["cart_id"], row["source"]) == ([900], [7], 55, "google")
    assert [event["name"] for event in told["events"]] == ["page.viewed", "product.viewed", "cart.updated"]
    assert "v:noura" not in str(told)  # what the browser proves itself with stays inside


def test_a_persons_visits_are_found_and_erased_with_the_person(shop: Shoppers) -> None:
    """By the customer's number and by the browsers that it was signed in from, whether they agreed or not."""
    shop.send("page.viewed", viewed(7), key="v:home", customer=225)
    shop.send(key="v:home", minutes=24 * 60)
    shop.send(key="d:work", customer=225)
    shop.send(key="v:other", customer=226)
    ingest.drain()
    told = subjects.export_subject(shop.merchant, customer_id=225)["visits"]
    assert sorted(row["products"] for row in told) == [[], [], [7]]
    assert subjects.erase_subject(shop.merchant, customer_id=225)["visits"] == 3
    assert [visit.visitor_key for visit in shop.visits()] == ["v:other"]
    assert [visitor.key for visitor in shop.merchant.visitors.all()] == ["v:other"]
    assert set(shop.merchant.storefront_events.values_list("visitor_key", flat=True)) == {"v:other"}


def test_an_erased_browser_is_no_longer_joined_to_an_address(shop: Shoppers) -> None:
    visit = shop.come()
    contact = shop.merchant.contacts.create(kind="email", value="noura@example.com", visitor_key="v:noura")
    visit_services.erase(shop.merchant, visitor=visit.visitor)
    contact.refresh_from_db()
    assert (contact.visitor_key, contact.value) == ("", "noura@example.com")


# Devices and countries


@pytest.mark.parametrize(
    ("agent", "found"),
    [
        (IPHONE, ("phone", "Safari", "iOS")),
        (WINDOWS, ("desktop", "Chrome", "Windows")),
        (IPHONE.replace("iPhone;", "iPad;"), ("tablet", "Safari", "iOS")),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile "
            "Safari/537.36",
            ("phone", "Chrome", "Android"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36",
            ("tablet", "Chrome", "Android"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Mobile/22F76 Instagram 380.0.0.28.83",
            ("phone", "Instagram", "iOS"),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
            "Safari/605.1.15",
            ("desktop", "Safari", "macOS"),
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0", ("desktop", "Firefox", "Linux")),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ("bot", "Googlebot", "")),
        ("", ("unknown", "", "")),
        ("x" * 5000, ("unknown", "", "")),
    ],
)
def test_devices(agent: str, found: tuple[str, str, str]) -> None:
    said = agent_of(agent)
    assert (said.device, said.browser, said.system) == found


@pytest.mark.skipif(not Path(django_settings.COUNTRY_DATABASE).is_file(), reason="npm did not bring the countries")
@pytest.mark.parametrize(
    ("network", "country"),
    [
        ("188.48.1.1", "SA"), ("5.30.1.1", "AE"), ("2001:16a2::/64", "SA"), ("8.8.8.8", "US"), ("127.0.0.1", ""),
        ("10.0.0.1", ""), ("", ""), ("nonsense", ""),
    ],
)  # fmt: skip
def test_countries(network: str, country: str) -> None:
    assert countries.country_of(network) == country


def test_without_the_file_countries_are_unknown(shop: Shoppers, settings: Any) -> None:
    settings.COUNTRY_DATABASE = "/nowhere"
    assert not countries.is_known()
    assert shop.come().country == ""
    assert counted(shop.merchant, "visits", "country:?") == 1


def test_a_broken_file_is_no_trouble(settings: Any, tmp_path: Path) -> None:
    settings.COUNTRY_DATABASE = str(tmp_path / "broken.mmdb")
    Path(settings.COUNTRY_DATABASE).write_bytes(b"nonsense")
    assert countries.country_of("188.48.1.1") == ""


def test_tables_refuse_another_stores_rows(shop: Shoppers, other_merchant: Merchant) -> None:
    visit = shop.come()
    Visit.unscoped.filter(pk=visit.pk).update(merchant=other_merchant, visitor=visit.visitor)
    with pytest.raises(Exception, match="visitors_visit_same_merchant"):
        connection.check_constraints()


def test_the_hosts_of_a_store_are_read_once(shop: Shoppers) -> None:
    assert own_hosts(shop.merchant.domain) == frozenset()
