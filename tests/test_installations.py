"""The life of a connection: installed, authorised, uninstalled, and back again, in whatever order Salla tells it."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.models import Merchant
from integrations.models import Connection, Delivery, Order
from integrations.services import forget_bodies, sweep_deliveries
from tests.conftest import Deliver, facts_of, outcome, work
from tests.salla import payload

pytestmark = pytest.mark.django_db


def app_event(name: str, at: str, **data: Any) -> dict[str, Any]:
    body = payload(name)
    return {**body, "created_at": at, "data": {**body["data"], **data}}


INSTALLED = app_event("app.installed", "2026-01-01 10:00:00")
AUTHORIZED = app_event("app.store.authorize", "2026-01-01 10:00:05", expires=1767859200)
UNINSTALLED = app_event("app.uninstalled", "2026-02-01 10:00:00")
REINSTALLED = app_event("app.store.authorize", "2026-03-01 10:00:00", access_token="new", expires=1773014400)


def state_of(salla_id: int = 1234509876) -> tuple[str, str | None]:
    connection = Connection.unscoped.get(merchant__salla_id=salla_id)
    return connection.state, connection.access_token


def test_authorising_keeps_the_tokens_and_forgets_the_body(deliver: Deliver) -> None:
    deliver(INSTALLED)
    deliver(AUTHORIZED)
    work()

    connection = Connection.unscoped.get()
    assert connection.state == Connection.State.CONNECTED
    assert connection.access_token == AUTHORIZED["data"]["access_token"]
    assert connection.refresh_token == AUTHORIZED["data"]["refresh_token"]
    assert connection.expires_at == datetime(2026, 1, 8, 8, 0, tzinfo=UTC)
    assert connection.merchant.store_type == "development"
    assert Delivery.objects.get(event="app.store.authorize").body is None
    assert [name for name, _, _ in facts_of(connection.merchant)] == ["store.installed", "store.connected"]


def test_uninstalling_forgets_the_tokens_at_once(deliver: Deliver) -> None:
    for body in (INSTALLED, AUTHORIZED, UNINSTALLED):
        deliver(body)
        work()
    connection = Connection.unscoped.get()
    assert connection.state == Connection.State.UNINSTALLED
    assert (connection.access_token, connection.refresh_token, connection.expires_at) == (None, None, None)

    deliver({**payload("order.created"), "merchant": 1234509876})
    work()
    assert outcome("order.created") == ("ignored", "uninstalled store")
    assert Order.unscoped.count() == 0


@pytest.mark.parametrize("order", list(itertools.permutations([INSTALLED, AUTHORIZED, UNINSTALLED])))
def test_an_uninstalled_store_stays_so_whatever_trails_in(deliver: Deliver, order: tuple[dict[str, Any], ...]) -> None:
    for body in order:
        deliver(body)
        work()
    deliver(app_event("app.subscription.canceled", "2026-02-01 10:00:09"))
    work()
    assert state_of() == (Connection.State.UNINSTALLED, None)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_lifecycle_events_in_any_order_end_the_same(deliver: Deliver, order: tuple[int, ...]) -> None:
    bodies = [INSTALLED, AUTHORIZED, UNINSTALLED, REINSTALLED]
    for position in order:
        deliver(bodies[position])
        work()
    assert state_of() == (Connection.State.CONNECTED, "new")


def test_a_late_authorise_does_not_undo_an_uninstall(deliver: Deliver) -> None:
    for body in (INSTALLED, UNINSTALLED, AUTHORIZED):
        deliver(body)
        work()
    assert state_of() == (Connection.State.UNINSTALLED, None)
    assert outcome("app.store.authorize") == ("ignored", "older than the uninstall")


def test_orders_that_overtake_their_install_are_not_lost(deliver: Deliver) -> None:
    order = {**payload("order.created"), "merchant": 1234509876, "created_at": "Thu Jan 01 2026 10:00:30 GMT+0300"}
    deliver(order)
    work()
    assert outcome("order.created") == ("ignored", "unknown store")
    deliver(INSTALLED)
    work()
    sweep_deliveries()
    work()
    assert outcome("order.created") == ("processed", "")
    assert Merchant.objects.get().orders.get().total == Decimal("196.00")


def test_a_late_uninstall_does_not_hide_a_later_one(deliver: Deliver) -> None:
    for body in (
        INSTALLED,
        UNINSTALLED,
        app_event("app.uninstalled", "2026-01-15 10:00:00"),
        app_event("app.store.authorize", "2026-01-20 10:00:00", expires=1773014400),
    ):
        deliver(body)
        work()
    assert state_of() == (Connection.State.UNINSTALLED, None)


def test_a_reinstall_heals_though_the_dead_tokens_would_have_lived_longer(deliver: Deliver) -> None:
    deliver(INSTALLED)
    deliver(REINSTALLED)
    work()
    Connection.unscoped.update(state=Connection.State.NEEDS_REINSTALL)
    deliver(app_event("app.store.authorize", "2026-03-02 10:00:00", access_token="shorter", expires=1772600000))
    work()
    assert state_of() == (Connection.State.CONNECTED, "shorter")


def test_tokens_that_were_not_used_are_not_kept(deliver: Deliver) -> None:
    for body in (INSTALLED, UNINSTALLED, AUTHORIZED):
        deliver(body)
        work()
    assert Delivery.objects.get(event="app.store.authorize").body is not None
    forget_bodies()
    assert Delivery.objects.get(event="app.store.authorize").body is None
    assert Delivery.objects.get(event="app.uninstalled").body is not None


def test_a_late_uninstall_ends_what_was_before_it(deliver: Deliver) -> None:
    """Of three things that are told after a re-install: the uninstall before it closes nothing and nobody hears of it,
    and an order older than that uninstall does nothing."""
    for body in (INSTALLED, REINSTALLED, UNINSTALLED):
        deliver(body)
        work()
    assert state_of() == (Connection.State.CONNECTED, "new")
    assert outcome("app.uninstalled") == ("processed", "")
    merchant = Merchant.objects.get()
    assert [name for name, _, _ in facts_of(merchant)] == ["store.installed", "store.connected"]
    assert not merchant.purges.exists()

    deliver({**payload("order.created"), "merchant": 1234509876, "created_at": "Sat Jan 31 2026 10:00:00 GMT+0300"})
    work()
    assert outcome("order.created") == ("ignored", "older than the uninstall")
    assert not merchant.orders.exists()


def test_a_late_uninstall_takes_the_tokens_that_died_with_it(deliver: Deliver) -> None:
    """The store is installed again, but those of the new installation are still to come."""
    again = app_event("app.installed", "2026-03-01 10:00:00")
    for body in (again, AUTHORIZED, UNINSTALLED):
        deliver(body)
        work()
    assert state_of() == (Connection.State.INSTALLED, None)
    connection = Connection.unscoped.get()
    assert (connection.refresh_token, connection.expires_at, connection.authorized_at) == (None, None, None)
    deliver(REINSTALLED)
    work()
    assert state_of() == (Connection.State.CONNECTED, "new")
