"""Pages of visitors: true numbers, few queries, nothing of another store, and nobody erased unasked."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from openpyxl import load_workbook

from core import clock, memory
from core.models import Membership, Merchant, User
from events import facts, ingest
from events.services import record
from tests import shoppers
from tests.conftest import work
from tests.test_dashboard import MOST_QUERIES
from tests.visits import PRODUCT, WINDOWS, Shoppers, cart, viewed
from visitors import consents, contacts, spans, visit_lists
from visitors.contact_models import Channel, Consent, Purpose
from visitors.models import Visit

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 10, 9, tzinfo=UTC)
Role = Membership.Role


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def shop(merchant: Merchant) -> Shoppers:
    Merchant.objects.filter(pk=merchant.pk).update(domain="https://najd.example")
    return Shoppers(merchant).turn_on().sells(7, 8)


def browser(merchant: Merchant, role: Role = Role.OWNER) -> Client:
    user = User.objects.create_user(f"{role}@example.com")
    Membership.objects.create(user=user, merchant=merchant, role=role)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def owner(merchant: Merchant) -> Client:
    return browser(merchant)


def at(merchant: Merchant, end: str = "") -> str:
    return f"/stores/{merchant.public_id}/visitors/{end}"


def rows(client: Client, merchant: Merchant, query: str = "") -> list[Visit]:
    return [line.visit for line in client.get(at(merchant, f"visits/?{query}")).context["rows"]]


def a_day(shop: Shoppers) -> None:
    """Three people and a bot; one buys."""
    google = {"referrer": "https://www.google.com/"}
    shop.send(key="v:noura", customer=225, **google)
    shop.send("page.viewed", viewed(7), key="v:noura", page=PRODUCT, minutes=1)
    shop.send(cart(55), key="v:noura", page={"slug": "cart", "path": "/cart"}, minutes=2)
    shop.send("page.viewed", viewed(7), viewed(8), key="d:b", page=PRODUCT, agent=WINDOWS, click="tiktok")
    shop.send(key="d:c", network="5.30.1.0/24")
    shop.send(key="d:bot", is_bot=True)
    ingest.drain()
    customer = shop.merchant.customers.create(salla_id=225, name="نورة", source_updated_at=clock.now())
    order = {"cart_salla_id": 55, "customer": customer, "is_pending_payment": False, "reference_id": 41}
    shop.order(900, placed_at=clock.now() + timedelta(minutes=3), **order)
    record(shop.merchant, facts.OrderPlaced(order_id=900), key="order:900:placed")
    work()


# Numbers


def test_the_numbers(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    report = owner.get(at(shop.merchant)).context["report"]
    assert (report.visits, report.visitors, report.pages, report.bots) == (3, 3, 4, 1)
    assert [(step.name, step.count, round(step.rate)) for step in report.steps] == [
        ("visits", 3, 100),
        ("visits.viewed", 2, 67),
        ("visits.carted", 1, 33),
        ("visits.ordered", 1, 33),
    ]
    lists = {
        kind: [(row.label, row.count, row.ordered) for row in report.lists[kind]]
        for kind in ("channel", "source", "device", "known")
    }
    assert lists == {
        "channel": [("Direct", 1, 0), ("Social media ads", 1, 0), ("Search", 1, 1)],
        "source": [("Direct", 1, 0), ("Google", 1, 1), ("TikTok", 1, 0)],
        "device": [("Phone", 2, 1), ("Computer", 1, 0)],
        "known": [("Not known", 2, 0), ("New", 1, 1)],
    }
    assert [(row.label, row.count) for row in report.lists["product"]] == [("منتج 7", 2), ("منتج 8", 1)]
    assert [(row.label, row.count) for row in report.lists["page"]] == [("Home page", 2), ("Product page", 2)]
    assert report.visits_by_day[-1] == ("10 Nov", 3)
    assert len(report.visits_by_day) == 28


def test_shares_of_visits_make_up_the_whole(shop: Shoppers, owner: Client) -> None:
    """Beyond ten all others are one line, with their orders."""
    for number in range(12):
        shop.send("page.viewed", key=f"d:{number}", utm={"source": f"s{number:02}", "campaign": "x"}, minutes=number)
    shop.send(key="d:again", minutes=20)
    shop.send(cart(55), key="d:11", utm={"source": "s11", "campaign": "x"}, minutes=21)
    ingest.drain()
    shop.order(900, placed_at=clock.now() + timedelta(minutes=22), cart_salla_id=55)
    record(shop.merchant, facts.OrderPlaced(order_id=900), key="order:900:placed")
    work()
    response = owner.get(at(shop.merchant))
    lists = response.context["report"].lists
    for kind in ("channel", "source", "device", "known", "country"):
        assert round(sum(row.share for row in lists[kind])) == 100
    names = [(row.label, row.count, row.ordered) for row in lists["source"]]
    assert names == [("Direct", 1, 0), *((f"s{number:02}", 1, 0) for number in range(9)), ("Others", 3, 1)]
    assert 'source="' not in response.content.decode()


def test_days_are_the_stores_own(shop: Shoppers, owner: Client) -> None:
    """Midnight in Riyadh is 21:00 in UTC."""
    shop.send(at=NOON.replace(day=9, hour=20, minute=59), key="d:monday")
    shop.send(at=NOON.replace(day=9, hour=21, minute=1), key="d:tuesday")
    ingest.drain()
    report = owner.get(at(shop.merchant, "?days=7")).context["report"]
    assert report.visits_by_day[-2:] == [("9 Nov", 1), ("10 Nov", 1)]
    assert len(rows(owner, shop.merchant, "first=2026-11-10&last=2026-11-10")) == 1


@pytest.mark.parametrize(
    ("query", "first", "last", "status"),
    [
        ("", date(2026, 10, 14), date(2026, 11, 10), 200),
        ("days=7", date(2026, 11, 4), date(2026, 11, 10), 200),
        ("days=8", date(2026, 10, 14), date(2026, 11, 10), 200),
        ("first=2026-11-01&last=2026-11-03", date(2026, 11, 1), date(2026, 11, 3), 200),
        ("first=2026-11-01&last=2027-01-01", date(2026, 11, 1), date(2026, 11, 10), 200),
        ("first=2026-11-05&last=2026-11-03", date(2026, 10, 14), date(2026, 11, 10), 422),
        ("first=nonsense&last=", date(2026, 10, 14), date(2026, 11, 10), 422),
        ("first=2020-01-01&last=2026-11-03", date(2026, 10, 14), date(2026, 11, 10), 422),
    ],
)
def test_days_that_are_asked_for(
    owner: Client, merchant: Merchant, query: str, first: date, last: date, status: int
) -> None:
    response = owner.get(at(merchant, f"?{query}"))
    span = response.context["span"]
    assert (span.first, span.last, response.status_code) == (first, last, status)


def test_an_empty_store_says_what_to_do(owner: Client, merchant: Merchant) -> None:
    page = owner.get(at(merchant)).content.decode()
    assert "Visits are not kept yet" in page
    assert "Nobody was seen in these days" in page
    assert f"/stores/{merchant.public_id}/cards/visitor_data/" in page
    assert "No visits in these days" in owner.get(at(merchant, "visits/")).content.decode()
    assert "Nobody is here right now" in owner.get(at(merchant, "now/")).content.decode()


def test_countries_say_whose_data_they_are(owner: Client, shop: Shoppers, settings: Any) -> None:
    a_day(shop)
    settings.COUNTRY_DATABASE = __file__  # no database, but a file
    for page in ("", "visits/", "now/"):
        assert "Countries are unknown" in owner.get(at(shop.merchant, page)).content.decode()


# The list


def test_the_list_is_narrowed(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    shop.come(key="v:noura", minutes=60)
    keys = {
        query: sorted(visit.visitor_key for visit in rows(owner, shop.merchant, query))
        for query in (
            "", "who=bots", "who=known", "who=again", "channel=search", "source=GOOGLE", "device=desktop",
            "outcome=product", "outcome=cart", "outcome=order", "outcome=left", "device=desktop&channel=search",
            "who=nonsense",
        )
    }  # fmt: skip
    everybody = ["d:b", "d:c", "v:noura", "v:noura"]
    assert keys == {
        "": everybody,
        "who=bots": ["d:bot"],
        "who=known": ["v:noura", "v:noura"],
        "who=again": ["v:noura"],
        "channel=search": ["v:noura"],
        "source=GOOGLE": ["v:noura"],
        "device=desktop": ["d:b"],
        "outcome=product": ["d:b", "v:noura"],
        "outcome=cart": ["v:noura"],
        "outcome=order": ["v:noura"],
        "outcome=left": [],
        "device=desktop&channel=search": [],
        "who=nonsense": everybody,
    }


def test_the_newest_come_first_and_pages_follow(shop: Shoppers, owner: Client) -> None:
    for number in range(55):
        shop.send(key=f"d:{number}", minutes=-number)
    ingest.drain()
    first, second = rows(owner, shop.merchant), rows(owner, shop.merchant, "page=2")
    assert (len(first), len(second)) == (50, 5)
    assert [visit.visitor_key for visit in first[:2]] == ["d:0", "d:1"]
    page = owner.get(at(shop.merchant, "visits/?device=phone")).content.decode()
    assert "device=phone&amp;page=2" in page


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_list_leaves_as_a_file(shop: Shoppers, owner: Client, kind: str) -> None:
    a_day(shop)
    shop.come(key="d:evil", utm={"source": '=HYPERLINK("http://evil")', "campaign": "+1"}, minutes=5)
    response = owner.get(at(shop.merchant, f"visits/?as={kind}"))
    body = b"".join(response.streaming_content)
    if kind == "csv":
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
    else:
        sheet = load_workbook(io.BytesIO(body)).active
        assert all(cell.data_type != "f" for row in sheet for cell in row)
        lines = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert len(lines) == 5
    assert lines[0][:3] == ["Began", "Minutes", "Pages"]
    bought = next(line for line in lines if "Google" in line)
    assert (bought[1], bought[2], bought[-3], bought[-1]) == ("2", "2", "41", "SAR")
    assert float(bought[-2]) == 100
    assert not [cell for line in lines for cell in line if kind == "csv" and cell.startswith(("=", "+"))]


def test_a_file_has_what_the_list_has(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    body = b"".join(owner.get(at(shop.merchant, "visits/?channel=search&as=csv")).streaming_content)
    assert len(body.decode().strip().splitlines()) == 2
    assert owner.get(at(shop.merchant, "visits/?as=pdf")).status_code == 404


def test_a_cart_is_left_once_nobody_may_come_back_to_it(shop: Shoppers, owner: Client) -> None:
    visit = shop.come("page.viewed", cart(), minutes=-29)
    pages = [f"visits/{visit.public_id}/", "visits/", "visits/?outcome=left"]
    held, left = (f'<span class="badge warning">{word}</span>' for word in ("Has a cart", "Cart left"))
    told = [owner.get(at(shop.merchant, page)).content.decode() for page in pages]
    assert [(held in page, left in page) for page in told] == [(True, False), (True, False), (False, False)]
    Visit.unscoped.update(last_seen_at=clock.now() - timedelta(minutes=31))
    told = [owner.get(at(shop.merchant, page)).content.decode() for page in pages]
    assert [(held in page, left in page) for page in told] == [(False, True)] * 3


# One visit, one visitor


def test_a_visit_step_by_step(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    visit = shop.merchant.visits.get(visitor__key="v:noura")
    told = owner.get(at(shop.merchant, f"visits/{visit.public_id}/")).context["told"]
    assert [(event.text, event.detail, event.total, event.currency) for event in told.events] == [
        ("Opened a page", "Home page", None, ""),
        ("Opened a page", "Product page", None, ""),
        ("Looked at a product", "منتج 7", None, ""),
        ("The cart changed", "", Decimal("120.5"), "SAR"),
    ]
    assert [str(order) for order in told.line.orders] == ["41"]
    assert [str(product) for product in told.products] == ["منتج 7"]


def test_a_step_says_which_tool_it_was(shop: Shoppers, owner: Client) -> None:
    shown = [(f"card.{what}", {"card": slug}) for slug in ("latest_purchase", "gone") for what in ("shown", "clicked")]
    visit = shop.come("page.viewed", *shown, ("card.closed", {"card": "email_collector"}))
    told = owner.get(at(shop.merchant, f"visits/{visit.public_id}/")).context["told"]
    assert [(event.text, event.detail) for event in told.events] == [
        ("Opened a page", "Home page"),
        ("A tool was shown", "Latest purchase"),
        ("Followed a tool", "Latest purchase"),
        ("A tool was shown", ""),
        ("Followed a tool", ""),
        ("Closed a tool", "E-mail collector"),
    ]


def test_a_cart_that_was_never_filled_is_no_step(shop: Shoppers, owner: Client) -> None:
    empty = ("cart.updated", {"cart_id": 55, "count": 0, "total": 0, "currency": "SAR"})
    visit = shop.come("page.viewed", empty, cart(), empty)
    told = owner.get(at(shop.merchant, f"visits/{visit.public_id}/")).context["told"]
    assert [(event.kind, event.total) for event in told.events] == [
        ("page.viewed", None),
        ("cart.updated", Decimal("120.5")),
        ("cart.updated", Decimal(0)),
    ]


def test_steps_of_before_he_agreed_are_nobodys(shop: Shoppers, owner: Client) -> None:
    shop.send("page.viewed", key="d:today")
    visit = shop.come("checkout.started", key="v:noura", former="d:today", minutes=1)
    page = owner.get(at(shop.merchant, f"visits/{visit.public_id}/"))
    assert [event.kind for event in page.context["told"].events] == ["checkout.started"]
    assert "agreed to be known in the middle of the visit" in page.content.decode()
    later = shop.come("page.viewed", key="v:noura", minutes=90)
    assert "in the middle" not in owner.get(at(shop.merchant, f"visits/{later.public_id}/")).content.decode()


def test_steps_of_others_are_not_among_them(shop: Shoppers, owner: Client) -> None:
    first = shop.come("page.viewed", key="v:a")
    shop.come("page.viewed", "checkout.started", key="v:b")
    shop.come("page.viewed", key="v:a", minutes=90)
    told = owner.get(at(shop.merchant, f"visits/{first.public_id}/")).context["told"]
    assert [event.kind for event in told.events] == ["page.viewed"]


def test_a_visitors_page_brings_it_all_together(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    visitor = shop.merchant.visitors.get()
    contact = contacts.ensure(shop.merchant, kind="email", value="noura@example.com", source=Consent.Source.FORM)
    type(contact).unscoped.filter(pk=contact.pk).update(visitor_key="v:noura")
    words = consents.Words(Consent.Source.FORM, "نعم")
    consents.give(shop.merchant, contact, purposes=[Purpose.MARKETING], channels=[Channel.EMAIL], words=words)
    response = owner.get(at(shop.merchant, f"{visitor.public_id}/"))
    profile = response.context["profile"]
    assert (profile.customer.name, profile.paid) == ("نورة", [{"amount": 100, "currency": "SAR"}])
    assert sorted(moment.kind for moment in profile.timeline) == ["consent", "order", "visit"]
    assert "v:noura" not in response.content.decode()


def test_a_visitors_file(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    visitor = shop.merchant.visitors.get()
    response = owner.get(at(shop.merchant, f"{visitor.public_id}/file/"))
    told = json.loads(response.content)
    assert response.headers["Content-Disposition"] == f'attachment; filename="visitor-{visitor.public_id}.json"'
    assert (told["visitor"]["customer_salla_id"], told["visits"][0]["orders"]) == (225, [900])
    assert shop.merchant.activities.filter(what="visitor.given").count() == 1


def test_erasing_asks_first(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    address = at(shop.merchant, f"{shop.merchant.visitors.get().public_id}/erase/")
    page = owner.get(address).content.decode()
    assert "Erase this visitor?" in page
    assert shop.merchant.visitors.count() == 1
    response = owner.post(address)
    assert response.status_code == 302
    assert (shop.merchant.visitors.count(), shop.merchant.visits.filter(visitor_key="v:noura").count()) == (0, 0)
    assert owner.post(address).status_code == 404


def test_a_viewer_looks_and_erases_nothing(shop: Shoppers) -> None:
    a_day(shop)
    viewer = browser(shop.merchant, Role.VIEWER)
    visitor = shop.merchant.visitors.get()
    for page in ("", "visits/", "now/", f"{visitor.public_id}/"):
        assert viewer.get(at(shop.merchant, page)).status_code == 200
    page = viewer.get(at(shop.merchant, f"{visitor.public_id}/")).content.decode()
    assert ("/erase/" in page, "/file/" in page, "نورة" in page.partition("<h1>")[2].partition("</h1>")[0]) == (
        False,
    ) * 3
    assert viewer.get(at(shop.merchant, f"{visitor.public_id}/file/")).status_code == 403
    assert not shop.merchant.activities.filter(what="visitor.given").exists()
    assert viewer.post(at(shop.merchant, f"{visitor.public_id}/erase/")).status_code == 403
    assert shop.merchant.visitors.count() == 1


def test_another_stores_rows_are_not_there(shop: Shoppers, other_merchant: Merchant) -> None:
    a_day(shop)
    stranger = browser(other_merchant)
    visit, visitor = shop.merchant.visits.latest("pk"), shop.merchant.visitors.get()
    for end in (f"visits/{visit.public_id}/", f"{visitor.public_id}/", f"{visitor.public_id}/file/"):
        assert stranger.get(at(other_merchant, end)).status_code == 404
    assert stranger.post(at(other_merchant, f"{visitor.public_id}/erase/")).status_code == 404


# Now


def test_who_is_here(shop: Shoppers, owner: Client) -> None:
    shop.send(key="d:gone", minutes=-6)
    shop.send("page.viewed", viewed(7), key="d:here", page=PRODUCT, minutes=-4, referrer="https://www.google.com/")
    shop.send("page.left", key="d:here", page=PRODUCT, minutes=-1)
    shop.send(key="d:bot", is_bot=True)
    ingest.drain()
    (here,) = owner.get(at(shop.merchant, "now/")).context["here"]
    assert (here.visit.visitor_key, here.product, here.source, here.minutes) == ("d:here", "منتج 7", "Google", 4)


def test_the_list_may_hold_more_than_the_counter_counts(shop: Shoppers, owner: Client, client: Client) -> None:
    """Four of one network whom nobody knows: the number counts three of them, and both pages say so."""
    line = "it counts at most"
    for bucket, is_told in ((1, False), (2, False), (3, False), (4, True)):
        shoppers.send(client, shoppers.beacon(bucket=bucket), store=shop.merchant.salla_id)
        ingest.drain()
        memory.forget()
        response = owner.get(at(shop.merchant, "now/"))
        assert (response.context["total"], response.context["crowd"].now) == (bucket, min(bucket, 3))
        assert (line in response.content.decode()) == is_told
    page = owner.get(at(shop.merchant)).content.decode()
    assert "On the day of agreeing one person may count twice" in page
    assert 'at most <bdi dir="ltr">3</bdi> of each network count' in page


def test_more_than_are_listed_are_counted(shop: Shoppers, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_lists, "MOST_NOW", 2)
    for number in range(3):
        shop.come(key=f"d:{number}", minutes=-number)
        response = owner.get(at(shop.merchant, "now/"))
        assert (response.context["total"], len(response.context["here"])) == (number + 1, min(number + 1, 2))
        assert ("The latest are listed." in response.content.decode()) == (number == 2)


def test_it_renews_itself_and_stops_when_nobody_looks(owner: Client, merchant: Merchant) -> None:
    page = owner.get(at(merchant, "now/")).content.decode()
    assert 'hx-trigger="every 20s, seen"' in page
    assert "data-renews" in page


# Cheap


def test_every_page_costs_few_queries(shop: Shoppers, owner: Client, django_assert_max_num_queries: Any) -> None:
    """With 10,000 visits of 300 visitors."""
    a_day(shop)
    visitor = shop.merchant.visitors.get()
    now = clock.now()
    Visit.unscoped.bulk_create(
        Visit(
            merchant=shop.merchant,
            visit_key=str(number),
            visitor=visitor if number % 30 == 0 else None,
            started_at=now - timedelta(minutes=number),
            last_seen_at=now - timedelta(minutes=number),
            products=[7, 8],
            exit_slug="product.single",
        )
        for number in range(10_000)
    )
    visit = shop.merchant.visits.filter(orders_count=1).get()
    pages = ["", "visits/", "visits/?outcome=product&country=SA", "visits/?page=7", "now/"]
    pages += [f"visits/{visit.public_id}/", f"{visitor.public_id}/", f"{visitor.public_id}/erase/"]
    for page in pages:
        with django_assert_max_num_queries(MOST_QUERIES, info=page):
            assert owner.get(at(shop.merchant, page)).status_code == 200


def test_a_file_costs_as_many_as_it_has_parts(
    shop: Shoppers, owner: Client, django_assert_max_num_queries: Any
) -> None:
    a_day(shop)
    now = clock.now()
    Visit.unscoped.bulk_create(
        Visit(merchant=shop.merchant, visit_key=str(number), started_at=now, last_seen_at=now) for number in range(2000)
    )
    with django_assert_max_num_queries(20):
        body = b"".join(owner.get(at(shop.merchant, "visits/?as=csv")).streaming_content)
    assert len(body.decode().strip().splitlines()) == 2004


def test_words_of_browsers_are_words(shop: Shoppers, owner: Client) -> None:
    evil = "<script>alert(1)</script>"
    page = {"slug": "index", "path": f"/{evil}"}
    visit = shop.come(
        ("coupon.applied", {"code": evil}), "page.viewed", page=page, utm={"source": evil, "campaign": evil}, lang=evil
    )
    for end in ("", "visits/", "now/", f"visits/{visit.public_id}/", f"{visit.visitor.public_id}/"):
        assert evil not in owner.get(at(shop.merchant, end)).content.decode()


def test_spans_are_whole_days(merchant: Merchant) -> None:
    span, _form = spans.asked(merchant, {"days": "7"})
    assert span.until - span.since == timedelta(days=7)
    assert span.query == "days=7"


@pytest.mark.parametrize("query", ["first=0001-01-01&last=0001-01-02", "first=0001-01-02&last=0001-01-02"])
def test_days_before_any_store_are_refused(shop: Shoppers, owner: Client, query: str) -> None:
    for end in ("", "visits/"):
        response = owner.get(at(shop.merchant, f"{end}?{query}"))
        assert response.status_code in {200, 422}
    assert "No store is as old as that." in owner.get(at(shop.merchant, f"?{query}")).content.decode()


def test_a_country_that_is_none_is_refused(shop: Shoppers, owner: Client) -> None:
    a_day(shop)
    assert owner.get(at(shop.merchant, "visits/?country=%00")).status_code == 200
