"""What a store's team is told by e-mail: once for each occurrence, to the right people, in their language."""

import smtplib
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core import mail as outbox

from core import clock, redis
from core.models import Membership, Merchant, User
from events import facts
from events.models import Reaction
from events.services import record
from features import seen
from features import services as switchboard
from features.registry import Card
from integrations.models import Connection
from notifications import alerts, services
from notifications.models import Alert, AlertMail
from notifications.tasks import send_alerts
from tests.alerts import a_team, break_connection, reasons, sent
from tests.cards import Settings, a_card, registered
from tests.conftest import store, work
from tests.mail_servers import KilledError, Server, raising

pytestmark = pytest.mark.django_db

Role, State, Kind = Membership.Role, Alert.State, Alert.Kind


@pytest.fixture
def team(merchant: Merchant) -> dict[str, User]:
    return a_team(merchant)


@pytest.fixture
def card() -> Iterator[Card[Settings]]:
    with registered(a_card()) as one:
        yield one


# Once, to whom it concerns


def test_a_broken_connection_is_told_to_the_owners_once(merchant: Merchant, team: dict[str, User]) -> None:
    services.choose(merchant, team["owner"], wants_digest=False)  # no way out of what is needed
    break_connection(merchant)
    Reaction.unscoped.update(state="waiting", attempts=0, due_at=clock.now())  # the handler runs again
    work()
    send_alerts()
    send_alerts()
    assert sent() == [("owner@example.com", "متجرك لم يعد مرتبطًا بنومو فلو")]
    [mail] = merchant.alert_mails.all()
    assert (mail.state, mail.language, mail.sent_at is not None) == ("processed", "ar", True)
    [message] = outbox.outbox
    html = message.alternatives[0][0]
    assert '<html lang="ar" dir="rtl">' in html
    assert f"/stores/{merchant.public_id}/" in message.body
    assert "List-Unsubscribe" not in message.extra_headers
    assert message.extra_headers["Message-ID"] == f"<alert-{merchant.public_id}-{mail.pk}@localhost>"
    break_connection(merchant, "store:disconnected:2")  # another time
    send_alerts()
    assert len(outbox.outbox) == 2


def test_what_no_longer_holds_is_not_told(merchant: Merchant, team: dict[str, User]) -> None:
    break_connection(merchant)
    Connection.unscoped.update(state=Connection.State.CONNECTED)
    send_alerts()
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.CONNECTED_AGAIN)])


def test_a_store_that_left_hears_nothing(merchant: Merchant, team: dict[str, User]) -> None:
    break_connection(merchant)
    Connection.unscoped.update(state=Connection.State.UNINSTALLED)
    send_alerts()
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.LEFT)])


def test_tokens_that_no_key_opens_stop_no_mail(merchant: Merchant, team: dict[str, User], settings: Any) -> None:
    break_connection(merchant)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    send_alerts()
    assert len(sent()) == 1


def test_each_reads_in_his_own_language(merchant: Merchant, team: dict[str, User]) -> None:
    other = User.objects.create_user("second@example.com")
    Membership.objects.create(user=other, merchant=merchant, role=Role.OWNER)
    services.choose(merchant, other, wants_digest=True, language="en")
    break_connection(merchant)
    send_alerts()
    assert sent() == [
        ("owner@example.com", "متجرك لم يعد مرتبطًا بنومو فلو"),
        ("second@example.com", "Your store is no longer connected to Nomo Flow"),
    ]
    assert '<html lang="en" dir="ltr">' in next(m for m in outbox.outbox if m.to == [other.email]).alternatives[0][0]


def test_who_leaves_the_team_before_it_goes_out_hears_nothing(merchant: Merchant, team: dict[str, User]) -> None:
    break_connection(merchant)
    alerts.address(Alert.unscoped.get())
    merchant.memberships.filter(user=team["owner"]).delete()
    send_alerts()
    assert sent() == []
    assert merchant.alert_mails.get(user=team["owner"]).reason == alerts.NOT_OF_TEAM


def test_another_stores_people_hear_nothing(
    merchant: Merchant, other_merchant: Merchant, team: dict[str, User]
) -> None:
    stranger = User.objects.create_user("stranger@example.com")
    Membership.objects.create(user=stranger, merchant=other_merchant, role=Role.OWNER)
    break_connection(merchant)
    send_alerts()
    assert [to for to, _ in sent()] == ["owner@example.com"]
    assert (other_merchant.alerts.count(), other_merchant.alert_mails.count()) == (0, 0)


# The mail server


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    settings.EMAIL_BACKEND = "tests.mail_servers.Server"
    return monkeypatch


def again() -> None:
    """Whatever it waits for has come."""
    AlertMail.unscoped.filter(state=State.WAITING).update(due_at=clock.now())
    send_alerts()


@pytest.mark.parametrize(
    ("moment", "error", "reason"),
    [
        ("before_open", ConnectionRefusedError(), alerts.NO_SERVER),
        ("before", smtplib.SMTPDataError(451, b"later"), alerts.REFUSED),
        ("before", smtplib.SMTPRecipientsRefused({}), alerts.REFUSED),
    ],
)
def test_a_server_that_said_no_is_asked_again(
    moment: str, error: Exception, reason: str, merchant: Merchant, team: dict[str, User], server: pytest.MonkeyPatch
) -> None:
    server.setattr(Server, moment, staticmethod(raising(error)))
    break_connection(merchant)
    send_alerts()
    mail = merchant.alert_mails.get()
    assert (mail.state, mail.reason, mail.started_at, len(outbox.outbox)) == ("waiting", reason, None, 0)
    server.setattr(Server, moment, None)
    again()
    assert len(sent()) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("error", [KilledError(), TimeoutError(), smtplib.SMTPServerDisconnected()], ids=type)
def test_what_may_have_been_sent_is_never_sent_again(
    moment: str, error: BaseException, merchant: Merchant, team: dict[str, User], server: pytest.MonkeyPatch
) -> None:
    server.setattr(Server, moment, staticmethod(raising(error)))
    break_connection(merchant)
    try:
        send_alerts()
    except KilledError:
        assert merchant.alert_mails.get().state == "waiting"  # and comes back when the claim ends
    server.setattr(Server, moment, None)
    again()
    again()
    mail = merchant.alert_mails.get()
    assert (mail.state, mail.reason) == ("dead", alerts.UNKNOWN)
    assert len(outbox.outbox) == (1 if moment == "after" else 0)


def test_a_worker_that_dies_before_it_asks_the_server_loses_nothing(
    merchant: Merchant, team: dict[str, User], server: pytest.MonkeyPatch
) -> None:
    server.setattr(Server, "before_open", staticmethod(raising(KilledError())))
    break_connection(merchant)
    with pytest.raises(KilledError):
        send_alerts()
    server.setattr(Server, "before_open", None)
    again()
    assert len(sent()) == 1


# The first sale


def an_order(merchant: Merchant, number: int, placed_at: datetime) -> None:
    order = merchant.orders.create(
        salla_id=number, reference_id=number, source_updated_at=placed_at, placed_at=placed_at, status="completed",
        payment_method="mada", is_pending_payment=False, total=Decimal("1047.50"), currency="SAR",
    )  # fmt: skip
    record(merchant, facts.OrderPaid(order_id=order.salla_id), key=f"order:{number}:paid")
    work()


def test_the_first_sale_is_the_first_after_a_card_went_on(
    merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    an_order(merchant, 1, clock.now())
    switchboard.switch(merchant, card=card, is_on=True)
    an_order(merchant, 2, clock.now() - timedelta(days=3))  # read later, placed before
    assert merchant.alerts.count() == 0
    an_order(merchant, 3, clock.now())
    an_order(merchant, 4, clock.now())
    send_alerts()
    subject = "أول طلب مدفوع منذ تفعيل أدواتك"
    assert sent() == [("editor@example.com", subject), ("owner@example.com", subject)]
    assert "#3" in outbox.outbox[0].body
    assert "1,047.50" in outbox.outbox[0].body


# The script


def watched(merchant: Merchant, card: Card[Settings], *, on_for: timedelta, known_for: timedelta) -> None:
    """The card has been on for so long, and Redis remembers for so long."""
    now = clock.now()
    with time_machine.travel(now - on_for):
        switchboard.switch(merchant, card=card, is_on=True)
    redis.client().set(seen._key("since"), int((now - known_for).timestamp()))
    services.watch_scripts()
    send_alerts()


DAY, HOUR = timedelta(hours=24), timedelta(hours=1)


def test_a_card_that_no_page_asked_for_in_a_day_is_told_once(
    merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    watched(merchant, card, on_for=DAY + HOUR, known_for=30 * DAY)
    assert [to for to, _ in sent()] == ["editor@example.com", "owner@example.com"]
    assert "على تفعيل «الطلبات»" in outbox.outbox[0].body
    switchboard.switch(merchant, card=card, is_on=False)
    with time_machine.travel(clock.now() + timedelta(days=3)):
        switchboard.switch(merchant, card=card, is_on=True)
    with time_machine.travel(clock.now() + timedelta(days=6)):
        services.watch_scripts()  # the same silence
    assert merchant.alerts.count() == 1


@pytest.mark.parametrize(
    ("on_for", "known_for"), [(DAY - HOUR, 30 * DAY), (30 * DAY, DAY - HOUR)], ids=["too soon", "Redis is new"]
)
def test_nothing_is_told_before_a_day_of_silence(
    on_for: timedelta, known_for: timedelta, merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    watched(merchant, card, on_for=on_for, known_for=known_for)
    assert (sent(), merchant.alerts.count()) == ([], 0)


def test_a_script_that_was_seen_is_well(merchant: Merchant, team: dict[str, User], card: Card[Settings]) -> None:
    seen.note(merchant.salla_id, "https://shop.example")
    watched(merchant, card, on_for=2 * DAY, known_for=30 * DAY)
    assert merchant.alerts.count() == 0


def test_a_new_redis_begins_to_remember(merchant: Merchant, card: Card[Settings]) -> None:
    first = seen.remembered_since()
    with time_machine.travel(clock.now() + DAY):
        assert seen.remembered_since() == first


def test_a_purged_store_keeps_no_person(merchant: Merchant, team: dict[str, User]) -> None:
    break_connection(merchant)
    send_alerts()
    services.choose(merchant, team["owner"], wants_digest=False)
    record(merchant, facts.StorePurged(), key="store:purged:1")
    work()
    assert (merchant.alert_mails.count(), merchant.mail_choices.count(), merchant.alerts.count()) == (0, 0, 1)
    assert store(1).alerts.count() == 0
