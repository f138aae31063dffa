"""Who owns a store whose first visitor Salla knew only by a number, once Salla names the owner."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from core import services
from core.models import Membership, Merchant
from tests.frames import a_sandbox, framed, number_of, open_app, point_at
from tests.outside import Outside

Role = Membership.Role
OWNER = "saad@example.com"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Outside]:
    yield from a_sandbox()


@pytest.fixture(autouse=True)
def _salla(sandbox: Outside, settings: Any) -> None:
    point_at(settings, sandbox)


@pytest.fixture
def employee(client: Client, merchant: Merchant, sandbox: Outside) -> Client:
    """Opened the app before anybody else did, and owns the store for want of another."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert open_app(client, sandbox, "employee").status_code == 200
    assert merchant.memberships.get().role == Role.OWNER
    return client


def salla_names(merchant: Merchant, sandbox: Outside, role: Role = Role.OWNER) -> Membership:
    number = number_of(sandbox)
    member = services.welcome_installer(merchant, email=OWNER, name="سعد", role=role, salla_user_id=number)
    assert member
    return member


def in_order(merchant: Merchant) -> list[str]:
    return [held.role for held in merchant.memberships.order_by("pk")]


def settled(merchant: Merchant) -> list[tuple[str, str]]:
    rows = merchant.activities.filter(what=services.SETTLED).select_related("whom").order_by("pk")
    return [(row.whom.email if row.whom else "", row.detail) for row in rows]


def test_the_first_visitor_makes_way(employee: Client, merchant: Merchant, sandbox: Outside) -> None:
    first = merchant.memberships.get()
    owner = salla_names(merchant, sandbox)
    assert in_order(merchant) == [Role.EDITOR, Role.OWNER]
    assert employee.post(framed(merchant, f"team/{owner.pk}/remove/")).status_code == 403
    promotion = {"role": "owner", "confirmed": "yes"}
    assert employee.post(framed(merchant, f"team/{first.pk}/role/"), promotion).status_code == 403
    assert in_order(merchant) == [Role.EDITOR, Role.OWNER]
    assert settled(merchant) == [(first.user.email, "editor")]
    listed = employee.get(framed(merchant, "activity/"), headers={"accept-language": "ar"}).content.decode()
    assert "لأن سلة حدّدت مالك المتجر" in listed
    salla_names(merchant, sandbox)  # each reading of the store says it again
    assert (in_order(merchant), len(settled(merchant))) == ([Role.EDITOR, Role.OWNER], 1)


def test_an_owner_by_a_persons_will_stays(employee: Client, merchant: Merchant, sandbox: Outside) -> None:
    first = merchant.memberships.get()
    owner = salla_names(merchant, sandbox)
    his = Client()
    his.force_login(owner.user)
    promotion = {"role": "owner", "confirmed": "yes"}
    assert his.post(f"/stores/{merchant.public_id}/team/{first.pk}/role/", promotion).status_code == 302
    salla_names(merchant, sandbox)
    assert in_order(merchant) == [Role.OWNER, Role.OWNER]
    assert settled(merchant) == [(first.user.email, "editor")]


def test_an_owner_whom_the_first_visitor_invited_as_less(
    employee: Client, merchant: Merchant, sandbox: Outside
) -> None:
    invitation = {"email": OWNER, "role": "viewer", "confirmed": "yes"}
    assert employee.post(framed(merchant, "team/"), invitation).status_code == 302
    owner = salla_names(merchant, sandbox)
    assert owner.role == Role.OWNER
    assert in_order(merchant) == [Role.EDITOR, Role.OWNER]
    assert [role for _, role in settled(merchant)] == ["editor", "owner"]


def test_an_owners_choice_about_whom_salla_names_holds(merchant: Merchant, sandbox: Outside) -> None:
    """Only owners by default make way: nobody is made owner against one whom people know."""
    services.welcome_installer(merchant, email="o@example.com", name="", role=Role.OWNER)
    named = salla_names(merchant, sandbox)
    Membership.objects.filter(pk=named.pk).update(role=Role.VIEWER)
    assert salla_names(merchant, sandbox).role == Role.VIEWER
    assert (in_order(merchant), settled(merchant)) == ([Role.OWNER, Role.VIEWER], [])


def test_an_employee_who_installs_changes_nobody(employee: Client, merchant: Merchant, sandbox: Outside) -> None:
    salla_names(merchant, sandbox, Role.EDITOR)
    assert (in_order(merchant), settled(merchant)) == ([Role.OWNER, Role.EDITOR], [])
