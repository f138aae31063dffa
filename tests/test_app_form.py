"""The form at Salla: what was saved is kept, and the question whether it may be saved keeps nothing."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from core.models import Merchant
from core.redis import client as redis_client
from events.models import Event
from integrations import app_form, views
from integrations.models import AppSettings, Delivery
from tests.conftest import work
from tests.plans import Deliver, event

pytestmark = pytest.mark.django_db

URL = "/webhooks/salla/settings/"
EARLY, LATE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
WRONG_EMAIL = {
    "ar": "يُكتب هنا بريد إلكتروني مثل name@example.com، أو تُترك الخانة فارغة.",
    "en": "Enter an e-mail address such as name@example.com, or leave it empty.",
}


def ask(client: Client, body: Any, **headers: Any) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(URL, raw, content_type="application/json", headers=headers)


def asked(settings: Any) -> dict[str, Any]:
    return {"merchant_id": 1305146709, "store_id": 1305146709, "settings": settings}


def test_what_was_saved_is_kept_whole_and_encrypted(deliver: Deliver, merchant: Merchant) -> None:
    deliver(event(merchant.salla_id, "settings.updated", EARLY))
    work()
    kept = app_form.kept(Merchant.objects.get())
    assert kept == {
        "name": "Mohammed",
        "email": "Mohammed@Gmail.com",
        "subscription_num": 375853796,
        "door_to_door": True,
        "pickup_time": "09:00:00",
        "box_size": ["25x25", "10x10"],
        "ads_activated": "true",
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM integrations_appsettings t")
        assert "Mohammed" not in cursor.fetchone()[0]
    assert "Mohammed" not in str(list(Event.unscoped.values()))


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0), (1, 0, 1)])
def test_the_newest_counts_whatever_comes_last(order: tuple[int, ...], deliver: Deliver, merchant: Merchant) -> None:
    bodies = [
        event(merchant.salla_id, "settings.updated", EARLY, settings={"contact_email": "old@example.com", "n": 1.5}),
        event(merchant.salla_id, "settings.updated", LATE, settings={"n": 2.5}),
    ]
    for indent, place in enumerate(order):
        deliver(json.dumps(bodies[place], indent=indent).encode())
        work()
    assert app_form.kept(Merchant.objects.get()) == {"n": 2.5}


def test_before_anything_was_saved_there_is_nothing(merchant: Merchant) -> None:
    assert app_form.kept(merchant) == {}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"contact_email": "sara@example.com"},
        {"contact_email": ""},
        {"contact_email": None, "other": ["25x25", True]},
    ],
)
def test_good_values_may_be_saved(values: Any, client: Client) -> None:
    answer = ask(client, asked(values))
    assert (answer.status_code, answer.json()) == (200, {"success": True})


@pytest.mark.parametrize("value", ["sara", "sara@", 5, True, ["a@example.com"], {"a": 1}, "a@example.com\n<script>"])
def test_a_wrong_value_is_refused_beside_its_field_in_both_languages(value: Any, client: Client) -> None:
    answer = ask(client, asked({"contact_email": value}), **{"accept-language": "fr"})
    assert answer.status_code == 200
    assert answer.json() == {"success": False, "error": {"field": "contact_email", "message": WRONG_EMAIL}}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"5",
        b"\xff",
        b"null",
        b"[" * 60_000,
        b'{"settings": [1]}',
        b'{"settings": {}, "settings": {}}',
    ],
)
def test_what_is_no_form_is_refused(body: bytes, client: Client) -> None:
    answer = ask(client, body)
    assert answer.status_code == 200
    error = answer.json()["error"]
    assert (error["field"], sorted(error["message"])) == ("settings", ["ar", "en"])


def test_nothing_is_stored_and_nothing_asked(
    client: Client, merchant: Merchant, bell: list[str], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        ask(client, asked({"contact_email": "kanari@vogel.example"}))
        ask(client, asked({"contact_email": "kanari"}))
    assert (AppSettings.unscoped.count(), Delivery.objects.count(), Event.unscoped.count()) == (0, 0, 0)
    assert bell == []
    assert list(redis_client().scan_iter("*kanari*")) == []


def test_only_posts_of_a_stated_and_small_size(client: Client) -> None:
    assert client.get(URL).status_code == 405
    assert ask(client, b"x" * (views.MAX_FORM + 1)).status_code == 413
    assert client.post(URL, b"{}", content_type="application/json", CONTENT_LENGTH="many").status_code == 411
    assert client.post("/webhooks/salla/settings", b"{}", content_type="application/json").status_code == 200


def test_whoever_asks_too_often_waits(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "FORMS", views.Limit("test:settings", 2, 60, is_open_without_redis=True))
    answers = [ask(client, asked({})) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
