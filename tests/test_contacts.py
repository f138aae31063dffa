"""Contacts: how an address becomes one, what its reader agreed to, and what may be sent there."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection
from redis import RedisError

from core import clock, redis, subjects
from core.contact_values import email_of, masked
from core.http import truncated
from core.models import Merchant
from events import facts
from events.services import record
from tests.conftest import facts_of, work
from tests.contacts import TEXT, answer, ask, ledger, subscribed
from visitors import consents, contact_links, contacts, suppressions
from visitors.consents import Reason, Words
from visitors.contacts import Outcome
from visitors.models import Channel, Consent, Contact, OptIn, Purpose, Suppression
from visitors.values import mailbox_of

pytestmark = pytest.mark.django_db
Source = Consent.Source


@pytest.fixture
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


# Their one form


@pytest.mark.parametrize(
    ("text", "email"),
    [
        (" Sara@Example.COM ", "sara@example.com"),
        ("sara٣@example.com", "sara3@example.com"),
        ("sara@متجر.sa", "sara@xn--pgbep1f.sa"),
        ("\u200esara@example.com\u200f", "sara@example.com"),
        ("sara@example.com.", "sara@example.com"),
        ("sara@example", None),
        ("sara example.com", None),
        ("a@b@example.com", None),
        ("Sara <sara@example.com>", None),
        ("sara@example.com\nbcc: all@example.com", None),
        ("سارة@example.com", None),
        ("x" * 65 + "@example.com", None),
        ("x@" + "y" * 63 + "." + "z" * 63 + "." + "y" * 63 + "." + "z" * 60 + ".com", None),
        ("x" * 600, None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_an_address_has_one_form(text: Any, email: str | None) -> None:
    assert email_of(text) == email


@pytest.mark.parametrize("text", ["0501234567", "٠٥٠١٢٣٤٥٦٧", "۰۵۰ ۱۲۳ ۴۵۶۷", "+966501234567", "00966501234567"])
def test_a_number_has_one_form(merchant: Merchant, text: str) -> None:
    assert ask(merchant, text, kind="phone") == Outcome.ASKED
    contact = merchant.contacts.get()
    assert (contact.kind, contact.value, contact.channels) == (
        Contact.Kind.PHONE,
        "+966501234567",
        (Channel.SMS, Channel.WHATSAPP),
    )


def test_what_is_shown_of_them_names_nobody() -> None:
    shown = [masked(text) for text in ("sara@example.com", "ab@example.com", "a@example.com", "+966501234567", "")]
    assert shown == ["sa•••@example.com", "a•••@example.com", "•••@example.com", "+966•••567", ""]


def test_of_a_network_little_is_kept() -> None:
    assert [truncated(text) for text in ("192.0.2.77", "2001:db8:1:2::/64", "unknown", "")] == [
        "192.0.2.0/24",
        "2001:db8:1::/48",
        "",
        "",
    ]


# In


def test_asking_writes_a_question_and_no_consent(merchant: Merchant) -> None:
    assert ask(merchant, "Sara@Example.com", network="192.0.2.77", visitor_key="v:1") == Outcome.ASKED
    contact, asked = merchant.contacts.get(), merchant.opt_ins.get()
    assert (contact.value, contact.verified_at, contact.source) == ("sara@example.com", None, "form")
    assert (asked.text, asked.page, asked.network, asked.state) == (TEXT, "/products/oud", "192.0.2.0/24", "pending")
    assert asked.expires_at - asked.asked_at == timedelta(days=7)
    assert facts_of(merchant) == [
        ("optin.requested", f"optin:{asked.pk}:1", {"contact_id": contact.pk, "optin_id": asked.pk})
    ]
    assert ledger(merchant) == []
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == Reason.NO_CONSENT
    assert contacts.may_send(merchant, contact, purpose=Purpose.CONFIRMATION) is None


def test_the_answer_gives_consent_in_the_words_that_were_shown(merchant: Merchant) -> None:
    contact = subscribed(merchant, visitor_key="v:1", name="سارة")
    contact.refresh_from_db()
    assert contact.verified_at is not None
    assert (contact.name, contact.visitor_key, contact.language) == ("سارة", "v:1", "ar")
    line = merchant.consents.get()
    assert (line.purpose, line.channel, line.state, line.source) == ("marketing", "email", "given", "form")
    assert (line.text, line.page, line.language) == (TEXT, "/products/oud", "ar")
    assert [name for name, _key, _data in facts_of(merchant)] == [
        "optin.requested",
        "contact.verified",
        "consent.given",
    ]
    assert set(merchant.events.values_list("visitor_key", flat=True)) == {"v:1"}
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) is None
    assert contacts.may_send(merchant, contact, purpose=Purpose.REMINDERS) == Reason.NO_CONSENT
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING, channel=Channel.SMS) == Reason.NO_CHANNEL


def test_answering_twice_is_once(merchant: Merchant) -> None:
    ask(merchant)
    asked = merchant.opt_ins.get()
    assert [answer(asked) is not None for _ in range(2)] == [True, True]
    assert len(ledger(merchant)) == 1


def test_an_old_or_forged_answer_is_none(merchant: Merchant, travel: time_machine.Traveller) -> None:
    ask(merchant)
    token = contact_links.confirm_token(merchant.opt_ins.get())
    for forged in ("", "x", token + "x", token[:-1], token[1:]):
        assert contacts.confirm(forged) is None
    travel.shift(timedelta(days=7))
    assert contacts.confirm(token) is None
    contacts.forget_unanswered()
    assert merchant.opt_ins.get().state == OptIn.State.EXPIRED
    assert ledger(merchant) == []


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("not an address", Outcome.INVALID),
        ("sara@mailinator.com", Outcome.DISPOSABLE),
        ("sara@box.mailinator.com", Outcome.DISPOSABLE),
        ("sara@notmailinator.example", Outcome.ASKED),
    ],
)
def test_what_is_no_lasting_address_is_refused_kindly(merchant: Merchant, value: str, outcome: Outcome) -> None:
    assert ask(merchant, value) == outcome
    assert merchant.opt_ins.count() == (outcome == Outcome.ASKED)
    assert str(outcome.label)


def test_known_and_unknown_get_the_same(merchant: Merchant, travel: time_machine.Traveller) -> None:
    subscribed(merchant)
    assert ask(merchant) == ask(merchant, "other@example.com") == Outcome.ASKED
    travel.shift(timedelta(days=2))
    assert ask(merchant) == Outcome.ASKED  # and he is asked again, as anybody is
    assert merchant.opt_ins.filter(contact__value="sara@example.com").count() == 2


# Limits


def requests(merchant: Merchant) -> int:
    return merchant.events.filter(name="optin.requested").count()


def test_an_address_is_asked_once_a_day_in_a_store(merchant: Merchant, travel: time_machine.Traveller) -> None:
    assert {ask(merchant) for _ in range(30)} == {Outcome.ASKED}
    assert requests(merchant) == 1
    travel.shift(timedelta(hours=24, seconds=1))
    assert ask(merchant) == Outcome.ASKED
    assert requests(merchant) == 2


def test_an_address_is_asked_three_times_a_day_everywhere(db: None) -> None:
    stores = [Merchant.objects.create(salla_id=number, name="متجر") for number in range(1, 6)]
    assert {ask(each) for each in stores} == {Outcome.ASKED}
    assert [requests(each) for each in stores] == [1, 1, 1, 0, 0]


def test_a_network_asks_five_times_a_minute_and_twenty_an_hour(merchant: Merchant) -> None:
    told = [ask(merchant, f"sara{n}@example.com", network="192.0.2.1") for n in range(9)]
    assert told == [Outcome.ASKED] * 5 + [Outcome.BUSY] * 4
    for _ in range(5):
        contacts.BY_MINUTE.forget("192.0.2.1")
        told = [ask(merchant, f"n{clock.now().timestamp()}@example.com", network="192.0.2.1") for _ in range(5)]
    assert told == [Outcome.BUSY] * 5
    assert requests(merchant) == 20
    assert ask(merchant, "sara@example.org", network="192.0.2.2") == Outcome.ASKED


def test_without_redis_nobody_is_asked(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RedisError

    monkeypatch.setattr(redis.client(), "eval", refuse)
    assert ask(merchant) == Outcome.BUSY
    assert merchant.contacts.count() == 0


# Once more


def test_who_does_not_answer_is_asked_once_more(merchant: Merchant, travel: time_machine.Traveller) -> None:
    ask(merchant)
    asked = merchant.opt_ins.get()
    travel.shift(timedelta(hours=23, minutes=59))
    contacts.ask_again()
    assert requests(merchant) == 1
    travel.shift(timedelta(minutes=2))
    for _ in range(3):
        contacts.ask_again()
        travel.shift(timedelta(days=1, hours=1))
    keys = merchant.events.order_by("pk").values_list("key", flat=True)
    assert list(keys) == [f"optin:{asked.pk}:1", f"optin:{asked.pk}:2"]
    assert answer(asked) is not None


def test_who_answered_or_asked_anew_is_not_asked_again(merchant: Merchant, travel: time_machine.Traveller) -> None:
    subscribed(merchant)
    ask(merchant, "other@example.com")
    travel.shift(timedelta(hours=25))
    ask(merchant, "other@example.com")
    contacts.ask_again()
    assert requests(merchant) == 3


def test_whoever_never_answered_is_forgotten(merchant: Merchant, travel: time_machine.Traveller) -> None:
    ask(merchant)
    kept = subscribed(merchant, "other@example.com")
    travel.shift(timedelta(days=38))
    contacts.forget_unanswered()
    assert [contact.pk for contact in merchant.contacts.all()] == [kept.pk]
    assert merchant.opt_ins.get().contact == kept


# Out


def leave(merchant: Merchant, contact: Contact, source: Source = Source.UNSUBSCRIBE, **changes: Any) -> None:
    contacts.withdraw(merchant, contact, words=Words(source), **changes)


def test_what_ended_is_not_sent_and_has_a_line(merchant: Merchant) -> None:
    contact = subscribed(merchant)
    leave(merchant, contact, purposes=[Purpose.MARKETING], channels=[Channel.EMAIL])
    leave(merchant, contact, purposes=[Purpose.MARKETING], channels=[Channel.EMAIL])
    assert ledger(merchant)[1:] == [("marketing", "email", "withdrawn", "unsubscribe")]
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == Reason.WITHDRAWN
    name, _key, data = facts_of(merchant)[-1]
    assert (name, data) == (
        "consent.withdrawn",
        {"contact_id": contact.pk, "purpose": "marketing", "channel": "email"},
    )


def declare(merchant: Merchant, contact: Contact) -> None:
    words = Words(Source.IMPORT, "كما في صفحة الدفع")
    ways = {"purposes": [Purpose.MARKETING], "channels": contact.channels}
    consents.give(merchant, contact, words=words, is_declared=True, **ways)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (Source.UNSUBSCRIBE, Reason.WITHDRAWN),
        (Source.CENTRE, Reason.WITHDRAWN),
        (Source.SALLA, Reason.WITHDRAWN),
        (Source.MERCHANT, None),
    ],
)
def test_what_a_merchant_declares_undoes_nobodys_own_end(
    merchant: Merchant, source: Source, reason: Reason | None
) -> None:
    contact = subscribed(merchant)
    leave(merchant, contact, source)
    declare(merchant, contact)
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == reason


def test_what_a_merchant_declares_counts_where_nothing_else_stands(merchant: Merchant) -> None:
    contact = contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="import")
    declare(merchant, contact)
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) is None
    assert facts_of(merchant)[0][2]["is_declared"] is True
    leave(merchant, contact)
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == Reason.WITHDRAWN


def test_who_stops_everything_can_come_back_by_himself(merchant: Merchant, travel: time_machine.Traveller) -> None:
    contact = subscribed(merchant)
    contacts.stop_all(merchant, contact, words=Words(Source.CENTRE))
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == Reason.SUPPRESSED
    assert contacts.may_send(merchant, contact, purpose=Purpose.SERVICE) is None
    travel.shift(timedelta(hours=25))
    assert subscribed(merchant) == contact
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) is None


def test_who_never_asked_is_not_asked_again(merchant: Merchant, travel: time_machine.Traveller) -> None:
    ask(merchant)
    contact = merchant.contacts.get()
    contacts.stop_all(merchant, contact, words=Words(Source.CENTRE))
    travel.shift(timedelta(hours=25))
    contacts.ask_again()
    assert ask(merchant) == Outcome.ASKED
    assert merchant.opt_ins.count() == 1
    assert contacts.may_send(merchant, contact, purpose=Purpose.CONFIRMATION) == Reason.SUPPRESSED


@pytest.mark.parametrize(
    ("reason", "kept_from"),
    [
        ("stopped", {"marketing", "reminders"}),
        ("erased", {"marketing", "reminders"}),
        ("imported", {"marketing", "reminders"}),
        ("refused", {"marketing", "reminders", "confirmation"}),
        ("complained", {"marketing", "reminders", "confirmation"}),
        ("bounced", {"marketing", "reminders", "confirmation", "service"}),
    ],
)
def test_what_a_suppression_keeps_away(merchant: Merchant, reason: str, kept_from: set[str]) -> None:
    contact = subscribed(merchant, purposes=[Purpose.MARKETING, Purpose.REMINDERS])
    suppressions.suppress(merchant, value=contact.value, channels=[Channel.EMAIL], reason=Suppression.Reason(reason))
    refused = {p.value for p in Purpose if contacts.may_send(merchant, contact, purpose=p) == Reason.SUPPRESSED}
    assert refused == kept_from
    assert contact.value.encode() not in bytes(merchant.suppressions.get().value_hash)


def test_two_stores_hashes_do_not_meet(merchant: Merchant, other_merchant: Merchant) -> None:
    hashes = {suppressions.hash_of(store, "sara@example.com") for store in (merchant, other_merchant, merchant)}
    assert len(hashes) == 2


# Salla


def customer(merchant: Merchant, is_enabled: bool | None, **columns: Any) -> None:
    merchant.customers.create(salla_id=7, source_updated_at=clock.now(), is_notifications_enabled=is_enabled, **columns)


@pytest.mark.parametrize(("is_enabled", "reason"), [(True, None), (False, Reason.SALLA), (None, Reason.SALLA)])
def test_salla_s_switch_forbids_and_proves_nothing(
    merchant: Merchant, is_enabled: bool | None, reason: Reason | None
) -> None:
    customer(merchant, is_enabled, email="sara@example.com")
    stranger = contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="import")
    assert contacts.may_send(merchant, stranger, purpose=Purpose.MARKETING) == Reason.NO_CONSENT
    contact = subscribed(merchant)
    assert contact.customer_salla_id == 7
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == reason


def test_turning_off_at_salla_ends_what_was_agreed_to(merchant: Merchant) -> None:
    contact = subscribed(merchant)
    customer(merchant, True, email="sara@example.com", phone="+966501234567")
    record(merchant, facts.CustomerRegistered(customer_id=7), key="customer:7:registered")
    work()
    contact.refresh_from_db()
    assert contact.customer_salla_id == 7
    for is_enabled, lines in ((True, 1), (False, 3), (False, 3)):
        fact = facts.CustomerNotificationsChanged(customer_id=7, is_enabled=is_enabled)
        record(merchant, fact, key=f"{is_enabled} {merchant.events.count()}")
        work()
        assert len(ledger(merchant)) == lines
    assert ledger(merchant)[1:] == [
        ("marketing", "email", "withdrawn", "salla"),
        ("reminders", "email", "withdrawn", "salla"),
    ]


def test_a_customer_s_contacts_are_found_by_either(merchant: Merchant) -> None:
    ask(merchant)
    ask(merchant, "0501234567", kind="phone")
    customer(merchant, True, email="sara@example.com", phone="+966501234567")
    contacts.join_contacts(merchant, 7)
    assert set(merchant.contacts.values_list("customer_salla_id", flat=True)) == {7}


# The ledger stays as it is

CHANGES: dict[str, Callable[[Consent], object]] = {
    "save": lambda line: line.save(),
    "update": lambda line: Consent.unscoped.filter(pk=line.pk).update(text=""),
    "sql": lambda line: connection.cursor().execute("UPDATE visitors_consent SET state = 'given'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_line_cannot_be_changed(merchant: Merchant, change: str) -> None:
    subscribed(merchant)
    with pytest.raises(IntegrityError, match="the consent ledger is append-only"):
        CHANGES[change](merchant.consents.get())


def test_a_line_goes_with_a_store_that_left(merchant: Merchant) -> None:
    contact = subscribed(merchant)
    merchant.consents.all().delete()
    contact.delete()
    assert merchant.contacts.count() == 0


def test_who_stops_everything_hears_nothing_of_an_open_question(
    merchant: Merchant, travel: time_machine.Traveller
) -> None:
    contact = subscribed(merchant)
    travel.shift(timedelta(days=3))
    ask(merchant)
    contacts.stop_all(merchant, contact, words=Words(consents.Source.UNSUBSCRIBE))
    asked = requests(merchant)
    travel.shift(timedelta(hours=25))
    contacts.ask_again()
    assert (requests(merchant), merchant.opt_ins.latest("pk").state) == (asked, OptIn.State.EXPIRED)


def test_who_asks_anew_at_that_moment_is_not_asked_twice(
    merchant: Merchant, travel: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(merchant)
    travel.shift(timedelta(hours=24, minutes=1))
    once_more = contacts._ask_again

    def after_another(asked: OptIn) -> None:
        ask(merchant)
        once_more(asked)

    monkeypatch.setattr(contacts, "_ask_again", after_another)
    contacts.ask_again()
    assert requests(merchant) == 2


def test_who_is_erased_at_that_moment_confirms_nothing(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(merchant)
    asked = merchant.opt_ins.get()
    opened = contacts.question_of

    def and_erased(token: str) -> OptIn | None:
        found = opened(token)
        subjects.erase_subject(merchant, email="sara@example.com")
        return found

    monkeypatch.setattr(contacts, "question_of", and_erased)
    assert answer(asked) is None
    assert not merchant.consents.filter(state="given").exists()


@pytest.mark.parametrize("value", ['"sara"@example.com', '"s\\ara"@example.com'])
def test_another_way_to_write_a_mailbox_is_none(merchant: Merchant, value: str) -> None:
    assert ask(merchant, value) == Outcome.INVALID


def test_one_mailbox_of_google_has_two_names(db: None) -> None:
    assert mailbox_of("sa.ra@googlemail.com") == mailbox_of("sara@gmail.com")
