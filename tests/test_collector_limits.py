"""S8: floods of a store's form send a handful of messages, and whoever has not answered gets no marketing."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from core.models import Merchant
from features import services
from tests.contacts import ask
from tests.outbox import again, send
from visitors.cards.email_collector.card import CARD
from visitors.contacts import Outcome
from visitors.models import Purpose

pytestmark = pytest.mark.django_db
FLOOD = 1_000


@dataclass
class Form:
    """The form as a program posts it."""

    merchant: Merchant
    client: Client
    words: str

    def post(self, email: str, sender: str = "192.0.2.1", **changes: Any) -> tuple[int, bytes]:
        data = {"email": email, "agreed": "on", "text": self.words, "seconds": 9, "page": "/", **changes}
        path = f"/sf/{self.merchant.salla_id}/cards/email_collector/subscribe"
        # Whatever he says of himself counts for nothing where no proxy of ours stands before us.
        headers = {"X-Forwarded-For": f"203.0.113.{hash(email) % 250}"}
        answer = self.client.post(
            path, json.dumps(data), content_type="text/plain", REMOTE_ADDR=sender, headers=headers
        )
        return answer.status_code, answer.content


@pytest.fixture
def form(merchant: Merchant, client: Client) -> Form:
    services.switch(merchant, card=CARD, is_on=True)
    return Form(merchant, client, services.settings_of(merchant, CARD).consent_text)


def networks() -> Any:
    return (f"10.{number // 65536}.{number // 256 % 256}.{number % 256}" for number in range(1 << 24))


def test_a_thousand_posts_of_one_network_send_twenty_at_most(form: Form) -> None:
    told = Counter(form.post(f"victim{number}@example.com") for number in range(FLOOD))
    send()
    assert told[200, b"{}"] == len(mail.outbox) == form.merchant.contacts.count() == 5
    assert sum(count for (status, _body), count in told.items() if status == 429) == FLOOD - 300
    assert {status for status, _body in told} == {200, 429}


def test_a_thousand_networks_for_one_victim_send_one(form: Form, other_merchant: Merchant) -> None:
    told = {form.post("victim@example.com", sender) for _number, sender in zip(range(FLOOD), networks(), strict=False)}
    send()
    assert told == {(200, b"{}")}  # the same as anybody is told
    assert [message.to for message in mail.outbox] == [["victim@example.com"]]
    for number in range(50):
        ask(other_merchant, " Victim@EXAMPLE.com.", network=f"172.16.0.{number}")
    send()
    assert len(mail.outbox) == 2


@pytest.mark.parametrize("addresses", ["victim+{}@example.com", "v.ic.tim+{}@gmail.com"])
def test_a_thousand_names_of_one_mailbox_send_three(form: Form, addresses: str) -> None:
    told = {
        form.post(addresses.format(number), sender) for number, sender in zip(range(FLOOD), networks(), strict=False)
    }
    send()
    assert told == {(200, b"{}")}
    assert len(mail.outbox) == 3


def test_five_hundred_programs_in_the_trap_send_nothing(form: Form) -> None:
    told = {
        form.post(f"victim{number}@example.com", sender, website="https://spam.example")
        for number, sender in zip(range(FLOOD // 2), networks(), strict=False)
    }
    send()
    assert told == {(200, b"{}")}
    assert (len(mail.outbox), form.merchant.contacts.count(), form.merchant.messages.count()) == (0, 0, 0)


def test_who_has_not_answered_gets_no_marketing(merchant: Merchant) -> None:
    for number in range(20):
        outcome = ask(merchant, f"victim{number}@example.com", purposes=[Purpose.MARKETING, Purpose.REMINDERS])
        assert outcome == Outcome.ASKED
    send()
    again()
    assert {row.purpose for row in merchant.messages.all()} == {Purpose.CONFIRMATION}
    assert len(mail.outbox) == 20
