"""An alert on its way: what the mail server, the words and the team's addresses can do to it."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail.backends.locmem import EmailBackend

from core import clock
from core.models import Membership, Merchant, User
from notifications import alerts
from notifications.models import Alert, AlertMail
from notifications.tasks import send_alerts
from tests.alerts import SUNDAY, a_team, a_week, break_connection, sent
from tests.alerts import at as raise_digests_at

pytestmark = pytest.mark.django_db

Role = Membership.Role
PAUSE = timedelta(minutes=15)
BROKEN = "متجرك لم يعد مرتبطًا بنومو فلو"


@pytest.fixture
def team(merchant: Merchant) -> dict[str, User]:
    return a_team(merchant)


def outcome(merchant: Merchant) -> list[tuple[str, int, str]]:
    return list(merchant.alert_mails.order_by("pk").values_list("state", "attempts", "reason"))


# The mail server


class Silent(EmailBackend):
    """Nobody answers while `is_down`."""

    is_down = True

    def open(self) -> None:
        if Silent.is_down:
            raise ConnectionRefusedError("owner@example.com")


@pytest.fixture
def outage(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Calling it ends the outage."""
    settings.EMAIL_BACKEND = "tests.test_alert_delivery.Silent"
    monkeypatch.setattr(Silent, "is_down", True)
    return lambda: monkeypatch.setattr(Silent, "is_down", False)


@pytest.fixture
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(SUNDAY, tick=False) as traveller:
        yield traveller


def test_an_outage_of_days_loses_no_alert(
    merchant: Merchant, team: dict[str, User], travel: time_machine.Traveller, outage: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    break_connection(merchant)
    with caplog.at_level(logging.WARNING, logger="notifications.alerts"):
        for _ in range(20):  # more than any work is tried
            send_alerts()
            travel.shift(PAUSE)
    assert outcome(merchant) == [("waiting", 0, alerts.NO_SERVER)]
    assert {record.getMessage() for record in caplog.records} == {
        "alerts: the mail server does not answer: ConnectionRefusedError"
    }
    travel.move_to(SUNDAY + timedelta(days=3) - PAUSE)
    send_alerts()
    assert (outcome(merchant)[0][0], sent()) == ("waiting", [])
    outage()
    send_alerts()
    assert sent() == []  # not before the pause is over
    travel.shift(PAUSE)
    send_alerts()
    assert sent() == [("owner@example.com", BROKEN)]


def test_an_alert_of_three_days_ago_is_given_up(
    merchant: Merchant, team: dict[str, User], travel: time_machine.Traveller, outage: Callable[[], None]
) -> None:
    break_connection(merchant)
    send_alerts()
    travel.move_to(SUNDAY + timedelta(days=3))
    send_alerts()
    outage()
    travel.shift(PAUSE)
    send_alerts()
    assert (outcome(merchant), sent()) == ([("dead", 1, alerts.NO_SERVER)], [])


def test_a_digest_of_yesterday_is_given_up(
    merchant: Merchant, team: dict[str, User], outage: Callable[[], None]
) -> None:
    a_week(merchant)
    raise_digests_at(SUNDAY)
    assert outcome(merchant) == [("waiting", 0, alerts.NO_SERVER)] * 3
    with time_machine.travel(SUNDAY + timedelta(days=1, minutes=1)):
        send_alerts()
    assert (outcome(merchant), sent()) == ([("dead", 1, alerts.NO_SERVER)] * 3, [])


# The words


def test_a_message_that_cannot_be_built_is_tried_again(
    merchant: Merchant, team: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_connection(merchant)
    with monkeypatch.context() as patch:
        patch.setattr(alerts, "_headers", lambda row, context: {"X-Broken": "one\ntwo"})
        send_alerts()
    mail = merchant.alert_mails.get()
    assert (mail.state, mail.attempts, mail.started_at, sent()) == ("waiting", 1, None, [])
    assert mail.reason.startswith("BadHeaderError")
    AlertMail.unscoped.update(due_at=clock.now())
    send_alerts()
    assert sent() == [("owner@example.com", BROKEN)]


def test_a_template_that_fails_is_tried_again(
    merchant: Merchant, team: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(name: str, context: dict[str, Any]) -> str:
        raise KeyError(name)

    break_connection(merchant)
    with monkeypatch.context() as patch:
        patch.setattr("core.mail.render_to_string", fails)
        send_alerts()
    assert outcome(merchant) == [("waiting", 1, "KeyError: 'mail/alert_disconnected.txt'")]
    assert merchant.alert_mails.get().started_at is None
    AlertMail.unscoped.update(due_at=clock.now())
    send_alerts()
    assert (sent(), Alert.unscoped.get().state) == ([("owner@example.com", BROKEN)], "processed")
