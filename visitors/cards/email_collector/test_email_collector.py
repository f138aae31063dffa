"""E-mail collector: what the form sends, what becomes of it, and what the merchant is told."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation

from core import clock
from core.models import Merchant
from core.subjects import erase_subject
from events import tallies
from features import report, services
from tests.conftest import work
from visitors import contact_links, contacts, identity
from visitors.cards.email_collector.card import CARD
from visitors.cards.email_collector.dashboard import health
from visitors.cards.email_collector.numbers import REFUSED
from visitors.models import OptIn

WORDS = "أوافق على استلام عروض هذا المتجر وأخباره، وأن يتعرّف عليّ في زياراتي القادمة."
ENGLISH = "I agree to receive this store's offers and news, and to be recognized on my next visits."
NOURA = "noura@example.com"
UNTICKED = "Please tick the box to agree."
NO_ADDRESS = "This is no address that we can write to. Please look at it once more."
NUMBER_MISSING = "Type your mobile number, such as 0501234567."
NO_NUMBER = "This is no mobile number, such as 0501234567."
ENDS_SOON = "This address soon ends. Please use one that you will still read next month."


class Form:
    """The store's form, as a shopper's browser sends it."""

    def __init__(self, merchant: Merchant, client: Client) -> None:
        self.merchant, self.client = merchant, client

    def post(self, raw: Any) -> Any:
        address = f"/sf/{self.merchant.salla_id}/cards/email_collector/subscribe"
        body = raw if isinstance(raw, bytes) else json.dumps(raw)
        return self.client.post(address, body, content_type="text/plain", REMOTE_ADDR="192.0.2.77")

    def send(self, **changes: Any) -> dict[str, Any]:
        data = {
            "email": NOURA, "website": "", "agreed": "on", "text": WORDS, "seconds": 9, "lang": "ar", "key": "",
            "page": "https://salla.sa/najd/p1", **changes,
        }  # fmt: skip
        response = self.post({name: value for name, value in data.items() if value is not None})
        assert response.status_code == 200
        return dict(response.json())

    def set(self, **settings: Any) -> None:
        services.save(self.merchant, card=CARD, raw=settings)

    @property
    def asked(self) -> list[OptIn]:
        return list(self.merchant.opt_ins.select_related("contact").order_by("pk"))

    def health(self) -> list[str]:
        with translation.override("en"):
            return health(self.merchant, services.settings_of(self.merchant, CARD))

    def numbers(self) -> dict[str, int]:
        found = report.of(self.merchant, CARD, days=7)
        return {each.measure.name: each.total for each in found.series}

    def refused(self) -> dict[str, int]:
        now = clock.now()
        return {
            each.dimension: each.count for each in tallies.top(self.merchant, REFUSED, since=now, until=now, limit=9)
        }


@pytest.fixture
def form(merchant: Merchant, client: Client) -> Form:
    services.switch(merchant, card=CARD, is_on=True)
    return Form(merchant, client)


# Who is taken


def test_an_address_is_asked_with_the_very_words(form: Form) -> None:
    assert form.send() == {}
    (asked,) = form.asked
    assert (asked.contact.kind, asked.contact.value, asked.contact.verified_at) == ("email", NOURA, None)
    assert (asked.text, asked.page, asked.language, asked.name) == (WORDS, "https://salla.sa/najd/p1", "ar", "")
    assert (asked.network, asked.purposes, asked.channels) == ("192.0.2.0/24", ["marketing"], ["email"])
    assert [event.name for event in form.merchant.events.filter(name="optin.requested")] == ["optin.requested"]
    assert form.merchant.consents.count() == 0
    assert form.numbers() == {"card.shown": 0, "subscription.asked": 1, "subscription.confirmed": 0}


def test_a_shopper_who_agreed_to_be_known_is_joined_to_his_address(form: Form, other_merchant: Merchant) -> None:
    """By the key that our server signed for this store; what is none joins nobody, and is no reason to refuse him."""
    key = identity.issue(form.merchant.salla_id)
    keys = {key: f"v:{key.split(':')[0]}", identity.issue(other_merchant.salla_id): "", "v:forged": "", "": ""}
    for number, sent in enumerate(keys):
        assert form.send(email=f"shopper{number}@example.com", key=sent) == {}
    assert [asked.visitor_key for asked in form.asked] == list(keys.values())


def test_who_gives_both_is_erased_as_one(form: Form) -> None:
    form.set(asks="both")
    assert form.send(phone="0501234567") == {}
    assert form.send(email="other@example.com") == {}
    erase_subject(form.merchant, email=NOURA)
    assert [row.value for row in form.merchant.contacts.filter(erased_at=None)] == ["other@example.com"]


def test_a_stranger_s_address_is_joined_to_nobody(form: Form) -> None:
    form.set(asks="both")
    assert form.send(phone=None) == {}
    contacts.confirm(contact_links.confirm_token(form.asked[0]))
    assert form.send(phone="0501234567") == {}
    assert [(row.value, row.pair) for row in form.merchant.contacts.order_by("pk")] == [
        (NOURA, None),
        ("+966501234567", None),
    ]


def test_known_and_unknown_get_the_same(form: Form) -> None:
    first = form.send().items()
    contacts.confirm(contact_links.confirm_token(form.asked[0]))
    assert form.send().items() == first
    assert len(form.asked) == 1


def test_what_the_merchant_wrote_is_what_the_ledger_keeps(form: Form) -> None:
    form.set(consent_text="أوافق على رسائل نفحات نجد\nوأقر بأن عمري 18 عامًا.")
    assert form.send(text="أوافق على رسائل نفحات نجد\nوأقر بأن عمري 18 عامًا.") == {}
    contacts.confirm(contact_links.confirm_token(form.asked[0]))
    assert [line.text for line in form.merchant.consents.all()] == ["أوافق على رسائل نفحات نجد\nوأقر بأن عمري 18 عامًا."]


def test_on_a_page_in_english_he_agrees_to_the_words_in_english(form: Form) -> None:
    assert form.send(text=ENGLISH, lang="en") == {}
    form.set(consent_text_en="Yes to the news of Najd Scents.")
    assert form.send(text="Yes to the news of Najd Scents.", lang="en", email="b@example.com") == {}
    form.set(consent_text_en="")
    assert form.send(text=WORDS, lang="en", email="c@example.com") == {}
    assert [(asked.text, asked.language) for asked in form.asked] == [
        (ENGLISH, "en"), ("Yes to the news of Najd Scents.", "en"), (WORDS, "en"),
    ]  # fmt: skip
    assert "" in form.send(text="", lang="en", email="d@example.com")["errors"]


def test_shoppers_are_told_both_languages_and_never_the_coupon(form: Form) -> None:
    """Settings that were saved before there were texts in English go on working, with ours in their place."""
    old = {"title": "جديدنا يصلك أولًا", "consent_text": "أوافق على رسائل نفحات نجد."}
    form.merchant.features.filter(slug=CARD.slug).update(settings=old)
    told = services.settings_of(form.merchant, CARD).dump(public=True)
    assert (told["title"], told["consent_text"]) == (old["title"], old["consent_text"])
    assert {name: text for name, text in told.items() if name.endswith("_en")} == {
        "title_en": "Be the first to know",
        "text_en": "New arrivals and offers, now and then. You can stop at any time.",
        "button_en": "Subscribe",
        "consent_text_en": ENGLISH,
        "thanks_en": "Almost done: press the button in the mail that we have just sent you.",
    }
    assert form.send(text="أوافق على رسائل نفحات نجد.") == {}
    form.set(after_confirming="NAJD-10")
    config = form.client.get(f"/sf/{form.merchant.salla_id}/config.json")
    assert [card["slug"] for card in config.json()["cards"]] == [CARD.slug]
    assert b"NAJD-10" not in config.content
    assert b"after_confirming" not in config.content


def test_whoever_confirms_reads_what_the_merchant_promised(form: Form) -> None:
    """Not before he presses the button, and only who subscribed by the form."""
    form.set(after_confirming="كودك: <b>NAJD-10</b>\nشكرًا لك")
    form.send()
    form.send(email="b@example.com")
    page = contact_links.confirm(form.asked[0]).removeprefix("http://localhost:8000")
    assert "NAJD-10" not in form.client.get(page).content.decode()
    said = '<p class="quote" dir="auto">كودك: &lt;b&gt;NAJD-10&lt;/b&gt;<br>شكرًا لك</p>'
    assert said in form.client.post(page).content.decode()
    assert said in form.client.get(page).content.decode()  # he opens his mail again for the code
    form.merchant.opt_ins.filter(pk=form.asked[1].pk).update(source="preference_centre")
    other = contact_links.confirm(form.asked[1]).removeprefix("http://localhost:8000")
    assert "NAJD-10" not in form.client.post(other).content.decode()
    form.set(after_confirming="")
    assert 'class="quote"' not in form.client.get(page).content.decode()


def test_a_form_that_was_open_while_its_words_changed(form: Form) -> None:
    """It sends what stood on it; what never stood there is not taken."""
    with time_machine.travel(clock.now(), tick=False) as traveller:
        form.set(consent_text="These are the second words.")
        form.set(consent_text="These are the third words.", title="x")
        assert form.send(text=WORDS) == {}
        assert form.send(text="These are the second words.", email="b@example.com") == {}
        assert [asked.text for asked in form.asked] == [WORDS, "These are the second words."]
        answer = form.send(text="I agree to nothing.", email="c@example.com", lang="en")
        assert answer == {"errors": {"": "The text has changed meanwhile. Please load the page again."}}
        traveller.shift(timedelta(days=1, minutes=1))
        assert "errors" in form.send(text=WORDS, email="d@example.com")
        assert len(form.asked) == 2
        assert form.refused() == {"reason:changed": 1}
        assert form.health()[-1] == "2 forms were refused because their words were older than a day."


def test_a_number_in_the_shoppers_digits_is_kept_and_nothing_is_sent(form: Form, mailoutbox: list[Any]) -> None:
    form.set(asks="phone")
    assert form.send(email=None, phone="٠٥٠ ١٢٣ ٤٥٦٧") == {}
    work()
    (asked,) = form.asked
    assert (asked.contact.kind, asked.contact.value) == ("phone", "+966501234567")
    assert mailoutbox == []
    assert form.health()[1:] == [
        "1 number is unconfirmed: nothing is sent to it until SMS or WhatsApp is connected.",
    ]


def test_either_or_both(form: Form) -> None:
    form.set(asks="both", asks_name=True)
    assert form.send(phone="0501234567", name=" نورة ") == {}
    assert form.send(email="", phone="0551234567") == {}
    assert form.send(email="b@example.com", phone="") == {}
    assert [(each.contact.value, each.name) for each in form.asked] == [
        (NOURA, "نورة"), ("+966501234567", "نورة"), ("+966551234567", ""), ("b@example.com", ""),
    ]  # fmt: skip


def test_what_was_not_asked_for_is_not_taken(form: Form) -> None:
    assert form.send(phone="0501234567", name="نورة") == {}
    assert [(each.contact.value, each.name) for each in form.asked] == [(NOURA, "")]


# Who is not


def test_who_presses_with_nothing_typed_is_told_all_at_once(form: Form) -> None:
    errors = form.send(email="", agreed=None)["errors"]
    assert errors == {"email": "اكتب بريدك الإلكتروني.", "agreed": "ضع علامة في مربع الموافقة."}


@pytest.mark.parametrize(
    ("asks", "sent", "errors"),
    [
        ("email", {"agreed": None}, {"agreed": UNTICKED}),
        ("email", {"email": ""}, {"email": "Type your e-mail address."}),
        ("email", {"email": "", "agreed": None}, {"email": "Type your e-mail address.", "agreed": UNTICKED}),
        ("email", {"email": "noura@", "agreed": ""}, {"email": NO_ADDRESS, "agreed": UNTICKED}),
        ("email", {"email": "x@mailinator.com"}, {"email": ENDS_SOON}),
        ("phone", {"phone": "", "agreed": ""}, {"phone": NUMBER_MISSING, "agreed": UNTICKED}),
        ("phone", {"phone": "123"}, {"phone": NO_NUMBER}),
        ("both", {"email": "", "phone": " "}, {"email": "Type your e-mail address or your mobile number."}),
        ("both", {"phone": "123"}, {"phone": NO_NUMBER}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_by_field_in_his_language(form: Form, asks: str, sent: Any, errors: Any) -> None:
    form.set(asks=asks)
    assert form.send(lang="en", **sent) == {"errors": errors}
    arabic = form.send(lang="ar", **sent)["errors"]
    assert arabic.keys() == errors.keys()
    assert not any(text.isascii() for text in arabic.values())
    assert form.asked == []
    assert form.numbers()["subscription.asked"] == 0


@pytest.mark.parametrize("changes", [{"website": "https://spam.example"}, {"seconds": 1}, {"seconds": 0}])
def test_a_program_is_told_nothing_and_does_nothing(form: Form, changes: dict[str, Any]) -> None:
    assert form.send(**changes) == {}
    assert form.merchant.contacts.count() == 0
    assert form.refused() == {"reason:robot": 1}
    assert form.health() == ["1 form was filled in by a program, and left aside."]


def test_a_network_that_asks_too_often_waits(form: Form) -> None:
    answers = [form.send(email=f"shopper{number}@example.com", lang="en") for number in range(7)]
    busy = {"errors": {"": "Too many people ask from your network at the moment. Please try again later."}}
    assert answers == [{}] * 5 + [busy] * 2
    assert len(form.asked) == 5
    assert form.health()[-1] == "2 forms were refused because too many came from one network."


@pytest.mark.parametrize(
    "raw",
    [
        b"[]", b'"x"', b"5", b"\xff", b'{"email": 5}', b'{"agreed": true}', b'{"admin": "1"}', b'{"seconds": "9"}',
        b'{"seconds": -1}', b'{"email": "' + b"a" * 321 + b'"}', b'{"text": "' + b"a" * 2001 + b'"}',
        b'{"__proto__": {}}', b'{"page": "\\u0000"}', b'{"lang": "a\\u0000"}', b'{"name": "\\ud800"}',
    ],
    ids=ascii,
)  # fmt: skip
def test_what_no_widget_sends_is_refused(form: Form, raw: bytes) -> None:
    assert form.post(raw).status_code == 400
    assert form.merchant.contacts.count() == 0


def test_a_card_that_is_off_takes_nobody(form: Form) -> None:
    services.switch(form.merchant, card=CARD, is_on=False)
    assert form.post({"email": NOURA, "agreed": "on", "text": WORDS, "seconds": 9}).status_code == 204
    assert form.asked == []


# What the merchant sees


def test_who_confirmed_is_counted_once_and_only_who_came_by_the_form(form: Form) -> None:
    form.send()
    form.send(email="b@example.com")
    token = contact_links.confirm_token(form.asked[0])
    contacts.confirm(token)
    contacts.confirm(token)
    contacts.subscribe(
        form.merchant, kind="email", value="c@example.com", text=WORDS, page="", source="preference_centre"
    )
    contacts.confirm(contact_links.confirm_token(form.asked[2]))
    work()
    assert form.numbers() == {"card.shown": 0, "subscription.asked": 2, "subscription.confirmed": 1}
    assert form.health()[1:] == ["1 address waits for the press on the button in its mail."]


def test_a_mail_that_nobody_answers(form: Form) -> None:
    form.send()
    with time_machine.travel(clock.now() + timedelta(days=8)):
        contacts.forget_unanswered()
    assert form.health()[1:] == ["1 mail was not answered within 7 days."]


def test_the_card_leads_to_its_subscribers(form: Form) -> None:
    form.send()
    path = f"/stores/{form.merchant.public_id}/contacts/?source=form"
    assert form.health()[0] == f'<a href="{path}">See the subscribers</a>'


def test_nothing_is_wrong_where_nothing_happened(form: Form) -> None:
    assert form.health() == []
