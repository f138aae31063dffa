"""Reading orders of which Salla refuses one, or all, or which it does not have any more."""

from datetime import timedelta
from typing import Any

import pytest

from core import salla_client
from core.models import Merchant
from core.salla_client import (
    InvalidError,
    NotFoundError,
    SallaClient,
    SallaError,
    TokenRefusedError,
    UnavailableError,
)
from integrations import services
from tests.outside import Outside
from tests.reading.conftest import at_salla, numbers, read_all, recent

pytestmark = pytest.mark.django_db(transaction=True)


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, error: Exception) -> list[int]:
    """Salla answers for that order with the error; returns the orders that were asked for."""
    ask, asked = SallaClient.order, []

    def order(self: SallaClient, asked_for: int) -> dict[str, Any]:
        asked.append(asked_for)
        if asked_for == number:
            raise error
        return ask(self, asked_for)

    monkeypatch.setattr(SallaClient, "order", order)
    return asked


@pytest.mark.parametrize("error", [InvalidError("422", {}), SallaError("400"), NotFoundError("404")], ids=str)
def test_one_order_that_is_refused_stops_no_other(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch, error: SallaError
) -> None:
    installed.syncs.exclude(kind="orders").delete()
    recent(installed)
    there = sorted(at_salla(installed, installed.syncs.get().since))
    asked = refuse(monkeypatch, there[0], error)
    read_all()
    row = installed.syncs.get()
    assert (row.state, row.read, row.finished_at is not None, row.pending) == ("processed", len(there), True, [])
    assert numbers(installed.orders) == there[1:]
    assert sorted(asked) == there
    assert not installed.events.filter(name="order.deleted").exists()  # of an order that nobody here knew


def test_one_order_that_nobody_can_read_stops_no_other(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.syncs.exclude(kind="orders").delete()
    recent(installed)
    there = sorted(at_salla(installed, installed.syncs.get().since))
    ask = SallaClient.order
    monkeypatch.setattr(
        SallaClient, "order", lambda self, number: {**ask(self, number), **({"id": "?"} if number == there[0] else {})}
    )
    read_all()
    assert (installed.syncs.get().state, numbers(installed.orders)) == ("processed", there[1:])


def test_a_refusal_of_the_store_ends_the_reading(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.syncs.exclude(kind="orders").delete()
    recent(installed)
    first = min(at_salla(installed, installed.syncs.get().since))
    refuse(monkeypatch, first, TokenRefusedError("401"))
    read_all()
    row = installed.syncs.get()
    assert (row.state, row.detail, first in row.pending) == ("dead", "TokenRefusedError: 401", True)


def test_an_order_that_never_answers_waits_behind_all_others_of_all_pages(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salla_client, "PER_PAGE", 10)
    installed.syncs.exclude(kind="orders").delete()
    recent(installed, days=3)
    there = list(at_salla(installed, installed.syncs.get().since))
    assert len(there) > 20
    asked = refuse(monkeypatch, there[0], UnavailableError("500"))
    read_all()
    row = installed.syncs.get()
    assert (row.state, row.pending, row.read) == ("dead", [there[0]], len(there))
    assert row.finished_at is None
    assert numbers(installed.orders) == sorted(there[1:])
    assert sorted(set(asked)) == sorted(there)
    assert len(asked) - asked.count(there[0]) == len(there) - 1


def test_an_order_that_is_gone_is_deleted_here_once(
    outside: Outside, installed: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent(installed)
    read_all()
    gone = installed.orders.latest("placed_at")
    others = installed.orders.exclude(pk=gone.pk)
    for _ in range(2):
        installed.orders.filter(pk=gone.pk).update(subtotal=None)  # so that its details are asked for
        refuse(monkeypatch, gone.salla_id, NotFoundError("404"))
        services.check(installed, window=timedelta(days=1))
        read_all()
    checks = installed.syncs.filter(purpose="check", kind="orders").order_by("pk")
    assert list(checks.values_list("state", "changed", "missing")) == [("processed", 1, 0), ("processed", 0, 0)]
    gone.refresh_from_db()
    assert (gone.is_deleted, others.filter(is_deleted=True).count()) == (True, 0)
    facts = installed.events.filter(name="order.deleted")
    assert [event.data for event in facts] == [{"order_id": gone.salla_id}]
