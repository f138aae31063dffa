"""Reading a store through the API, against the sandbox: the first time, again after losses, and thin orders."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import translation

from core import clock
from core.models import Merchant
from core.salla_client import (
    SallaClient,
    every,
)
from integrations import agenda, readers, services
from integrations.clients import salla_for
from integrations.handlers import check_history, check_recent
from integrations.models import Connection, Sync
from integrations.selectors import sync_progress
from integrations.tasks import sync_stores
from tests.conftest import Deliver, work
from tests.outside import OUD, Outside
from tests.reading.conftest import at_salla, calls, numbers, read_all, recent
from tests.salla import payload

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_store_is_read_and_says_how_far_it_is(outside: Outside, installed: Merchant) -> None:
    assert [(row.kind, row.done, row.total, row.state) for row in sync_progress(installed)] == [
        (kind, 0, None, "waiting") for kind in ("products", "customers", "carts", "orders")
    ]
    recent(installed, days=3)
    since = installed.syncs.get(kind="orders").since
    read_all()
    installed.refresh_from_db()
    assert (installed.name, installed.plan) == ("نفحات نجد", "special")
    there = at_salla(installed, since)
    assert numbers(installed.orders) == sorted(there)
    assert (installed.products.count(), installed.customers.count()) == (24, 120)
    flags = [body["is_notifications_enabled"] for body in every(salla_for(installed).customers)]
    assert installed.customers.filter(is_notifications_enabled=False).count() == flags.count(False) > 0
    assert set(installed.carts.values_list("status", flat=True)) == {"active"}
    # Summaries name no customer, no items and few amounts: the details were read.
    for order in installed.orders.all():
        assert (order.status, order.total is not None) == (there[order.salla_id]["status"]["slug"], True)
        assert order.customer is not None
        assert all(item["product_id"] for item in order.items)
        assert order.source_updated_at <= clock.now()
    progress = {row.kind: (row.done, row.total, row.state, row.error) for row in sync_progress(installed)}
    assert progress["products"] == (24, 24, "processed", "")
    assert progress["customers"] == (120, 120, "processed", "")
    assert progress["orders"] == (len(there), len(there), "processed", "")
    placed = installed.events.filter(name="order.placed")
    assert placed.count() == len(there)
    assert {event.occurred_at for event in placed} == {order.placed_at for order in installed.orders.all()}
    assert not installed.events.filter(name="customer.registered").exists()  # they did not register today


def facts_of_orders(merchant: Merchant) -> int:
    """A check also looks at carts, of which one may have been bought since: that is news, and none of an order."""
    return merchant.events.filter(name__startswith="order.").count()


def test_reading_again_asks_for_lists_only_and_changes_nothing(outside: Outside, installed: Merchant) -> None:
    recent(installed)
    read_all()
    facts = facts_of_orders(installed)
    before = list(installed.orders.order_by("pk").values())
    details = calls(outside, "GET /orders/{id}")
    services.check(installed, window=timedelta(days=1))
    read_all()
    run = installed.syncs.filter(purpose="check", kind="orders").get()
    assert (run.missing, run.repaired, run.changed, run.read) == (0, 0, 0, run.total)
    assert calls(outside, "GET /orders/{id}") == details
    assert (facts_of_orders(installed), list(installed.orders.order_by("pk").values())) == (facts, before)


def test_a_check_repairs_what_no_webhook_brought(outside: Outside, installed: Merchant) -> None:
    recent(installed)
    read_all()
    lost = installed.orders.latest("placed_at")
    installed.orders.filter(pk=lost.pk).delete()
    other = installed.orders.latest("placed_at")
    installed.orders.filter(pk=other.pk).update(status="under_review", field_versions={})
    outside.act("order_status", store=OUD, order=other.salla_id, status="completed")
    services.check(installed, window=timedelta(days=1))
    read_all()
    run = installed.syncs.filter(purpose="check", kind="orders").get()
    assert (run.missing, run.repaired, run.changed) == (1, 1, 1)
    assert run.finished_at is not None
    other.refresh_from_db()
    assert other.status == "completed"
    assert installed.orders.filter(salla_id=lost.salla_id).count() == 1
    assert installed.events.filter(key=f"order:{lost.salla_id}:placed").count() == 1
    changes = installed.events.filter(name="order.status_changed", data__order_id=other.salla_id)
    assert [event.data["status"] for event in changes] == ["completed"]


def test_a_worker_that_dies_in_the_middle_repeats_a_page_and_no_more(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.syncs.exclude(kind="customers").delete()
    turn, pages = readers._turn_page, []

    def die(row: Sync, page: Any, *rest: Any, **more: Any) -> None:
        pages.append(page.number)
        if len(pages) == 2:
            raise SystemExit
        turn(row, page, *rest, **more)

    monkeypatch.setattr(readers, "_turn_page", die)
    with pytest.raises(SystemExit):
        sync_stores()
    row = installed.syncs.get()
    assert (row.state, row.page, row.read) == ("waiting", 2, 60)
    assert row.due_at > clock.now() + timedelta(hours=1)  # its claim, which nobody can take before it ends
    sync_stores()
    assert pages == [1, 2]
    read_all()
    assert pages == [1, 2, 2]
    row.refresh_from_db()
    assert (row.state, row.read, row.total, installed.customers.count()) == ("processed", 120, 120, 120)


def test_details_that_were_read_are_not_read_again(outside: Outside, installed: Merchant) -> None:
    installed.syncs.exclude(kind="orders").delete()
    recent(installed, days=3)
    sync_stores_for_one_step = installed.syncs.get()
    assert sync_stores_for_one_step.pending == []
    outside.fault(kind="503", target="api", path="/orders/items", count=3)  # one detail fails with all its tries
    sync_stores()
    row = installed.syncs.get()
    assert (row.state, row.attempts, len(row.pending)) == ("waiting", 1, row.read)
    assert [held.error for held in sync_progress(installed)] == [
        translation.gettext("Salla does not answer at the moment. We try again by ourselves.")
    ]
    before = calls(outside, "GET /orders/{id}")
    read_all()
    row.refresh_from_db()
    assert (row.state, row.pending) == ("processed", [])
    assert calls(outside, "GET /orders/{id}") - before == row.read == installed.orders.count()


def test_a_check_that_is_asked_for_now_does_not_wait_for_the_hourly_one(merchant: Merchant) -> None:
    soon = clock.now() + timedelta(minutes=40)
    for kind in agenda.CHECKED_KINDS:
        agenda.schedule(merchant, kind, Sync.Purpose.CHECK, since=clock.now(), due_at=soon)
    merchant.syncs.filter(kind="carts").update(attempts=1)  # it failed, and waits until it is tried again
    services.check(merchant, window=timedelta(days=60))
    orders, carts = merchant.syncs.get(kind="orders"), merchant.syncs.get(kind="carts")
    assert orders.due_at <= clock.now()
    assert orders.since < clock.now() - timedelta(days=59)
    assert carts.due_at == soon


def test_a_webhook_that_arrives_while_salla_is_asked_is_not_overwritten(
    outside: Outside, installed: Merchant, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent(installed)
    read_all()
    order = installed.orders.filter(status="under_review").latest("placed_at")
    installed.orders.filter(pk=order.pk).update(subtotal=None)  # so that its details are asked for
    ask = SallaClient.order

    def overtaken(self: SallaClient, number: int) -> dict[str, Any]:
        body = ask(self, number)
        if number == order.salla_id:
            outside.act("order_status", store=OUD, order=number, status="canceled")
            for event in ("order.status.updated", "order.cancelled"):
                deliver(outside.bodies(event)[-1])
            work()
        return body

    monkeypatch.setattr(SallaClient, "order", overtaken)
    services.check(installed, window=timedelta(days=1))
    read_all()
    order.refresh_from_db()
    assert (order.status, order.subtotal is not None) == ("canceled", True)


def test_a_shoppers_refusal_counts_even_if_salla_dates_it_before_our_last_word(
    outside: Outside, installed: Merchant, deliver: Deliver
) -> None:
    installed.syncs.exclude(kind="customers").delete()
    refusing = next(c for c in every(salla_for(installed).customers) if not c["is_notifications_enabled"])
    body = payload("customer.login")
    body["data"] |= {"id": refusing["id"], "is_notifications_enabled": True}
    body |= {"merchant": OUD, "created_at": (clock.now() - timedelta(minutes=1)).isoformat()}
    deliver(body)
    work()
    assert installed.customers.get(salla_id=refusing["id"]).is_notifications_enabled is True
    read_all()
    assert installed.customers.get(salla_id=refusing["id"]).is_notifications_enabled is False


def test_a_thin_status_event_is_completed_once(outside: Outside, installed: Merchant, deliver: Deliver) -> None:
    installed.syncs.all().delete()
    number = salla_for(installed).orders().rows[-1]["id"]
    for minute in range(3):
        thin = payload("order.status.updated")
        thin["merchant"], thin["data"]["order"] = OUD, {"id": number, "reference_id": 1}
        thin["created_at"] = (clock.now() - timedelta(minutes=minute)).isoformat()
        deliver(thin)
    work()
    (row,) = installed.syncs.all()
    assert (row.kind, row.subject, installed.events.filter(name="order.placed").count()) == ("order", number, 0)
    before = calls(outside, "GET /orders/{id}")
    read_all()
    assert calls(outside, "GET /orders/{id}") == before + 1
    assert installed.orders.get(salla_id=number).is_known
    assert installed.events.filter(name="order.placed").count() == 1


def test_a_missing_permission_ends_one_kind_and_tells_the_merchant(outside: Outside, installed: Merchant) -> None:
    recent(installed)
    outside.fault(kind="revoked_scope", target="api", scope="customers.read")
    read_all()
    progress = {row.kind: (row.state, row.error) for row in sync_progress(installed)}
    assert progress["products"] == ("processed", "")
    assert progress["customers"][0] == "processed"  # customers.read_write opens it too
    outside.fault(kind="revoked_scope", target="api", scope="carts.read")
    services.begin_reading(installed)
    recent(installed)
    read_all()
    with translation.override("en"):
        found = {row.kind: (row.state, row.error) for row in sync_progress(installed)}
    words = "The app lacks a permission in your store. Update the app at Salla and accept its permissions."
    assert found["carts"] == ("dead", words)
    assert found["orders"] == ("processed", "")


def test_uninstalling_stops_the_reading(outside: Outside, installed: Merchant, deliver: Deliver) -> None:
    outside.act("uninstall", store=OUD)
    deliver(outside.bodies("app.uninstalled")[-1])
    work()
    sync_stores()
    assert set(installed.syncs.values_list("state", "read")) == {("ignored", 0)}
    assert installed.customers.count() == 0


def test_every_connected_store_is_checked_and_no_other(merchant: Merchant, other_merchant: Merchant) -> None:
    Connection.unscoped.filter(merchant=other_merchant).update(state=Connection.State.NEEDS_REINSTALL)
    with time_machine.travel(clock.now(), tick=False):
        now = clock.now()
        check_history()
        check_recent()
        check_history()
    kinds = [("carts", "check"), ("carts", "upkeep"), ("orders", "check"), ("orders", "upkeep")]
    assert sorted(merchant.syncs.values_list("kind", "purpose")) == kinds
    assert other_merchant.syncs.count() == 0
    place = agenda.spread(merchant.pk)
    recent, history = (merchant.syncs.get(kind="orders", purpose=name) for name in ("check", "upkeep"))
    assert (recent.since, recent.due_at) == (now - timedelta(days=2), now + place * timedelta(hours=1))
    assert (history.since, history.due_at) == (now - timedelta(days=60), now + place * timedelta(hours=6))
    Sync.unscoped.filter(purpose="upkeep").delete()
    Sync.unscoped.update(state="processed", created_at=clock.now() - timedelta(days=31))
    merchant.syncs.filter(kind="carts").update(purpose="first")
    services.forget_readings()
    assert [row.kind for row in merchant.syncs.all()] == ["carts"]
