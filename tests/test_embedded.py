"""Opening the app inside Salla's dashboard: the token, who it lets in as what."""

import logging
import re
import secrets
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from core import clock, logs, services
from core.models import Membership, Merchant, SignInLink, SpentToken, User
from core.salla_errors import UnavailableError
from integrations import lifecycle
from tests.conftest import store
from tests.frames import a_sandbox, enter, forget_limits, framed, introspections, number_of, open_app, point_at, token
from tests.outside import Outside

Role = Membership.Role
ARRIVED = re.compile(r"/embedded/arrived/([\w-]{43})/")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Outside]:
    yield from a_sandbox()


@pytest.fixture(autouse=True)
def _salla(sandbox: Outside, settings: Any) -> None:
    point_at(settings, sandbox)
    sandbox.fault(clear=True)


@pytest.fixture
def frame(client: Client, merchant: Merchant) -> Client:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def is_in(client: Client, merchant: Merchant) -> bool:
    return bool(client.get(framed(merchant)).status_code == 200)


def nothing_happened() -> bool:
    return not (Session.objects.exists() or Membership.objects.exists() or SignInLink.objects.exists())


# The whole way


def test_salla_opens_the_store(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    given = token(sandbox)
    first = enter(frame, given)
    assert (first.status_code, first.headers["Referrer-Policy"]) == (302, "no-referrer")
    assert ARRIVED.fullmatch(first.headers["Location"])
    second = frame.get(first.headers["Location"])
    assert (second.status_code, second.headers["Location"]) == (302, "/embedded/")
    third = frame.get("/embedded/")
    assert (third.status_code, third.headers["Location"]) == (302, framed(merchant))
    page = frame.get(framed(merchant))
    assert page.status_code == 200
    assert not [answer for answer in (second, third, page) if given in f"{answer.headers}{answer.content!r}"]
    (held,) = merchant.memberships.all()
    assert (held.role, held.user.email) == (Role.OWNER, f"{number_of(sandbox)}@salla.invalid")
    assert [row.what for row in merchant.activities.all()] == [services.JOINED]
    assert SignInLink.objects.filter(used_at=None).count() == 0


def test_the_page_wears_what_salla_says_and_nothing_else(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    page = open_app(frame, sandbox, theme="dark", lang="ar").content.decode()
    assert '<html lang="ar" dir="rtl" data-embedded data-theme="dark">' in page
    other = open_app(Client(headers={"accept-language": "en"}), sandbox, theme='"><script>', lang="xx").content.decode()
    assert '<html lang="en" dir="ltr" data-embedded>' in other


def test_whoever_opens_it_again_is_the_same(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    for _ in range(3):
        assert open_app(frame, sandbox).status_code == 200
    assert (merchant.memberships.count(), merchant.activities.count(), User.objects.count()) == (1, 1, 1)
    assert SpentToken.objects.count() == 3


# Tokens that are not good


def test_a_token_opens_one_session(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    given = token(sandbox)
    assert enter(frame, given).status_code == 302
    again = Client()
    answer = enter(again, given)
    assert (answer.status_code, answer.cookies.keys() & {"embedded-session"}) == (401, set())
    assert not is_in(again, merchant)
    assert enter(frame, given).status_code == 401  # also for whoever used it
    assert is_in(frame, merchant)


def test_a_hundred_bad_tokens_open_nothing(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    odd = [
        "x",
        "a" * 4096,
        "a" * 5000,
        "\x00",
        "\n",
        "null",
        "{}",
        "' OR 1=1 --",
        "<script>",
        "٠" * 43,
        " ",
        "undefined",
    ]
    given = token(sandbox)
    changed = [given[:at] + ("A" if given[at] != "A" else "B") + given[at + 1 :] for at in range(7, 47)]
    forged = [f"em_tok_{secrets.token_urlsafe(32)}" for _ in range(100 - len(odd) - len(changed))]
    before = introspections(sandbox)
    statuses = []
    for bad in odd + changed + forged:
        forget_limits()
        statuses.append(enter(frame, bad).status_code)
    assert statuses == [401] * 100
    assert nothing_happened()
    assert introspections(sandbox) - before == 92  # what cannot be a token is not asked about


def test_an_expired_token(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    given = token(sandbox)
    sandbox.move_clock(601)
    assert enter(frame, given).status_code == 401
    sandbox.move_clock(0)
    late = token(sandbox)
    with time_machine.travel(clock.now() + timedelta(seconds=601), tick=False):  # Salla's clock is behind
        assert enter(frame, late).status_code == 401
    assert nothing_happened()


def test_a_token_of_another_app(frame: Client, merchant: Merchant, sandbox: Outside, settings: Any) -> None:
    settings.SALLA_APP_ID = "2"
    assert enter(frame, token(sandbox)).status_code == 401
    assert nothing_happened()


WHOLE = {"merchant_id": 1305146709, "user_id": 7, "exp": "2199-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    "claims",
    [{}, {**WHOLE, "merchant_id": None}, {**WHOLE, "user_id": 0}, {**WHOLE, "exp": None}, {**WHOLE, "exp": "soon"}],
)
def test_an_answer_that_is_not_whole(claims: Any, frame: Client, merchant: Merchant, monkeypatch: Any) -> None:
    monkeypatch.setattr("integrations.embedded.introspect", lambda _token: claims)
    assert enter(frame, "t").status_code == 401
    assert nothing_happened()


def test_what_the_browser_says_of_the_store_counts_for_nothing(
    frame: Client, merchant: Merchant, other_merchant: Merchant, sandbox: Outside
) -> None:
    query = {"merchant_id": str(other_merchant.salla_id), "store_id": str(other_merchant.salla_id), "user_id": "1"}
    open_app(frame, sandbox, **query)
    assert (merchant.memberships.count(), other_merchant.memberships.count()) == (1, 0)


def test_without_a_token(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    before = introspections(sandbox)
    answer = frame.get("/embedded/")
    assert (answer.status_code, b"Open Nomo Flow in Salla" in answer.content) == (401, True)
    assert introspections(sandbox) == before


@pytest.mark.parametrize("kind", ["500", "503", "429", "drop", "garbage"])
def test_salla_is_away(kind: str, frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    given = token(sandbox)
    sandbox.fault(kind=kind, target="introspect", count=1)
    answer = frame.get("/embedded/", {"token": given}, headers={"accept-language": "ar"})
    assert (answer.status_code, "سلة لا تستجيب الآن" in answer.content.decode()) == (503, True)
    assert nothing_happened()
    assert enter(frame, given).status_code == 302  # the token was not used up


def test_salla_hangs_for_two_at_once(frame: Client, merchant: Merchant, monkeypatch: Any) -> None:
    """A process has four threads: whoever opens the app must leave some to shoppers and webhooks."""
    inside, answers = threading.Semaphore(0), threading.Event()
    asked: list[str] = []

    def hang(given: str) -> Any:
        asked.append(given)
        inside.release()
        assert answers.wait(30)
        raise UnavailableError("introspection: ReadTimeout")

    monkeypatch.setattr("integrations.embedded.introspect", hang)
    hung: list[int] = []
    threads = [threading.Thread(target=lambda: hung.append(enter(Client(), "t").status_code)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert [inside.acquire(timeout=30) for _ in threads] == [True, True]
    third = enter(frame, "t", lang="en")
    assert (third.status_code, b"Salla does not answer at the moment" in third.content) == (503, True)
    assert (asked, hung) == (["t"] * 2, [])
    answers.set()
    for thread in threads:
        thread.join(30)
    assert hung == [503, 503]
    assert enter(frame, "t").status_code == 503
    assert len(asked) == 3  # there is room again
    assert nothing_happened()


def test_a_refused_token_leaves_room(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    assert [enter(frame, "unknown").status_code for _ in range(3)] == [401] * 3
    assert open_app(frame, sandbox).status_code == 200


def test_padding_makes_no_new_token(frame: Client, merchant: Merchant, monkeypatch: Any) -> None:
    monkeypatch.setattr("integrations.embedded.introspect", lambda _token: WHOLE)
    given = "a.b~c+d/e-f_"
    assert [enter(frame, f"{given}{padding}").status_code for padding in ("", "=", "==")] == [302, 401, 401]
    assert SpentToken.objects.count() == 1


def test_sixty_a_minute_from_one_network(frame: Client, merchant: Merchant, monkeypatch: Any) -> None:
    asked: list[str] = []
    monkeypatch.setattr("integrations.embedded.introspect", lambda given: asked.append(given) or {})
    assert [enter(frame, "t").status_code for _ in range(62)] == [401] * 60 + [429] * 2
    assert len(asked) == 60


# Which store


def test_a_store_without_the_app(client: Client, db: None, sandbox: Outside) -> None:
    answer = enter(client, token(sandbox))
    assert (answer.status_code, "نومو فلو غير مثبّت" in answer.content.decode()) == (403, True)
    assert (nothing_happened(), Merchant.objects.count()) == (True, 0)


def test_an_uninstalled_store(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    lifecycle.uninstall(merchant.salla_id, at=clock.now())
    assert enter(frame, token(sandbox)).status_code == 403
    assert nothing_happened()


def test_the_session_enters_no_other_store_of_the_person(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    open_app(frame, sandbox)
    second = store(4)
    Membership.objects.create(merchant=second, user=merchant.memberships.get().user, role=Role.OWNER)
    open_app(frame, sandbox)  # a session of the same person is there
    assert [is_in(frame, merchant), is_in(frame, second)] == [True, False]
    for path in ("", "cards/", "team/", "activity/"):
        assert frame.get(framed(second, path)).status_code == 404
    listed = frame.get("/embedded/stores/").content.decode()
    assert [str(each.public_id) in listed for each in (merchant, second)] == [True, False]
    assert is_in(frame, merchant)


# Who, and as what


def test_the_installer_is_who_salla_said(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    number = number_of(sandbox)
    services.welcome_installer(merchant, email="saad@example.com", name="سعد", role=Role.OWNER, salla_user_id=number)
    open_app(frame, sandbox)
    (held,) = merchant.memberships.all()
    assert (held.user.email, held.role) == ("saad@example.com", Role.OWNER)


def test_a_stranger_of_salla_is_an_editor_beside_an_owner(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    services.welcome_installer(merchant, email="saad@example.com", name="سعد", role=Role.OWNER, salla_user_id=1)
    open_app(frame, sandbox, "employee")
    held = merchant.memberships.get(user__email=f"{number_of(sandbox, 'employee')}@salla.invalid")
    assert held.role == Role.EDITOR
    page = frame.get(framed(merchant, "team/")).content.decode()
    assert f"Salla account {number_of(sandbox, 'employee')}" in page
    assert "salla.invalid" not in page


def test_who_came_before_he_was_known_becomes_the_installer(
    frame: Client, merchant: Merchant, sandbox: Outside
) -> None:
    open_app(frame, sandbox)
    number = number_of(sandbox)
    services.welcome_installer(merchant, email="Saad@example.com", name="سعد", role=Role.EDITOR, salla_user_id=number)
    (held,) = merchant.memberships.all()
    assert (held.user.email, held.user.name, held.role) == ("saad@example.com", "سعد", Role.EDITOR)
    assert is_in(frame, merchant)


def test_and_joins_the_account_that_is_there(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    known = Membership.objects.create(merchant=store(4), user=User.objects.create_user("saad@example.com")).user
    open_app(frame, sandbox)
    number = number_of(sandbox)
    services.welcome_installer(merchant, email="saad@example.com", name="", role=Role.OWNER, salla_user_id=number)
    assert [held.user for held in merchant.memberships.all()] == [known]
    assert not is_in(frame, merchant)
    open_app(frame, sandbox)
    assert is_in(frame, merchant)


def test_whoever_was_removed_stays_out(frame: Client, merchant: Merchant, sandbox: Outside) -> None:
    owner = services.welcome_installer(merchant, email="o@example.com", name="", role=Role.OWNER, salla_user_id=1)
    assert owner
    open_app(frame, sandbox, "employee")
    gone = merchant.memberships.get(role=Role.EDITOR)
    services.remove(merchant, by=owner.user, member=gone)
    assert frame.get(framed(merchant, "team/")).status_code == 404
    assert frame.get(framed(merchant)).headers["Location"].startswith("/embedded/sign-in/")  # the session is over
    answer = enter(frame, token(sandbox, "employee"))
    assert (answer.status_code, b"Ask an owner of the store" in answer.content) == (403, True)
    assert [held.user for held in merchant.memberships.all()] == [owner.user]


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}])
def test_whoever_may_not_sign_in_by_link_may_not_so(
    change: dict[str, bool], frame: Client, merchant: Merchant, sandbox: Outside
) -> None:
    number = number_of(sandbox)
    services.welcome_installer(merchant, email="s@example.com", name="", role=Role.OWNER, salla_user_id=number)
    User.objects.update(**change)
    assert enter(frame, token(sandbox)).status_code == 403
    assert not Session.objects.exists()


# Logs


def test_no_token_reaches_the_log(frame: Client, merchant: Merchant, sandbox: Outside, caplog: Any) -> None:
    given = token(sandbox)
    with caplog.at_level(logging.DEBUG):
        arrived = enter(frame, given).headers["Location"]
        enter(frame, given)
        frame.get(arrived)
        frame.post(arrived)
        Client().get(arrived)
    line = logs.formatter()
    written = "\n".join(line.format(record) for record in caplog.records if record.name != "django.db.backends")
    assert "/arrived/…/" in written
    assert given not in written
    assert ARRIVED.fullmatch(arrived)[1] not in written  # type: ignore[index]
