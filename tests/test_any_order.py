"""Salla's events shuffled, each five times, over installs and uninstalls: the end is that of their own order."""

import json
import random
from collections import Counter
from copy import deepcopy
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from core import webhooks
from core.models import Merchant
from events import bus
from events.models import Reaction
from integrations.models import Connection, Delivery
from integrations.services import sweep_deliveries
from tests.conftest import SECRET, work
from tests.salla_story import STORE, Body, Story

ORDERS, CARTS, CUSTOMERS = st.sampled_from((101, 102)), st.sampled_from((201, 202)), st.sampled_from((301, 302))
STATUSES = st.sampled_from(("under_review", "in_progress", "shipped", "delivered", "completed"))
AMOUNTS = st.sampled_from(("120.00", "99.50", "310.25"))
METHODS = st.sampled_from(("mada", "cod", "bank"))
RUNS = settings(
    max_examples=250,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    report_multiple_bugs=False,
    phases=[Phase.generate],  # a run is short enough to be read, and shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)
is_open = precondition(lambda self: self.story.is_open)
is_closed = precondition(lambda self: not self.story.is_open)
has_orders = precondition(lambda self: self.story.is_open and self.story.orders)


class Life(RuleBasedStateMachine):
    """One store that stays. Everything it did to the database is undone at the end."""

    beginning = Story(random.Random(0))

    def __init__(self) -> None:
        super().__init__()
        self.client = Client()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()

    @initialize(seed=st.integers(0, 2**16), method=METHODS)
    def begin(self, seed: int, method: str) -> None:
        self.story = deepcopy(self.beginning)
        self.story.luck.seed(seed)
        if not self.story.is_open:
            self.story.installs()
        self.order(101, "under_review", "196.00", method, method != "cod")

    def teardown(self) -> None:
        try:
            if hasattr(self, "story"):
                self.arrive(1.0)
                self.sweep()
                check(self.story)
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    @is_open
    @rule()
    def authorize_again(self) -> None:
        self.story.authorizes()

    @is_open
    @rule(number=ORDERS, status=STATUSES, total=AMOUNTS, method=METHODS, is_pending=st.booleans())
    def order(self, number: int, status: str, total: str, method: str, is_pending: bool) -> None:
        name = "order.updated" if number in self.story.orders else "order.created"
        changes = {"status": status, "total": total, "payment_method": method, "is_pending_payment": is_pending}
        self.story.orders_change(name, number, **changes)

    @has_orders
    @rule(data=st.data(), status=STATUSES)
    def status(self, data: st.DataObject, status: str) -> None:
        self.story.orders_change("order.status.updated", self.an_order(data), status=status)

    @has_orders
    @rule(data=st.data(), is_thin=st.booleans())
    def cancel(self, data: st.DataObject, is_thin: bool) -> None:
        change = self.story.orders_change_thinly if is_thin else self.story.orders_change
        change("order.cancelled", self.an_order(data), status="canceled")

    @has_orders
    @rule(data=st.data(), is_thin=st.booleans())
    def refund(self, data: st.DataObject, is_thin: bool) -> None:
        change = self.story.orders_change_thinly if is_thin else self.story.orders_change
        change("order.refunded", self.an_order(data), is_refunded=True)

    @has_orders
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.story.orders_change_thinly("order.deleted", self.an_order(data), is_deleted=True)

    @has_orders
    @rule(data=st.data())
    def say_little(self, data: st.DataObject) -> None:
        self.story.orders_change_thinly("order.status.updated", self.an_order(data))

    @is_open
    @rule(number=CARTS)
    def cart(self, number: int) -> None:
        steps = {None: ("abandoned.cart", "active"), "active": ("abandoned.cart.purchased", "purchased")}
        step = steps.get(self.story.carts.get(number))
        if step is not None:
            self.story.carts_change(step[0], number, step[1])

    @is_open
    @rule(number=CUSTOMERS, name=st.sampled_from(("customer.login", "customer.updated")), is_enabled=st.booleans())
    def customer(self, number: int, name: str, is_enabled: bool) -> None:
        self.story.customers_change(name, number, is_enabled)

    # The way to the app

    @rule(share=st.sampled_from((0.2, 0.5, 1.0)))
    def arrive(self, share: float) -> None:
        self.story.deliver(self.post, share)
        work()

    @rule()
    def sweep(self) -> None:
        sweep_deliveries()
        work()
        self.story.sweep()

    def an_order(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.story.orders)))

    def post(self, body: Body) -> None:
        post(self.client, body)


class RestlessLife(Life):
    """One store that leaves and comes back, and whose orders may overtake its install."""

    @is_closed
    @rule(has_tokens=st.booleans())
    def install(self, has_tokens: bool) -> None:
        self.story.installs(has_tokens=has_tokens)

    @is_open
    @rule()
    def uninstall(self) -> None:
        self.story.uninstalls()


def post(client: Client, body: Body) -> None:
    raw = json.dumps(body).encode()
    headers = {"X-Salla-Signature": webhooks.sign(raw, SECRET)}
    assert client.post("/webhooks/salla/", raw, "application/json", headers=headers).status_code == 200


def check(story: Story) -> None:
    """Every delivery came to its end, and the end is the one of the story."""
    assert Delivery.objects.filter(store_id=STORE).count() == len(story.told)
    assert not Delivery.objects.exclude(state__in=["processed", "ignored"]).exists()
    merchant = Merchant.objects.filter(salla_id=STORE).first()
    if merchant is None:
        assert story.opened_at is None
        return
    connection = Connection.unscoped.get(merchant=merchant)
    expected = story.connection()
    assert {column: getattr(connection, column) for column in expected} == expected
    assert rows_of(merchant.orders, story.things("order")) == whole_orders(story)
    assert rows_of(merchant.carts, story.things("cart")) == story.things("cart")
    people = merchant.customers.filter(salla_id__in=(301, 302))
    assert rows_of(people, story.things("customer")) == story.things("customer")
    check_effects(merchant, story)


def rows_of(rows: Any, expected: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """What the mirror says of the columns that were stated."""
    return {row.salla_id: {name: getattr(row, name) for name in expected.get(row.salla_id, {})} for row in rows.all()}


def whole_orders(story: Story) -> dict[int, dict[str, Any]]:
    ends = story.things("order")
    return {
        number: {**end, **({"total": Decimal(end["total"])} if "total" in end else {})} for number, end in ends.items()
    }


def check_effects(merchant: Merchant, story: Story) -> None:
    """Nothing is done twice, everything that lasts is done once, and nothing is done without a cause."""
    rows = merchant.events.all()
    facts = Counter((row.name, row.data.get("order_id") or row.data.get("cart_id")) for row in rows)
    ends = story.things("order")
    for number, happenings in story.about("order").items():
        assert_order_facts(facts, merchant.orders.get(salla_id=number), happenings)
    for number, end in story.things("cart").items():
        assert facts["cart.purchased", number] == (end["status"] == "purchased")
        assert facts["cart.abandoned", number] <= 1
        assert facts["cart.abandoned", number] == 1 or end["status"] == "purchased"
    known = {*ends, *story.things("cart"), None}
    assert {number for _, number in facts} <= known
    logins = [one for kind in story.about("customer").values() for one in kind if one.name == "customer.login"]
    assert facts["customer.logged_in", None] == len(logins)
    assert facts["store.connected", None] <= story.authorizations
    reactions = Reaction.unscoped.filter(merchant=merchant)
    assert set(reactions.values_list("state", "attempts")) <= {("processed", 1)}
    assert reactions.count() == sum(count * len(bus.handlers_of(name)) for (name, _), count in facts.items())


def assert_order_facts(facts: Counter[tuple[str, int | None]], order: Any, happenings: list[Any]) -> None:
    number, names = order.salla_id, {one.name for one in happenings}
    told = {"placed": order.is_known, "refunded": order.is_known and order.is_refunded}
    for word, is_so in told.items():
        assert facts[f"order.{word}", number] == is_so, word
    lasting = {"canceled": order.is_known and order.is_canceled, "paid": order.is_known and order.is_paid}
    for word, is_so in lasting.items():
        assert int(is_so) <= facts[f"order.{word}", number] <= 1, word
    assert facts["order.canceled", number] <= any(one.stated.get("status") == "canceled" for one in happenings)
    assert facts["order.deleted", number] == ("order.deleted" in names)
    stating = sum("status" in one.stated for one in happenings)
    assert facts["order.status_changed", number] <= max(0, stating - 1)


@pytest.mark.slow
@pytest.mark.django_db
def test_250_lives_of_a_store_that_stays_end_as_in_order(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = Story(random.Random(0))
    installed.installs()
    installed.deliver(partial(post, client), 1.0)
    work()
    monkeypatch.setattr(Life, "beginning", installed)
    run_state_machine_as_test(Life, settings=RUNS)


@pytest.mark.slow
@pytest.mark.django_db
def test_250_lives_of_a_store_that_leaves_and_comes_back_end_as_in_order() -> None:
    run_state_machine_as_test(RestlessLife, settings=RUNS)
