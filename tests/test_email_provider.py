"""E-mail against a real mail server, whose answers depend on the recipient."""

import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from typing import Any

import pytest
import requests

from core.models import Merchant
from notifications.models import Message
from tests.contacts import TEXT, ask
from tests.outbox import again, send
from tests.outside import Outside

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(outside: Outside, settings: Any) -> Iterator[Outside]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", outside.mail_port, 5
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    requests.delete(f"{outside.url}/_messages", timeout=5)
    yield outside
    requests.delete(f"{outside.url}/_messages", timeout=5)


def arrived(sink: Outside) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{sink.url}/_messages", timeout=5).json()["messages"]
    return found


def test_what_arrives_is_what_a_mail_program_wants(merchant: Merchant, sink: Outside) -> None:
    ask(merchant)
    send()
    (mail,) = arrived(sink)
    row = merchant.messages.get()
    headers = mail["raw"]["headers"]
    assert (mail["to"], row.state) == ("sara@example.com", "accepted")
    assert str(make_header(decode_header(headers["From"]))) == "متجر 1305146709 <no-reply@nomoflow.example>"
    assert (headers["Message-ID"], row.provider_id) == (row.provider_id, f"<message-{row.public_id}@localhost>")
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Content-Type"].startswith("multipart/alternative")
    assert TEXT in mail["text"]
    assert TEXT in mail["html"]
    assert re.search(r'<html lang="ar" dir="rtl">', mail["html"])
    assert max(len(line.encode()) for line in mail["html"].splitlines()) <= 998


@pytest.mark.parametrize(
    ("local", "first", "then", "count"),
    [
        ("ok", ("accepted", ""), ("accepted", ""), 1),
        ("hard", ("failed", "no_recipient"), ("failed", "no_recipient"), 0),
        ("full", ("queued", "later"), ("queued", "later"), 0),
        ("policy", ("failed", "bad_content"), ("failed", "bad_content"), 0),
        ("greylist", ("queued", "later"), ("accepted", ""), 1),
        ("drop", ("unknown", "unknown"), ("unknown", "unknown"), 1),
    ],
)
def test_what_the_server_says_decides(
    merchant: Merchant, sink: Outside, local: str, first: tuple[str, str], then: tuple[str, str], count: int
) -> None:
    ask(merchant, f"{local}@example.com")
    send()
    assert fate(merchant) == first
    again()
    assert fate(merchant) == then
    assert len([mail for mail in arrived(sink) if mail["to"].startswith(local)]) == count


def fate(merchant: Merchant) -> tuple[str, str]:
    row: Message = merchant.messages.get()
    return row.state, row.reason


def test_a_server_that_is_not_there_was_given_nothing(merchant: Merchant, sink: Outside, settings: Any) -> None:
    settings.EMAIL_PORT = 9
    ask(merchant)
    send()
    assert fate(merchant) == ("queued", "server_away")
    settings.EMAIL_PORT = sink.mail_port
    again()
    assert fate(merchant) == ("accepted", "")
