"""What load balancers and Prometheus are told, and what they are not."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from prometheus_client.parser import text_string_to_metric_families
from redis import RedisError

from core import clock, redis
from core.models import Merchant
from core.work import Work
from events import ingest, stream
from events.models import StreamCursor, Tick
from events.tasks import pulse
from integrations.models import Connection, Delivery, Standing
from tests.conftest import store

TOKEN = {"Authorization": "Bearer of good news"}


@pytest.fixture
def token(settings):
    settings.METRICS_TOKEN = TOKEN["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def heartbeat(db):
    Tick.objects.create(job="any", period=clock.now(), state=Work.State.PROCESSED)


def beaten(answer):
    return answer.status_code, answer.json()


def test_alive_asks_nobody(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = client.get("/healthz", headers={"Host": "10.1.2.3"})
    assert (answer.status_code, answer.content) == (200, b"ok")


def test_ready_when_all_is_there(client, heartbeat):
    state = {"state": "ready", "database": True, "migrations": True, "redis": True, "workers": True}
    assert beaten(client.get("/readyz", headers={"Host": "10.1.2.3"})) == (200, state)


def test_the_pulse_is_the_heartbeat(client, db):
    assert client.get("/readyz").json()["workers"] is False
    pulse()
    assert client.get("/readyz").json()["workers"] is True


def test_without_redis_only_degraded(client, heartbeat, monkeypatch):
    def refuse():
        raise RedisError("refused")

    monkeypatch.setattr("core.redis.client", lambda: SimpleNamespace(ping=refuse))
    status, body = beaten(client.get("/readyz"))
    monkeypatch.undo()
    assert (status, body["state"], body["redis"], body["workers"]) == (200, "degraded", False, True)


def test_without_workers_only_degraded(client, heartbeat):
    Tick.objects.update(period=clock.now() - timedelta(minutes=4))
    status, body = beaten(client.get("/readyz"))
    assert (status, body["state"], body["redis"], body["workers"]) == (200, "degraded", True, False)


def test_a_tick_that_failed_is_no_heartbeat(client, heartbeat):
    Tick.objects.update(state=Work.State.WAITING)
    assert client.get("/readyz").json()["workers"] is False


def test_unready_without_the_database(client, db, monkeypatch):
    def refuse():
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = client.get("/readyz")
    monkeypatch.undo()
    assert beaten(answer) == (503, {"state": "unready", "database": False})


def test_unready_before_the_migrations(client, heartbeat):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'events'")
    status, body = beaten(client.get("/readyz"))
    assert (status, body["state"], body["migrations"]) == (503, "unready", False)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer of bad news"}, {"Authorization": ""}])
def test_metrics_are_for_who_has_the_token(client, db, token, headers):
    assert client.get("/metrics", headers=headers).status_code == 404


def test_without_a_token_set_nobody_gets_metrics(client, db, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def scrape(client):
    """Every sample by its name and labels."""
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.content.decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def test_metrics_are_the_rows(client, token, merchant, other_merchant, deliver, time_machine):
    now = clock.now().replace(microsecond=0)
    time_machine.move_to(now - timedelta(minutes=10), tick=False)
    sent = (now - timedelta(minutes=11)).strftime("%Y-%m-%d %H:%M:%S+00:00")
    assert deliver({"event": "order.created", "merchant": 1, "created_at": sent, "data": {}}).status_code == 200
    Tick.objects.create(job="dead", period=now, state=Work.State.DEAD)
    Tick.objects.create(job="done", period=now - timedelta(minutes=20), state=Work.State.PROCESSED)
    store(3)
    Connection.unscoped.filter(merchant=other_merchant).update(
        state=Connection.State.NEEDS_REINSTALL, refresh_started_at=now - timedelta(minutes=20)
    )
    Delivery.objects.update(sent_at=now - timedelta(minutes=12))
    time_machine.move_to(now, tick=False)
    Merchant.objects.filter(salla_id=3).update(store_type="demo")
    for each in Merchant.objects.exclude(pk=other_merchant.pk):
        Standing.unscoped.create(merchant=each, state="trial")
    found = scrape(client)
    assert found["nomo_live_stores", "trial"] == 1
    assert found["nomo_live_stores", "active"] == 0
    assert found["nomo_work_rows", "integrations.delivery", "waiting"] == 1
    assert found["nomo_work_oldest_due_seconds", "integrations.delivery"] == 600
    assert found["nomo_work_rows", "events.tick", "dead"] == 1
    assert found["nomo_work_oldest_due_seconds", "events.tick"] == 0
    assert found["nomo_connections", "connected"] == 2
    assert found["nomo_connections", "needs_reinstall"] == 1
    assert found["nomo_connections", "uninstalled"] == 0
    assert found["nomo_webhook_lag_seconds",] == 120
    assert found["nomo_heartbeat_age_seconds",] == 1200
    assert found["nomo_token_refreshes_unknown",] == 1


def test_metrics_tell_how_far_ingest_is_behind(client, token, merchant, monkeypatch):
    key = stream.stream_key(2)
    seconds, _ = redis.client().time()
    for age in (90, 60):
        redis.client().xadd(key, {stream.FIELD: b"junk"}, id=f"{(seconds - age) * 1000}-0")
    StreamCursor.objects.create(shard=2, position=f"{(seconds - 90) * 1000}-0")
    found = scrape(client)
    assert [found["nomo_stream_entries", str(shard)] for shard in range(4)] == [0, 0, 2, 0]
    assert 60 <= found["nomo_stream_oldest_seconds", "2"] < 90
    assert found["nomo_stream_oldest_seconds", "0"] == 0
    ingest.drain()
    found = scrape(client)
    assert (found["nomo_stream_entries", "2"], found["nomo_stream_oldest_seconds", "2"]) == (0, 0)
    assert found["nomo_work_rows", "events.badbatch", "dead"] == 1

    def refuse(**options):
        raise RedisError("refused")

    monkeypatch.setattr("core.redis.client", lambda: SimpleNamespace(pipeline=refuse))
    found = scrape(client)
    monkeypatch.undo()
    assert not [name for name in found if name[0].startswith("nomo_stream")]
    assert found["nomo_work_rows", "events.badbatch", "dead"] == 1


def test_messages_are_counted_and_the_oldest_stands_out(client, token, merchant, other_merchant, time_machine):
    now = clock.now().replace(microsecond=0)
    time_machine.move_to(now, tick=False)
    told = {"channel": "email", "purpose": "marketing", "template": "x", "language": "ar"}
    for each, minutes, state in ((merchant, 5, "queued"), (other_merchant, 9, "deferred"), (merchant, 99, "unknown")):
        each.messages.create(key=state, state=state, due_at=now - timedelta(minutes=minutes), **told)
    merchant.messages.create(key="later", due_at=now + timedelta(minutes=1), **told)
    found = scrape(client)
    assert [found["nomo_messages", state] for state in ("queued", "deferred", "unknown", "accepted")] == [2, 1, 1, 0]
    assert found["nomo_messages_oldest_due_seconds", "email"] == 540
    assert found["nomo_messages_oldest_due_seconds", "sms"] == 0


def test_metrics_name_nobody(client, token, merchant):
    text = client.get("/metrics", headers=TOKEN).content.decode()
    assert str(merchant.salla_id) not in text
    assert merchant.name not in text
