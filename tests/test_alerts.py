"""What a store's team is told by e-mail: once for each occurrence, to the right people, in their language."""

import re
import smtplib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core import mail as outbox
from django.core.mail.backends.locmem import EmailBackend

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
from tests.cards import Settings, a_card, registered
from tests.conftest import store, work

pytestmark = pytest.mark.django_db

Role, State, Kind = Membership.Role, Alert.State, Alert.Kind
SUNDAY = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)  # 09:00 in Riyadh


@pytest.fixture
def team(merchant: Merchant) -> dict[str, User]:
    people = {}
    for role in Role:
        people[role.value] = User.objects.create_user(f"{role}@example.com", name=role.value)
        Membership.objects.create(user=people[role.value], merchant=merchant, role=role)
    return people


@pytest.fixture
def card() -> Iterator[Card[Settings]]:
    with registered(a_card()) as one:
        yield one


@pytest.fixture(autouse=True)
def _unseen() -> Iterator[None]:
    seen.forget()
    yield
    seen.forget()


def break_connection(merchant: Merchant, key: str = "store:disconnected:1") -> None:
    Connection.unscoped.filter(merchant=merchant).update(state=Connection.State.NEEDS_REINSTALL)
    record(merchant, facts.StoreDisconnected(), key=key)
    work()


def sent() -> list[tuple[str, str]]:
    return sorted((message.to[0], message.subject) for message in outbox.outbox)


def reasons(merchant: Merchant) -> list[tuple[str, str]]:
    return list(merchant.alerts.order_by("pk").values_list("state", "reason"))


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


class Server(EmailBackend):
    """Does what the test says before it takes a message."""

    before_open: Callable[[], None] | None = None
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def open(self) -> None:
        if Server.before_open:
            Server.before_open()

    def send_messages(self, messages: Any) -> int:
        if Server.before:
            Server.before()
        count: int = super().send_messages(messages)
        if Server.after:
            Server.after()
        return count


def raising(error: BaseException) -> Callable[[], None]:
    def fails() -> None:
        raise error

    return fails


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    settings.EMAIL_BACKEND = "tests.test_alerts.Server"
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


class KilledError(BaseException):
    """Nothing of ours catches it."""


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


# The week


def a_week(merchant: Merchant) -> None:
    """Orders at the edges of the week that ends on that Sunday in Riyadh; the store is older."""
    Merchant.objects.filter(pk=merchant.pk).update(created_at=SUNDAY - timedelta(days=90))
    for number, at in enumerate(("2026-11-14T20:59", "2026-11-14T21:00", "2026-11-21T20:59", "2026-11-21T21:00"), 1):
        placed_at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        merchant.orders.create(
            salla_id=number, source_updated_at=placed_at, placed_at=placed_at, status="completed",
            payment_method="mada", is_pending_payment=False, total=Decimal(100 * number), currency="SAR",
        )  # fmt: skip


def at(moment: datetime) -> None:
    with time_machine.travel(moment):
        services.raise_digests()
        services.raise_digests()
        send_alerts()


def test_the_digest_tells_the_saudi_week_once_to_everybody(
    merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    a_week(merchant)
    switchboard.switch(merchant, card=card, is_on=True)
    services.choose(merchant, team["viewer"], wants_digest=True, language="en")
    at(SUNDAY - timedelta(minutes=1))
    assert sent() == []
    at(SUNDAY)
    at(SUNDAY + timedelta(hours=20))
    subject = "أسبوعك: من 15 نوفمبر إلى 21 نوفمبر"
    assert sent() == [
        ("editor@example.com", subject),
        ("owner@example.com", subject),
        ("viewer@example.com", "Your week: 15 November to 21 November"),
    ]
    english = next(message for message in outbox.outbox if message.to == ["viewer@example.com"])
    assert "- Orders: 2\n" in english.body
    assert re.search(r"- Paid sales: SAR\s500\.00\n", english.body)
    assert "not only those that Nomo Flow brought" in english.body
    assert "- orders: Running\n" in english.body
    assert "- The script in your store: not seen for a month\n" in english.body


def test_late_is_no_news(merchant: Merchant, team: dict[str, User]) -> None:
    a_week(merchant)
    at(SUNDAY + timedelta(hours=24))
    assert merchant.alerts.count() == 0


def test_a_week_without_news_is_silent_and_says_why(
    merchant: Merchant, team: dict[str, User], card: Card[Settings]
) -> None:
    Merchant.objects.update(created_at=SUNDAY - timedelta(days=90))
    switchboard.switch(merchant, card=card, is_on=True)
    at(SUNDAY)
    assert (sent(), reasons(merchant)) == ([], [("ignored", alerts.NO_NEWS)])


def test_a_store_elsewhere_has_its_own_sunday(merchant: Merchant, team: dict[str, User]) -> None:
    a_week(merchant)
    Merchant.objects.update(time_zone="America/New_York")
    at(SUNDAY)
    assert merchant.alerts.count() == 0
    at(SUNDAY + timedelta(hours=8))
    assert merchant.alerts.count() == 1


def test_a_store_without_connection_or_from_this_week_gets_none(
    merchant: Merchant, other_merchant: Merchant, team: dict[str, User]
) -> None:
    a_week(merchant)
    Merchant.objects.filter(pk=other_merchant.pk).update(created_at=SUNDAY)
    Connection.unscoped.filter(merchant=merchant).update(state=Connection.State.NEEDS_REINSTALL)
    at(SUNDAY)
    assert Alert.unscoped.count() == 0


def test_a_purged_store_keeps_no_person(merchant: Merchant, team: dict[str, User]) -> None:
    break_connection(merchant)
    send_alerts()
    services.choose(merchant, team["owner"], wants_digest=False)
    record(merchant, facts.StorePurged(), key="store:purged:1")
    work()
    assert (merchant.alert_mails.count(), merchant.mail_choices.count(), merchant.alerts.count()) == (0, 0, 1)
    assert store(1).alerts.count() == 0
