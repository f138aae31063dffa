"""A message on its way: written down once, allowed at the last moment, given away at most once."""

import smtplib
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email import policy as mail_policy
from typing import Any

import pytest
import time_machine

from core import clock
from core.models import Merchant
from integrations import app_form
from integrations.models import Connection, Standing
from notifications import delivery, outbox, policy, wording
from notifications.models import Message
from notifications.tasks import send_messages
from notifications.wording import Template
from tests.contacts import TEXT, answer, ask, subscribed
from tests.mail_servers import KilledError, Server, raising
from tests.outbox import again, link_in, mails, outcome, send
from visitors import contacts
from visitors.consents import Source, Words
from visitors.contacts import Outcome
from visitors.models import Contact, Purpose

pytestmark = pytest.mark.django_db


@pytest.fixture
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def server(settings: Any, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    settings.EMAIL_BACKEND = "tests.mail_servers.Server"
    return monkeypatch


@pytest.fixture
def news(monkeypatch: pytest.MonkeyPatch) -> None:
    """A promotional message, in the words of the confirmation."""
    context = {"text": "جديدنا", "address": "http://localhost:8000/", "asked_at": clock.now()}
    monkeypatch.setitem(wording.TEMPLATES, "news", Template(lambda message: context))
    render = wording.mail.render
    monkeypatch.setattr(
        wording.mail, "render", lambda name, *a, **k: render("optin" if name == "news" else name, *a, **k)
    )


def tell(merchant: Merchant, contact: Contact, key: str = "news:1", **changes: Any) -> Message:
    told: dict[str, Any] = {"template": "news", "purpose": Purpose.MARKETING}
    return outbox.notify(merchant, key=key, contact=contact, **told | changes)


# The question


def test_whoever_asks_gets_one_question_in_his_language(merchant: Merchant) -> None:
    assert ask(merchant) == Outcome.ASKED
    send()
    send()
    (mail,) = mails()
    assert outcome(merchant) == [("accepted", "")]
    assert mail.to == ["sara@example.com"]
    assert mail.subject == "متجر 1305146709: ضغطة واحدة ويكتمل الاشتراك"
    assert mail.message()["From"].endswith("<no-reply@nomoflow.example>")
    assert mail.from_email.startswith("=?utf-8?")
    assert (mail.reply_to, "List-Unsubscribe" in mail.extra_headers) == ([], False)
    html = str(mail.alternatives[0][0])
    for part in (str(mail.body), html):
        assert TEXT in part
        assert "متجر 1305146709" in part
        assert "/subscribe/" in part
        assert "/preferences/" in part
    assert 'dir="rtl"' in html
    row = merchant.messages.get()
    assert (row.provider, row.provider_id) == ("email", f"<message-{row.public_id}@localhost>")
    assert mail.extra_headers["Message-ID"] == row.provider_id


def test_the_subject_of_a_mail_begins_with_no_space(merchant: Merchant) -> None:
    ask(merchant)
    send()
    raw = mails()[0].message().as_bytes()
    assert b"\nSubject: =?utf-8?" in raw
    read = message_from_bytes(raw, policy=mail_policy.default)
    assert str(read["Subject"]) == "متجر 1305146709: ضغطة واحدة ويكتمل الاشتراك"


def test_the_question_says_truly_how_often_it_comes(merchant: Merchant, travel: time_machine.Traveller) -> None:
    ask(merchant)
    send()
    travel.shift(timedelta(days=1, hours=1))
    contacts.ask_again()
    send()
    once, last = "إن لم تؤكّد نذكّرك مرة واحدة بعد يوم، ثم لا شيء.", "هذا هو التذكير الوحيد"
    told = [
        [words in part for words in (once, last)] for each in mails() for part in (each.body, each.alternatives[0][0])
    ]
    assert told == [[True, False]] * 2 + [[False, True]] * 2


def test_the_question_in_english_and_the_store_s_own_address(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_form, "contact_email", lambda store: "shop@example.com")
    Merchant.objects.filter(pk=merchant.pk).update(name='Oud "House", <b>', domain="oud.example")
    ask(merchant, language="en")
    send()
    (mail,) = mails()
    assert mail.subject == 'Oud "House", <b>: one press, and you are subscribed'
    assert (mail.from_email, mail.reply_to) == ("Oud House b <no-reply@nomoflow.example>", ["shop@example.com"])
    assert "<b>" not in str(mail.alternatives[0][0]).split("</style>")[1]
    assert "https://oud.example" in str(mail.body)


def test_the_link_in_the_mail_is_the_one_that_answers(merchant: Merchant, client: Any) -> None:
    ask(merchant)
    send()
    path = link_in(mails()[0], "subscribe")
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 200
    assert merchant.opt_ins.get().state == "confirmed"


def test_who_does_not_answer_gets_one_more(merchant: Merchant, travel: time_machine.Traveller) -> None:
    ask(merchant)
    send()
    for _ in range(5):
        travel.shift(timedelta(hours=25))
        contacts.ask_again()
        send()
    assert len(mails()) == 2


def test_who_has_answered_is_asked_no_more(merchant: Merchant) -> None:
    ask(merchant)
    answer(merchant.opt_ins.get())
    send()
    assert (outcome(merchant), mails()) == ([("skipped", "not_needed")], [])


def test_a_number_cannot_be_asked_yet_and_the_row_says_so(merchant: Merchant) -> None:
    ask(merchant, "0501234567", kind="phone")
    send()
    assert (outcome(merchant), mails()) == ([("skipped", "no_provider")], [])


# Written down once, silence too


@pytest.mark.usefixtures("news")
def test_the_same_key_is_the_same_message(merchant: Merchant, bell: list[str]) -> None:
    contact = subscribed(merchant)
    first, second = tell(merchant, contact), tell(merchant, contact, language="en")
    assert (first.pk, second.language) == (second.pk, "ar")
    send()
    assert [mail.to for mail in mails()] == [["sara@example.com"]]


@pytest.mark.usefixtures("news")
def test_who_has_not_answered_gets_nothing_else(merchant: Merchant) -> None:
    ask(merchant)
    for number in range(5):
        tell(merchant, merchant.contacts.get(), key=f"news:{number}")
    send()
    assert outcome(merchant, "news") == [("skipped", "no_consent")] * 5
    assert [mail.subject for mail in mails()] == ["متجر 1305146709: ضغطة واحدة ويكتمل الاشتراك"]


@pytest.mark.usefixtures("news")
def test_a_promotional_message_has_the_button_of_mail_programs(merchant: Merchant, client: Any) -> None:
    contact = subscribed(merchant)
    tell(merchant, contact)
    send()
    mail = mails()[-1]
    assert mail.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = mail.extra_headers["List-Unsubscribe"]
    assert (address[:33], address[-1]) == ("<http://localhost:8000/unsubscribe/"[:33], ">")
    path = address[1:-1].removeprefix("http://localhost:8000")
    answer = client.post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.content) == (200, b"")
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == "withdrawn"
    assert "رسالة دعائية من متجر 1305146709" in str(mail.body)


@pytest.mark.usefixtures("news")
def test_a_later_message_waits_for_its_moment(merchant: Merchant, travel: time_machine.Traveller) -> None:
    tell(merchant, subscribed(merchant), due_at=clock.now() + timedelta(hours=1))
    send()
    assert outcome(merchant, "news") == [("queued", "")]
    travel.shift(timedelta(hours=1, seconds=1))
    send()
    assert outcome(merchant, "news") == [("accepted", "")]


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize(
    ("state", "restricted", "question", "promotion"),
    [
        (Connection.State.CONNECTED, False, "", ""),
        (Connection.State.NEEDS_REINSTALL, False, "", ""),
        (Connection.State.CONNECTED, True, "", "store_paused"),
        (Connection.State.UNINSTALLED, False, "store_gone", "store_gone"),
    ],
)
def test_what_the_store_may(merchant: Merchant, state: str, restricted: bool, question: str, promotion: str) -> None:
    contact = subscribed(merchant)
    ask(merchant, "other@example.com")
    Connection.unscoped.filter(merchant=merchant).update(state=state)
    if restricted:
        Standing.unscoped.create(merchant=merchant, state=Standing.State.RESTRICTED)
    tell(merchant, contact)
    send()
    reasons = dict(merchant.messages.values_list("template", "reason").order_by("pk"))
    assert (reasons["optin"], reasons["news"]) == (question, promotion)


# The last moment


ENDS: dict[str, Callable[[Merchant, Contact], object]] = {
    "withdrawn": lambda merchant, contact: contacts.withdraw(merchant, contact, words=Words(Source.UNSUBSCRIBE)),
    "suppressed": lambda merchant, contact: contacts.stop_all(merchant, contact, words=Words(Source.CENTRE)),
    "store_gone": lambda merchant, contact: Connection.unscoped.update(state=Connection.State.UNINSTALLED),
    "salla": lambda merchant, contact: merchant.customers.create(
        salla_id=7, email=contact.value, is_notifications_enabled=False, source_updated_at=clock.now()
    ),
}


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize("reason", ENDS)
def test_what_ended_while_it_waited_is_not_sent(merchant: Merchant, reason: str) -> None:
    contact = subscribed(merchant)
    tell(merchant, contact)
    assert outcome(merchant, "news") == [("queued", "")]
    ENDS[reason](merchant, contact)
    send()
    assert (outcome(merchant, "news"), mails()) == ([("skipped", reason)], [])


@pytest.mark.usefixtures("news")
@pytest.mark.parametrize("reason", ENDS)
@pytest.mark.parametrize("place", ["make", "open"])
def test_what_ends_while_it_is_made_is_not_sent(
    merchant: Merchant, reason: str, place: str, server: pytest.MonkeyPatch
) -> None:
    """Another transaction commits it between any two steps before the message is on its way."""
    contact = subscribed(merchant)
    tell(merchant, contact)

    def end(*_: Any) -> None:
        ENDS[reason](merchant, contact)

    if place == "open":
        server.setattr(Server, "before_open", staticmethod(end))
    else:
        make = delivery.PROVIDERS["email"].make
        server.setattr("notifications.providers.email.EmailProvider.make", lambda self, *a: (end(), make(*a))[1])
    send()
    assert (outcome(merchant, "news"), mails()) == ([("skipped", reason)], [])


# The provider's no


def test_a_server_that_does_not_answer_is_waited_for(
    merchant: Merchant, server: pytest.MonkeyPatch, travel: time_machine.Traveller
) -> None:
    server.setattr(Server, "before_open", staticmethod(raising(ConnectionRefusedError("sara@example.com"))))
    ask(merchant)
    for _ in range(20):
        send()
        travel.shift(timedelta(minutes=5, seconds=1))
    row = merchant.messages.get()
    assert (row.state, row.reason, row.attempts, row.answer) == ("queued", "server_away", 0, "ConnectionRefusedError")
    server.setattr(Server, "before_open", None)
    send()
    assert (outcome(merchant), len(mails())) == ([("accepted", "")], 1)


def test_a_message_of_three_days_ago_is_given_up(
    merchant: Merchant, server: pytest.MonkeyPatch, travel: time_machine.Traveller
) -> None:
    server.setattr(Server, "before_open", staticmethod(raising(TimeoutError())))
    ask(merchant)
    send()
    travel.shift(timedelta(days=3))
    send()
    assert outcome(merchant) == [("failed", "server_away")]


REFUSALS = [
    (smtplib.SMTPRecipientsRefused({"x": (451, b"4.7.1 x <sara@example.com>")}), "queued", "later", "451 4.7.1"),
    (smtplib.SMTPRecipientsRefused({"x": (452, b"4.2.2 full")}), "queued", "later", "452 4.2.2"),
    (smtplib.SMTPRecipientsRefused({"x": (552, b"5.2.2 full")}), "queued", "later", "552 5.2.2"),
    (smtplib.SMTPRecipientsRefused({"x": (550, b"5.1.1 nobody")}), "failed", "no_recipient", "550 5.1.1"),
    (smtplib.SMTPRecipientsRefused({"x": (550, b"no such user")}), "failed", "no_recipient", "550"),
    (smtplib.SMTPRecipientsRefused({"x": (550, b"5.7.1 policy")}), "failed", "bad_content", "550 5.7.1"),
    (smtplib.SMTPRecipientsRefused({}), "failed", "no_recipient", "550"),
    (smtplib.SMTPSenderRefused(550, b"5.7.1 who are you", "x"), "failed", "account", "550 5.7.1"),
    (smtplib.SMTPSenderRefused(451, b"4.3.0 later", "x"), "queued", "later", "451 4.3.0"),
    (smtplib.SMTPDataError(554, b"5.7.1 spam"), "failed", "bad_content", "554 5.7.1"),
    (smtplib.SMTPDataError(421, b"later"), "queued", "later", "421"),
    (smtplib.SMTPResponseException(600, b"?"), "failed", "account", "600"),
    (smtplib.SMTPNotSupportedError(), "failed", "account", "SMTPNotSupportedError"),
]


@pytest.mark.parametrize(("error", "state", "reason", "answer"), REFUSALS, ids=str)
def test_a_no_is_one_of_four(
    merchant: Merchant, server: pytest.MonkeyPatch, error: Exception, state: str, reason: str, answer: str
) -> None:
    server.setattr(Server, "before", staticmethod(raising(error)))
    ask(merchant)
    send()
    row = merchant.messages.get()
    assert (row.state, row.reason, row.answer) == (state, reason, answer)
    suppressed = list(merchant.suppressions.values_list("reason", flat=True))
    assert suppressed == (["bounced"] if reason == "no_recipient" else [])
    server.setattr(Server, "before", None)
    again()
    assert len(mails()) == (state == "queued")


def test_who_says_later_too_often_is_given_up(merchant: Merchant, server: pytest.MonkeyPatch) -> None:
    server.setattr(Server, "before", staticmethod(raising(smtplib.SMTPDataError(451, b"4.3.0"))))
    ask(merchant)
    send()
    for _ in range(20):
        again()
    row = merchant.messages.get()
    assert (row.state, row.reason, row.attempts) == ("failed", "later", delivery.MAX_ATTEMPTS)


def test_a_refused_login_needs_other_settings(merchant: Merchant, server: pytest.MonkeyPatch) -> None:
    server.setattr(Server, "before_open", staticmethod(raising(smtplib.SMTPAuthenticationError(535, b"5.7.8 no"))))
    ask(merchant)
    send()
    assert outcome(merchant) == [("failed", "account")]


# Never twice


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("error", [KilledError(), TimeoutError(), smtplib.SMTPServerDisconnected()], ids=type)
def test_what_may_have_been_sent_is_never_sent_again(
    merchant: Merchant, server: pytest.MonkeyPatch, travel: time_machine.Traveller, moment: str, error: BaseException
) -> None:
    server.setattr(Server, moment, staticmethod(raising(error)))
    ask(merchant)
    try:
        send()
    except KilledError:
        assert outcome(merchant) == [("sending", "")]
    server.setattr(Server, moment, None)
    for _ in range(3):
        travel.shift(timedelta(minutes=3))
        again()
    assert outcome(merchant) == [("unknown", "unknown")]
    assert len(mails()) == (1 if moment == "after" else 0)


def test_a_worker_that_dies_before_it_asks_loses_nothing(
    merchant: Merchant, server: pytest.MonkeyPatch, travel: time_machine.Traveller
) -> None:
    server.setattr(Server, "before_open", staticmethod(raising(KilledError())))
    ask(merchant)
    with pytest.raises(KilledError):
        send()
    server.setattr(Server, "before_open", None)
    send_messages()
    assert mails() == []  # the claim lasts
    travel.shift(delivery.LEASE + timedelta(seconds=1))
    send_messages()
    assert (outcome(merchant), len(mails())) == ([("accepted", "")], 1)


def test_a_claim_that_was_lost_sends_nothing(
    merchant: Merchant, server: pytest.MonkeyPatch, travel: time_machine.Traveller
) -> None:
    """So slow that another worker took the message meanwhile."""

    def be_slow() -> None:
        server.setattr(Server, "before_open", None)
        travel.shift(delivery.LEASE + timedelta(seconds=1))
        send_messages()

    server.setattr(Server, "before_open", staticmethod(be_slow))
    ask(merchant)
    send()
    assert (outcome(merchant), len(mails())) == ([("accepted", "")], 1)


def test_words_that_cannot_be_made_are_tried_again_and_harm_no_others(
    merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(merchant)
    ask(merchant, "other@example.com")
    rendered = wording.rendered

    def fails(message: Message) -> Any:
        if message.contact and message.contact.value.startswith("sara"):
            raise KeyError("name")
        return rendered(message)

    with monkeypatch.context() as patch:
        patch.setattr(wording, "rendered", fails)
        send()
        assert (outcome(merchant), len(mails())) == ([("queued", "broken"), ("accepted", "")], 1)
        for _ in range(delivery.MAX_ATTEMPTS):
            again()
    assert outcome(merchant)[0] == ("failed", "broken")


def test_a_header_that_is_none_is_the_content_s_fault(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "_headers", lambda message: {"X-Broken": "one\ntwo"})
    ask(merchant)
    send()
    assert outcome(merchant) == [("failed", "bad_content")]


def test_the_policy_is_asked_again_right_before(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    refusal = policy.refusal
    monkeypatch.setattr(policy, "refusal", lambda message: (asked.append(message.state), refusal(message))[1])
    ask(merchant)
    send()
    assert asked == ["queued"] * 3  # written down, claimed, started
