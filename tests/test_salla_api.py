"""What other apps ask of Salla, typed, against the sandbox; and every documented refusal as the error of its class."""

import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import translation
from pydantic import ValidationError

from core import clock
from core.models import Merchant
from core.salla_answers import read_answer
from core.salla_client import every
from core.salla_errors import (
    AccountDeletedError,
    AccountInactiveError,
    InvalidError,
    NotFoundError,
    NotSentError,
    SallaError,
    ScopeMissingError,
    TokenRefusedError,
    UnavailableError,
)
from integrations import salla
from integrations.api_payloads import Coupon, CouponChange, NewCoupon
from integrations.clients import salla_for
from integrations.models import Connection
from scripts import servers
from tests.outside import OUD, Outside

pytestmark = pytest.mark.django_db(transaction=True)

API = Path(__file__).parent / "salla" / "api"


@pytest.fixture
def installed(installed: Merchant) -> Merchant:
    """The oud store, whose plan nobody reads here."""
    Merchant.objects.update(plan="special")
    installed.refresh_from_db()
    return installed


def calls(outside: Outside, endpoint: str = "") -> int:
    return int(outside.state()["counters"].get(f"api {endpoint}" if endpoint else "api.calls", 0))


def a_coupon(code: str, **given: Any) -> NewCoupon:
    today = clock.now().date()
    dates = {"start_date": today.isoformat(), "expiry_date": (today + timedelta(days=30)).isoformat()}
    return NewCoupon(code=code, **{"type": "fixed", "amount": Decimal("25.50"), **dates, **given})


class TestCoupons:
    def test_one_is_created_read_changed_and_deleted(self, installed: Merchant) -> None:
        wanted = a_coupon("HELLO1", usage_limit=1, products_include=("77",), exclude_sale_products=True)
        made = salla.create_coupon(installed, wanted)
        assert (made.code, made.type, made.amount, made.status) == ("HELLO1", "fixed", Decimal("25.50"), "active")
        # The answer's names are others than the request's.
        assert (made.products_include, made.exclude_sale_products, made.usage_limit) == (("77",), True, 1)
        assert (made.free_shipping, made.is_apply_with_offer) == (False, False)  # Salla's own default is true
        assert salla.coupon(installed, made.id) == made
        changed = salla.change_coupon(installed, made.id, CouponChange(status="inactive"))
        assert changed.model_dump(exclude={"status", "updated_at"}) == made.model_dump(exclude={"status", "updated_at"})
        assert changed.status == "inactive"
        assert "HELLO1" in {found.code for found in salla.coupons(installed)}
        salla.delete_coupon(installed, made.id)
        with pytest.raises(NotFoundError):
            salla.delete_coupon(installed, made.id)
        assert salla.coupons(installed, keyword="HELLO1") == []

    def test_a_group_has_codes_on_many_pages(self, installed: Merchant) -> None:
        group = {"is_group": True, "group_name": "Eid", "group_suffix": "EID", "group_coupons_count": 130}
        made = salla.create_coupon(installed, a_coupon("EIDGROUP", **group))
        codes = salla.coupon_codes(installed, made.id)
        assert len(set(codes)) == 130
        assert all(code.startswith("EID") for code in codes)
        assert (made.is_group, made.group_suffix, made.group_name) == (True, "EID", "Eid")

    @pytest.mark.parametrize("kind", ["500", "drop"])
    def test_one_that_nobody_knows_of_is_not_created_twice(
        self, outside: Outside, installed: Merchant, kind: str
    ) -> None:
        code = f"ONCE{kind}"
        outside.fault(kind=kind, target="api", count=1)
        with pytest.raises(UnavailableError):
            salla.create_coupon(installed, a_coupon(code))
        made = salla.create_coupon(installed, a_coupon(code), is_repeat=True)
        again = salla.create_coupon(installed, a_coupon(code), is_repeat=True)
        assert (again.id, len(salla.coupons(installed, keyword=code))) == (made.id, 1)

    @pytest.mark.parametrize("is_group", [False, True])
    def test_one_whose_answer_was_lost_is_found(
        self, installed: Merchant, is_group: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group = {"is_group": True, "group_name": "Lost", "group_suffix": "LST", "group_coupons_count": 2}
        wanted = a_coupon(f"LOST{is_group}", **(group if is_group else {}))
        lose_answers(monkeypatch, "POST")
        made = salla.create_coupon(installed, wanted)
        assert [found.id for found in salla.coupons(installed, keyword=wanted.code)] == [made.id]

    def test_a_repeated_write_that_is_refused_as_taken_is_our_own(self, installed: Merchant) -> None:
        made = salla.create_coupon(installed, a_coupon("TAKEN"))
        assert salla.create_coupon(installed, a_coupon("taken")).id == made.id
        with pytest.raises(InvalidError) as caught:
            salla.create_coupon(installed, a_coupon("TAKEN", amount=Decimal(99)))
        assert caught.value.fields == {"code": ["لقد قمت بتسجيل كوبون بنفس الاسم من قبل"]}

    def test_a_write_that_never_left_is_told_apart(self, installed: Merchant, settings: Any) -> None:
        settings.SALLA_API_URL = f"http://127.0.0.1:{servers.free_port()}"
        with pytest.raises(NotSentError):
            salla_for(installed).create_coupon({})

    @pytest.mark.parametrize(
        "wrong", [{"amount": -1}, {"type": "PERCENT"}, {"expiry_date": "soon"}, {"group_suffix": "AB1"}, {"usage": 1}]
    )
    def test_what_salla_would_misread_is_not_sent(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            a_coupon("X", **wrong)

    @pytest.mark.parametrize(
        "name", ["create-coupon.200", "create-coupon.200--2", "coupon-details.200", "update-coupon.200"]
    )
    def test_the_documented_answers_can_be_read(self, name: str) -> None:
        data = json.loads((API / f"coupons.{name}.json").read_text())["data"]
        read = Coupon.read(data)
        assert (read.id, read.code, read.amount) == (data["id"], data["code"], Decimal(data["amount"]["amount"]))
        assert read.exclude_sale_products is data["is_sale_products_exclude"]
        assert list(read.list_exclude_brands) == data["exclude_brands_ids"]
        assert list(read.payment_methods) == data["include_payment_methods"]

    def test_a_coupon_date_is_riyadh_time(self) -> None:
        data = json.loads((API / "coupons.create-coupon.200.json").read_text())["data"]
        assert Coupon.read(data).expires_at == datetime(2023, 3, 16, 21, tzinfo=UTC)


def lose_answers(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """Requests of that method reach Salla, and their answers are lost."""
    send = requests.Session.request

    def lossy(self: requests.Session, verb: str, url: str, **options: Any) -> requests.Response:
        answer = send(self, verb, url, **options)
        if verb == method:
            raise requests.ReadTimeout
        return answer

    monkeypatch.setattr(requests.Session, "request", lossy)


class TestTheRest:
    def test_details_of_one_thing(self, installed: Merchant) -> None:
        client = salla_for(installed)
        cart, customer, product, order = (
            page.rows[-1] for page in (client.abandoned_carts(), client.customers(), client.products(), client.orders())
        )
        assert client.abandoned_cart(cart["id"])["items"] == cart["items"]
        assert client.customer(customer["id"])["is_notifications_enabled"] is customer["is_notifications_enabled"]
        assert client.product(product["id"])["sku"] == product["sku"]
        assert {item["name"] for item in client.order_items(order["id"])} == {item["name"] for item in order["items"]}
        for read in (client.abandoned_cart, client.customer, client.product, client.order_items):
            with pytest.raises(NotFoundError):
                read(1)

    def test_special_offers(self, installed: Merchant) -> None:
        offers = salla.special_offers(installed)
        assert [(offer.offer_type, offer.status, offer.applied_to) for offer in offers] == [
            ("percentage", "active", "order"),
            ("percentage", "active", "order"),
        ]
        assert all(offer.starts_at and offer.expires_at and offer.starts_at < offer.expires_at for offer in offers)

    def test_webhooks_are_registered_once_and_removed(self, installed: Merchant) -> None:
        hook = {"name": "orders", "event": "order.created", "url": "https://nomo.example/webhooks/salla/"}
        made = salla.register_webhook(installed, **hook)
        again = salla.register_webhook(installed, **{**hook, "rule": "price < 50"})
        assert (made.id, again.id, again.rule) == (made.id, made.id, "price < 50")
        assert [(one.id, one.event, one.url) for one in salla.webhooks(installed)] == [
            (made.id, hook["event"], hook["url"])
        ]
        salla.remove_webhook(installed, made.id)
        assert salla.webhooks(installed) == []
        with pytest.raises(InvalidError) as caught:
            salla.register_webhook(installed, **{**hook, "event": "order.paid"})
        assert set(caught.value.fields) == {"event"}

    def test_settings_are_merged_because_writing_replaces_all(self, installed: Merchant) -> None:
        salla.merge_app_settings(installed, {"email": "a@example.com", "fast": True})
        assert salla.merge_app_settings(installed, {"fast": False}) == {"email": "a@example.com", "fast": False}
        assert salla.app_settings(installed) == {"email": "a@example.com", "fast": False}

    def test_subscriptions(self, outside: Outside, installed: Merchant) -> None:
        assert salla.app_subscriptions(installed) == []
        outside.act("subscription", store=OUD, kind="started", plan="Growth")
        (plan,) = salla.app_subscriptions(installed)
        assert (plan.item_type, plan.plan_name, plan.total) == ("plan", "Growth", Decimal("113.85"))


# Refusals


def answer_of(path: Path) -> requests.Response:
    answer = requests.Response()
    answer.status_code = int(
        path.name.split(".")[2][:3] if not path.name.startswith("error.") else path.name.split(".")[1]
    )
    answer._content = path.read_bytes()
    return answer


# Not answers of the Merchant API: the token endpoint's and the introspection's.
ELSEWHERE = {"oauth.token-invalid-grant.401.json", "embedded.introspect.401.json"}
REFUSED = [path for path in sorted(API.glob("*.4[0-9][0-9]*.json")) if path.name not in ELSEWHERE]
BY_STATUS = {400: SallaError, 401: ScopeMissingError, 404: NotFoundError, 422: InvalidError}
CASES_OF_401 = {
    "error.401.invalid-token.json": TokenRefusedError,
    "error.401.user-deleted.json": AccountDeletedError,
    "error.401.user-inactive.json": AccountInactiveError,
}


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.name)
def test_every_documented_refusal_has_its_class(path: Path) -> None:
    answer = answer_of(path)
    expected = CASES_OF_401.get(path.name) or BY_STATUS[answer.status_code]
    with pytest.raises(SallaError) as caught:
        read_answer(answer, "GET /x")
    assert type(caught.value) is expected
    assert caught.value.permanent
    if isinstance(caught.value, InvalidError):
        assert caught.value.fields == answer.json()["error"].get("fields", {})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, SallaError),
        (405, SallaError),
        (406, SallaError),
        (410, NotFoundError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_every_other_status_has_its_class(status: int, kind: type[SallaError]) -> None:
    for body in (b"", b"[]", b"<html>", b'{"error": "x"}', b'{"error": {"fields": []}}'):
        answer = requests.Response()
        answer.status_code, answer._content = status, body
        with pytest.raises(SallaError) as caught:
            read_answer(answer, "GET /x")
        assert type(caught.value) is kind


def test_the_merchant_is_told_each_in_arabic() -> None:
    kinds: set[type[SallaError]] = {SallaError}
    while more := {sub for kind in kinds for sub in kind.__subclasses__()} - kinds:
        kinds |= more
    with translation.override("ar"):
        told = {kind: kind.told.fget(kind) for kind in kinds}  # type: ignore[attr-defined]
    assert len(kinds) == 11
    assert [kind for kind, text in told.items() if not any("\u0600" <= letter <= "\u06ff" for letter in text)] == []


@pytest.mark.parametrize(
    ("fault", "error", "state"),
    [("user_deleted", AccountDeletedError, "needs_reinstall"), ("user_inactive", AccountInactiveError, "connected")],
)
def test_a_refused_person_uses_up_no_refresh_token(
    outside: Outside, installed: Merchant, fault: str, error: type[SallaError], state: str
) -> None:
    outside.fault(kind=fault, target="api")
    before = outside.state()["counters"].get("token.calls", 0)
    with pytest.raises(error):
        salla.coupons(installed)
    assert Connection.unscoped.get(merchant=installed).state == state
    assert outside.state()["counters"].get("token.calls", 0) == before


def test_three_calls_in_ten_may_fail_without_a_storm(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most one and a half times the calls that a healthy Salla would have been asked."""
    source, send, asked = random.Random(7), requests.Session.request, []

    def unreliable(self: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        asked.append(url)
        if source.random() < 0.3:
            raise requests.ConnectionError
        return send(self, method, url, **options)

    client, least = salla_for(installed), 0
    products = [row["id"] for row in every(client.products)]
    monkeypatch.setattr(requests.Session, "request", unreliable)
    for product_id in products * 8:
        least += 1
        for _ in range(3):  # the caller's own tries
            try:
                client.product(product_id)
                break
            except UnavailableError:
                continue
    monkeypatch.undo()
    assert least == 192
    assert len(asked) <= 1.5 * least
    assert calls(outside, "GET /products/{id}") >= least
