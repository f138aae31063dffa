"""What a merchant sees of how his data is read: progress, what failed, and a check at the press of a button."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.models import Membership, Merchant, User
from events.models import Event
from integrations import agenda, services, views
from integrations.models import Connection, Sync
from tests.conftest import store

pytestmark = pytest.mark.django_db

Kind, Purpose, State = Sync.Kind, Sync.Purpose, Sync.State
Role = Membership.Role
Enter = Callable[..., Client]


@pytest.fixture
def enter(merchant: Merchant) -> Enter:
    def sign_in(role: Role = Role.OWNER, language: str = "en") -> Client:
        user = User.objects.create_user(f"{role}@example.com")
        Membership.objects.create(user=user, merchant=merchant, role=role)
        client = Client(headers={"accept-language": language})
        client.force_login(user)
        return client

    return sign_in


def at(merchant: Merchant, end: str = "") -> str:
    return f"/stores/{merchant.public_id}/{end}"


def shown(client: Client, merchant: Merchant) -> str:
    return client.get(at(merchant)).content.decode()


def ended(merchant: Merchant, purpose: Purpose, **fields: Any) -> None:
    """Every kind was read."""
    kinds = agenda.FIRST_KINDS if purpose == Purpose.FIRST else agenda.CHECKED_KINDS
    values = {"state": State.PROCESSED, "finished_at": clock.now(), "since": clock.now() - services.HISTORY, **fields}
    for kind in kinds:
        merchant.syncs.create(kind=kind, purpose=purpose, **values)


def rows(merchant: Merchant) -> list[tuple[str, str]]:
    return sorted(merchant.syncs.values_list("kind", "purpose"))


def test_the_first_reading_says_how_far_it_is_and_asks_again(enter: Enter, merchant: Merchant) -> None:
    client = enter()
    assert 'id="readings"' not in shown(client, merchant)
    services.begin_reading(merchant)
    merchant.syncs.filter(kind=Kind.PRODUCTS).update(state=State.PROCESSED, total=24, read=24, finished_at=clock.now())
    merchant.syncs.filter(kind=Kind.ORDERS).update(total=412, read=60, pending=[1, 2], pages=7, page=2)
    page = shown(client, merchant)
    assert f'hx-get="{at(merchant, "readings/")}" hx-trigger="every 3s"' in page
    assert "We are reading your store" in page
    assert 'value="58" max="412"' in page
    assert page.count("Waiting its turn") == 2
    assert '<p class="without-script"><a class="button" href="' in page
    assert at(merchant, "check/") not in page
    piece = client.get(at(merchant, "readings/"), headers={"HX-Request": "true"})
    assert "<html" not in piece.content.decode()
    assert 'value="58" max="412"' in piece.content.decode()
    assert "HX-Refresh" not in piece.headers
    Sync.unscoped.update(state=State.PROCESSED, finished_at=clock.now())
    assert client.get(at(merchant, "readings/"), headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    page = shown(client, merchant)
    assert "hx-get" not in page
    assert "We are reading your store" not in page
    assert "Last read:" in page


def test_without_script_the_piece_is_the_whole_page(enter: Enter, merchant: Merchant) -> None:
    response = enter().get(at(merchant, "readings/"))
    assert (response.status_code, response.headers["Location"]) == (302, at(merchant))


def test_a_failure_is_said_in_the_merchants_words(enter: Enter, merchant: Merchant) -> None:
    client = enter(language="ar")
    ended(merchant, Purpose.FIRST)
    words = "The connection to your store has ended. Install the app again from the Salla App Store."
    merchant.syncs.filter(kind=Kind.ORDERS).update(state=State.DEAD, reason=words)
    merchant.syncs.filter(kind=Kind.CARTS).update(state=State.DEAD, reason="ValueError: secret traceback")
    page = shown(client, merchant)
    assert "لم تُقرأ كل البيانات: الطلبات" in page
    assert words not in page
    assert "ValueError" not in page
    assert "حدث خطأ لدينا" in page


@pytest.mark.parametrize(("days", "is_told"), [(60, False), (2, True)])
def test_a_failure_that_a_later_check_made_up_for_is_forgotten(
    days: int, is_told: bool, enter: Enter, merchant: Merchant
) -> None:
    ended(merchant, Purpose.FIRST)
    merchant.syncs.filter(kind=Kind.ORDERS).update(state=State.DEAD, reason="took too long")
    assert "Not everything was read" in shown(enter(), merchant)
    ended(merchant, Purpose.UPKEEP, since=clock.now() - timedelta(days=days))
    assert ("Not everything was read" in shown(enter(Role.VIEWER), merchant)) == is_told


def test_a_check_is_begun_once_and_its_result_is_shown(
    enter: Enter, merchant: Merchant, bell: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    client = enter()
    ended(merchant, Purpose.FIRST)
    assert f'action="{at(merchant, "check/")}"' in shown(client, merchant)
    for said in ("We are comparing your orders and carts", "Your data is being read right now."):
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(at(merchant, "check/"), follow=True)
        assert response.redirect_chain == [(at(merchant), 302)]
        assert said in str(next(iter(response.context["messages"])))
    checks = merchant.syncs.filter(purpose=Purpose.CHECK)
    assert sorted(checks.values_list("kind", flat=True)) == ["carts", "orders"]
    assert all(abs(row.since - (clock.now() - services.HISTORY)) < timedelta(minutes=1) for row in checks)
    assert bell == ["integrations.tasks.sync_stores"]
    assert "hx-get" in shown(client, merchant)
    for kind, read, missing, changed in (("orders", 1400, 2, 1), ("carts", 12, 1, 0)):
        checks.filter(kind=kind).update(
            state=State.PROCESSED, read=read, missing=missing, repaired=missing, changed=changed,
            finished_at=clock.now(),
        )  # fmt: skip
    response = client.get(at(merchant))
    found = response.context["readings"].check
    assert (found.looked_at, found.missing, found.added, found.corrected) == (1412, 3, 3, 1)
    page = response.content.decode()
    assert "The last check found differences." in page
    assert "1,412" in page
    assert "hx-get" not in page


def test_the_hourly_check_that_waits_is_no_reading_and_does_not_hide_the_last_result(
    enter: Enter, merchant: Merchant
) -> None:
    ended(merchant, Purpose.FIRST)
    ended(merchant, Purpose.CHECK, read=5)
    for kind in agenda.CHECKED_KINDS:
        agenda.schedule(merchant, kind, Purpose.CHECK, due_at=clock.now() + timedelta(minutes=40))
    page = shown(enter(), merchant)
    assert "hx-get" not in page
    assert "The last check found nothing missing." in page


def test_a_check_that_failed_says_why(enter: Enter, merchant: Merchant) -> None:
    ended(merchant, Purpose.FIRST)
    ended(
        merchant,
        Purpose.CHECK,
        state=State.DEAD,
        reason="Salla does not answer at the moment. We try again by ourselves.",
    )
    page = shown(enter(), merchant)
    assert "The last check did not get to its end." in page
    assert "Salla does not answer at the moment." in page


def test_a_store_is_checked_so_often_an_hour_and_no_more(enter: Enter, merchant: Merchant) -> None:
    client = enter()
    said = []
    for _ in range(views.CHECKS.count + 1):
        merchant.syncs.all().delete()
        response = client.post(at(merchant, "check/"), follow=True)
        said.append(str(next(iter(response.context["messages"]))))
    assert [text.startswith("We are comparing") for text in said] == [True] * views.CHECKS.count + [False]
    assert "Please try again in" in said[-1]
    assert merchant.syncs.count() == 0


@pytest.mark.parametrize("state", ["needs_reinstall", "uninstalled", "installed"])
def test_a_store_that_is_not_connected_is_not_checked(state: str, enter: Enter, merchant: Merchant) -> None:
    Connection.unscoped.filter(merchant=merchant).update(state=state)
    ended(merchant, Purpose.FIRST)
    client = enter()
    assert at(merchant, "check/") not in shown(client, merchant)
    response = client.post(at(merchant, "check/"), follow=True)
    assert str(next(iter(response.context["messages"]))) == "The store is not connected to Salla."
    assert merchant.syncs.filter(purpose=Purpose.CHECK).count() == 0


def test_a_viewer_sees_and_does_not_check(enter: Enter, merchant: Merchant) -> None:
    client = enter(Role.VIEWER)
    ended(merchant, Purpose.FIRST)
    page = shown(client, merchant)
    assert "Last read:" in page
    assert at(merchant, "check/") not in page
    assert client.post(at(merchant, "check/")).status_code == 403
    assert merchant.syncs.filter(purpose=Purpose.CHECK).count() == 0


def test_another_store_is_neither_seen_nor_checked(enter: Enter, merchant: Merchant) -> None:
    client, other = enter(), store(847769313)
    services.begin_reading(other)
    before = rows(other)
    assert client.get(at(other, "readings/")).status_code == 404
    assert client.post(at(other, "check/")).status_code == 404
    assert (rows(other), rows(merchant), Event.unscoped.count()) == (before, [], 0)
