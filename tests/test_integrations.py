"""The front door: what Salla's documented bodies become, in whatever order and however often they come."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.forms.models import model_to_dict
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core import clock
from core.models import Merchant
from integrations.models import Delivery
from integrations.services import forget_bodies
from tests.conftest import Deliver, facts_of, outcome, store, work
from tests.salla import payload

pytestmark = pytest.mark.django_db

# What each documented body becomes


def test_an_order_is_mirrored_and_recorded(deliver: Deliver, merchant: Merchant) -> None:
    deliver(payload("order.created"))
    work()

    order = merchant.orders.get()
    assert order.salla_id == 2116149737
    assert order.reference_id == 41027662
    assert (order.status, order.payment_method, order.is_pending_payment) == ("under_review", "bank", False)
    assert (order.total, order.subtotal, order.shipping_cost) == (
        Decimal("196.00"),
        Decimal("186.00"),
        Decimal("15.00"),
    )
    assert (order.discount, order.currency) == (Decimal("5.00"), "SAR")
    assert order.coupon_codes == []  # the only discount row is a special offer, whose code is its title
    assert order.items == [{"product_id": 720881993, "name": "بيتزا", "quantity": 1, "total": "186.00"}]
    assert (order.city, order.country) == ("جدة", "SA")
    assert order.placed_at == datetime(2022, 6, 26, 9, 21, 45, tzinfo=UTC)
    assert order.is_paid is False  # a transfer that nobody has looked at yet
    assert order.customer is not None
    assert (order.customer.name, order.customer.phone) == ("Mohammed Ali", "+966501806978")
    assert order.customer.email == "usertest@gmail.com"
    assert facts_of(merchant) == [
        (
            "order.placed",
            "order:2116149737:placed",
            {
                "order_id": 2116149737,
                "customer_id": 225167971,
                "status": "under_review",
                "payment_method": "bank",
                "total": "196.00",
                "currency": "SAR",
                "source": "store",
                "coupon_codes": [],
                "product_ids": [720881993],
            },
        )
    ]


def test_a_status_event_carries_the_order_inside(deliver: Deliver, db: None) -> None:
    merchant = store(193718979)
    deliver(payload("order.status.updated"))
    work()

    order = merchant.orders.get()
    assert order.salla_id == 629263027  # not 198290473, the number of the history entry
    assert (order.status, order.payment_method, order.is_paid) == ("completed", "cod", True)
    assert order.total == Decimal("154.00")
    assert order.coupon_codes == []  # FREE_PRODUCT is a loyalty prize
    assert order.customer is not None
    assert order.customer.phone == ""  # +96652318526 is one digit short
    assert [name for name, _, _ in facts_of(merchant)] == ["order.placed", "order.paid"]


def test_a_thin_status_event_says_nothing_until_the_order_is_known(deliver: Deliver, merchant: Merchant) -> None:
    thin = payload("order.status.updated")
    thin["merchant"] = merchant.salla_id
    thin["data"]["order"] = {"id": 2116149737, "reference_id": 41027662}
    deliver(thin)
    work()
    assert facts_of(merchant) == []

    deliver(payload("order.created"))
    work()
    assert [name for name, _, _ in facts_of(merchant)] == ["order.placed"]
    assert merchant.orders.get().status == "under_review"


def test_a_shipment_event_is_an_order_event(deliver: Deliver, merchant: Merchant) -> None:
    deliver(payload("order.shipment.creating"))
    deliver(payload("order.shipment.cancelled"))
    work()

    order = merchant.orders.get()
    assert (order.salla_id, order.total, order.status) == (1427738113, Decimal("114.00"), "under_review")
    assert order.items == [{"product_id": 1994210129, "name": "تنورة", "quantity": 1, "total": "79.00"}]
    assert [key for _, key, _ in facts_of(merchant)] == ["order:1427738113:placed"]


def test_a_cart_is_mirrored_and_recorded(deliver: Deliver, merchant: Merchant) -> None:
    deliver(payload("abandoned.cart"))
    work()

    cart = merchant.carts.get()
    assert (cart.salla_id, cart.status, cart.coupon_code) == (1097962121, "active", "wizefriend")
    assert (cart.total, cart.subtotal, cart.discount) == (Decimal("100.00"), Decimal("60.00"), Decimal("10.00"))
    assert cart.started_at == datetime(2025, 1, 21, 14, 9, 39, tzinfo=UTC)
    assert cart.items == [{"product_id": 401511871, "quantity": 2}, {"product_id": 64738276, "quantity": 1}]
    assert facts_of(merchant) == [
        (
            "cart.abandoned",
            "cart:1097962121:abandoned",
            {
                "cart_id": 1097962121,
                "customer_id": 225167971,
                "total": "100.00",
                "currency": "SAR",
                "product_ids": [401511871, 64738276],
            },
        )
    ]


def test_a_cart_bought_before_its_abandonment_arrives_reminds_nobody(deliver: Deliver, merchant: Merchant) -> None:
    bought = payload("abandoned.cart.purchased")
    bought["merchant"], bought["data"]["id"] = merchant.salla_id, 1097962121
    deliver(bought)
    deliver(payload("abandoned.cart"))
    work()

    assert merchant.carts.get().status == "purchased"
    assert [name for name, _, _ in facts_of(merchant)] == ["cart.purchased"]


def test_plain_numbers_are_money_too(deliver: Deliver, db: None) -> None:
    merchant = store(935918575)
    deliver(payload("abandoned.cart.status.changed"))
    deliver(payload("abandoned.cart.purchased"))
    work()

    cart = merchant.carts.get()
    assert (cart.total, cart.subtotal, cart.discount) == (Decimal("34.99"), Decimal("30.43"), Decimal("0.00"))
    assert (cart.status, cart.currency) == ("purchased", "SAR")
    assert [key for _, key, _ in facts_of(merchant)] == ["cart:1305879817:purchased"]


def test_an_applied_coupon_is_a_use_not_a_sale(deliver: Deliver, other_merchant: Merchant) -> None:
    deliver(payload("coupon.applied"))
    work()

    cart = other_merchant.carts.get()
    assert (cart.salla_id, cart.coupon_code, cart.total) == (746780865, "wizefriend", Decimal("2910.00"))
    assert cart.customer is not None
    assert (cart.customer.email, cart.customer.phone) == ("", "+251944130250")
    assert facts_of(other_merchant) == [
        (
            "coupon.applied",
            "cart:746780865:coupon:wizefriend",
            {
                "cart_id": 746780865,
                "customer_id": 1448307086,
                "total": "2910.00",
                "currency": "SAR",
                "coupon_id": 2036833834,
                "code": "wizefriend",
            },
        )
    ]


def test_a_login_brings_the_customer_and_the_consent_flag(deliver: Deliver, merchant: Merchant) -> None:
    deliver(payload("customer.login"))
    work()

    customer = merchant.customers.get()
    assert (customer.name, customer.phone, customer.email) == ("User Mohammed", "+966555555555", "test@gmail.com")
    assert (customer.city, customer.is_notifications_enabled) == ("الرياض", True)
    assert facts_of(merchant) == [
        ("customer.logged_in", "customer:225167971:login:2022-01-25T09:36:49+00:00", {"customer_id": 225167971}),
        (
            "customer.notifications_changed",
            "customer:225167971:notifications:2022-01-25T09:36:49+00:00",
            {"customer_id": 225167971, "is_enabled": True},
        ),
    ]


def test_a_price_change_touches_nothing_else(deliver: Deliver, db: None) -> None:
    merchant = store(546096831)
    for name in ("product.price.updated", "product.image.updated", "product.status.updated"):
        deliver(payload(name))
    work()

    product = merchant.products.get(salla_id=1462551237)
    assert (product.price, product.sale_price, product.currency) == (Decimal("150.00"), Decimal("85.00"), "SAR")
    assert product.image_url == "https://cdn.salla.sa/AzqOeQ/RsoIlcNiVFOaXRsyQU9rBT05yWQeiQ4CzIMHAh5m.png"
    assert product.status == ""
    assert merchant.products.get(salla_id=799860060).status == "hidden"


def test_a_review_records_ids_written_as_strings(deliver: Deliver, db: None) -> None:
    merchant = store(1029864349)
    deliver(payload("review.added"))
    work()
    assert merchant.events.get().data == {
        "product_id": 1653503260,
        "customer_id": 2107468057,
        "order_id": 1289663293,
        "rating": 5,
    }


def test_codes_of_shoppers_are_not_kept(deliver: Deliver, merchant: Merchant) -> None:
    deliver({**payload("customer.otp.request"), "merchant": merchant.salla_id})
    work()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason, delivery.body) == ("ignored", "event not used", None)


def test_bodies_go_after_thirty_days_and_hashes_stay(deliver: Deliver, merchant: Merchant) -> None:
    deliver(payload("order.created"))
    work()
    Delivery.objects.update(received_at=clock.now() - timedelta(days=29, hours=23))
    assert forget_bodies() == 0
    Delivery.objects.update(received_at=clock.now() - timedelta(days=30, seconds=1))
    assert forget_bodies() == 1
    assert Delivery.objects.get().body is None
    assert deliver(payload("order.created")).json() == {"status": "duplicate"}


# The ways in which Salla writes a value (webhooks, value traps), each in a documented body


def changed(name: str, merchant: Merchant, **data: Any) -> dict[str, Any]:
    body = payload(name)
    return {**body, "merchant": merchant.salla_id, "data": {**body["data"], **data}}


@pytest.mark.parametrize(
    ("customer", "expected"),
    [
        ({"mobile": 501806978, "mobile_code": "+966"}, ("+966501806978", "usertest@gmail.com")),
        ({"mobile": "501806978", "mobile_code": "966"}, ("+966501806978", "usertest@gmail.com")),
        ({"mobile": "0501806978", "mobile_code": "+966"}, ("+966501806978", "usertest@gmail.com")),
        ({"mobile": "+966501806978", "mobile_code": None}, ("+966501806978", "usertest@gmail.com")),
        ({"mobile": "٠٥٠١٨٠٦٩٧٨", "mobile_code": ""}, ("+966501806978", "usertest@gmail.com")),
        ({"mobile": None, "email": ""}, ("", "")),
    ],
)
def test_customers_in_all_their_shapes(
    deliver: Deliver, merchant: Merchant, customer: dict[str, Any], expected: tuple[str, str]
) -> None:
    whole = {**payload("order.created")["data"]["customer"], **customer}
    deliver(changed("order.created", merchant, customer=whole))
    work()
    held = merchant.customers.get()
    assert (held.phone, held.email) == expected


@pytest.mark.parametrize("nobody", [None, [], {}, {"id": None}])
def test_a_guest_is_no_customer(deliver: Deliver, merchant: Merchant, nobody: Any) -> None:
    deliver(changed("order.created", merchant, customer=nobody))
    work()
    assert outcome("order.created") == ("processed", "")
    assert merchant.orders.get().customer is None
    assert merchant.customers.count() == 0


@pytest.mark.parametrize(
    "moment",
    [
        {"date": "2022-06-26 12:21:45.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"},
        {"date": "2022-06-26 12:21:45.000000"},
        {"date": "2022-06-26 09:21:45.000000", "timezone_type": 3, "timezone": "UTC"},
        "2022-06-26 12:21:45",
        "Sun Jun 26 2022 12:21:45 GMT+0300",
        "2022-06-26T09:21:45Z",
        "2022-06-26T12:21:45+03:00",
    ],
)
def test_dates_in_all_their_shapes(deliver: Deliver, merchant: Merchant, moment: Any) -> None:
    deliver(changed("order.created", merchant, date=moment))
    work()
    assert merchant.orders.get().placed_at == datetime(2022, 6, 26, 9, 21, 45, tzinfo=UTC)


@pytest.mark.parametrize("total", [{"amount": 196, "currency": "SAR"}, 196, 196.0, "196", "196.00", "١٩٦٫٠٠"])
def test_money_in_all_its_shapes(deliver: Deliver, merchant: Merchant, total: Any) -> None:
    amounts = {**payload("order.created")["data"]["amounts"], "total": total}
    deliver(changed("order.created", merchant, amounts=amounts))
    work()
    order = merchant.orders.get()
    assert (order.total, order.currency) == (Decimal("196.00"), "SAR")


def test_a_misspelt_total_counts(deliver: Deliver, merchant: Merchant) -> None:
    body = changed("abandoned.cart", merchant, totla={"amount": 100, "currency": "SAR"})
    del body["data"]["total"]
    deliver(body)
    work()
    assert (merchant.carts.get().total, merchant.carts.get().currency) == (Decimal("100.00"), "SAR")


@pytest.mark.parametrize(("word", "truth"), [("1", True), ("true", True), (True, True), ("0", False), (False, False)])
def test_truth_in_all_its_shapes(deliver: Deliver, merchant: Merchant, word: Any, truth: bool) -> None:
    deliver(changed("customer.login", merchant, is_notifications_enabled=word))
    work()
    assert merchant.customers.get().is_notifications_enabled is truth


def test_ids_and_stores_written_as_text(deliver: Deliver, merchant: Merchant) -> None:
    deliver({**changed("order.created", merchant, id="2116149737"), "merchant": str(merchant.salla_id)})
    work()
    assert merchant.orders.get().salla_id == 2116149737


@pytest.mark.parametrize("nothing", [[], {}, None])
def test_nothing_in_all_its_shapes(deliver: Deliver, merchant: Merchant, nothing: Any) -> None:
    deliver(changed("order.created", merchant, shipping=nothing, amounts=nothing, items=nothing, status=nothing))
    work()
    assert outcome("order.created") == ("processed", "")
    assert merchant.orders.get().total is None


# The mirror


def test_two_bodies_of_one_second_end_the_same_in_both_orders(deliver: Deliver) -> None:
    ends = []
    for number, order in enumerate(([0, 1], [1, 0])):
        merchant = store(7_000_000 + number)
        items = [[{"id": 1, "quantity": n + 1, "name": "أ", "product_id": 9 - n}] for n in range(2)]
        for n in order:
            deliver(changed("order.created", merchant, items=items[n]))
            work()
        ends.append(merchant.orders.get().items)
    assert ends[0] == ends[1]


def order_event(name: str, at: str, *, status: str, pending: bool, total: str) -> dict[str, Any]:
    body = payload("order.created")
    data = {**body["data"], "payment_method": "mada", "is_pending_payment": pending, "draft": False}
    data["status"] = {"id": 1, "name": "…", "slug": status}
    data["amounts"] = {**data["amounts"], "total": {"amount": total, "currency": "SAR"}}
    return {**body, "event": name, "created_at": at, "data": data}


FOUR_EVENTS = [
    order_event(
        "order.created", "Sun Jun 26 2022 12:21:48 GMT+0300", status="payment_pending", pending=True, total="196.00"
    ),
    order_event(
        "order.payment.updated",
        "Sun Jun 26 2022 12:22:10 GMT+0300",
        status="in_progress",
        pending=False,
        total="196.00",
    ),
    order_event("order.updated", "Sun Jun 26 2022 13:00:00 GMT+0300", status="shipped", pending=False, total="180.50"),
    order_event(
        "order.cancelled", "Mon Jun 27 2022 09:00:00 GMT+0300", status="canceled", pending=False, total="180.50"
    ),
]


def mirrored(merchant: Merchant) -> dict[str, Any]:
    order = merchant.orders.get()
    assert order.customer is not None
    rows = {**model_to_dict(order), "customer": model_to_dict(order.customer)}
    for row in (rows, rows["customer"]):
        del row["id"], row["merchant"]
    rows["customer"].pop("id", None)
    return rows


@pytest.fixture
def in_order(deliver: Deliver, other_merchant: Merchant) -> dict[str, Any]:
    for event in FOUR_EVENTS:
        deliver({**event, "merchant": other_merchant.salla_id})
        work()
    return mirrored(other_merchant)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_each_of_the_24_orders_five_times_over(
    deliver: Deliver, in_order: dict[str, Any], merchant: Merchant, order: tuple[int, ...]
) -> None:
    for copy, position in itertools.product(range(5), order):
        deliver({**FOUR_EVENTS[position], "merchant": merchant.salla_id, "again": copy})
    work()
    assert Delivery.objects.filter(store_id=merchant.salla_id, state="processed").count() == 20
    assert mirrored(merchant) == in_order


@given(order=st.permutations(list(range(4)) * 5))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_four_events_five_times_each_in_any_order(deliver: Deliver, in_order: dict[str, Any], order: list[int]) -> None:
    merchant = store(int(clock.now().timestamp() * 1_000_000))
    for position, copy in zip(order, itertools.count(), strict=False):
        # A body re-made by Salla has other bytes, so that the hash alone does not stop it.
        deliver({**FOUR_EVENTS[position], "merchant": merchant.salla_id, "again": copy})
    work()
    assert mirrored(merchant) == in_order
    assert merchant.events.filter(name="order.placed").count() == 1
    assert merchant.events.filter(name="order.canceled").count() == 1
    assert merchant.events.filter(name="order.paid").count() <= 1
