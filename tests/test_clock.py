"""The demo clock: moved by the sandbox's signed word, in sandbox mode only."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from core import clock, webhooks
from core.models import DemoClock
from tests.conftest import SECRET

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
URL = "/webhooks/sandbox/clock/"


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_known", (float("-inf"), timedelta(0)))


def move(client: Client, body: object, **headers: str) -> Any:
    raw = json.dumps(body).encode()
    headers = headers or {"X-Salla-Signature": webhooks.sign(raw, SECRET)}
    return client.post(URL, raw, content_type="application/json", headers=headers)


def test_the_sandbox_moves_it(client: Client, settings: Any) -> None:
    settings.SANDBOX = True
    with time_machine.travel(NOON, tick=False):
        assert clock.now() == NOON
        assert move(client, {"offset": 2700}).json() == {"offset": 2700.0}
        assert clock.now() == NOON + timedelta(minutes=45)
        assert move(client, {"offset": 0}).json() == {"offset": 0.0}
        assert clock.now() == NOON


def test_nobody_else_does(client: Client, settings: Any) -> None:
    settings.SANDBOX = True
    assert move(client, {"offset": 2700}, **{"X-Salla-Signature": "0" * 64}).status_code == 401
    for nonsense in (
        {"offset": "soon"},
        {"offset": None},
        {},
        [],
        {"offset": 1e300},
        {"offset": float("nan")},
        {"offset": 8e13},
    ):
        assert move(client, nonsense).status_code == 422
    assert DemoClock.objects.count() == 0


def test_outside_sandbox_mode_there_is_only_the_real_one(client: Client) -> None:
    DemoClock.objects.create(pk=1, offset=timedelta(hours=1))
    with time_machine.travel(NOON, tick=False):
        assert clock.now() == NOON
    assert move(client, {"offset": 2700}).status_code == 404
    assert DemoClock.objects.get().offset == timedelta(hours=1)


def test_the_clock_is_aware_and_in_utc() -> None:
    with time_machine.travel(datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), tick=False):
        assert clock.now() == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert clock.now().utcoffset() == timedelta(0)
