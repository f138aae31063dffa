"""Webhooks that never came: one in ten was dropped, and half an hour the app was away. The next check brings all."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from core import clock, salla_client
from core.models import Merchant
from core.salla_client import every
from integrations import services
from integrations.clients import salla_for
from integrations.handlers import check_recent
from integrations.models import Sync
from integrations.tasks import sync_stores
from tests.conftest import work
from tests.outside import OUD, Outside

ORDERS, CUSTOMERS = 1900, 80
DROPPED = 10  # percent
SPEED = 1000  # of Salla's retries: the three of a delivery take 15 minutes
OUTAGE = timedelta(minutes=30)


@pytest.fixture
def outside(live_server: Any) -> Iterator[Outside]:
    options = ("--customers", CUSTOMERS, "--orders", ORDERS, "--history-days", 1, "--speed", SPEED)
    sandbox = Outside(live_server.url, *map(str, options))
    sandbox.act("plan", store=OUD, plan="special")
    sandbox.hurry(10_000)
    yield sandbox
    sandbox.stop()


@pytest.fixture
def installed(near: Outside, monkeypatch: pytest.MonkeyPatch) -> Merchant:
    """The store as it is after its first reading, before anything was sold in it."""
    monkeypatch.setattr(salla_client, "LEAK_PER_SECOND", 10_000.0)
    near.act("install", store=OUD)
    near.settle()
    work()
    merchant = Merchant.objects.get(salla_id=OUD)
    merchant.syncs.all().delete()
    return merchant


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_one_check_brings_everything_that_no_webhook_brought_and_doubles_nothing(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside.switch(drop=DROPPED)
    outside.act("history", store=OUD)
    sent = outside.settle()["states"]
    assert sum(sent.values()) >= 2000
    assert 0.07 < sent["dropped"] / sum(sent.values()) < 0.13
    outside.switch(drop=0)
    be_away(outside, monkeypatch)
    work()
    lost = ORDERS - installed.orders.filter(is_deleted=False).count()
    assert lost > 100

    check(installed)

    run = installed.syncs.get(kind="orders")
    assert run.missing == run.repaired > lost  # and those of the outage
    assert_same_as_there(installed)
    check(installed)
    assert list(installed.syncs.order_by("pk").values_list("missing", "changed"))[2:] == [(0, 0), (0, 0)]
    assert_same_as_there(installed)


def be_away(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """For half an hour, in which things are bought, moved on and left, and Salla gives up on telling us."""

    def nobody(body: bytes) -> bool:
        raise OperationalError("the database is away")

    before = outside.settle()["states"]
    with monkeypatch.context() as patch:
        patch.setattr(services, "receive", nobody)
        for _ in range(20):
            outside.act("order", store=OUD, payment_method="cod")
            outside.act("cart", store=OUD)
        for _ in range(20):
            outside.act("order_status", store=OUD, order=outside.act("order", store=OUD)["order"], status="canceled")
        outside.move_clock(OUTAGE.total_seconds())
        after = outside.settle()["states"]
    assert after["failed"] > 100
    assert {state: count for state, count in after.items() if state != "failed"} == before


def check(merchant: Merchant) -> None:
    """The hourly one."""
    check_recent()
    while Sync.unscoped.filter(state=Sync.State.WAITING).exists():
        Sync.unscoped.filter(state=Sync.State.WAITING).update(due_at=clock.now())
        sync_stores()
    assert set(merchant.syncs.values_list("state", flat=True)) == {"processed"}


def assert_same_as_there(merchant: Merchant) -> None:
    """Every order and every left cart of Salla's is here as it is there, and was told of once."""
    client = salla_for(merchant)
    there = {body["id"]: body["status"]["slug"] for body in every(client.orders)}
    assert len(there) == ORDERS + 40
    assert dict(merchant.orders.values_list("salla_id", "status")) == there
    carts = {body["id"] for body in every(client.abandoned_carts) if body["status"] == "active"}
    assert set(merchant.carts.filter(status="active").values_list("salla_id", flat=True)) == carts
    assert told(merchant, "order.placed", "order_id") == dict.fromkeys(there, 1)
    canceled = [number for number, status in there.items() if status == "canceled"]
    assert told(merchant, "order.canceled", "order_id") == dict.fromkeys(canceled, 1)
    assert told(merchant, "cart.abandoned", "cart_id") == dict.fromkeys(carts, 1)


def told(merchant: Merchant, name: str, field: str) -> Counter[int]:
    return Counter(event.data[field] for event in merchant.events.filter(name=name))
