"""The frame that the dashboard stands in: its addresses, cookies and policy, and the window that leads out of it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import get_resolver

from core import clock
from core import frame as frames
from core.models import Membership, Merchant, User
from tests.cards import a_card, registered
from tests.conftest import store
from tests.frames import DASHBOARD, a_sandbox, enter, framed, open_app, point_at, token
from tests.outside import Outside
from tests.test_tenancy import METHODS, STORE, TABLE, Route, a_world, entry_of, routes

Role = Membership.Role
WINDOW = re.compile(r"http://testserver(/sign-in/[\w-]{43}/)")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Outside]:
    yield from a_sandbox()


@pytest.fixture(autouse=True)
def _salla(sandbox: Outside, settings: Any) -> None:
    point_at(settings, sandbox)


@pytest.fixture
def frame(client: Client, merchant: Merchant, sandbox: Outside) -> Client:
    """Inside the store."""
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert open_app(client, sandbox).status_code == 200
    return client


# Cookies


@pytest.mark.parametrize(("is_https", "prefix"), [(False, "embedded"), (True, "__Secure-embedded")])
def test_the_cookies_are_for_frames_of_another_site(
    is_https: bool, prefix: str, client: Client, merchant: Merchant, sandbox: Outside, settings: Any
) -> None:
    settings.USE_HTTPS = is_https
    given = enter(client, token(sandbox), lang="en", theme="dark").cookies
    assert set(given) == {f"{prefix}-session", f"{prefix}-csrf", "embedded-language", "embedded-theme"}
    for cookie in given.values():
        assert (cookie["path"], cookie["samesite"], cookie["secure"]) == ("/embedded/", "None", True)
        assert cookie.OutputString().count("Partitioned") == 1
    session = given[f"{prefix}-session"]
    assert session["httponly"] is True
    assert 12 * 3600 - 60 < session["max-age"] <= 12 * 3600


def test_neither_dashboard_knows_the_others_session(frame: Client, merchant: Merchant) -> None:
    outside = frame.get(f"/stores/{merchant.public_id}/")
    assert outside.headers["Location"].startswith("/sign-in/")
    standalone = Client()
    standalone.force_login(merchant.memberships.get().user)
    assert standalone.get(f"/stores/{merchant.public_id}/").status_code == 200
    inside = standalone.get(framed(merchant))
    assert inside.headers["Location"].startswith("/embedded/sign-in/")


def test_opening_the_app_leaves_the_standalone_session_alone(merchant: Merchant, staff: User, sandbox: Outside) -> None:
    browser = Client()
    browser.force_login(staff)
    before = browser.session.session_key
    assert open_app(browser, sandbox).status_code == 200
    assert browser.session.session_key == before
    assert browser.get("/admin/").status_code == 200


def test_each_entrance_is_another_session(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    before = frame.cookies["embedded-session"].value
    open_app(frame, sandbox, "employee")
    assert frame.cookies["embedded-session"].value != before
    assert not Session.objects.filter(session_key=before).exists()


def test_the_session_ends_after_half_a_day(frame: Client, merchant: Merchant) -> None:
    with time_machine.travel(clock.now() + timedelta(hours=11, minutes=59), tick=False):
        assert frame.get(framed(merchant)).status_code == 200
    with time_machine.travel(clock.now() + timedelta(hours=12, seconds=1), tick=False):
        over = frame.get(framed(merchant))
        assert over.headers["Location"].startswith("/embedded/sign-in/")
        page = frame.get(over.headers["Location"])
        assert (page.status_code, b"data-host-expired" in page.content) == (401, True)


def test_forms_in_the_frame_carry_their_token(merchant: Merchant, sandbox: Outside) -> None:
    browser = Client(enforce_csrf_checks=True)
    page = open_app(browser, sandbox).content.decode()
    switch = {"language": "en", "next": framed(merchant)}
    assert browser.post("/embedded/i18n/setlang/", switch).status_code == 403
    written = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert written
    done = browser.post("/embedded/i18n/setlang/", {**switch, "csrfmiddlewaretoken": written[1]})
    assert (done.status_code, done.headers["Location"]) == (302, framed(merchant))
    assert '<html lang="en"' in browser.get(framed(merchant)).content.decode()


# Who may frame what


def test_only_pages_of_the_frame_may_be_framed(frame: Client, merchant: Merchant) -> None:
    for path in (framed(merchant), framed(merchant, "team/"), "/embedded/sign-in/", "/embedded/no-such-page/"):
        answer = frame.get(path)
        assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {DASHBOARD}")
        assert "X-Frame-Options" not in answer.headers
    for path in ("/", "/sign-in/", "/admin/login/", "/sign-in/x/"):
        answer = frame.get(path)
        assert answer.headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")
        assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_preview_stands_in_both(frame: Client, merchant: Merchant) -> None:
    answer = frame.get(framed(merchant, "cards/latest_purchase/preview/"))
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors 'self' {DASHBOARD}")
    assert "X-Frame-Options" not in answer.headers


def test_the_stage_may_frame_it_in_sandbox_mode(frame: Client, merchant: Merchant, settings: Any) -> None:
    settings.SANDBOX = True
    policy = frame.get(framed(merchant)).headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors {DASHBOARD} {settings.SALLA_ACCOUNTS_URL}")


def test_the_frame_has_no_chrome_of_its_own(frame: Client, merchant: Merchant) -> None:
    inside = frame.get(framed(merchant, "team/")).content.decode()
    outside = Client()
    outside.force_login(merchant.memberships.get().user)
    alone = outside.get(f"/stores/{merchant.public_id}/team/").content.decode()
    marks = ('class="topbar"', "data-theme-toggle", "sign-out", "js/embedded.js")
    assert [mark in inside for mark in marks] == [False, False, False, True]
    assert [mark in alone for mark in marks] == [True, True, True, False]
    assert f'href="{framed(merchant, "cards/")}"' in inside
    assert 'href="/stores/' not in inside


# Addresses

FRAMED = list(routes(get_resolver("nomo_flow.frame_urls")))
SHUT = [each for each in FRAMED if not frames.is_reachable(each.pattern)]


def test_the_frame_has_every_page_of_a_store() -> None:
    reachable = {each.name for each in FRAMED if each not in SHUT}
    of_stores = {each.name for each in routes(get_resolver()) if each.pattern.startswith("stores/")}
    hidden = {"core:sign-in"}  # behind the door that stands in its place
    assert reachable - hidden == of_stores | {"overview", "arrived", "ended", "set_language"}


@pytest.mark.django_db
def test_nothing_else_answers_there() -> None:
    """Neither the admin, nor the sign-in by mail, nor what machines call; with any method, for anybody."""
    assert len(SHUT) > 50
    with registered(a_card()):
        world = a_world()
        for route in SHUT:
            address = world.address(Route(route.name, route.pattern.removeprefix("embedded/"), route.callback))
            for role in ("nobody", "superuser"):
                for method in ("GET", "POST"):
                    answer = world.clients[role].generic(method, f"/embedded{address}")
                    assert (route.name, answer.status_code) == (route.name, 404)


@pytest.mark.django_db
def test_nobody_reaches_another_store_there() -> None:
    with registered(a_card()):
        world = a_world()
        member = User.objects.get(email="member@example.com")
        inside = Client(headers={"accept-language": "en"})
        inside.force_login(member)
        inside.cookies["embedded-session"] = inside.cookies["session"].value
        for route in FRAMED:
            plain = Route(route.name, route.pattern.removeprefix("embedded/"), route.callback)
            if TABLE.get(entry_of(plain) or "") is STORE:
                for method in METHODS:
                    path = f"/embedded{world.address(plain)}"
                    assert (path, inside.generic(method, path).status_code) == (path, 404)
                    assert world.clients["nobody"].generic(method, path).status_code == 302


# A window of its own


def test_without_cookies_a_window_is_offered(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    arrived = enter(frame, token(sandbox), lang="ar").headers["Location"]
    bare = Client(headers={"accept-language": "ar"})  # the browser kept nothing
    page = bare.get(arrived)
    assert (page.status_code, "افتح في نافذة مستقلة" in page.content.decode()) == (200, True)
    address = WINDOW.search(page.content.decode())[1]  # type: ignore[index]
    window = Client()
    assert window.get(address).status_code == 200
    done = window.post(address)
    assert (done.status_code, window.get(f"/stores/{merchant.public_id}/").status_code) == (302, 200)
    assert [bare.get(arrived).status_code, Client().post(address).status_code] == [401, 410]


def test_a_page_that_is_not_in_a_frame_asks_first(merchant: Merchant, sandbox: Outside) -> None:
    """Whoever sends somebody his own token must not make him work in a foreign store unawares."""
    before = Session.objects.count()
    answer = Client().get("/embedded/", {"token": token(sandbox)}, headers={"sec-fetch-dest": "document"})
    assert WINDOW.fullmatch(answer.headers["Location"])
    assert (answer.status_code, answer.cookies.keys()) == (302, set())
    assert Session.objects.count() == before


def ask_for_window(client: Client, merchant: Merchant) -> str:
    """The new window sends none of the frame's cookies: the link stands on a page of the frame."""
    answer = client.post(framed(merchant, "window/"))
    assert answer.status_code == 200
    return WINDOW.search(answer.content.decode())[1]  # type: ignore[index]


def test_the_window_is_for_that_store_only(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    second = store(4)
    Membership.objects.create(merchant=second, user=merchant.memberships.get().user, role=Role.OWNER)
    window = Client()
    assert window.post(ask_for_window(frame, merchant)).status_code == 302
    statuses = [window.get(f"/stores/{each.public_id}/").status_code for each in (merchant, second)]
    assert statuses == [200, 404]
    assert window.get("/").headers["Location"] == f"/stores/{merchant.public_id}/"
    with time_machine.travel(clock.now() + timedelta(hours=12, seconds=1), tick=False):
        assert window.get(f"/stores/{merchant.public_id}/").status_code == 302


def test_a_window_does_not_outlive_the_session_that_asked_for_it(frame: Client, merchant: Merchant) -> None:
    began = clock.now()
    page = f"/stores/{merchant.public_id}/"
    first, second = Client(), Client()
    with time_machine.travel(began + timedelta(hours=6), tick=False):
        assert first.post(ask_for_window(frame, merchant)).status_code == 302
    with time_machine.travel(began + timedelta(hours=11), tick=False):  # a window asks for the next one
        answer = first.post(f"{page}window/")
        address = WINDOW.search(answer.content.decode())[1]  # type: ignore[index]
        assert second.post(address).status_code == 302
        assert [each.get(page).status_code for each in (first, second)] == [200, 200]
    with time_machine.travel(began + timedelta(hours=11, minutes=59), tick=False):
        late = ask_for_window(frame, merchant)
        assert second.get(page).status_code == 200
    with time_machine.travel(began + timedelta(hours=12, seconds=1), tick=False):
        assert [each.get(page).status_code for each in (first, second)] == [302, 302]
        assert second.post(f"{page}window/").status_code == 302
        assert Client().post(late).status_code == 410  # one minute before the end it lives one minute


def test_the_link_lives_five_minutes_and_dies_with_the_membership(
    frame: Client, merchant: Merchant, sandbox: Outside
) -> None:
    address = ask_for_window(frame, merchant)
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1), tick=False):
        assert Client().post(address).status_code == 410
    person = merchant.memberships.get().user
    Membership.objects.create(merchant=store(4), user=person)  # he stays a member somewhere
    merchant.memberships.all().delete()
    assert Client().post(address).status_code == 410


def test_whoever_is_in_for_all_of_his_stores_stays_so(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    person, second = merchant.memberships.get().user, store(4)
    Membership.objects.create(merchant=second, user=person)
    window = Client()
    window.force_login(person)
    window.post(ask_for_window(frame, merchant))
    assert window.get(f"/stores/{second.public_id}/").status_code == 200


def test_no_mail_goes_to_a_number(client: Client, merchant: Merchant, sandbox: Outside, mailoutbox: Any) -> None:
    open_app(Client(), sandbox)
    email = merchant.memberships.get().user.email
    assert client.post("/sign-in/", {"email": email}).status_code == 200
    assert mailoutbox == []
