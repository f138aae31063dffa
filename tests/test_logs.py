"""Log lines: machine-readable, with the ids of what they are about, and without any person or secret."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import task_postrun, task_prerun
from django.test import Client

from core import logs
from core.models import Merchant, User
from events import facts
from events.models import Reaction
from events.services import record
from events.tasks import pulse, react
from integrations.models import Delivery
from integrations.tasks import process_deliveries
from scripts import servers
from tests.conftest import SECRET

ACCESS = "ory_at_Kx2vQ7mZr9Tb4nLw8sYd1c.Ab3dEf6hIj9kLm2nOp5qRs8t"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"
WORDLIKE = "a webhook secret of ours"  # which nothing but our settings tells from prose
CANARIES = {
    "phone": "+966 50 123 4567",
    "phone without plus": "966501234567",
    "phone at home": "0501234567",
    "phone in Arabic digits": "٠٥٠١٢٣٤٥٦٧",
    "foreign phone": "00201001234567",
    "e-mail": "noura.canary@example.com",
    "e-mail in an address": "noura.canary%40example.com",
    "access token": ACCESS,
    "JWT": JWT,
    "opaque": "mF9tGq2LxW7rZb4KvN8sYc3D",
    "known secret": WORDLIKE,
}
IDS = {"order": 2116149737, "merchant": 1305146709, "delivery": 42}


@pytest.fixture
def lines(settings: Any) -> Iterator[io.StringIO]:
    """What the one handler writes."""
    settings.DEBUG = settings.SANDBOX = False
    settings.SALLA_WEBHOOK_SECRETS = [SECRET, WORDLIKE]
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.formatter())
    logging.getLogger().addHandler(handler)
    logs.begin()
    yield written
    logging.getLogger().removeHandler(handler)
    logs.begin()


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


class BankError(Exception):
    pass


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_no_canary_comes_out_of_anywhere_and_ids_do(canary: str, lines: io.StringIO) -> None:
    log = logging.getLogger("tests.canary")
    body = {"data": {"customer": {"note": canary, "list": [canary.encode()]}}, canary: 1}
    log.warning(f"order 2116149737: {canary}")
    log.warning("order %s of %s", 2116149737, canary)
    log.warning("order %(order)s of %(who)s", {"order": 2116149737, "who": canary})
    log.warning(
        "said", extra={**IDS, "body": body, "text": canary, "said": json.dumps(body, ensure_ascii=False, default=str)}
    )
    try:
        try:
            raise BankError(canary)
        except BankError as error:
            raise ValueError({"refused": canary}) from error
    except ValueError:
        log.exception("order %s failed", 2116149737, stack_info=True)
    written = lines.getvalue()
    assert canary not in written
    assert canary not in json.dumps(read(lines), ensure_ascii=False)
    assert "noura" not in written
    found = read(lines)
    assert len(found) == 5
    assert all("2116149737" in line["event"] for line in (*found[:3], found[4]))
    assert {key: found[3][key] for key in IDS} == IDS
    assert "BankError" in found[4]["exception"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("{'mobile': 501234567, 'id': 501234567}", "{'mobile': …, 'id': 501234567}"),
        ('{"Authorization": "Bearer abc", "a": 1}', '{"Authorization": …, "a": 1}'),
        ("Authorization: Bearer abcdefgh ijk", "Authorization: … ijk"),
        ("sent Basic dXNlcjpwYXNz now", "sent Basic … now"),
        ("?access_token=abc&page=2", "?access_token=…&page=2"),
        ("password='a b' user=7", "password=… user=7"),
        ("postgres://nomo:pw@127.0.0.1:5432/nomo", "postgres://…@127.0.0.1:5432/nomo"),
        ("/sign-in/abc/ and /mail/unsubscribe/a:b:c/", "/sign-in/…/ and /mail/unsubscribe/…/"),
        # What is none of it stays.
        ("store 1305146709: order 566146469 of 2026-11-22T20:51:25+03:00", None),
        ("sign-in: no e-mail goes out: SMTPException", None),
        ("the token was refused and can't be refreshed", None),
        ("integrations.Delivery 42 failed, attempt 3: 503 after 0.512345678 s", None),
        ("/stores/3f2504e0-4f89-11d3-9a0c-0305e82c3301/cards/latest_purchase/", None),
        ("celery@web-1 ready, task 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", None),
    ],
)
def test_what_is_masked_and_what_is_not(text: str, shown: str | None, lines: io.StringIO) -> None:
    logging.getLogger("tests").warning("%s", text)
    assert read(lines)[0]["event"] == (text if shown is None else shown)


def test_a_line_says_when_who_and_how_bad(lines: io.StringIO) -> None:
    logging.getLogger("tests.a").error("no\nway")
    [line] = read(lines)
    assert lines.getvalue().count("\n") == 1
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "no\nway", "level": "error", "logger": "tests.a"}


def test_development_reads_lines(settings: Any) -> None:
    settings.DEBUG = True
    record_ = logging.LogRecord("tests", logging.WARNING, __file__, 1, "to %s", ("a.b@example.com",), None)
    text = logs.formatter().format(record_)
    assert "to …" in text
    assert not text.startswith("{")


def test_django_has_no_handler_that_does_not_mask() -> None:
    assert [logging.getLogger(name).handlers for name in ("django", "django.server", "django.request")] == [[]] * 3
    assert logging.getLogger("django.server").propagate


# Ids from the context


@pytest.mark.django_db
def test_a_request_is_named_on_each_of_its_lines(client: Client, lines: io.StringIO, staff: User) -> None:
    given = client.get("/no-such/", headers={"X-Request-ID": "proxy-given-1234"})
    made = client.get("/no-such/", headers={"X-Request-ID": "a b\n{}"})
    assert given.headers["X-Request-ID"] == "proxy-given-1234"
    assert len(made.headers["X-Request-ID"]) == 32
    found = [line["request_id"] for line in read(lines) if line["logger"] == "django.request"]
    assert found == ["proxy-given-1234", made.headers["X-Request-ID"]]
    assert "X-Request-ID" in client.get("/healthz").headers


@pytest.mark.django_db
def test_a_stores_page_names_the_store(merchant: Merchant, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    user = User.objects.create_user("noura.canary@example.com")
    merchant.memberships.create(user=user, role="owner")
    client = Client(raise_request_exception=False)
    client.force_login(user)

    def fails(*_: object) -> None:
        raise ValueError(f"no numbers for {user.email}")

    monkeypatch.setattr("nomo_flow.selectors.numbers", fails)
    assert client.get(f"/stores/{merchant.public_id}/").status_code == 500
    [line] = [line for line in read(lines) if line["level"] == "error"]
    assert line["merchant"] == merchant.pk
    assert line["exception"].count("no numbers for …") == 1
    client.get("/no-such/")
    assert "merchant" not in read(lines)[-1]


@pytest.mark.django_db
def test_a_work_row_is_named_while_it_runs(
    merchant: Merchant, lines: io.StringIO, deliver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver({"event": "order.created", "merchant": merchant.salla_id, "created_at": "2026-11-22", "data": {"id": "x"}})

    def fails(*_: object, **__: object) -> None:
        raise ValueError(f"call {CANARIES['phone']}")

    monkeypatch.setattr("integrations.translate.translate", fails)
    process_deliveries()
    [line] = [line for line in read(lines) if line["logger"] == "core.work"]
    row = Delivery.objects.get()
    named = {"work": "integrations.delivery", "row": row.pk, "merchant": merchant.pk}
    assert {key: line[key] for key in named} == named
    assert CANARIES["phone"] not in lines.getvalue()
    logging.getLogger("tests").warning("after")
    assert not {"work", "row", "merchant"} & set(read(lines)[-1])


@pytest.mark.django_db
def test_a_failed_handler_names_its_reaction_and_store(merchant: Merchant, lines: io.StringIO) -> None:
    event = record(merchant, facts.OrderDeleted(order_id=1), key="order:1:deleted")
    assert event is not None
    [row] = Reaction.unscoped.bulk_create([Reaction(merchant=merchant, event=event, handler="gone.handler")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("events.bus.handlers_of", lambda name: {"gone.handler": lambda event: 1 / 0})
        react()
    [line] = [line for line in read(lines) if line["logger"] == "core.work"]
    named = {"work": "events.reaction", "row": row.pk, "merchant": merchant.pk}
    assert {key: line[key] for key in named} == named
    assert "ZeroDivisionError" in line["exception"]


def test_a_task_is_named_while_it_runs(lines: io.StringIO) -> None:
    log = logging.getLogger("tests")
    task_prerun.send(sender=pulse, task=pulse, task_id="7b1d")
    log.warning("in it")
    task_postrun.send(sender=pulse, task=pulse, task_id="7b1d")
    log.warning("after it")
    inside, after = [line for line in read(lines) if line["logger"] == "tests"]
    assert (inside["task"], inside["task_id"]) == ("events.tasks.pulse", "7b1d")
    assert "task" not in after


def test_workers_and_beat_write_as_the_web_does() -> None:
    """Celery's own set-up, in a process of its own: it would replace every handler."""
    program = (
        "import logging; from nomo_flow.celery import app; app.log.setup(loglevel='INFO');"
        "logging.getLogger('celery.beat').warning('to %s', '+966501234567', extra={'row': 5});"
        "print(len(logging.getLogger().handlers))"
    )
    env = {**os.environ, "DEBUG": "false", "SANDBOX": "false"}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=env, cwd=servers.PROJECT, capture_output=True, text=True, check=True
    )
    [line] = [json.loads(line) for line in ran.stderr.splitlines()]
    assert (line["event"], line["row"], line["logger"]) == ("to …", 5, "celery.beat")
    assert ran.stdout == "1\n"
