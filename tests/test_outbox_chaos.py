"""Workers are killed in the midst of sending, and race for the same rows: no message comes twice, and none is lost."""

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core import mail
from django.db import connections

from core import clock
from core.models import Merchant
from events.models import Reaction
from events.tasks import react
from notifications.models import Message
from notifications.tasks import send_messages
from tests.conftest import work
from tests.contacts import ask, ledger
from tests.outside import Outside
from tests.processes import App, of_this_test, ring, supervised, until
from visitors import contact_links, contacts
from visitors.contacts import Outcome
from visitors.models import OptIn

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGES, KILLS, PROCESSES = 300, 6, 2
SETTLE_SECONDS = 120


# Killed


@pytest.fixture
def app(merchant: Merchant, outside: Outside, tmp_path: Path) -> Iterator[App]:
    """Workers on the test's own database, and the sandbox's mail server."""
    with supervised(tmp_path / "log") as supervisor:
        given = {**of_this_test(), "EMAIL_URL": f"smtp://127.0.0.1:{outside.mail_port}"}
        yield App(supervisor, tmp_path, **given)


def states() -> Counter[str]:
    return Counter(Message.unscoped.values_list("state", flat=True))


def arrived(outside: Outside) -> Counter[str]:
    listing: list[dict[str, Any]] = requests.get(f"{outside.url}/_messages", timeout=10).json()["messages"]
    return Counter(message["to"] for message in listing)


@pytest.mark.slow
def test_workers_killed_in_the_midst_of_sending(merchant: Merchant, app: App, outside: Outside) -> None:
    """`unknown` is at most one message for each process of each killed worker, and is never sent again."""
    for number in range(MESSAGES):
        assert ask(merchant, f"reader{number}@example.com") == Outcome.ASKED
    app.start("worker", "beat")
    until(lambda: states()["accepted"] > 0, "the first message", 90)
    for blow in range(1, KILLS + 1):
        share = MESSAGES * blow // (KILLS + 1)
        until(lambda share=share: sum(arrived(outside).values()) >= share, "a part of the messages", 90)
        app.kill("worker")
        return_claims()
        app.start("worker")
        wake()
    until(lambda: settled(), "the end", SETTLE_SECONDS)
    found, mails = states(), arrived(outside)
    line = {"chaos": "sender killed", "kills": KILLS, "messages": MESSAGES, **found, "arrived": sum(mails.values())}
    sys.stdout.write(json.dumps(line) + "\n")
    assert set(found) <= {"accepted", "unknown"}
    assert sum(found.values()) == MESSAGES
    assert found["unknown"] <= KILLS * PROCESSES
    assert set(mails.values()) == {1}  # nobody twice
    accepted = Message.unscoped.filter(state="accepted").values_list("contact__value", flat=True)
    assert set(accepted) <= set(mails)  # what we call accepted is there
    assert len(mails) >= MESSAGES - found["unknown"]


def return_claims() -> None:
    """As if the lease had passed."""
    long_ago = "2000-01-01T00:00Z"
    Message.unscoped.filter(state="queued").update(due_at=long_ago)
    Message.unscoped.filter(state="sending").update(started_at=long_ago)


def wake() -> None:
    """Rings for what is due, which else waits for the next pulse, as the first message of all did."""
    for task in (react, send_messages):
        ring(task)


def settled() -> bool:
    waiting = Reaction.unscoped.filter(state="waiting").exists()
    if not waiting and not Message.unscoped.filter(state="queued", due_at__lte=clock.now()).exists():
        return_claims()
        wake()
    return not waiting and not Message.unscoped.filter(state__in=["queued", "sending"]).exists()


# Racing


def together(*runs: Callable[[], Any]) -> list[Any]:
    """All of them at the same moment, each on a connection of its own."""
    gate = threading.Barrier(len(runs))

    def run(each: Callable[[], Any]) -> Any:
        gate.wait(10)
        try:
            return each()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(runs)) as pool:
        return [future.result() for future in [pool.submit(run, each) for each in runs]]


def test_two_workers_send_each_message_once(merchant: Merchant) -> None:
    for number in range(60):
        ask(merchant, f"reader{number}@example.com")
    work()
    together(*[lambda: send_messages()] * 4)
    assert states() == {"accepted": 60}
    assert Counter(message.to[0] for message in mail.outbox) == {f"reader{n}@example.com": 1 for n in range(60)}


def test_asking_at_once_asks_once(merchant: Merchant) -> None:
    for number in range(5):
        told = together(*[lambda number=number: ask(merchant, f"reader{number}@example.com")] * 6)
        assert told == [Outcome.ASKED] * 6
    assert (merchant.contacts.count(), merchant.opt_ins.count()) == (5, 5)
    assert merchant.events.filter(name="optin.requested").count() == 5


def test_saying_yes_at_once_is_one_line(merchant: Merchant) -> None:
    ask(merchant)
    token = contact_links.confirm_token(merchant.opt_ins.get())
    answers = together(*[lambda: contacts.confirm(token)] * 6)
    assert [asked.state for asked in answers] == [OptIn.State.CONFIRMED] * 6
    assert ledger(merchant) == [("marketing", "email", "given", "form")]
    assert merchant.events.filter(name__in=["consent.given", "contact.verified"]).count() == 2
