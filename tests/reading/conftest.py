"""A store that is read through the API, against the sandbox."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from core import clock, salla_client
from core import work as core_work
from core.models import Merchant
from core.salla_client import every
from integrations import readers
from integrations.clients import salla_for
from integrations.models import Sync
from integrations.tasks import sync_stores
from tests.outside import OUD, Outside


@pytest.fixture
def installed(installed: Merchant, outside: Outside, monkeypatch: pytest.MonkeyPatch) -> Merchant:
    """The oud store, newly connected; nothing of it is read yet.

    Nobody waits for a rate limit, and no worker's time runs out, however slow the machine is.
    """
    outside.act("plan", store=OUD, plan="special")
    outside.hurry(10_000)
    monkeypatch.setattr(salla_client, "LEAK_PER_SECOND", 10_000.0)
    standing = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(core_work, "time", standing)
    monkeypatch.setattr(readers, "time", standing)
    monkeypatch.setattr(core_work, "LEASE", timedelta(days=1))
    return installed


def read_all() -> None:
    """What the workers would do until nothing is left to read."""
    while Sync.unscoped.filter(state=Sync.State.WAITING).exists():
        Sync.unscoped.filter(state=Sync.State.WAITING).update(due_at=clock.now())
        sync_stores()


def recent(merchant: Merchant, days: float = 1) -> None:
    """Read only so much of the past, to be quick."""
    merchant.syncs.filter(purpose=Sync.Purpose.FIRST).update(since=clock.now() - timedelta(days=days))


def calls(outside: Outside, endpoint: str) -> int:
    return int(outside.state()["counters"].get(f"api {endpoint}", 0))


def numbers(rows: Any) -> list[int]:
    return sorted(rows.values_list("salla_id", flat=True))


def at_salla(merchant: Merchant, since: Any) -> dict[int, Any]:
    client = salla_for(merchant)
    return {body["id"]: body for body in every(lambda page: client.orders(page, since=since.date()))}
