"""PostgreSQL refuses a row that points at another store's row."""

from typing import Any

import pytest
from django.db import IntegrityError, connection, models

from core import clock
from core.constraints import SameMerchant
from core.models import Merchant
from events.models import Reaction
from integrations.models import Cart, Customer, Order
from tests.laws import an_event, owned

GUARDS = [(model, each) for model in owned() for each in model._meta.constraints if isinstance(each, SameMerchant)]


@pytest.mark.parametrize(("model", "guard"), GUARDS, ids=[guard.name for _, guard in GUARDS])
@pytest.mark.django_db
def test_the_guard_stands_in_the_database(model: type[models.Model], guard: SameMerchant) -> None:
    if model._meta.proxy:
        pytest.skip("its table is its parent's")
    key: Any = model._meta.get_field(guard.field)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [guard.name])
        (definition,) = cursor.fetchone()
    target = key.remote_field.model._meta.db_table
    assert definition == (
        f"FOREIGN KEY (merchant_id, {key.column}) REFERENCES {target}(merchant_id, id) DEFERRABLE INITIALLY DEFERRED"
    )


def check_now() -> None:
    """From here to the end of the transaction every statement is checked at once."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def a_customer(merchant: Merchant) -> Customer:
    return merchant.customers.create(salla_id=7, name="نورة", source_updated_at=clock.now())


def test_a_reaction_cannot_take_another_stores_event(merchant: Merchant, other_merchant: Merchant) -> None:
    event = an_event(merchant)
    Reaction.unscoped.bulk_create([Reaction(merchant=merchant, event=event, handler="a")])
    check_now()
    with pytest.raises(IntegrityError, match="events_reaction_same_merchant"):
        Reaction.unscoped.bulk_create([Reaction(merchant=other_merchant, event=event, handler="b")])


@pytest.mark.parametrize("model", [Order, Cart])
def test_an_order_or_cart_cannot_take_another_stores_customer(
    model: Any, merchant: Merchant, other_merchant: Merchant
) -> None:
    customer = a_customer(merchant)
    row = {"salla_id": 1, "customer": customer, "source_updated_at": clock.now()}
    model.unscoped.bulk_create([model(merchant=merchant, **row)])
    check_now()
    with pytest.raises(IntegrityError, match=f"integrations_{model.__name__.lower()}_same_merchant"):
        model.unscoped.bulk_create([model(merchant=other_merchant, **row)])


def test_an_update_cannot_move_a_row_to_another_store(merchant: Merchant, other_merchant: Merchant) -> None:
    order = merchant.orders.create(salla_id=1, customer=a_customer(merchant), source_updated_at=clock.now())
    check_now()
    with pytest.raises(IntegrityError, match="integrations_order_same_merchant"):
        Order.unscoped.filter(pk=order.pk).update(merchant=other_merchant)


def test_a_customer_may_be_erased_and_its_orders_stay(merchant: Merchant) -> None:
    customer = a_customer(merchant)
    order = merchant.orders.create(salla_id=1, customer=customer, source_updated_at=clock.now())
    customer.delete()
    check_now()
    order.refresh_from_db()
    assert order.customer_id is None
