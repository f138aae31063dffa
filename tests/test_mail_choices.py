"""What a person of a team wants by e-mail: his own page, and the one click of a mail program (RFC 8058)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client

from core import clock
from core.models import Membership, Merchant, User
from notifications import selectors, services
from notifications.tasks import send_alerts
from tests.test_alerts import SUNDAY, a_week, at

pytestmark = pytest.mark.django_db

Role = Membership.Role
Enter = Callable[..., Client]


@pytest.fixture
def viewer(merchant: Merchant) -> User:
    user = User.objects.create_user("viewer@example.com")
    Membership.objects.create(user=user, merchant=merchant, role=Role.VIEWER)
    return user


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(viewer)
    return client


def page(merchant: Merchant) -> str:
    return f"/stores/{merchant.public_id}/e-mails/"


def digest_to(email: str) -> Any:
    return next(message for message in outbox.outbox if message.to == [email])


def test_everybody_chooses_for_himself(browser: Client, merchant: Merchant, viewer: User) -> None:
    shown = browser.get(page(merchant)).content.decode()
    assert re.search(r'<input[^>]*name="wants_digest"[^>]*checked', shown)
    assert "viewer@example.com" in shown
    assert f'href="{page(merchant)}"' in browser.get(f"/stores/{merchant.public_id}/").content.decode()
    response = browser.post(page(merchant), {"language": "en"}, follow=True)
    assert response.redirect_chain == [(page(merchant), 302)]
    assert [str(message) for message in response.context["messages"]] == ["Saved."]
    held = merchant.mail_choices.get()
    assert (held.user, held.wants_digest, held.language) == (viewer, False, "en")
    browser.post(page(merchant), {"language": "", "wants_digest": "on"})
    held.refresh_from_db()
    assert (held.wants_digest, held.language) == (True, "")


def test_a_language_that_nobody_speaks_here_is_refused(browser: Client, merchant: Merchant) -> None:
    response = browser.post(page(merchant), {"language": "xx"})
    assert response.status_code == 422
    assert merchant.mail_choices.count() == 0


def test_one_click_ends_the_digest_and_nothing_else(merchant: Merchant, viewer: User) -> None:
    other = User.objects.create_user("owner@example.com")
    Membership.objects.create(user=other, merchant=merchant, role=Role.OWNER)
    a_week(merchant)
    at(SUNDAY)
    headers = digest_to("viewer@example.com").extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = headers["List-Unsubscribe"].removeprefix("<http://localhost:8000").removesuffix(">")
    assert address in digest_to("viewer@example.com").body
    stranger = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    assert "Stop the weekly digest?" in stranger.get(address).content.decode()  # a scanner opened it
    assert merchant.mail_choices.count() == 0
    for _ in range(2):
        response = stranger.post(address, {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
        assert "You will get no weekly digest any more" in response.content.decode()
    assert list(merchant.mail_choices.values_list("user", "wants_digest")) == [(viewer.pk, False)]
    outbox.outbox.clear()
    at(SUNDAY + timedelta(days=7))  # the order of this week's Sunday is in it
    assert [message.to for message in outbox.outbox] == [["owner@example.com"]]


def test_who_stops_it_while_it_waits_gets_none(merchant: Merchant, viewer: User, monkeypatch: Any) -> None:
    a_week(merchant)
    monkeypatch.setattr("notifications.tasks.alerts.send", lambda row: False)  # nobody sends yet
    monkeypatch.setattr("core.work.time.monotonic", iter(range(0, 10_000, 15)).__next__)
    at(SUNDAY)
    monkeypatch.undo()
    assert merchant.alert_mails.get().state == "waiting"
    services.choose(merchant, viewer, wants_digest=False)
    merchant.alert_mails.update(due_at=clock.now())
    send_alerts()
    assert (outbox.outbox, merchant.alert_mails.get().state) == ([], "ignored")


def test_forged_and_ended_addresses_are_not_there(client: Client, merchant: Merchant, viewer: User) -> None:
    address = selectors.unsubscribe_address(merchant, viewer).removeprefix("http://localhost:8000")
    assert client.get(address).status_code == 200
    broken = address[:-3] + ("A" if address[-3] != "A" else "B") + address[-2:]
    merchant.memberships.all().delete()
    for path in (broken, address, "/mail/unsubscribe/x/"):
        assert client.post(path).status_code == 404
    assert merchant.mail_choices.count() == 0


def test_a_choice_in_one_store_says_nothing_of_another(
    browser: Client, merchant: Merchant, other_merchant: Merchant, viewer: User
) -> None:
    Membership.objects.create(user=viewer, merchant=other_merchant, role=Role.VIEWER)
    browser.post(page(merchant), {"language": ""})
    assert not selectors.choice_of(merchant, viewer).wants_digest
    assert selectors.choice_of(other_merchant, viewer).wants_digest
