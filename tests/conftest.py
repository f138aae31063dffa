"""What every test may use: two stores and their people, signed deliveries, and workers that run at once."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.test import Client

from core import clock, memory, redis, salla_client, webhooks
from core.models import Merchant, User
from core.work import Work
from events.models import Reaction
from events.tasks import react
from integrations.models import Connection, Delivery
from integrations.tasks import process_deliveries
from tests.outside import CLIENT, OUD, Outside
from tests.ticks import START
from visitors import identity

SECRET = "webhook-secret"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(worker_id: str, testrun_uid: str) -> None:
    """A database of its own for every run and worker, so that runs may share a server."""
    connections["default"].settings_dict["TEST"]["NAME"] = f"test_nomo_{testrun_uid[:8]}_{worker_id}"


@pytest.fixture(autouse=True)
def _surroundings(settings: Any, worker_id: str, testrun_uid: str) -> Iterator[None]:
    """Every run and worker has Redis keys of its own, and leaves none."""
    settings.REDIS_PREFIX = f"test:{testrun_uid}:{worker_id}:"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the right ones take their time
    settings.SANDBOX = False
    settings.SALLA_WEBHOOK_SECRETS = [SECRET]
    settings.SALLA_WEBHOOK_STRATEGY = webhooks.SIGNATURE
    memory.forget()
    identity.forget_salts()
    yield
    for key in redis.client().scan_iter(settings.REDIS_PREFIX + "*"):
        redis.client().delete(key)


@pytest.fixture(autouse=True)
def _bell(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Rings are noted instead of published: no worker runs beside the tests."""
    rings: list[str] = []
    monkeypatch.setattr("core.doorbell._publish", lambda task: rings.append(task.name))
    monkeypatch.setattr("core.doorbell.HUSH_SECONDS", 0)
    return rings


@pytest.fixture
def bell(_bell: list[str]) -> list[str]:
    return _bell


@pytest.fixture
def still() -> Iterator[time_machine.Traveller]:
    """Time does not pass."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def store(salla_id: int) -> Merchant:
    """A connected store."""
    merchant = Merchant.objects.create(salla_id=salla_id, name=f"متجر {salla_id}")
    Connection.unscoped.create(
        merchant=merchant, state=Connection.State.CONNECTED, access_token="at", refresh_token="rt"
    )
    return merchant


@pytest.fixture
def merchant(db: None) -> Merchant:
    return store(1305146709)


@pytest.fixture
def other_merchant(db: None) -> Merchant:
    return store(847769313)


@pytest.fixture
def staff(db: None) -> User:
    return User.objects.create_superuser("staff@nomoflow.example", "a long staff password")


@pytest.fixture
def deliver(client: Client) -> Callable[..., Any]:
    """Post a delivery, signed unless headers are given; bytes go as they are."""

    def post(body: bytes | dict[str, Any], **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        signed = headers or {"X-Salla-Signature": webhooks.sign(raw, SECRET)}
        return client.post("/webhooks/salla/", raw, content_type="application/json", headers=signed)

    return post


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    """The sandbox; its webhooks go nowhere, and are delivered by the tests."""
    sandbox = Outside()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def near(outside: Outside, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Outside:
    """The sandbox as the app's own Salla, without faults. Nobody pauses before asking it again."""
    settings.SALLA_ACCOUNTS_URL = settings.SALLA_API_URL = outside.url
    for name, value in CLIENT.items():
        setattr(settings, name, value)
    monkeypatch.setattr(salla_client, "READ_PAUSES_SECONDS", (0.0, 0.0))
    outside.fault(clear=True)
    return outside


@pytest.fixture
def installed(near: Outside, deliver: Callable[..., Any]) -> Merchant:
    """The sandbox's oud store, newly connected with tokens that it takes."""
    near.act("install", store=OUD)
    deliver(near.bodies("app.store.authorize")[-1])
    work()
    return Merchant.objects.get(salla_id=OUD)


Deliver = Callable[..., Any]


def facts_of(merchant: Merchant) -> list[tuple[str, str, dict[str, Any]]]:
    """The name, key and data of each fact, in the order in which they were recorded."""
    return list(merchant.events.order_by("pk").values_list("name", "key", "data"))


def outcome(event: str) -> tuple[str, str]:
    """What became of the only delivery of this event: its state and the reason."""
    delivery = Delivery.objects.get(event=event)
    return delivery.state, delivery.reason


def work() -> None:
    """What the workers would do now."""
    due = {"state": Work.State.WAITING}
    while Delivery.objects.filter(**due, due_at__lte=clock.now()).exists():
        process_deliveries()
    while Reaction.unscoped.filter(**due, due_at__lte=clock.now()).exists():
        react()
