"""What each role of a store's team may do, by every address of the store, and the end of a membership."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail as outbox
from django.test import Client

from core import services, signin
from core.models import Activity, Membership, Merchant, SallaPerson, SignInLink, User
from features.models import Feature, Revision
from tests.cards import a_card, registered
from tests.frames import framed
from tests.test_tenancy import UNSAFE, Route, World, a_world, all_routes

Role = Membership.Role
# Whom a change needs; every other page of a store needs an editor.
NEEDS = {
    "features:preview": Role.VIEWER,  # shows what is typed, and saves nothing
    "core:team": Role.OWNER,
    "core:member-role": Role.OWNER,
    "core:member-remove": Role.OWNER,
    "core:window": Role.VIEWER,
    "notifications:choices": Role.VIEWER,  # of his own mail
}
RANKS = [Role.VIEWER, Role.EDITOR, Role.OWNER]


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with registered(a_card()):
        yield a_world()


@pytest.fixture
def team(world: World) -> Merchant:
    return Merchant.objects.get(public_id=world.ids["store"])


def someone(merchant: Merchant, role: Role, email: str = "noura@example.com") -> tuple[Membership, Client]:
    user, _ = User.objects.get_or_create(email=email)
    held = Membership.objects.create(merchant=merchant, user=user, role=role)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return held, client


def of_stores() -> list[Route]:
    return [route for route in all_routes() if route.pattern.startswith("stores/<uuid:store>/")]


def snapshot() -> list[Any]:
    models = (Membership.objects, Activity.unscoped, Feature.unscoped, Revision.unscoped, User.objects)
    models = (*models, SallaPerson.unscoped, SignInLink.objects)
    return [list(rows.order_by("pk").values()) for rows in models]


# Roles


def test_a_viewer_changes_nothing_anywhere(world: World, team: Merchant) -> None:
    _, viewer = someone(team, Role.VIEWER)
    viewer.get(f"/stores/{team.public_id}/")
    before = snapshot()
    asked = 0
    for route in of_stores():
        if NEEDS.get(route.name) == Role.VIEWER:
            continue
        for method in UNSAFE:
            for body in (b"confirmed=yes&is_on=true&role=owner&email=a%40b.example", b"{}"):
                kind = "application/x-www-form-urlencoded" if b"=" in body else "application/json"
                answer = viewer.generic(method, world.address(route), body, content_type=kind)
                assert (route.name, method, answer.status_code) == (route.name, method, 403)
                asked += 1
    assert asked >= 10 * len(UNSAFE) * 2
    assert snapshot() == before
    assert outbox.outbox == []


def test_a_viewer_sees_every_page_and_no_button_of_a_change(world: World, team: Merchant) -> None:
    _, viewer = someone(team, Role.VIEWER)
    for path in ("", "cards/", "cards/test_card/", "team/", "activity/"):
        answer = viewer.get(f"/stores/{team.public_id}/{path}")
        assert (path, answer.status_code) == (path, 200)
        own = answer.content.decode().split("<main", 1)[1]
        assert (path, own.count('type="submit"')) == (path, 0)


@pytest.mark.parametrize("role", RANKS)
def test_each_change_needs_its_role(role: Role, world: World, team: Merchant) -> None:
    """403 is the answer to whoever stands lower, and to nobody else."""
    held, client = someone(team, role)
    for route in of_stores():
        needed = NEEDS.get(route.name, Role.EDITOR)
        is_refused = client.post(world.address(route), {"email": "x"}).status_code == 403
        assert (route.name, is_refused) == (route.name, RANKS.index(role) < RANKS.index(needed))
        Membership.objects.get_or_create(pk=held.pk, defaults={"merchant": team, "user": held.user, "role": role})


def test_a_new_role_counts_from_the_next_request_on(team: Merchant) -> None:
    _, owner = someone(team, Role.OWNER)
    held, editor = someone(team, Role.EDITOR, "huda@example.com")
    switch = f"/stores/{team.public_id}/cards/test_card/switch/"
    assert editor.post(switch, {"is_on": "true"}).status_code == 302
    address = f"/stores/{team.public_id}/team/{held.pk}/role/"
    assert owner.post(address, {"role": "viewer", "confirmed": "yes"}).status_code == 302
    assert editor.post(switch, {"is_on": "false"}).status_code == 403
    assert team.features.get(slug="test_card").is_on is True
    note = team.activities.latest("pk")
    assert (note.what, note.whom, note.detail) == (services.ROLE_CHANGED, held.user, "viewer")


# The end


@pytest.mark.parametrize("is_htmx", [False, True])
def test_a_removed_persons_session_ends_at_once(is_htmx: bool, team: Merchant) -> None:
    _, owner = someone(team, Role.OWNER)
    held, hers = someone(team, Role.EDITOR, "huda@example.com")
    page = f"/stores/{team.public_id}/cards/"
    assert hers.get(page).status_code == 200
    assert owner.post(f"/stores/{team.public_id}/team/{held.pk}/remove/").status_code == 302
    headers = {"hx-request": "true"} if is_htmx else {}
    refused = hers.post(f"{page}test_card/switch/", {"is_on": "false"}, headers=headers)
    assert refused.status_code == 404
    after = hers.get(page, headers=headers)
    assert (after.status_code, after.headers.get("Location")) == (
        (401, None) if is_htmx else (302, f"/sign-in/?next={page}")
    )
    assert team.features.get(slug="test_card").is_on is True
    assert team.activities.latest("pk").what == services.REMOVED


def test_whoever_works_elsewhere_stays_signed_in(world: World, team: Merchant) -> None:
    held, hers = someone(team, Role.EDITOR)
    other = Merchant.objects.exclude(pk=team.pk).get()
    Membership.objects.create(merchant=other, user=held.user, role=Role.VIEWER)
    held.delete()
    assert hers.get(f"/stores/{team.public_id}/").status_code == 404
    assert hers.get(f"/stores/{other.public_id}/").status_code == 200


def test_staff_are_not_signed_out_by_a_store_that_is_not_theirs(world: World, team: Merchant) -> None:
    staff = world.clients["superuser"]
    assert staff.get(f"/stores/{team.public_id}/").status_code == 404
    assert staff.get("/admin/").status_code == 200


def test_his_links_die_with_the_membership(team: Merchant) -> None:
    held, _ = someone(team, Role.EDITOR)
    address = f"/sign-in/{signin.link_to_store(held)}/"
    assert Client().get(address).status_code == 200
    held.delete()
    assert Client().post(address).status_code == 410


# The same in Salla's dashboard


def test_the_team_is_managed_in_the_frame_too(team: Merchant) -> None:
    _, owner = someone(team, Role.OWNER)
    owner.cookies["embedded-session"] = owner.cookies["session"].value
    address = framed(team, "team/")
    person = {"email": "new@example.com", "role": "viewer", "confirmed": "yes"}
    done = owner.post(address, person)
    assert (done.status_code, done.headers["Location"]) == (302, address)
    held = team.memberships.get(user__email="new@example.com")
    assert owner.post(f"{address}{held.pk}/remove/").headers["Location"] == address
    assert not team.memberships.filter(pk=held.pk).exists()
    assert [message.to for message in outbox.outbox] == [["new@example.com"]]


def test_an_invitation_from_the_frame_leads_out_of_it(team: Merchant, settings: Any) -> None:
    """Whoever is invited has no app in Salla: the door by mail is not in the frame."""
    settings.PUBLIC_URL = "https://app.example.com"
    _, owner = someone(team, Role.OWNER)
    owner.cookies["embedded-session"] = owner.cookies["session"].value
    person = {"email": "new@example.com", "role": "viewer", "confirmed": "yes"}
    assert owner.post(framed(team, "team/"), person).status_code == 302
    (message,) = outbox.outbox
    assert re.findall(r"https?://\S+", str(message.body)) == ["https://app.example.com/sign-in/"]
    html = str(message.alternatives[0][0])
    assert 'href="https://app.example.com/sign-in/"' in html
    assert "/embedded/" not in html


def test_an_address_that_stands_for_a_number_is_not_invited(team: Merchant) -> None:
    _, owner = someone(team, Role.OWNER)
    person = {"email": "7@salla.invalid", "role": "viewer", "confirmed": "yes"}
    assert owner.post(f"/stores/{team.public_id}/team/", person).status_code == 422
    assert outbox.outbox == []


def test_a_store_that_leaves_takes_its_people_of_salla_along(team: Merchant) -> None:
    services.welcome_from_salla(team, salla_user_id=7)
    assert team.salla_people.count() == 1
    services.disband(team)
    assert team.salla_people.count() == 0
    assert not User.objects.filter(email="7@salla.invalid").exists()
