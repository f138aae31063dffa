"""Gives a start its stores: both of the sandbox's install the app, and at the first start send their last 60 days.

Everything comes the way Salla sends it: OAuth tokens by webhook, history as webhooks, store information by the API.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nomo_flow.settings")

import django  # noqa: E402 - the path comes first

django.setup()

from core import clock  # noqa: E402
from core.models import Merchant  # noqa: E402
from integrations.models import Connection  # noqa: E402

PATIENCE_SECONDS = 240
SETTLE_SECONDS = 30
KINDS = ("orders", "customers", "products")


class Sandbox:
    """The part of the outside world that seeds."""

    def __init__(self, url: str) -> None:
        self.url = url

    def stores(self) -> list[dict[str, Any]]:
        stores: list[dict[str, Any]] = requests.get(f"{self.url}/_state", timeout=10).json()["stores"]
        return stores

    def press(self, action: str, store: int) -> None:
        requests.post(f"{self.url}/console/api/{action}", json={"store": store}, timeout=60).raise_for_status()

    def follow_clock(self, offset: float) -> None:
        """What the app holds is dated by its demo clock, so a new sandbox goes on from there."""
        requests.post(f"{self.url}/_clock", json={"offset": offset}, timeout=10).raise_for_status()

    def is_settled(self) -> bool:
        """Whether no webhook is on its way any more."""
        answer = requests.get(f"{self.url}/_settle", params={"seconds": SETTLE_SECONDS}, timeout=SETTLE_SECONDS + 10)
        settled: bool = answer.json()["settled"]
        return settled


def seed(sandbox: Sandbox) -> None:
    began = clock.now().replace(microsecond=0)
    sandbox.follow_clock(clock.demo_offset().total_seconds())
    stores = sandbox.stores()
    for store in stores:
        sandbox.press("install", store["id"])
        if lacking(store):
            sandbox.press("history", store["id"])
    wait_until(sandbox.is_settled, "The sandbox does not get rid of its webhooks.")
    wait_until(lambda: all(is_connected(store["id"], began) for store in stores), "The stores do not connect.")
    wait_until(lambda: not any(map(lacking, stores)), "The worker does not get through the deliveries.")
    for store in stores:
        print(f"Store {store['id']}: {', '.join(f'{mirrored(store, kind)} {kind}' for kind in KINDS)}.")


def wait_until(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"Error: {complaint}")
        time.sleep(0.2)


def is_connected(salla_id: int, since: datetime) -> bool:
    """Tokens of this sandbox are here, and its API told who the store is."""
    found = Connection.unscoped.filter(merchant__salla_id=salla_id, state=Connection.State.CONNECTED)
    return found.filter(authorized_at__gte=since, store_read_at__gte=since).exists()


def mirrored(store: dict[str, Any], kind: str) -> int:
    merchant = Merchant.objects.filter(salla_id=store["id"]).first()
    return getattr(merchant, kind).count() if merchant else 0


def lacking(store: dict[str, Any]) -> list[str]:
    """Kinds of which the mirror holds less than the store."""
    return [kind for kind in KINDS if mirrored(store, kind) < store[kind]]


if __name__ == "__main__":
    seed(Sandbox(sys.argv[1]))
