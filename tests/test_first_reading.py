"""A busy store read for the first time at 120 requests a minute, while three in ten calls fail.

The sandbox's rate limits, the app's clock and its share of the limits run faster than time, all by the same factor.
"""

import math
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from core import clock, rate_budget, salla_client
from core.models import Merchant
from core.salla_client import every
from integrations.clients import salla_for
from integrations.models import Connection, Sync
from integrations.tasks import sync_stores
from tests.outside import OUD, Outside

CUSTOMERS, ORDERS = 1000, 2000
SPEED = 150
PAUSES = salla_client.READ_PAUSES_SECONDS
# Percent of all calls; each is drawn among the calls that the ones before it let pass.
FAULTS = {"503": 15.0, "500": 10.0, "429": 2.0, "drop": 3.0}


@pytest.fixture
def outside() -> Iterator[Outside]:
    options = ("--customers", CUSTOMERS, "--orders", ORDERS, "--history-days", 50)
    sandbox = Outside("http://localhost:9", *map(str, options))
    sandbox.act("plan", store=OUD, plan="plus")
    sandbox.hurry(SPEED)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def installed(hurried: None, installed: Merchant) -> Merchant:
    """The app's clock runs before anything is dated by it."""
    return installed


@pytest.fixture
def hurried(near: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second that the app counts or waits is one of the sandbox's."""
    now, began, take, block = clock.now, clock.now(), rate_budget.Bucket.take, rate_budget.Bucket.block
    monkeypatch.setattr(clock, "now", lambda: began + (now() - began) * SPEED)
    monkeypatch.setattr(rate_budget.Bucket, "take", lambda self: take(self) * SPEED)
    monkeypatch.setattr(rate_budget.Bucket, "block", lambda self, seconds: block(self, seconds / SPEED))
    monkeypatch.setattr(salla_client, "LEAK_PER_SECOND", salla_client.LEAK_PER_SECOND * SPEED)
    monkeypatch.setattr(salla_client, "CUSTOMERS_SECONDS", salla_client.CUSTOMERS_SECONDS / SPEED)
    monkeypatch.setattr(salla_client, "READ_PAUSES_SECONDS", tuple(pause / SPEED for pause in PAUSES))


def misbehave(outside: Outside) -> None:
    left = 100.0
    for kind, percent in FAULTS.items():
        outside.fault(kind=kind, target="api", share=percent / left * 100, seconds=5)
        left -= percent


def read_all() -> None:
    """What the workers would do until nothing is left to read."""
    while row := Sync.unscoped.filter(state=Sync.State.WAITING).order_by("due_at").first():
        time.sleep(max(0.0, (row.due_at - clock.now()).total_seconds() / SPEED))
        sync_stores()


def least_calls(merchant: Merchant) -> int:
    """Were there no faults: the store, every list's pages, and two for each order's details."""
    lists = (merchant.products, merchant.customers, merchant.orders, merchant.syncs.get(kind="carts"))
    counts = [rows.total if isinstance(rows, Sync) else rows.count() for rows in lists]
    return 1 + sum(math.ceil(count / salla_client.PER_PAGE) for count in counts) + 2 * ORDERS


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_busy_store_is_read_whole_through_faults_and_nobody_calls_too_early(
    outside: Outside, installed: Merchant
) -> None:
    misbehave(outside)
    before = Counter(outside.state()["counters"])
    read_all()
    calls = Counter(outside.state()["counters"]) - before
    outside.fault(clear=True)

    assert set(installed.syncs.values_list("state", flat=True)) == {"processed"}
    assert Connection.unscoped.get(merchant=installed).state == "connected"
    assert_whole(installed)
    faults = sum(calls[f"api.fault.{kind}"] for kind in FAULTS)
    assert 0.25 < faults / calls["api.calls"] < 0.35
    assert calls["api.fault.429"] > 50
    assert calls["api.too_early"] == 0
    assert calls["api.status.429"] == 0  # the limit itself was never reached
    assert calls["api.calls"] <= 1.5 * least_calls(installed)


def assert_whole(merchant: Merchant) -> None:
    """Everything that Salla lists is here once, orders with what only their details say."""
    client = salla_for(merchant)
    for rows, read, count in (
        (merchant.customers, client.customers, CUSTOMERS),
        (merchant.orders, client.orders, ORDERS),
    ):
        there = sorted(body["id"] for body in every(read))
        assert len(there) == count
        assert sorted(rows.values_list("salla_id", flat=True)) == there
    for order in merchant.orders.select_related("customer"):
        assert order.is_known
        assert order.customer is not None
        assert order.subtotal is not None
        assert all(item["product_id"] for item in order.items)
        assert order.items
    placed = merchant.events.filter(name="order.placed").values_list("data__order_id", flat=True)
    assert sorted(placed) == sorted(merchant.orders.values_list("salla_id", flat=True))
