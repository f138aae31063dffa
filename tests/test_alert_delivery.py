"""An alert on its way: what the mail server, the words and the team's addresses can do to it."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from core import clock
from core.models import Membership, Merchant, User
from notifications import alerts
from notifications.models import Alert, AlertMail
from notifications.tasks import send_alerts
from tests.alerts import SUNDAY, a_team, a_week, break_connection, reasons, sent
from tests.alerts import at as raise_digests_at
from tests.conftest import work
from tests.plans import Deliver, event

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


# People of whom Salla told a number alone


CONTACT = "contact@example.com"


@pytest.fixture
def by_number(merchant: Merchant) -> User:
    user = User.objects.create_user("77@salla.invalid")
    Membership.objects.create(user=user, merchant=merchant, role=Role.OWNER)
    return user


def fill_in(deliver: Deliver, merchant: Merchant, value: str) -> None:
    deliver(event(merchant.salla_id, "settings.updated", clock.now(), settings={"contact_email": value}))
    work()


def test_no_mail_goes_to_a_number(merchant: Merchant, team: dict[str, User], by_number: User) -> None:
    break_connection(merchant)
    send_alerts()
    assert sent() == [("owner@example.com", BROKEN)]
    assert merchant.alert_mails.count() == 1


def test_no_digest_goes_to_a_number(merchant: Merchant, by_number: User) -> None:
    a_week(merchant)
    raise_digests_at(SUNDAY)
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.NOBODY)])


def test_who_turns_out_to_have_no_address_is_left_out(merchant: Merchant, team: dict[str, User]) -> None:
    break_connection(merchant)
    alerts.address(Alert.unscoped.get())
    User.objects.filter(pk=team["owner"].pk).update(email="78@salla.invalid")
    send_alerts()
    assert sent() == []
    assert merchant.alert_mails.get(user=team["owner"]).reason == alerts.NOT_OF_TEAM


def test_staff_see_that_there_was_nobody_to_tell(merchant: Merchant, by_number: User, admin_client: Client) -> None:
    break_connection(merchant)
    send_alerts()
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.NOBODY)])
    page = admin_client.get("/admin/notifications/alert/", headers={"accept-language": "ar"}).content.decode()
    assert "لا يوجد من يُبلَّغ" in page


def test_what_is_needed_goes_to_the_contact_of_the_form_where_nobody_has_an_address(
    deliver: Deliver, merchant: Merchant, by_number: User
) -> None:
    fill_in(deliver, merchant, CONTACT)
    break_connection(merchant)
    send_alerts()
    Alert.unscoped.update(state="waiting", due_at=clock.now())  # decided again
    send_alerts()
    assert sent() == [(CONTACT, BROKEN)]
    [message] = outbox.outbox
    why = "تصلك هذه الرسالة لأن إعدادات نومو فلو"
    assert why in message.body
    assert why in message.alternatives[0][0]
    [mail] = merchant.alert_mails.all()
    assert (mail.user, mail.state, mail.language) == (None, "processed", "ar")


def test_the_contact_hears_nothing_where_an_owner_does(
    deliver: Deliver, merchant: Merchant, team: dict[str, User]
) -> None:
    fill_in(deliver, merchant, CONTACT)
    break_connection(merchant)
    send_alerts()
    assert sent() == [("owner@example.com", BROKEN)]


def test_the_contact_gets_no_digest(deliver: Deliver, merchant: Merchant, by_number: User) -> None:
    fill_in(deliver, merchant, CONTACT)
    a_week(merchant)
    raise_digests_at(SUNDAY)
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.NOBODY)])


def test_what_is_no_address_is_not_written_to(deliver: Deliver, merchant: Merchant, by_number: User) -> None:
    fill_in(deliver, merchant, "call me")
    break_connection(merchant)
    send_alerts()
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.NOBODY)])


def test_a_contact_taken_back_before_it_goes_out_hears_nothing(
    deliver: Deliver, merchant: Merchant, by_number: User
) -> None:
    fill_in(deliver, merchant, CONTACT)
    break_connection(merchant)
    alerts.address(Alert.unscoped.get())
    fill_in(deliver, merchant, "")
    send_alerts()
    assert (sent(), [(state, reason) for state, _, reason in outcome(merchant)]) == (
        [],
        [("ignored", alerts.NOT_OF_TEAM)],
    )


def test_the_page_says_that_there_is_no_address(client: Client, merchant: Merchant, by_number: User) -> None:
    client.force_login(by_number)
    address = f"/stores/{merchant.public_id}/e-mails/"
    english = client.get(address, headers={"accept-language": "en"}).content.decode()
    assert "salla.invalid" not in english
    assert "Salla told us no e-mail address of yours, so nothing is sent to you" in english
    assert "On the page “Team” an owner can add your address." in english
    assert 'name="wants_digest"' not in english
    assert "is told to its owners in any case" not in english
