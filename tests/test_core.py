"""The ground: people, encrypted fields, clock, doorbell, work rows, Salla's values, signatures, machine traffic."""

import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_prerun
from cryptography.fernet import Fernet, InvalidToken
from django.contrib.auth import authenticate
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import IntegrityError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from core import clock, doorbell, fields, redis, webhooks, work
from core.middleware import MachineTraffic
from core.models import Merchant, User
from core.salla_values import (
    amount_of,
    currency_of,
    id_of,
    integer_of,
    phone_of,
    text_of,
    time_of,
    truth_of,
)
from events.models import Tick
from events.tasks import react
from integrations.models import Connection, Delivery
from nomo_flow import urls

REAL_PUBLISH = doorbell._publish  # taken before conftest's bell replaces it

# People


class TestUser:
    def test_an_email_is_kept_in_lower_case(self, db: None) -> None:
        assert User.objects.create_user("  Sara@Example.COM ", "x").email == "sara@example.com"

    def test_a_form_lowers_it_too(self, db: None) -> None:
        person = User(email="Sara@Example.COM", password="x")
        person.full_clean()
        assert person.email == "sara@example.com"

    def test_the_database_refuses_upper_case(self, db: None) -> None:
        with pytest.raises(IntegrityError, match="core_user_email_is_lower_case"):
            User.objects.bulk_create([User(email="Sara@example.com")])

    def test_an_email_is_one_persons(self, db: None) -> None:
        User.objects.create_user("sara@example.com")
        with pytest.raises(IntegrityError, match="core_user_email_key"):
            User.objects.create_user("SARA@example.com")

    def test_people_sign_in_however_they_write_it(self, db: None) -> None:
        person = User.objects.create_user("sara@example.com", "long enough")
        assert authenticate(username=" SARA@Example.com ", password="long enough") == person
        assert authenticate(username="sara@example.com", password="Long enough") is None
        assert User.objects.get_by_natural_key("SARA@EXAMPLE.COM") == person
        with pytest.raises(User.DoesNotExist):
            User.objects.get_by_natural_key(None)

    def test_without_a_password_nobody_signs_in(self, db: None) -> None:
        person = User.objects.create_user("sara@example.com")
        assert person.has_usable_password() is False
        assert (person.is_staff, person.is_superuser, person.is_active) == (False, False, True)

    def test_a_superuser_is_staff(self, db: None) -> None:
        person = User.objects.create_superuser("root@example.com")
        assert (person.is_staff, person.is_superuser) == (True, True)


# Encrypted fields

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def stored(column: str) -> bytes | None:
    """What PostgreSQL holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c) ->> %s FROM integrations_connection c", [column])
        value = cursor.fetchone()[0]
    return None if value is None else bytes.fromhex(value.removeprefix("\\x"))


class TestEncryptedField:
    @pytest.fixture(autouse=True)
    def _keys(self, settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [OLD]

    @pytest.fixture
    def row(self, db: None) -> Connection:
        merchant = Merchant.objects.create(salla_id=1)
        return Connection.unscoped.create(merchant=merchant, access_token="رمز سرّي", refresh_token=None)

    def test_the_database_holds_no_plain_text(self, row: Connection) -> None:
        token = stored("access_token")
        assert token is not None
        assert token.startswith(b"gAAAA")
        assert "رمز".encode() not in token
        assert Fernet(OLD).decrypt(token).decode() == "رمز سرّي"

    def test_it_reads_back(self, row: Connection) -> None:
        row.refresh_from_db()
        assert (row.access_token, row.refresh_token) == ("رمز سرّي", None)

    def test_nothing_is_stored_as_nothing(self, row: Connection) -> None:
        assert stored("refresh_token") is None
        assert Connection.unscoped.filter(refresh_token__isnull=True).count() == 1
        assert Connection.unscoped.filter(access_token__isnull=True).count() == 0

    def test_empty_text_is_not_nothing(self, row: Connection) -> None:
        Connection.unscoped.update(access_token="")
        row.refresh_from_db()
        assert row.access_token == ""
        assert stored("access_token") != b""

    def test_each_write_looks_different(self, row: Connection) -> None:
        before = stored("access_token")
        row.save()
        assert stored("access_token") != before

    def test_a_wrong_key_raises(self, row: Connection, settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [OTHER]
        with pytest.raises(fields.DecryptionError, match="no key in FIELD_ENCRYPTION_KEYS opens this value"):
            Connection.unscoped.get(pk=row.pk)

    def test_changed_ciphertext_raises(self, row: Connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE integrations_connection SET access_token = 'plain text'::bytea")
        with pytest.raises(fields.DecryptionError):
            row.refresh_from_db()

    def test_two_keys_read_and_the_first_writes(self, row: Connection, settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
        row.refresh_from_db()
        assert row.access_token == "رمز سرّي"
        row.save()
        token = stored("access_token")
        assert token is not None
        assert Fernet(NEW).decrypt(token).decode() == "رمز سرّي"
        with pytest.raises(InvalidToken):
            Fernet(OLD).decrypt(token)

    def test_rotation_needs_no_plain_text(self, settings: Any) -> None:
        token = fields.encrypt(b"secret")
        settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
        rotated = fields.rotate(token)
        settings.FIELD_ENCRYPTION_KEYS = [NEW]
        assert fields.decrypt(rotated) == b"secret"
        with pytest.raises(fields.DecryptionError):
            fields.decrypt(token)
        with pytest.raises(fields.DecryptionError):
            fields.rotate(token)

    @pytest.mark.parametrize(
        "lookup", ["access_token", "access_token__contains", "access_token__in", "access_token__gt"]
    )
    def test_it_cannot_be_searched(self, lookup: str, row: Connection) -> None:
        value: Any = ["x"] if lookup.endswith("__in") else "x"
        with pytest.raises(FieldError, match="access_token is encrypted: it can only be looked up by isnull"):
            Connection.unscoped.filter(**{lookup: value}).exists()

    @pytest.mark.parametrize("keys", [["half-a-key"], [], [OLD, ""]])
    def test_a_broken_key_is_named(self, keys: list[str], settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = keys
        with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS"):
            fields.encrypt(b"x")

    def test_bytes_stay_bytes(self, db: None) -> None:
        raw = b"\x00\xff not text"
        delivery = Delivery.objects.create(body=raw, body_sha256=b"1" * 32, size=1, received_at=clock.now())
        delivery.refresh_from_db()
        assert delivery.body == raw


# Clock


def test_the_clock_is_aware_and_in_utc() -> None:
    with time_machine.travel(datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), tick=False):
        assert clock.now() == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert clock.now().utcoffset() == timedelta(0)


# Doorbell


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Callable[..., None]]:
    """Rings go to a real broker: the tests' own, or the one at an address that a test gives."""
    monkeypatch.setattr(doorbell, "_publish", REAL_PUBLISH)
    monkeypatch.setattr(doorbell, "_silent_until", 0.0)
    monkeypatch.setattr(doorbell, "_hushed_until", {})
    monkeypatch.setattr(doorbell, "HUSH_SECONDS", 0.0)  # it has tests of its own
    conf, ours = current_app.conf, settings.REDIS_URL
    before = {name: conf[name] for name in ("broker_url", "broker_write_url", "broker_transport_options")}
    options = {**before["broker_transport_options"], "global_keyprefix": settings.REDIS_PREFIX}

    def use(url: str, keys: str = "") -> None:
        settings.REDIS_URL = keys or url
        conf.update(broker_url=url, broker_write_url=url, broker_transport_options=options)
        forget_connections()

    use(ours)
    yield use
    settings.REDIS_URL = ours
    conf.update(before)
    forget_connections()


def forget_connections() -> None:
    redis.client.cache_clear()
    doorbell._connection.cache_clear()


def queued(settings: Any) -> int:
    return redis.client().llen(settings.REDIS_PREFIX + "celery")


def ring_now() -> float:
    """Rings outside any transaction; returns the seconds it took."""
    start = time.monotonic()
    doorbell.ring(react)
    return time.monotonic() - start


@pytest.fixture
def hung() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@pytest.fixture
def refused() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


@pytest.mark.django_db(transaction=True)
class TestDoorbell:
    def test_many_rings_wake_one_worker(self, broker: Any, settings: Any) -> None:
        for _ in range(5):
            ring_now()
        assert queued(settings) == 1

    def test_it_rings_again_once_the_task_has_begun(self, broker: Any, settings: Any) -> None:
        ring_now()
        task_prerun.send(sender=react, task=react, task_id="1", args=(), kwargs={})
        ring_now()
        assert queued(settings) == 2

    def test_a_hushed_ring_is_dropped_unasked(
        self, broker: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doorbell, "HUSH_SECONDS", 3600.0)
        ring_now()
        redis.client().delete(redis.key("bell", "events.tasks.react"))
        ring_now()
        assert queued(settings) == 1
        doorbell.ring(current_app.tasks["events.tasks.pulse"])
        assert queued(settings) == 2

    def test_a_task_waits_out_the_hush_that_dropped_rings(self, broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(doorbell, "HUSH_SECONDS", 0.02)
        waits: list[float] = []
        monkeypatch.setattr(doorbell.time, "sleep", waits.append)
        task_prerun.send(sender=react, task=react, task_id="1", args=(), kwargs={})
        assert waits == []  # nobody rang
        ring_now()
        task_prerun.send(sender=react, task=react, task_id="2", args=(), kwargs={})
        assert waits == [0.02]

    def test_each_task_has_its_own_bell(self, broker: Any, settings: Any) -> None:
        ring_now()
        doorbell.ring(current_app.tasks["events.tasks.pulse"])
        assert queued(settings) == 2

    def test_a_lost_ring_is_not_waited_for_long(self, broker: Any) -> None:
        ring_now()
        left = redis.client().pttl(redis.key("bell", "events.tasks.react"))
        assert 0 < left <= 10_000

    def test_it_waits_for_the_commit(self, broker: Any, settings: Any) -> None:
        with transaction.atomic():
            doorbell.ring(react)
            assert queued(settings) == 0
        assert queued(settings) == 1

    def test_a_rollback_rings_nothing(self, broker: Any, settings: Any) -> None:
        with transaction.atomic():
            doorbell.ring(react)
            transaction.set_rollback(True)
        assert queued(settings) == 0

    @pytest.mark.parametrize("kind", ["hung", "refused"])
    def test_a_broken_broker_costs_little_once(
        self, kind: str, broker: Any, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
    ) -> None:
        broker(request.getfixturevalue(kind))
        assert ring_now() <= 0.6
        assert [record.getMessage().split(": ")[:2] for record in caplog.records] == [
            ["doorbell", "events.tasks.react not rung"]
        ]
        assert sum(ring_now() for _ in range(20)) < 0.2  # silent for a while: not one of them asks again
        assert len(caplog.records) == 1

    def test_a_broker_that_hangs_after_the_mark_costs_little(
        self, broker: Any, hung: str, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Our own key is written, then publishing meets a dead end."""
        broker(hung, keys=settings.REDIS_URL)
        assert ring_now() <= 0.6
        assert len(caplog.records) == 1
        assert redis.client().exists(redis.key("bell", "events.tasks.react")) == 1

    def test_after_the_silence_it_tries_again(
        self, broker: Any, refused: str, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = settings.REDIS_URL
        broker(refused)
        ring_now()
        broker(ours)
        ring_now()
        assert queued(settings) == 0
        later = time.monotonic() + doorbell.SILENT_SECONDS
        monkeypatch.setattr(doorbell.time, "monotonic", lambda: later)
        doorbell.ring(react)
        assert queued(settings) == 1

    def test_the_callers_work_is_committed_all_the_same(self, broker: Any, refused: str) -> None:
        broker(refused)
        with transaction.atomic():
            Merchant.objects.create(salla_id=1)
            doorbell.ring(react)
        assert Merchant.objects.count() == 1

    def test_even_a_bug_in_the_bell_does_not_reach_the_caller(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor the hooks that come after it."""
        monkeypatch.setattr(doorbell, "_pending", lambda name: name / 0)
        monkeypatch.setattr(doorbell.log, "warning", lambda *args: args[9])
        monkeypatch.setattr(doorbell, "_silent_until", 0.0)
        monkeypatch.setattr(doorbell, "_hushed_until", {})
        ran: list[str] = []
        with transaction.atomic():
            doorbell.ring(react)
            transaction.on_commit(lambda: ran.append("after"))
        assert ran == ["after"]

    def test_a_task_begins_even_if_its_bell_cannot_be_answered(
        self, broker: Any, refused: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        broker(refused)
        task_prerun.send(sender=react, task=react, task_id="1", args=(), kwargs={})
        assert [r.getMessage() for r in caplog.records] == [
            "doorbell: events.tasks.react not answered: ConnectionError"
        ]


# Work rows

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def still() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def tick(job: str = "job", **values: Any) -> Tick:
    return Tick.objects.create(job=job, period=START, due_at=values.pop("due_at", START), **values)


def outcome(row: Tick) -> tuple[str, int, str]:
    row.refresh_from_db()
    return row.state, row.attempts, row.reason


def raising(error: BaseException) -> Callable[[Any], None]:
    def run(row: Any) -> None:
        Merchant.objects.create(salla_id=row.pk)
        raise error

    return run


class Seen(list[str]):
    def __call__(self, row: Tick) -> None:
        self.append(row.job)


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
class TestWork:
    def drain(self, run: Callable[[Any], None], **options: Any) -> bool:
        # The wall stands still, and so would the deadline.
        return work.drain(Tick.objects.all(), run, **options)

    def test_a_run_that_ends_is_processed(self) -> None:
        row, seen = tick(reason="an earlier failure"), Seen()
        assert self.drain(seen) is True
        assert (outcome(row), seen) == (("processed", 1, ""), ["job"])

    def test_due_rows_run_oldest_first_and_later_ones_wait(self) -> None:
        tick("second", due_at=START - timedelta(seconds=1))
        tick("first", due_at=START - timedelta(hours=1))
        later = tick("later", due_at=START + timedelta(seconds=1))
        seen = Seen()
        self.drain(seen)
        assert seen == ["first", "second"]
        assert outcome(later) == ("waiting", 0, "")

    def test_finished_rows_do_not_run(self) -> None:
        for state in ("processed", "ignored", "dead"):
            tick(state, state=state)
        seen = Seen()
        self.drain(seen)
        assert seen == []

    def test_nothing_to_do_is_no_failure(self) -> None:
        row = tick()
        self.drain(raising(work.IgnoredError("unknown store")))
        assert outcome(row) == ("ignored", 1, "unknown store")
        assert Merchant.objects.count() == 0

    def test_the_hopeless_die_at_once(self) -> None:
        row = tick()
        self.drain(raising(work.HopelessError("not JSON")))
        assert outcome(row) == ("dead", 1, "not JSON")

    def test_a_failure_is_undone_and_tried_again_later(self, still: time_machine.Traveller) -> None:
        row = tick()
        assert self.drain(raising(ValueError("no\0 luck"))) is True
        assert outcome(row) == ("waiting", 1, "ValueError: no luck")
        assert Merchant.objects.count() == 0
        assert timedelta(seconds=5) <= row.due_at - START <= timedelta(seconds=10)
        still.move_to(row.due_at)
        self.drain(Seen())
        assert outcome(row) == ("processed", 2, "")

    def test_one_failing_row_does_not_stop_the_others(self) -> None:
        bad, good = tick("bad", due_at=START - timedelta(seconds=1)), tick("good")
        self.drain(lambda row: raising(ValueError("no"))(row) if row.job == "bad" else None)
        assert [outcome(bad)[0], outcome(good)[0]] == ["waiting", "processed"]

    def test_pauses_double_up_to_an_hour_and_the_eleventh_failure_is_the_last(
        self, still: time_machine.Traveller
    ) -> None:
        row, longest = tick(), []
        for _ in range(10):
            self.drain(raising(ValueError("no")))
            row.refresh_from_db()
            assert row.state == "waiting"
            longest.append(row.due_at - clock.now())
            still.move_to(row.due_at)
        for pause, most in zip(longest, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600], strict=True):
            assert most / 2 <= pause.total_seconds() <= most
        self.drain(raising(KeyError("id")))
        assert outcome(row) == ("dead", 11, "KeyError: 'id'")
        assert work._pause(30) <= timedelta(hours=1)

    def test_an_attempt_is_counted_before_it_runs(self) -> None:
        """So that a worker that dies half way leaves a row that comes back, and not for ever."""
        row, held = tick(), []

        def run(claimed: Tick) -> None:
            held.append(Tick.objects.values_list("attempts", "due_at").get(pk=row.pk))

        self.drain(run)
        assert held[0][0] == 1
        assert held[0][1] > START

    def test_a_row_that_kills_every_worker_ends_dead(self) -> None:
        lost, blamed = tick("lost", attempts=11), tick("blamed", attempts=11, reason="MemoryError: ")
        seen = Seen()
        self.drain(seen)
        assert seen == []
        assert outcome(lost) == ("dead", 12, "its worker was lost every time")
        assert outcome(blamed) == ("dead", 12, "MemoryError: ")

    def test_a_run_that_takes_too_long_fails_and_ends_the_task(self) -> None:
        row = tick()
        with pytest.raises(SoftTimeLimitExceeded):
            self.drain(raising(SoftTimeLimitExceeded()))
        assert outcome(row) == ("waiting", 1, "took too long")

    def test_what_a_row_is_about_stays_known_when_it_fails(self) -> None:
        row = tick()

        def identify(claimed: Tick) -> None:
            Tick.objects.filter(pk=claimed.pk).update(job="known")

        self.drain(raising(ValueError("no")), identify=identify)
        assert outcome(row) == ("waiting", 1, "ValueError: no")
        assert row.job == "known"

    def test_identifying_may_end_it(self) -> None:
        row, seen = tick(), Seen()
        self.drain(seen, identify=raising(work.IgnoredError("event not used")))
        assert (outcome(row), seen) == (("ignored", 1, "event not used"), [])

    def test_a_row_that_somebody_else_finished_meanwhile_does_not_run(self) -> None:
        row, seen = tick(), Seen()

        def finish(claimed: Tick) -> None:
            Tick.objects.filter(pk=claimed.pk).update(state="processed", reason="by another")

        self.drain(seen, identify=finish)
        assert (seen, outcome(row)) == ([], ("processed", 1, "by another"))

    def test_time_runs_out(self) -> None:
        tick()
        assert self.drain(Seen(), seconds=0) is False

    def test_a_long_reason_is_cut(self) -> None:
        row = tick()
        self.drain(raising(work.HopelessError("x" * 900)))
        assert outcome(row) == ("dead", 1, "x" * 500)

    def test_replay_starts_over_what_is_finished(self) -> None:
        rows = [tick(state, state=state, attempts=8, reason="no") for state in ("processed", "ignored", "dead")]
        waiting = tick("waiting", attempts=3, reason="no", due_at=START + timedelta(hours=1))
        assert work.replay(Tick.objects.all()) == 3
        assert [outcome(row) for row in rows] == [("waiting", 0, "")] * 3
        assert {row.due_at for row in rows} == {START}
        assert outcome(waiting) == ("waiting", 3, "no")


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
class TestSteps:
    def drain(self, step: Callable[[Any], bool]) -> bool:
        return work.drain_steps(Tick.objects.all(), step)

    def test_a_row_takes_steps_until_it_says_it_is_finished(self) -> None:
        row, left = tick(attempts=3), [False, False, True]
        assert self.drain(lambda _: left.pop(0)) is True
        assert (left, outcome(row)) == ([], ("processed", 1, ""))

    def test_rows_take_turns(self, still: time_machine.Traveller) -> None:
        tick("long"), tick("short", due_at=START + timedelta(seconds=1))
        still.shift(5)
        seen: list[str] = []

        def step(row: Tick) -> bool:
            seen.append(row.job)
            still.shift(1)
            return row.job == "short" or seen.count("long") == 3

        self.drain(step)
        assert seen == ["long", "short", "long", "long"]

    def test_a_step_runs_in_no_transaction_and_its_claim_is_written_before(self) -> None:
        row = tick()

        def step(claimed: Tick) -> bool:
            assert len(connections["default"].savepoint_ids) == depth
            assert outcome(row) == ("waiting", 1, "")
            assert row.due_at == START + work.LEASE
            return True

        depth = len(connections["default"].savepoint_ids)
        self.drain(step)
        assert outcome(row) == ("processed", 1, "")

    def test_a_failure_waits_and_the_eleventh_is_the_last(self, still: time_machine.Traveller) -> None:
        row = tick()

        def away(_: Tick) -> bool:
            raise work.FailedError("away")

        for _ in range(10):
            self.drain(away)
            assert outcome(row)[::2] == ("waiting", "away")
            assert row.due_at > clock.now()
            still.move_to(row.due_at)
        self.drain(raising(KeyError("id")))
        assert outcome(row) == ("dead", 11, "KeyError: 'id'")

    def test_a_step_that_goes_well_forgets_the_failures(self, still: time_machine.Traveller) -> None:
        row, ends = tick(), [True, False]
        self.drain(raising(work.FailedError("away")))
        row.refresh_from_db()
        still.move_to(row.due_at)
        self.drain(lambda _: ends.pop())
        assert outcome(row) == ("processed", 1, "")

    def test_a_postponed_step_is_no_failure(self) -> None:
        row = tick()
        self.drain(raising(work.PostponedError("busy", 90)))
        assert outcome(row) == ("waiting", 0, "busy")
        assert row.due_at == START + timedelta(seconds=90)

    @pytest.mark.parametrize(("error", "state"), [(work.IgnoredError, "ignored"), (work.HopelessError, "dead")])
    def test_a_step_may_end_its_row(self, error: type[Exception], state: str) -> None:
        row = tick()
        self.drain(raising(error("why")))
        assert outcome(row) == (state, 1, "why")

    def test_a_step_that_takes_too_long_fails_and_ends_the_task(self) -> None:
        row = tick()
        with pytest.raises(SoftTimeLimitExceeded):
            self.drain(raising(SoftTimeLimitExceeded()))
        assert outcome(row) == ("waiting", 1, "took too long")

    def test_a_lost_worker_leaves_a_row_that_comes_back_and_not_for_ever(self, still: time_machine.Traveller) -> None:
        row = tick()
        work._claim(Tick.objects.all(), lease=work.LEASE)  # and dies
        seen = Seen()
        self.drain(lambda claimed: not seen(claimed))
        assert seen == []
        still.shift(work.LEASE)
        self.drain(lambda claimed: not seen(claimed))
        assert (seen, outcome(row)) == (["job"], ("processed", 2, ""))
        lost = tick("lost", attempts=11)
        self.drain(lambda claimed: not seen(claimed))
        assert (seen, outcome(lost)) == (["job"], ("dead", 12, "its worker was lost every time"))

    @pytest.mark.parametrize("change", [{"state": "ignored"}, {"due_at": START}])
    def test_who_lost_the_claim_writes_nothing_down(self, change: dict[str, Any]) -> None:
        """The row was ended, or put back to work, while somebody was at it."""
        row, steps = tick(), []

        def step(claimed: Tick) -> bool:
            steps.append(claimed.pk)
            if len(steps) == 1:
                Tick.objects.filter(pk=row.pk).update(**change)
            with work.held(Tick.objects.all(), claimed) as locked:
                locked.job = f"step {len(steps)}"
                locked.save(update_fields=["job"])
            return True

        self.drain(step)
        is_again = "due_at" in change
        assert (len(steps), outcome(row)[0]) == ((2, "processed") if is_again else (1, "ignored"))
        assert row.job == ("step 2" if is_again else "job")

    def test_replay_leaves_a_row_whose_like_is_waiting(self, merchant: Merchant) -> None:
        same = {"kind": "store", "purpose": "upkeep"}
        dead = [merchant.syncs.create(**same, state="dead") for _ in range(2)]
        assert work.replay(merchant.syncs.all()) == 1
        assert sorted(merchant.syncs.values_list("state", flat=True)) == ["dead", "waiting"]
        assert work.replay(merchant.syncs.filter(pk__in=[row.pk for row in dead])) == 0


def elsewhere(run: Callable[[], None]) -> threading.Thread:
    """On a connection of its own, as another worker would."""

    def body() -> None:
        try:
            run()
        finally:
            connections.close_all()

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_a_locked_row_is_skipped(self) -> None:
        first, second = tick("first", due_at=START - timedelta(seconds=1)), tick("second")
        seen = Seen()
        with transaction.atomic():
            Tick.objects.select_for_update().get(pk=first.pk)
            elsewhere(lambda: work.drain(Tick.objects.all(), seen)).join(10)
        assert seen == ["second"]
        assert [outcome(first)[:2], outcome(second)[:2]] == [("waiting", 0), ("processed", 1)]

    def test_a_row_being_run_is_not_run_by_another(self) -> None:
        row, seen, ran = tick(), Seen(), Seen()

        def run(claimed: Tick) -> None:
            ran(claimed)
            elsewhere(lambda: work.drain(Tick.objects.all(), seen)).join(10)

        work.drain(Tick.objects.all(), run)
        assert (ran, seen, outcome(row)) == (["job"], [], ("processed", 1, ""))

    def test_a_second_run_of_one_row_waits_and_then_stands_back(self) -> None:
        """The first took longer than its pause, so that another worker claimed the row again."""
        row, ran = tick(), Seen()
        waited: list[bool] = []

        def slow(claimed: Tick) -> None:
            ran(claimed)
            second.start()
            waited.append(blocked())

        def fast() -> None:
            try:
                claimed = Tick.objects.get(pk=row.pk)
                work._run(Tick.objects.all(), claimed, ran, None)
            finally:
                connections.close_all()

        second = threading.Thread(target=fast)
        work.drain(Tick.objects.all(), slow)
        second.join(10)
        assert waited == [True]
        assert (ran, outcome(row)) == (["job"], ("processed", 1, ""))

    def test_four_workers_share_forty_rows(self) -> None:
        Tick.objects.bulk_create(Tick(job=f"job {n}", period=START, due_at=START) for n in range(40))
        seen = Seen()
        threads = [elsewhere(lambda: work.drain(Tick.objects.all(), seen)) for _ in range(4)]
        for thread in threads:
            thread.join(30)
        assert sorted(seen) == sorted(f"job {n}" for n in range(40))
        assert set(Tick.objects.values_list("state", "attempts")) == {("processed", 1)}


def blocked() -> bool:
    """Whether, within twenty seconds, another connection waits for our transaction to end."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
            )
            if cursor.fetchone()[0]:
                return True
    return False


# Salla's values (webhooks, value traps)

HUGE = "9" * 400


@pytest.mark.parametrize(
    ("value", "amount", "currency"),
    [
        ({"amount": 43.5, "currency": "SAR"}, "43.50", "SAR"),
        ({"amount": Decimal("43.50"), "currency": "SAR"}, "43.50", "SAR"),
        ({"amount": {"amount": "5.00", "currency": "SAR"}, "percent": "15.00"}, "5.00", "SAR"),
        (34.99, "34.99", None),
        (0, "0.00", None),
        (-5, "-5.00", None),
        ("5.00", "5.00", None),
        (" 5 ", "5.00", None),
        ("١٢٫٥٠", "12.50", None),
        ("١٬٢٣٤٫٥٠", "1234.50", None),
        (Decimal("0.005"), "0.00", None),
        (Decimal("0.015"), "0.02", None),
        ("999999999999.99", "999999999999.99", None),
        ({"amount": 1, "currency": "sar"}, "1.00", None),
        ({"amount": 1, "currency": None}, "1.00", None),
        ({"amount": None, "currency": "SAR"}, None, "SAR"),
        (None, None, None),
        ([], None, None),
        ({}, None, None),
        (True, None, None),
        ("", None, None),
        ("free", None, None),
        ("1,5", None, None),
        ("٠٫٢٥ كجم", None, None),
        ("NaN", None, None),
        ("Infinity", None, None),
        ("1e400", None, None),
        (HUGE, None, None),
        (10**12, None, None),
    ],
)
def test_money(value: Any, amount: str | None, currency: str | None) -> None:
    assert amount_of(value) == (None if amount is None else Decimal(amount))
    assert currency_of(value) == currency


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2022-12-31 12:31:25", "2022-12-31T09:31:25+00:00"),
        ("Tue Jan 21 2025 18:00:32 GMT+0300", "2025-01-21T15:00:32+00:00"),
        ("Mon Nov 10 2025 17:18:13 GMT+0300", "2025-11-10T14:18:13+00:00"),
        ("2026-05-28T13:34:45+03:00", "2026-05-28T10:34:45+00:00"),
        ("2026-05-28T10:34:45Z", "2026-05-28T10:34:45+00:00"),
        ("2026-05-28T10:34:45.123Z", "2026-05-28T10:34:45.123000+00:00"),
        (" 2022-12-31 12:31:25 ", "2022-12-31T09:31:25+00:00"),
        ("2022-12-31", "2022-12-30T21:00:00+00:00"),
        (
            {"date": "2020-04-15 00:27:16.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"},
            "2020-04-14T21:27:16+00:00",
        ),
        ({"date": "2020-04-15 00:27:16.000000", "timezone_type": 3, "timezone": "UTC"}, "2020-04-15T00:27:16+00:00"),
        ({"date": "2020-04-15 00:27:16.5"}, "2020-04-14T21:27:16.500000+00:00"),
        ({"date": "2020-04-15 00:27:16", "timezone": "Nowhere/Land"}, "2020-04-14T21:27:16+00:00"),
        ({"date": "2020-04-15 00:27:16", "timezone": "../etc/passwd"}, "2020-04-14T21:27:16+00:00"),
        ({"date": "2020-04-15 00:27:16", "timezone": 3}, "2020-04-14T21:27:16+00:00"),
        ({"date": None}, None),
        ({}, None),
        ([], None),
        (None, None),
        ("", None),
        ("0000-00-00 00:00:00", None),
        ("-0001-11-30 00:00:00", None),
        ("0001-01-01 00:00:00", None),
        ("yesterday", None),
        (1_700_000_000, None),
        (True, None),
    ],
)
def test_moments(value: Any, moment: str | None) -> None:
    found = time_of(value)
    assert (found and found.isoformat()) == moment


@pytest.mark.parametrize(
    ("value", "identity", "integer"),
    [
        (1305146709, 1305146709, 1305146709),
        ("1305146709", 1305146709, 1305146709),
        (" 7 ", 7, 7),
        (2**63 - 1, 2**63 - 1, 2**63 - 1),
        (2**63, None, None),
        (str(2**63), None, None),
        (HUGE, None, None),
        (0, None, 0),
        (-3, None, -3),
        ("-3", None, -3),
        ("٣", None, 3),
        ("3.0", None, None),
        (3.0, None, None),
        (Decimal(3), None, None),
        (True, None, None),
        ("", None, None),
        ("0x1", None, None),
        (None, None, None),
        ([], None, None),
        ({"id": 1}, None, None),
    ],
)
def test_ids_and_whole_numbers(value: Any, identity: int | None, integer: int | None) -> None:
    assert (id_of(value), integer_of(value)) == (identity, integer)


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True), (False, False), (1, True), (0, False), ("1", True), ("0", False), ("true", True), ("True", True),
        ("false", False), (" yes ", True), ("no", False), ("on", True), ("off", False), (None, None), ("", None),
        (2, None), ("2", None), ([], None), ({}, None), ("نعم", None),
    ],
)  # fmt: skip
def test_truths(value: Any, truth: bool | None) -> None:
    assert truth_of(value) is truth


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("عطر العود", "عطر العود"),
        ("  a\0b\x1b[31m\u202ec ", "ab[31mc"),
        ("two\nlines\tand", "two\nlines\tand"),
        (42, "42"),
        ("", ""),
        ("x" * 300, "x" * 255),
        (True, None),
        (None, None),
        (1.5, None),
        ([], None),
        ({}, None),
    ],
)
def test_texts(value: Any, text: str | None) -> None:
    assert text_of(value) == text


SAUDI = "+966501234567"


@pytest.mark.parametrize(
    ("mobile", "code", "phone"),
    [
        (501234567, "+966", SAUDI),
        (501234567, "966", SAUDI),
        (501234567, 966, SAUDI),
        (501234567, "00966", SAUDI),
        (501234567, None, SAUDI),
        (501234567, "", SAUDI),
        ("501234567", "+966", SAUDI),
        ("0501234567", "+966", SAUDI),
        ("0501234567", "966", SAUDI),
        ("0501234567", None, SAUDI),
        ("05 0123 4567", None, SAUDI),
        ("050-123-4567", None, SAUDI),
        ("(050) 123.4567", None, SAUDI),
        ("+966501234567", None, SAUDI),
        ("+966501234567", "+966", SAUDI),
        ("+966501234567", "+971", SAUDI),
        ("+966 50 123 4567", None, SAUDI),
        ("+9660501234567", None, SAUDI),
        ("966501234567", None, SAUDI),
        ("966501234567", "+966", SAUDI),
        (966501234567, "966", SAUDI),
        ("00966501234567", None, SAUDI),
        ("00966501234567", "+966", SAUDI),
        ("٠٥٠١٢٣٤٥٦٧", None, SAUDI),
        ("٥٠١٢٣٤٥٦٧", "+٩٦٦", SAUDI),
        ("+٩٦٦٥٠١٢٣٤٥٦٧", None, SAUDI),
        ("۰۵۰۱۲۳۴۵۶۷", None, SAUDI),
        ("\u200e+966 50 123 4567\u200f", None, SAUDI),
        ("\u2066٠٥٠١٢٣٤٥٦٧\u2069", None, SAUDI),
        (501234567, "+971", "+971501234567"),
        ("0501234567", "971", "+971501234567"),
        ("1001234567", "+20", "+201001234567"),
        ("01001234567", "+20", "+201001234567"),
        ("33123456", "+973", "+97333123456"),
        ("+14155552671", None, "+14155552671"),
        ("0112345678", None, "+966112345678"),
        ("05012345", None, None),
        ("050123456789", None, None),
        ("0000000000", None, None),
        ("+", None, None),
        ("", "+966", None),
        ("phone", "+966", None),
        ("sara@example.com", None, None),
        ("1" * 50, None, None),
        (0, "+966", None),
        (True, "+966", None),
        (None, "+966", None),
        ([], None, None),
        ({"mobile": 501234567}, None, None),
        (501234567.0, "+966", None),
    ],
)
def test_phones(mobile: Any, code: Any, phone: str | None) -> None:
    assert phone_of(mobile, code) == phone


# Signatures and envelopes

BODY = '{"event":"order.created","merchant":1,"data":{"name":"نورة"}}'.encode()
SIGNED = hmac.new(b"new", BODY, hashlib.sha256).hexdigest()


class TestVerify:
    def verify(self, headers: dict[str, str], *, strategy: str = "signature", secrets: Any = ("new", "old")) -> bool:
        return webhooks.verify(BODY, headers, strategy=strategy, secrets=secrets)

    def test_any_of_the_secrets_verifies(self) -> None:
        assert self.verify({"X-Salla-Signature": SIGNED}) is True
        assert self.verify({"X-Salla-Signature": webhooks.sign(BODY, "old")}) is True

    @pytest.mark.parametrize(
        "signature",
        [
            "", SIGNED.upper(), f"sha256={SIGNED}", f" {SIGNED}", f"{SIGNED},{SIGNED}", SIGNED[:-1], f"{SIGNED}0",
            "٠" * 64, "\udcff" * 64, webhooks.sign(BODY, "stranger"), webhooks.sign(BODY + b" ", "new"),
            hashlib.sha256(BODY).hexdigest(),
        ],
    )  # fmt: skip
    def test_anything_else_does_not(self, signature: str) -> None:
        assert self.verify({"X-Salla-Signature": signature}) is False

    def test_without_a_header_nothing_is_authentic(self) -> None:
        assert self.verify({}) is False
        assert self.verify({}, strategy="token") is False

    @pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
    def test_without_a_secret_nothing_is_authentic(self, secrets: list[str]) -> None:
        assert self.verify({"X-Salla-Signature": webhooks.sign(BODY, "")}, secrets=secrets) is False
        assert self.verify({"Authorization": ""}, strategy="token", secrets=secrets) is False

    @pytest.mark.parametrize("strategy", ["none", "", "Signature", "SIGNATURE"])
    def test_an_unknown_strategy_refuses(self, strategy: str) -> None:
        headers = {"X-Salla-Signature": SIGNED, "Authorization": "new", "X-Salla-Security-Strategy": strategy}
        assert self.verify(headers, strategy=strategy) is False

    def test_the_senders_strategy_is_not_believed(self) -> None:
        assert self.verify({"X-Salla-Security-Strategy": "Token", "Authorization": "new"}) is False
        assert self.verify({"X-Salla-Security-Strategy": "None"}) is False

    @pytest.mark.parametrize(
        ("given", "is_authentic"),
        [("new", True), ("old", True), ("Bearer new", True), ("bearer new", False), ("NEW", False), ("new ", False)],
    )
    def test_a_token_is_compared_verbatim(self, given: str, is_authentic: bool) -> None:
        assert self.verify({"Authorization": given}, strategy="token") is is_authentic
        assert self.verify({"X-Salla-Signature": SIGNED}, strategy="token") is False

    def test_the_signature_is_plain_hmac_sha256_in_hex(self) -> None:
        digest = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        assert webhooks.sign(b"The quick brown fox jumps over the lazy dog", "key") == digest


class TestParse:
    def test_an_envelope_is_read(self) -> None:
        body = b'{"event":"order.created","merchant":"7","created_at":"2022-12-31 12:31:25","data":{"a":1.10},"x":1}'
        assert webhooks.parse(body) == webhooks.Envelope(
            event="order.created",
            store_id=7,
            created_at=datetime(2022, 12, 31, 9, 31, 25, tzinfo=UTC),
            data={"a": Decimal("1.10")},
        )

    @pytest.mark.parametrize("data", ['"data": []', '"data": {}', '"data": null', '"x": 1'])
    def test_nothing_is_written_in_many_ways(self, data: str) -> None:
        envelope = webhooks.parse(f'{{"event": "a", "merchant": 1, {data}}}'.encode())
        assert (envelope.data, envelope.created_at) == ({}, None)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "not JSON: "),
            (b"{", "not JSON: "),
            (b"\xff", "not UTF-8 at byte 0"),
            (b'{"a": "\x00"}', "contains a NUL byte"),
            (b"[" * 10**5, "nested too deeply"),
            (b'{"a":' * 10**5, "nested too deeply"),
            (b'{"event": NaN}', "not JSON: NaN is not JSON"),
            (b'{"event": -Infinity}', "not JSON: -Infinity is not JSON"),
            (b"[]", "not a JSON object"),
            (b'"text"', "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"{}", "no event name"),
            (b'{"event": ""}', "no event name"),
            (b'{"event": 7}', "no event name"),
            (b'{"event": "a\\u0000b", "merchant": 1}', "no event name"),
            (b'{"event": "%s", "merchant": 1}' % (b"a" * 101), "no event name"),
            (b'{"event": "a"}', "no merchant id"),
            (b'{"event": "a", "merchant": 0}', "no merchant id"),
            (b'{"event": "a", "merchant": -1}', "no merchant id"),
            (b'{"event": "a", "merchant": true}', "no merchant id"),
            (b'{"event": "a", "merchant": 9223372036854775808}', "no merchant id"),
            (b'{"event": "a", "merchant": 1.5}', "no merchant id"),
            (b'{"event": "a", "merchant": 1, "data": [1]}', "data is not an object"),
            (b'{"event": "a", "merchant": 1, "data": "x"}', "data is not an object"),
            (b'{"event": "a", "merchant": 1, "data": 0}', "data is not an object"),
            (b'{"event": "a", "merchant": ' + b"9" * 5000 + b"}", "not JSON: "),
        ],
    )
    def test_what_is_no_envelope_says_why(self, body: bytes, reason: str) -> None:
        with pytest.raises(webhooks.UnreadableBodyError) as error:
            webhooks.parse(body)
        assert str(error.value).startswith(reason)


# Machine traffic


def greedy(request: HttpRequest, number: int = 0) -> HttpResponse:
    """A view that asks for everything a machine must not get."""
    extras = [name for name in ("session", "user", "_messages", "csrf_processing_done") if hasattr(request, name)]
    assert request.resolver_match is not None
    return HttpResponse(f"{extras} {number} {request.resolver_match.view_name}")


urlpatterns = [*urls.urlpatterns, path("webhooks/planted/<int:number>/", greedy, name="planted")]


class TestMachineTraffic:
    @pytest.fixture(autouse=True)
    def _planted(self, settings: Any) -> None:
        settings.ROOT_URLCONF = "tests.test_core"

    @pytest.mark.parametrize("method", ["get", "post", "put"])
    def test_machines_get_no_session_and_no_cookies(self, method: str) -> None:
        response = getattr(Client(enforce_csrf_checks=True), method)("/webhooks/planted/7/")
        assert (response.status_code, response.content) == (200, b"[] 7 planted")
        assert (dict(response.cookies), "Vary" in response.headers) == ({}, False)

    def test_the_webhook_sets_no_cookie_and_asks_no_token(self) -> None:
        client = Client(enforce_csrf_checks=True)
        response = client.post("/webhooks/salla/", b"{}", content_type="application/json")
        assert (response.status_code, dict(response.cookies)) == (401, {})

    def test_an_unknown_machine_address_is_not_found(self, db: None) -> None:
        response = Client().get("/webhooks/none/")
        assert (response.status_code, dict(response.cookies)) == (404, {})

    @pytest.mark.parametrize("address", ["/", "/webhooks", "/sfx/", "/x/webhooks/"])
    def test_people_go_the_long_way(self, address: str) -> None:
        passed = MachineTraffic(lambda request: HttpResponse(b"long way"))
        assert passed(RequestFactory().get(address)).content == b"long way"  # type: ignore[attr-defined]
