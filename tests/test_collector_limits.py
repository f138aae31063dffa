"""S8: floods of a store's form send a handful of messages, and whoever has not answered gets no marketing."""

import pytest
from django.core import mail

from core.models import Merchant
from tests.contacts import ask
from tests.outbox import send
from visitors.contacts import Outcome
from visitors.models import Purpose

pytestmark = pytest.mark.django_db
FLOOD = 1_000


def test_a_thousand_from_one_network_send_twenty_at_most(merchant: Merchant) -> None:
    told = [ask(merchant, f"victim{number}@example.com", network="192.0.2.1") for number in range(FLOOD)]
    send()
    assert {outcome: told.count(outcome) for outcome in set(told)} == {Outcome.ASKED: 5, Outcome.BUSY: FLOOD - 5}
    assert len(mail.outbox) == 5
    assert merchant.contacts.count() == 5


def test_a_thousand_networks_for_one_victim_send_one(merchant: Merchant, other_merchant: Merchant) -> None:
    assert {ask(merchant, "victim@example.com") for _ in range(FLOOD)} == {Outcome.ASKED}
    send()
    assert [message.to for message in mail.outbox] == [["victim@example.com"]]
    assert {ask(other_merchant, " Victim@EXAMPLE.com.") for _ in range(50)} == {Outcome.ASKED}
    send()
    assert len(mail.outbox) == 2


def test_who_has_not_answered_gets_no_marketing(merchant: Merchant) -> None:
    for number in range(20):
        ask(merchant, f"victim{number}@example.com", purposes=[Purpose.MARKETING, Purpose.REMINDERS])
    send()
    assert {row.purpose for row in merchant.messages.all()} == {Purpose.CONFIRMATION}
    assert len(mail.outbox) == 20
