"""Uninstalling: what stops at once, what is deleted on the stated date, and what a merchant who comes back finds."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection

from core import clock, services
from core.models import Membership, Merchant, User
from core.work import replay
from events import bus
from events.models import Event
from integrations import lifecycle
from integrations.handlers import sweep_purges
from integrations.models import Connection, Delivery, Purge
from integrations.services import forget_bodies
from integrations.tasks import purge_stores
from tests.conftest import work
from tests.salla import payload

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Any]
CANARIES = ["Kanarienvogel", "kanari@vogel.example", "501806999", "Kanaristrasse", "kanari-checkout"]
PERSON = {
    "first_name": "Kanarienvogel", "last_name": "Ali", "name": "Kanarienvogel Ali", "mobile": 501806999,
    "mobile_code": "+966", "email": "kanari@vogel.example", "location": "Kanaristrasse 1",
}  # fmt: skip


@pytest.fixture
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


def sent(deliver: Deliver, merchant: Merchant, name: str, /, **data: Any) -> None:
    body = payload(name)
    deliver(
        {**body, "merchant": merchant.salla_id, "created_at": clock.now().isoformat(), "data": {**body["data"], **data}}
    )


@pytest.fixture
def canaries(deliver: Deliver, merchant: Merchant) -> None:
    """A store full of one person, as webhooks bring him."""
    customer = {**payload("order.created")["data"]["customer"], **PERSON}
    sent(deliver, merchant, "order.created", customer=customer)
    sent(deliver, merchant, "customer.login", **PERSON)
    sent(deliver, merchant, "app.settings.updated", settings={"contact_email": "kanari@vogel.example"})
    thin = {**payload("abandoned.cart")["data"]["customer"], **PERSON, "mobile": "+966501806999"}
    sent(deliver, merchant, "abandoned.cart", customer=thin, checkout_url="https://x.example/kanari-checkout")
    sent(deliver, merchant, "review.added", customer={**thin, "id": "77"}, content="Kanarienvogel")
    sent(deliver, merchant, "order.shipment.creating", id="kanari@vogel.example")  # dead
    deliver(json.dumps({"event": "x.y", "merchant": merchant.salla_id, "data": {"to": "Kanarienvogel"}}).encode())
    work()
    services.welcome_installer(merchant, email="kanari@vogel.example", name="Kanarienvogel", role=Membership.Role.OWNER)
    assert Delivery.objects.filter(state="dead").exists()
    Delivery.objects.filter(state="dead").update(reason="ValueError: Kanarienvogel")


def leave(deliver: Deliver, merchant: Merchant) -> None:
    sent(deliver, merchant, "app.uninstalled")
    work()


def found() -> dict[str, list[str]]:
    """Tables whose text holds a canary, wherever it stands."""
    hits: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for canary in CANARIES:
                cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s', [f"%{canary}%"])  # noqa: S608
                if cursor.fetchone()[0]:
                    hits.setdefault(table, []).append(canary)
    for delivery in Delivery.objects.filter(body__isnull=False):
        if any(canary.encode() in bytes(delivery.body or b"") for canary in CANARIES):
            hits.setdefault("integrations_delivery.body", []).append(delivery.event)
    return hits


@pytest.mark.usefixtures("canaries")
def test_nothing_of_a_person_is_left_on_the_stated_date(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    assert set(found()) >= {
        "core_user", "integrations_cart", "integrations_customer", "integrations_delivery",
        "integrations_delivery.body",
    }  # fmt: skip
    order, facts = merchant.orders.get(salla_id=2116149737), list(merchant.events.values())
    leave(deliver, merchant)
    row = merchant.purges.get()
    assert (row.state, row.planned_at) == ("waiting", clock.now() + timedelta(days=30))
    travel.shift(timedelta(days=29, hours=23))
    sweep_purges()
    purge_stores()
    assert merchant.customers.count() > 0
    travel.shift(timedelta(hours=1, seconds=1))
    purge_stores()
    assert found() == {}
    row.refresh_from_db()
    assert (row.state, row.finished_at) == ("processed", clock.now())
    assert row.counts == {
        "deleted": {"orders": 1, "carts": 1, "customers": 2, "bodies": 8, "people": 1, "settings": 1},
        "left": {"orders": 0, "carts": 0, "customers": 0, "bodies": 0, "people": 0, "settings": 0},
    }
    # What names nobody stays.
    kept = merchant.orders.get(pk=order.pk)
    assert (kept.total, kept.status, kept.city, kept.items) == (order.total, order.status, order.city, order.items)
    names = ["store.uninstalled", "store.purged"]
    assert list(merchant.events.exclude(name__in=names).values()) == facts
    assert [event.name for event in merchant.events.filter(name__in=names).order_by("pk")] == names


@pytest.mark.usefixtures("canaries")
def test_another_stores_data_and_people_stay(
    deliver: Deliver, merchant: Merchant, other_merchant: Merchant, travel: time_machine.Traveller
) -> None:
    person = User.objects.get(email="kanari@vogel.example")
    other_merchant.memberships.create(user=person, role="viewer")
    other_merchant.customers.create(salla_id=1, name="سارة", source_updated_at=clock.now())
    leave(deliver, merchant)
    travel.shift(timedelta(days=31))
    purge_stores()
    assert (merchant.customers.count(), other_merchant.customers.count()) == (0, 1)
    assert [held.user for held in other_merchant.memberships.all()] == [person]
    assert merchant.memberships.count() == 0


@pytest.mark.usefixtures("canaries")
def test_who_comes_back_in_time_finds_everything(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    before = merchant.customers.count()
    leave(deliver, merchant)
    assert Connection.unscoped.get(merchant=merchant).refresh_token is None
    travel.shift(timedelta(days=29))
    sent(deliver, merchant, "app.installed")
    sent(deliver, merchant, "app.store.authorize", expires=int(clock.now().timestamp()) + 1209600)
    work()
    row = merchant.purges.get()
    assert (row.state, row.reason) == ("ignored", "installed again")
    travel.shift(timedelta(days=31))
    assert replay(Purge.unscoped.all()) == 1  # not even staff can delete the data of a store that is there
    purge_stores()
    row.refresh_from_db()
    assert (row.state, row.finished_at, merchant.customers.count()) == ("ignored", None, before)
    assert merchant.memberships.count() == 1
    leave(deliver, merchant)
    assert merchant.purges.get(state="waiting").planned_at > clock.now() + timedelta(days=29)


def test_a_deletion_that_failed_is_tried_again_at_its_own_moment() -> None:
    assert bus.jobs()["integrations.handlers.sweep_purges"].period == timedelta(minutes=15)


def test_a_repeated_uninstall_states_one_date(deliver: Deliver, merchant: Merchant) -> None:
    leave(deliver, merchant)
    lifecycle.uninstall(merchant.salla_id, at=clock.now() + timedelta(minutes=1))
    assert merchant.purges.count() == 1
    held = Connection.unscoped.get(merchant=merchant)
    assert merchant.purges.get().planned_at == lifecycle.purge_date(held)


def test_bodies_of_a_store_that_left_are_not_kept(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    leave(deliver, merchant)
    sent(deliver, merchant, "order.created")
    work()
    late = Delivery.objects.get(event="order.created")
    assert (late.state, late.body is None) == ("ignored", False)
    travel.shift(timedelta(hours=2))
    assert forget_bodies() == 1
    late.refresh_from_db()
    assert late.body is None
    assert not Event.unscoped.filter(name="order.placed").exists()
