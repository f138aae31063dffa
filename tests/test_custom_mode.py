"""Custom mode, in development: installing and signing in by OAuth against the sandbox."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client

from core import clock, services
from core.models import Membership, Merchant, User
from integrations import custom_mode
from integrations.models import Connection
from tests.conftest import store
from tests.frames import OUD, a_sandbox, number_of, point_at
from tests.outside import Outside

Role = Membership.Role
CALLBACK = "http://testserver/salla/callback/"
OWNER = "owner@nafahat-najd.example"
FOREIGN = "7f3b2c1e-5a4d-4c3b-9a8f-0e1d2c3b4a5f"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Outside]:
    yield from a_sandbox()


@pytest.fixture(autouse=True)
def _mode(sandbox: Outside, settings: Any, db: None) -> None:
    point_at(settings, sandbox)
    settings.SALLA_CUSTOM_MODE = True
    sandbox.fault(clear=True)


@pytest.fixture
def browser(client: Client) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def consent(address: str, answer: str = "allow", store_id: int = OUD) -> str:
    """The person's answer on Salla's page; the path and query of our callback that it leads to."""
    done = requests.post(address, data={"store": store_id, "answer": answer}, allow_redirects=False, timeout=10)
    assert done.status_code == 303, done.text
    found = urlsplit(done.headers["Location"])
    assert done.headers["Location"].startswith(CALLBACK)
    return f"{found.path}?{found.query}"


def begun(browser: Client, **answer: Any) -> str:
    """From our button to Salla and back again."""
    return consent(browser.get("/salla/connect/").headers["Location"], **answer)


def from_salla(sandbox: Outside, state: str = FOREIGN) -> str:
    """An install that began in Salla's app store, with a state of Salla's own."""
    asked = {"client_id": "client", "response_type": "code", "redirect_uri": CALLBACK, "scope": custom_mode.SCOPES}
    query = "&".join(
        f"{name}={requests.utils.quote(value, safe='')}" for name, value in {**asked, "state": state}.items()
    )
    return consent(f"{sandbox.url}/oauth2/auth?{query}")


def is_in(browser: Client) -> bool:
    return SESSION_KEY in browser.session


def codes_traded(sandbox: Outside) -> int:
    return int(sandbox.state()["counters"].get("token.authorization_code", 0))


# The whole way


def test_the_button_asks_for_what_we_use(browser: Client) -> None:
    answer = browser.get("/salla/connect/")
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (answer.status_code, asked["redirect_uri"], asked["response_type"]) == (302, [CALLBACK], ["code"])
    assert "offline_access" in asked["scope"][0].split()
    assert re.fullmatch("[0-9a-f]{64}", asked["state"][0])


def test_whoever_began_here_is_signed_in_to_his_store(browser: Client, sandbox: Outside) -> None:
    before = browser.session.session_key
    done = browser.get(begun(browser))
    merchant = Merchant.objects.get(salla_id=OUD)
    assert (done.status_code, done.headers["Location"]) == (302, f"/stores/{merchant.public_id}/")
    assert browser.get(f"/stores/{merchant.public_id}/").status_code == 200
    assert browser.session.session_key != before
    connection = Connection.unscoped.get(merchant=merchant)
    assert (connection.state, bool(connection.access_token)) == (Connection.State.CONNECTED, True)
    assert list(merchant.events.values_list("name", flat=True)) == ["store.connected"]
    (held,) = merchant.memberships.all()
    assert (held.user.email, held.role) == (OWNER, Role.OWNER)
    assert merchant.salla_people.get().salla_user_id == number_of(sandbox)


def test_that_session_enters_no_other_store(browser: Client) -> None:
    """The address is what Salla says, and proves nothing about the mailbox."""
    victim = User.objects.create_user(OWNER)
    second = store(4)
    Membership.objects.create(merchant=second, user=victim, role=Role.OWNER)
    browser.get(begun(browser))
    merchant = Merchant.objects.get(salla_id=OUD)
    statuses = [browser.get(f"/stores/{each.public_id}/").status_code for each in (merchant, second)]
    assert statuses == [200, 404]


def test_staff_are_not_signed_in_so(browser: Client) -> None:
    User.objects.create_superuser(OWNER)
    done = browser.get(begun(browser))
    assert (done.headers["Location"], is_in(browser)) == ("/sign-in/", False)
    assert browser.get("/admin/").status_code == 302


# A state that is not ours


def test_an_install_from_salla_signs_nobody_in(browser: Client, sandbox: Outside) -> None:
    done = browser.get(from_salla(sandbox))
    assert (done.status_code, done.headers["Location"]) == (302, "/sign-in/")
    assert not is_in(browser)
    merchant = Merchant.objects.get(salla_id=OUD)
    assert Connection.unscoped.get(merchant=merchant).state == Connection.State.CONNECTED
    assert [held.user.email for held in merchant.memberships.all()] == [OWNER]
    assert b"The store is connected." in browser.get("/sign-in/").content


def test_and_changes_no_session_that_is_there(browser: Client, sandbox: Outside) -> None:
    mine = store(4)
    sara = Membership.objects.create(merchant=mine, user=User.objects.create_user("sara@example.com")).user
    browser.force_login(sara)
    before = browser.session.session_key
    browser.get(from_salla(sandbox))
    assert (browser.session.session_key, browser.session[SESSION_KEY]) == (before, str(sara.pk))
    assert not Merchant.objects.get(salla_id=OUD).memberships.filter(user=sara).exists()
    assert browser.get(f"/stores/{mine.public_id}/").status_code == 200


def test_a_state_of_another_browser_is_foreign(browser: Client) -> None:
    """Somebody makes me open the callback that he began."""
    callback = begun(Client())
    browser.get(callback)
    assert not is_in(browser)


def test_a_state_is_good_once(browser: Client, sandbox: Outside) -> None:
    state = parse_qs(urlsplit(browser.get("/salla/connect/").headers["Location"]).query)["state"][0]
    again = from_salla(sandbox, state)
    browser.get(f"/salla/callback/?code=&state={state}")
    browser.get(again)
    assert not is_in(browser)


def test_a_state_lives_ten_minutes(browser: Client) -> None:
    callback = begun(browser)
    with time_machine.travel(clock.now() + timedelta(seconds=601), tick=False):
        browser.get(callback)
        assert not is_in(browser)


def test_hyphens_that_salla_drops_or_adds_do_not_matter(browser: Client) -> None:
    callback = begun(browser)
    state = parse_qs(urlsplit(callback).query)["state"][0]
    browser.get(callback.replace(state, f"{state[:8]}-{state[8:]}"))
    assert is_in(browser)


@pytest.mark.parametrize("state", ["", "-", "x", "null", "٠", "\ud800", "a" * 5000])
def test_a_forged_state_is_foreign(state: str, browser: Client, sandbox: Outside) -> None:
    callback = from_salla(sandbox)
    code = parse_qs(urlsplit(callback).query)["code"][0]
    browser.get("/salla/connect/")
    browser.get("/salla/callback/", {"code": code, "state": state.encode("utf-8", "replace").decode()})
    assert not is_in(browser)


# Codes that are not good


def test_a_page_that_is_loaded_again_begins_anew(browser: Client, sandbox: Outside) -> None:
    callback = begun(browser)
    assert browser.get(callback).status_code == 302
    browser.logout()
    again = browser.get(callback)
    assert (again.status_code, b'href="/salla/connect/"' in again.content) == (400, True)
    assert not is_in(browser)


@pytest.mark.parametrize("code", ["x", "ory_ac_forged", "a" * 5000])
def test_a_forged_code(code: str, browser: Client) -> None:
    state = parse_qs(urlsplit(browser.get("/salla/connect/").headers["Location"]).query)["state"][0]
    assert browser.get("/salla/callback/", {"code": code, "state": state}).status_code == 400
    assert (is_in(browser), Merchant.objects.count()) == (False, 0)


def test_whoever_denies_connects_nothing(browser: Client, sandbox: Outside) -> None:
    before = codes_traded(sandbox)
    assert browser.get(begun(browser, answer="deny")).status_code == 400
    assert (is_in(browser), Merchant.objects.count(), codes_traded(sandbox)) == (False, 0, before)


def test_salla_is_away(browser: Client, sandbox: Outside) -> None:
    callback = begun(browser)
    sandbox.fault(kind="503", target="token", count=1)
    answer = browser.get(callback)
    assert (answer.status_code, b"Salla does not answer at the moment" in answer.content) == (503, True)
    assert (is_in(browser), Merchant.objects.count()) == (False, 0)


def test_a_removed_person_does_not_come_back(browser: Client) -> None:
    browser.get(begun(browser))
    merchant = Merchant.objects.get(salla_id=OUD)
    boss = Membership.objects.create(merchant=merchant, user=User.objects.create_user("b@example.com"), role=Role.OWNER)
    services.remove(merchant, by=boss.user, member=merchant.memberships.get(user__email=OWNER))
    browser.logout()
    browser.get(begun(browser))
    assert not is_in(browser)
    assert [held.user for held in merchant.memberships.all()] == [boss.user]


# Only in development


@pytest.mark.parametrize("path", ["/salla/connect/", "/salla/callback/?code=x&state=y"])
def test_it_is_not_there_unless_switched_on(path: str, browser: Client, sandbox: Outside, settings: Any) -> None:
    settings.SALLA_CUSTOM_MODE = False
    before = codes_traded(sandbox)
    assert browser.get(path).status_code == 404
    assert codes_traded(sandbox) == before
    assert b"/salla/connect/" not in browser.get("/sign-in/").content


def test_the_sign_in_page_offers_it_when_it_is(browser: Client) -> None:
    assert b'href="/salla/connect/"' in browser.get("/sign-in/").content


def test_production_refuses_it(settings: Any) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://app.example.com", ["app.example.com"]
    settings.SECRET_KEY = "0123456789" * 6
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with pytest.raises(SystemCheckError, match=r"core\.E023"):
        call_command("check", "--deploy")
