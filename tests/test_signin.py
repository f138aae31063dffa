"""Signing in by an e-mailed link, the sessions that follow, a person's stores, and the team of a store."""

import hashlib
import logging
import re
import secrets
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.conf import settings as django_settings
from django.contrib.auth import SESSION_KEY
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import activity, clock, logs, redis, services, signin
from core.models import Activity, Membership, Merchant, SignInLink, User
from core.salla_client import SallaError, UnavailableError
from integrations import agenda, tasks
from integrations.models import Cart, Connection

Role = Membership.Role
EMAIL = "sara@example.com"
LINK = re.compile(r"http://testserver(/sign-in/([\w-]{43})/)")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.PUBLIC_URL = "http://testserver"
    monkeypatch.setattr(signin, "ANSWER_SECONDS", 0)


@pytest.fixture
def sara(merchant: Merchant) -> User:
    return member(merchant, EMAIL, Role.OWNER).user


def member(merchant: Merchant, email: str, role: Role) -> Membership:
    user, _ = User.objects.get_or_create(email=email)
    return Membership.objects.create(merchant=merchant, user=user, role=role)


def a_link(user: User, *, age: timedelta = timedelta(0), next_path: str = "") -> str:
    """The address of a link made so long ago."""
    token = secrets.token_urlsafe(32)
    user.sign_in_links.create(
        token_sha256=hashlib.sha256(token.encode()).digest(),
        next_path=next_path,
        expires_at=clock.now() + signin.LIFETIME - age,
    )
    return f"/sign-in/{token}/"


def ask(client: Client, email: str = EMAIL, language: str = "en", **fields: str) -> Any:
    return client.post("/sign-in/", {"email": email, **fields}, headers={"accept-language": language})


def is_in(client: Client) -> bool:
    return SESSION_KEY in client.session


def forget_limits() -> None:
    for key in redis.client().scan_iter(redis.key("limit", "*")):
        redis.client().delete(key)


def cut_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Redis.from_url("redis://127.0.0.1:1", retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr("core.limiter.redis", SimpleNamespace(client=lambda: dead, key=redis.key))


# The whole way


def test_a_person_signs_in_by_the_link(client: Client, merchant: Merchant, sara: User) -> None:
    assert client.get("/sign-in/").status_code == 200
    assert ask(client, "  SARA@Example.com ").status_code == 200
    (message,) = outbox.outbox
    address = LINK.search(message.body)[1]  # type: ignore[index]
    page = client.get(address)
    assert (page.status_code, b"sara@example.com" in page.content, is_in(client)) == (200, True, False)
    answer = client.post(address)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.session[SESSION_KEY] == str(sara.pk)
    assert client.get("/").headers["Location"] == f"/stores/{merchant.public_id}/"
    assert client.get(f"/stores/{merchant.public_id}/").status_code == 200
    out = client.post("/sign-out/")
    assert (out.status_code, out.headers["Location"], is_in(client)) == (302, "/", False)
    gone = client.get(f"/stores/{merchant.public_id}/")
    assert (gone.status_code, gone.headers["Location"]) == (302, f"/sign-in/?next=/stores/{merchant.public_id}/")


def test_the_session_is_another_one_afterwards(client: Client, sara: User) -> None:
    session = client.session
    session["planted"] = "by a stranger"
    session.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = before = session.session_key
    client.post(a_link(sara))
    after = client.session.session_key
    assert before != after
    assert client.session[SESSION_KEY] == str(sara.pk)
    assert not type(session)(before).exists(before)


def test_another_persons_session_is_emptied(client: Client, sara: User, other_merchant: Merchant) -> None:
    client.force_login(member(other_merchant, "noura@example.com", Role.OWNER).user)
    session = client.session
    session["hers"] = 1
    session.save()
    client.post(a_link(sara))
    assert client.session[SESSION_KEY] == str(sara.pk)
    assert "hers" not in client.session


def test_opening_the_link_uses_nothing_up(client: Client, sara: User) -> None:
    address = a_link(sara)
    for _ in range(20):
        assert client.get(address).status_code == 200
        assert client.head(address).status_code == 200
    assert not is_in(client)
    assert client.post(address).status_code == 302


def test_the_page_of_the_link_is_kept_nowhere_and_tells_nobody(client: Client, sara: User) -> None:
    for response in (client.get(a_link(sara)), client.post(a_link(sara)), client.get("/sign-in/wrong/")):
        assert response.headers["Referrer-Policy"] == "strict-origin"
        assert "no-store" in response.headers["Cache-Control"]


# Who may


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: Client, sara: User) -> None:
    known = ask(client, EMAIL)
    unknown = ask(client, "nobody@example.com")
    assert known.status_code == unknown.status_code == 200
    hide = re.compile(rb"sara@example.com|nobody@example.com|csrfmiddlewaretoken\" value=\"\w+")
    assert hide.sub(b"", known.content) == hide.sub(b"", unknown.content)
    assert set(known.headers) == set(unknown.headers)
    assert [message.to for message in outbox.outbox] == [[EMAIL]]


def test_both_answers_take_the_same_time(client: Client, sara: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin, "ANSWER_SECONDS", 0.4)
    for email in (EMAIL, "nobody@example.com"):
        began = time.monotonic()
        ask(client, email)
        assert 0.4 <= time.monotonic() - began < 0.8


STRANGERS: dict[str, Callable[[Merchant], object]] = {
    "has no store": lambda _: User.objects.create_user(EMAIL),
    "is not active": lambda m: User.objects.filter(pk=member(m, EMAIL, Role.OWNER).user_id).update(is_active=False),
    "is staff": lambda m: User.objects.filter(pk=member(m, EMAIL, Role.OWNER).user_id).update(is_staff=True),
    "is a superuser": lambda m: User.objects.filter(pk=member(m, EMAIL, Role.OWNER).user_id).update(is_superuser=True),
}


@pytest.mark.parametrize("kind", STRANGERS)
def test_no_link_for_whoever(kind: str, client: Client, merchant: Merchant) -> None:
    STRANGERS[kind](merchant)
    assert ask(client).status_code == 200
    assert (outbox.outbox, SignInLink.objects.count()) == ([], 0)


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}])
def test_a_link_dies_with_the_right_to_it(change: dict[str, bool], client: Client, sara: User) -> None:
    address = a_link(sara)
    User.objects.filter(pk=sara.pk).update(**change)
    assert [client.get(address).status_code, client.post(address).status_code] == [410, 410]
    assert not is_in(client)


def test_a_link_dies_with_the_last_membership(client: Client, sara: User) -> None:
    address = a_link(sara)
    sara.memberships.all().delete()
    assert client.post(address).status_code == 410


# Links that are not good


def forged(user: User) -> Iterator[str]:
    """A hundred addresses that open nothing: 60 forged, 10 expired, 10 used, 10 outdated, 10 changed a little."""
    odd = ["x", "a" * 43, "a" * 5000, "%00", "%FF%FE", "null", "..", "%2e%2e", "' OR 1=1 --", "<script>", "٠" * 43]
    yield from (f"/sign-in/{token}/" for token in odd)
    yield from (f"/sign-in/{secrets.token_urlsafe(32)}/" for _ in range(60 - len(odd)))
    yield from (a_link(user, age=signin.LIFETIME + timedelta(seconds=number)) for number in range(10))
    for _ in range(10):
        address = a_link(user)
        assert Client().post(address).status_code == 302
        yield address
    old = [a_link(user) for _ in range(10)]
    Client().post(a_link(user))  # the newest one was used: the others died
    yield from old
    for place in range(10):
        address = a_link(user)
        at = len("/sign-in/") + place * 4
        yield address[:at] + ("A" if address[at] != "A" else "B") + address[at + 1 :]


def test_a_hundred_bad_links_open_nothing(client: Client, sara: User) -> None:
    addresses = list(forged(sara))
    assert len(addresses) == 100
    statuses = []
    for address in addresses:
        forget_limits()
        statuses += [client.get(address).status_code, client.post(address).status_code]
        assert not is_in(client)
    assert statuses == [410] * 200


def test_forged_expired_and_used_links_answer_alike(client: Client, sara: User) -> None:
    used = a_link(sara)
    Client().post(used)
    addresses = [used, a_link(sara, age=signin.LIFETIME), "/sign-in/forged/"]
    pages = {re.sub(rb'value="\w{64}"|/sign-in/[^"]+/', b"", client.get(address).content) for address in addresses}
    assert len(pages) == 1


def test_a_link_lives_fifteen_minutes(client: Client, sara: User) -> None:
    address = a_link(sara)
    with time_machine.travel(clock.now() + timedelta(minutes=14, seconds=59), tick=False):
        assert client.get(address).status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=15, seconds=1), tick=False):
        assert client.post(address).status_code == 410


def test_the_token_is_not_stored(client: Client, sara: User) -> None:
    ask(client)
    token = LINK.search(outbox.outbox[0].body)[2]  # type: ignore[index]
    (link,) = SignInLink.objects.all()
    assert bytes(link.token_sha256) == hashlib.sha256(token.encode()).digest()
    assert token not in str(SignInLink.objects.values())


def test_old_links_are_forgotten(client: Client, sara: User) -> None:
    a_link(sara, age=timedelta(days=2))
    ask(client)
    assert SignInLink.objects.count() == 1


@pytest.mark.parametrize("other_link", [False, True])
@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_one_signs_in(other_link: bool, transactional_db: None) -> None:
    """The same link twelve times, and twelve links of one person: using one kills the others."""
    merchant = Merchant.objects.create(salla_id=1)
    user = member(merchant, EMAIL, Role.OWNER).user
    first = a_link(user)
    addresses = [a_link(user) if other_link else first for _ in range(12)]
    gate = threading.Barrier(len(addresses))
    statuses: list[int] = []
    inside: list[bool] = []

    def press(address: str) -> None:
        client = Client()
        gate.wait()
        statuses.append(client.post(address).status_code)
        inside.append(is_in(client))
        connection.close()

    threads = [threading.Thread(target=press, args=[address]) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [302, *[410] * 11]
    assert inside.count(True) == 1


# Where it leads

FOREIGN = [
    "http://evil.example", "https://evil.example/", "//evil.example", "///evil.example", "////evil.example",
    "/\\evil.example", "\\\\evil.example", "\\/evil.example", "/\\/evil.example", "http:evil.example",
    "http:/evil.example", "http:///evil.example", "https:evil.example", "HTTPS://EVIL.EXAMPLE", "ftp://evil.example",
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript://%0aalert(1)", "data:text/html,x", "vbscript:x",
    "mailto:a@evil.example", "http://testserver", "http://testserver@evil.example", "http://testserver.evil.example",
    "https://testserver:80@evil.example/", "//testserver@evil.example", "/\t/evil.example", "/\n/evil.example",
    "\t//evil.example", " //evil.example", "\x00//evil.example", "/\x00/evil.example", "\x08//evil.example",
    "evil.example", "stores/", "../evil", "?next=//evil.example", "#x", "//[::1]/", "//[", "http://[evil",
    "https://evil.example\\@testserver", "/stores/\r\nSet-Cookie: a=b", "/" + "a" * 500, "//evil.example/%2f..",
    "/\u2028/evil.example", "///", "//",
]  # fmt: skip
OURS = ["/", "/stores/", "/stores/?page=2", "/stores/متجر/", "/stores/#top", "/a//evil.example", "/?to=//evil.example"]


def test_the_list_is_long_enough() -> None:
    assert len(set(FOREIGN)) >= 40


@pytest.mark.parametrize("path", FOREIGN)
def test_no_foreign_address_is_followed(path: str, client: Client, sara: User) -> None:
    answer = ask(client, next=path)
    if "\x00" in path:
        assert answer.status_code == 422
    else:
        assert client.post(LINK.search(outbox.outbox[0].body)[1]).headers["Location"] == "/"  # type: ignore[index]
    stored = a_link(sara, next_path=path.replace("\x00", "\x01")[:500])  # whoever wrote it into the row
    if len(path) <= 500:
        assert client.post(stored).headers["Location"] == "/"
    assert client.get("/sign-in/", {"next": path}).context["form"].initial["next"] == ""


@pytest.mark.parametrize("path", OURS)
def test_our_own_addresses_are(path: str, client: Client, sara: User) -> None:
    ask(client, next=path)
    answer = client.post(LINK.search(outbox.outbox[0].body)[1])  # type: ignore[index]
    assert answer.status_code == 302
    assert answer.url in {path, "/stores/%D9%85%D8%AA%D8%AC%D8%B1/"}


# The e-mail

WORDS = {
    "en": ("Your sign-in link", "15 minutes", 'lang="en" dir="ltr"'),
    "ar": ("", "15", 'lang="ar" dir="rtl"'),
}


@pytest.mark.parametrize("language", WORDS)
def test_the_email(language: str, client: Client, sara: User) -> None:
    subject, minutes, direction = WORDS[language]
    ask(client, language=language)
    (message,) = outbox.outbox
    ((html, kind),) = message.alternatives
    assert (message.to, message.cc, message.bcc, kind) == ([EMAIL], [], [], "text/html")
    assert message.subject == (subject or message.subject)
    assert "\n" not in message.subject
    addresses = {found[0] for found in LINK.finditer(message.body)} | {found[0] for found in LINK.finditer(html)}
    assert len(addresses) == 1
    assert minutes in message.body
    assert minutes in html
    assert direction in html
    assert "http" not in html.replace(addresses.pop(), "")  # nothing else to follow or to load


class TestInvitation:
    @pytest.mark.parametrize("language", ["en", "ar"])
    def test_it_names_the_store_and_carries_no_key(self, language: str, merchant: Merchant, sara: User) -> None:
        Merchant.objects.filter(pk=merchant.pk).update(name="<b>نفحات</b> & Co")
        merchant.refresh_from_db()
        services.invite(merchant, by=sara, email="noura@example.com", role=Role.EDITOR, language=language)
        (message,) = outbox.outbox
        ((html, _),) = message.alternatives
        assert message.to == ["noura@example.com"]
        assert "<b>نفحات</b> & Co" in message.body
        assert "&lt;b&gt;نفحات&lt;/b&gt; &amp; Co" in html
        assert EMAIL in message.body
        assert "http://testserver/sign-in/\n" in message.body
        assert SignInLink.objects.count() == 0


# When e-mail is down


class DeadServer:
    def __init__(self, where: str) -> None:
        self.where = where

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        def fail(*_: Any) -> None:
            raise smtplib.SMTPServerDisconnected if self.where != "refused" else smtplib.SMTPRecipientsRefused({})

        fine = lambda *_: None  # noqa: E731
        return SimpleNamespace(
            open=fail if self.where == "open" else fine,
            send_messages=fine if self.where == "open" else fail,
            close=fine,
        )


@pytest.mark.parametrize("email", [EMAIL, "nobody@example.com"])
def test_a_dead_email_server_is_told_to_everybody(
    email: str, client: Client, sara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "get_connection", DeadServer("open"))
    answer = ask(client, email, next="/stores/")
    page = answer.content.decode()
    assert answer.status_code == 503
    assert "We cannot send e-mail at the moment." in page
    assert f'value="{email}"' in page
    assert 'value="/stores/"' in page
    assert SignInLink.objects.count() == 0


def test_a_server_that_dies_later_leaves_no_link(client: Client, sara: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signin, "get_connection", DeadServer("send"))
    assert ask(client).status_code == 503
    assert SignInLink.objects.count() == 0


def test_a_refused_mailbox_does_not_tell_that_it_is_known(
    client: Client, sara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "get_connection", DeadServer("refused"))
    assert [ask(client).status_code, ask(client, "nobody@example.com").status_code] == [200, 200]
    assert SignInLink.objects.count() == 0


def test_a_real_server_that_is_not_there(client: Client, sara: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    assert ask(client).status_code == 503


# Bad input


@pytest.mark.parametrize("email", ["", " ", "sara", "sara@", "@example.com", "a@b", "sara@example.com\x00", "a" * 300])
def test_what_is_no_address_is_refused_beside_the_field(email: str, client: Client, db: None) -> None:
    answer = ask(client, email)
    assert answer.status_code == 422
    assert (outbox.outbox, SignInLink.objects.count()) == ([], 0)


def test_a_header_cannot_be_put_into_the_mail(client: Client, sara: User) -> None:
    assert ask(client, "sara@example.com\nBcc: evil@example.com").status_code == 422
    assert outbox.outbox == []


# Limits


class TestLimits:
    def test_one_a_minute_for_an_address_known_or_not(self, client: Client, sara: User) -> None:
        for email in (EMAIL, "nobody@example.com"):
            assert [ask(client, email).status_code for _ in range(3)] == [200, 429, 429]
        assert len(outbox.outbox) == 1

    def test_five_an_hour_for_an_address(self, client: Client, sara: User) -> None:
        statuses = []
        for _ in range(7):
            statuses.append(ask(client).status_code)
            for key in redis.client().scan_iter(redis.key("limit", "sign-in:minute", "*")):
                redis.client().delete(key)
        assert statuses == [200] * 5 + [429] * 2
        assert len(outbox.outbox) == 5

    def test_twenty_an_hour_for_a_sender_whatever_he_spoofs(self, client: Client, sara: User, settings: Any) -> None:
        settings.PROXY_COUNT = 1
        statuses = []
        for number in range(25):
            spoofed = {"x-forwarded-for": f"{number}.1.1.1, 9.9.9.9"}
            answer = client.post("/sign-in/", {"email": f"n{number}@example.com"}, headers=spoofed)
            statuses.append(answer.status_code)
        assert statuses == [200] * 20 + [429] * 5

    def test_what_was_typed_stays_and_the_wait_is_told(self, client: Client, sara: User) -> None:
        ask(client)
        page = ask(client).content.decode()
        assert f'value="{EMAIL}"' in page
        assert "Please try again in 1 minute." in page

    def test_wrong_links(self, client: Client, sara: User) -> None:
        assert [client.get(f"/sign-in/wrong{n}/").status_code for n in range(22)] == [410] * 20 + [429] * 2
        assert client.post(a_link(sara)).status_code == 302  # the right one still works

    def test_without_redis_no_link_is_sent(self, client: Client, sara: User, monkeypatch: pytest.MonkeyPatch) -> None:
        cut_redis(monkeypatch)
        assert ask(client).status_code == 429
        assert outbox.outbox == []

    def test_without_redis_a_link_works(self, client: Client, sara: User, monkeypatch: pytest.MonkeyPatch) -> None:
        cut_redis(monkeypatch)
        assert client.get("/sign-in/wrong/").status_code == 410
        assert client.post(a_link(sara)).status_code == 302


class TestAdminDoor:
    RIGHT = "a long staff password"

    def attempt(self, client: Client, password: str, email: str = "staff@nomoflow.example") -> int:
        return client.post("/admin/login/", {"username": email, "password": password}).status_code

    def test_the_sixth_wrong_password_waits_and_so_does_the_right_one(self, client: Client, staff: User) -> None:
        assert [self.attempt(client, "wrong") for _ in range(5)] == [200] * 5
        answer = client.post(
            "/admin/login/",
            {"username": " STAFF@nomoflow.example", "password": self.RIGHT},
            headers={"accept-language": "en"},
        )
        assert (answer.status_code, "Please try again in 15 minutes." in answer.content.decode()) == (200, True)
        assert not is_in(client)

    def test_the_right_password_begins_anew(self, client: Client, staff: User) -> None:
        for _ in range(3):
            assert [self.attempt(client, "wrong") for _ in range(4)] == [200] * 4
            assert self.attempt(client, self.RIGHT) == 302
            client.logout()

    def test_another_account_or_sender_is_not_locked(self, client: Client, staff: User, settings: Any) -> None:
        settings.PROXY_COUNT = 1
        User.objects.create_superuser("other@nomoflow.example", self.RIGHT)
        for _ in range(6):
            self.attempt(client, "wrong")
        assert self.attempt(Client(), self.RIGHT, "other@nomoflow.example") == 302
        elsewhere = Client(headers={"x-forwarded-for": "9.9.9.9"})
        assert self.attempt(elsewhere, self.RIGHT) == 302

    def test_without_redis_staff_get_in(self, client: Client, staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
        cut_redis(monkeypatch)
        assert self.attempt(client, self.RIGHT) == 302


# Sessions


class TestSession:
    def test_the_cookie(self, client: Client, sara: User) -> None:
        cookie = client.post(a_link(sara)).cookies[django_settings.SESSION_COOKIE_NAME]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
        assert cookie["max-age"] == 14 * 86_400

    def test_it_slides_once_a_day(self, client: Client, merchant: Merchant, sara: User) -> None:
        name = django_settings.SESSION_COOKIE_NAME
        address = f"/stores/{merchant.public_id}/team/"
        client.post(a_link(sara))
        assert name in client.get(address).cookies
        assert name not in client.get(address).cookies
        for day in range(1, 40, 13):
            with time_machine.travel(clock.now() + timedelta(days=day), tick=False):
                answer = client.get(address)
                assert (answer.status_code, name in answer.cookies) == (200, True)
        with time_machine.travel(clock.now() + timedelta(days=40 + 15), tick=False):
            assert client.get(address).status_code == 302

    def test_whoever_is_not_signed_in_gets_none(self, client: Client, db: None) -> None:
        assert django_settings.SESSION_COOKIE_NAME not in client.get("/").cookies

    def test_pages_of_a_store_are_not_kept(self, client: Client, merchant: Merchant, sara: User) -> None:
        client.force_login(sara)
        for page in ("", "team/", "activity/"):
            assert "no-store" in client.get(f"/stores/{merchant.public_id}/{page}").headers["Cache-Control"]

    @pytest.mark.parametrize("path", ["/sign-in/", "/sign-out/", "link", "team"])
    def test_forgery(self, path: str, merchant: Merchant, sara: User) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(sara)
        address = {"link": a_link(sara), "team": f"/stores/{merchant.public_id}/team/"}.get(path, path)
        assert client.post(address, {"email": EMAIL}).status_code == 403
        assert SignInLink.objects.exclude(used_at=None).count() == 0


# Logs


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_no_token_reaches_the_log(method: str, sara: User, caplog: Any) -> None:
    address = a_link(sara)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    with caplog.at_level(logging.DEBUG):
        getattr(client, method)(address)
        getattr(client, method)(address.replace("/sign-in/", "/sign-in/x"))
    handler = logging.getLogger().handlers
    line = logs.formatter()
    written = [line.format(record) for record in caplog.records if record.name != "django.db.backends"]
    assert handler
    assert not [text for text in written if address.split("/")[2] in text]
    assert method == "get" or any("/sign-in/…/" in text for text in written)


def test_our_log_lines_are_that_kind() -> None:
    assert django_settings.LOGGING["formatters"]["masked"]["()"] == "core.logs.formatter"


def test_a_traceback_hides_it_too() -> None:
    try:
        raise ValueError("GET /sign-in/secret-token/ failed")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "at %s", ("/sign-in/secret-token",), None)
        record.exc_info = (type(error), error, error.__traceback__)
    assert "secret-token" not in logs.formatter().format(record)


# A person's stores


class TestStores:
    def test_one_store_opens_at_once(self, client: Client, merchant: Merchant, sara: User) -> None:
        client.force_login(sara)
        assert client.get("/").headers["Location"] == f"/stores/{merchant.public_id}/"

    def test_several_are_chosen_from(
        self, client: Client, merchant: Merchant, other_merchant: Merchant, sara: User
    ) -> None:
        third = Merchant.objects.create(salla_id=3, name="third")
        member(other_merchant, EMAIL, Role.VIEWER)
        client.force_login(sara)
        assert client.get("/").headers["Location"] == "/stores/"
        page = client.get("/stores/").content.decode()
        shown = [str(each.public_id) in page for each in (merchant, other_merchant, third)]
        assert shown == [True, True, False]

    def test_none_says_what_to_do(self, client: Client, db: None) -> None:
        client.force_login(User.objects.create_user("lost@example.com"))
        assert client.get("/").status_code == 200
        page = client.get("/stores/", headers={"accept-language": "en"})
        assert (page.status_code, b"No store yet" in page.content) == (200, True)


class TestOverview:
    def test_the_numbers(self, client: Client, merchant: Merchant, other_merchant: Merchant, sara: User) -> None:
        now = clock.now()
        for number, (days, fields) in enumerate(
            [
                (0, {"total": 100}),
                (0, {"total": 50, "status": "canceled"}),
                (3, {"total": "10.50"}),
                (3, {"total": 7, "currency": "USD"}),
                (3, {"total": 1000, "is_draft": True}),
                (3, {"total": 1000, "is_refunded": True}),
                (9, {"total": 1000}),
            ]
        ):
            fields = {"currency": "SAR", "status": "delivered", "payment_method": "cod", **fields}
            for owner in (merchant, other_merchant)[: 1 + (number == 0)]:
                owner.orders.create(
                    salla_id=number, source_updated_at=now, placed_at=now - timedelta(days=days), **fields
                )
        merchant.customers.create(salla_id=1, source_updated_at=now)
        merchant.carts.create(salla_id=1, source_updated_at=now, status=Cart.Status.ACTIVE)
        merchant.carts.create(salla_id=2, source_updated_at=now, status=Cart.Status.PURCHASED)
        client.force_login(sara)
        numbers = client.get(f"/stores/{merchant.public_id}/").context["numbers"]
        assert (numbers.orders_today, numbers.orders_week) == (2, 5)
        assert [(sum_["currency"], str(sum_["amount"])) for sum_ in numbers.paid_week] == [
            ("SAR", "110.50"),
            ("USD", "7.00"),
        ]
        assert (numbers.customers, numbers.carts) == (1, 1)

    def test_the_steps_check_themselves(self, client: Client, merchant: Merchant, sara: User) -> None:
        client.force_login(sara)
        address = f"/stores/{merchant.public_id}/"
        done = lambda: [step["is_done"] for step in client.get(address).context["steps"]]  # noqa: E731
        assert done() == [True, False, False, False]
        merchant.orders.create(salla_id=1, source_updated_at=clock.now(), placed_at=clock.now())
        merchant.features.create(slug="x", is_on=True)
        assert done() == [True, False, True, True]
        client.get(f"/sf/{merchant.salla_id}/config.json", headers={"origin": "https://shop.example"})
        assert done() == [True, True, True, True]
        Connection.unscoped.filter(merchant=merchant).update(state=Connection.State.NEEDS_REINSTALL)
        assert done() == [False, True, True, True]

    def test_it_costs_few_queries(
        self, client: Client, merchant: Merchant, sara: User, django_assert_max_num_queries: Any
    ) -> None:
        client.force_login(sara)
        client.get(f"/stores/{merchant.public_id}/")
        for page in ("", "team/", "activity/"):
            with django_assert_max_num_queries(15):
                client.get(f"/stores/{merchant.public_id}/{page}")


# The team


@pytest.fixture
def team(merchant: Merchant, sara: User) -> str:
    return f"/stores/{merchant.public_id}/team/"


@pytest.fixture
def owner(client: Client, sara: User) -> Client:
    client.force_login(sara)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


NOURA = {"email": "Noura@Example.com", "role": "editor"}


class TestTeam:
    def test_inviting_asks_first(self, owner: Client, team: str, merchant: Merchant) -> None:
        question = owner.post(team, NOURA)
        assert (question.status_code, "Invite noura@example.com as Editor?" in question.content.decode()) == (200, True)
        assert (merchant.memberships.count(), outbox.outbox) == (1, [])
        done = owner.post(team, {**NOURA, "confirmed": "yes"})
        assert (done.status_code, done.headers["Location"]) == (302, team)
        noura = merchant.memberships.get(user__email="noura@example.com")
        assert (noura.role, noura.user.has_usable_password(), noura.user.is_staff) == ("editor", False, False)
        assert [message.to for message in outbox.outbox] == [["noura@example.com"]]
        assert ask(Client(), "noura@example.com").status_code == 200
        assert len(outbox.outbox) == 2

    def test_an_account_that_is_there_is_not_changed(self, owner: Client, team: str, staff: User) -> None:
        before = User.objects.filter(pk=staff.pk).values().get()
        owner.post(team, {"email": staff.email, "role": "viewer", "confirmed": "yes"})
        assert User.objects.filter(pk=staff.pk).values().get() == before

    def test_twice_is_refused_beside_the_field(self, owner: Client, team: str, merchant: Merchant) -> None:
        answer = owner.post(team, {"email": EMAIL, "role": "viewer", "confirmed": "yes"})
        assert (answer.status_code, "already in the team" in answer.content.decode()) == (422, True)
        assert merchant.memberships.get().role == Role.OWNER

    @pytest.mark.parametrize("wrong", [{"email": "x"}, {"role": "king"}, {"role": ""}, {"email": ""}])
    def test_bad_input(self, wrong: dict[str, str], owner: Client, team: str, merchant: Merchant) -> None:
        assert owner.post(team, {**NOURA, "confirmed": "yes", **wrong}).status_code == 422
        assert merchant.memberships.count() == 1

    def test_without_email_the_person_is_in_and_the_owner_is_told(
        self, owner: Client, team: str, merchant: Merchant, settings: Any
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
        page = owner.post(team, {**NOURA, "confirmed": "yes"}, follow=True).content.decode()
        assert "the e-mail could not be sent" in page
        assert merchant.memberships.count() == 2

    def test_twenty_invitations_a_day(self, owner: Client, team: str) -> None:
        posts = [
            owner.post(team, {"email": f"n{n}@example.com", "role": "viewer", "confirmed": "yes"}) for n in range(22)
        ]
        assert [post.status_code for post in posts] == [302] * 20 + [429] * 2
        assert len(outbox.outbox) == 20

    def test_without_redis_nobody_is_invited(self, owner: Client, team: str, monkeypatch: pytest.MonkeyPatch) -> None:
        cut_redis(monkeypatch)
        assert owner.post(team, {**NOURA, "confirmed": "yes"}).status_code == 429
        assert outbox.outbox == []

    def test_changing_a_role(self, owner: Client, team: str, merchant: Merchant) -> None:
        noura = member(merchant, "noura@example.com", Role.VIEWER)
        address = f"{team}{noura.pk}/role/"
        assert owner.get(address).status_code == 200
        assert owner.post(address, {"role": "king"}).status_code == 422
        assert b"Change the role of noura@example.com to Owner?" in owner.post(address, {"role": "owner"}).content
        noura.refresh_from_db()
        assert noura.role == Role.VIEWER
        assert owner.post(address, {"role": "owner", "confirmed": "yes"}).status_code == 302
        noura.refresh_from_db()
        assert noura.role == Role.OWNER

    def test_removing(self, owner: Client, team: str, merchant: Merchant) -> None:
        noura = member(merchant, "noura@example.com", Role.VIEWER)
        hers = Client()
        hers.force_login(noura.user)
        assert hers.get(team).status_code == 200
        address = f"{team}{noura.pk}/remove/"
        assert b"Remove noura@example.com from the team?" in owner.get(address).content
        assert merchant.memberships.count() == 2
        assert owner.post(address).status_code == 302
        assert [hers.get(team).status_code, owner.post(address).status_code] == [404, 404]
        assert User.objects.filter(email="noura@example.com").exists()

    def test_the_last_owner_stays(self, owner: Client, team: str, merchant: Merchant, sara: User) -> None:
        member(merchant, "noura@example.com", Role.EDITOR)
        own = merchant.memberships.get(user=sara)
        answers = [
            owner.post(f"{team}{own.pk}/remove/"),
            owner.post(f"{team}{own.pk}/role/", {"role": "viewer", "confirmed": "yes"}),
        ]
        assert [answer.status_code for answer in answers] == [409, 409]
        assert all(b"A store always has an owner." in answer.content for answer in answers)
        own.refresh_from_db()
        assert own.role == Role.OWNER

    def test_an_owner_may_leave_another(self, owner: Client, team: str, merchant: Merchant, sara: User) -> None:
        member(merchant, "noura@example.com", Role.OWNER)
        answer = owner.post(f"{team}{merchant.memberships.get(user=sara).pk}/remove/")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/stores/")

    def test_an_owner_who_is_not_active_does_not_count(
        self, owner: Client, team: str, merchant: Merchant, sara: User
    ) -> None:
        other = member(merchant, "noura@example.com", Role.OWNER)
        User.objects.filter(pk=other.user_id).update(is_active=False)
        assert owner.post(f"{team}{merchant.memberships.get(user=sara).pk}/remove/").status_code == 409

    @pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
    def test_others_only_look(self, role: Role, team: str, merchant: Merchant) -> None:
        noura = member(merchant, "noura@example.com", role)
        client = Client(headers={"accept-language": "en"})
        client.force_login(noura.user)
        page = client.get(team)
        assert (page.status_code, b"Invite a person" in page.content) == (200, False)
        posts = [
            client.post(team, {**NOURA, "confirmed": "yes"}),
            client.post(f"{team}{noura.pk}/role/", {"role": "owner", "confirmed": "yes"}),
            client.post(f"{team}{noura.pk}/remove/"),
        ]
        assert [post.status_code for post in posts] == [403] * 3
        assert merchant.memberships.count() == 2

    def test_another_stores_member_does_not_exist(
        self, owner: Client, team: str, merchant: Merchant, other_merchant: Merchant
    ) -> None:
        theirs = member(other_merchant, "noura@example.com", Role.VIEWER)
        for page in ("role", "remove"):
            assert owner.get(f"{team}{theirs.pk}/{page}/").status_code == 404
            assert owner.post(f"{team}{theirs.pk}/{page}/", {"role": "owner", "confirmed": "yes"}).status_code == 404
        theirs.refresh_from_db()
        assert theirs.role == Role.VIEWER


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_leave_one() -> None:
    for number in range(5):
        merchant = Merchant.objects.create(salla_id=number)
        pair = [member(merchant, f"{name}{number}@example.com", Role.OWNER) for name in "ab"]
        gate = threading.Barrier(2)
        failed: list[bool] = []

        def strike(who: Membership, whom: Membership, gate: Any = gate, failed: list[bool] = failed) -> None:
            gate.wait()
            try:
                services.remove(who.merchant, by=who.user, member=whom)
            except services.LastOwnerError:
                failed.append(True)
            connection.close()

        threads = [threading.Thread(target=strike, args=each) for each in (pair, pair[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (merchant.memberships.filter(role=Role.OWNER).count(), failed) == (1, [True])


# The log of what people did


def lines_of(page: Any) -> list[str]:
    """Without the isolates around the names."""
    return [re.sub("[\u2068\u2069]", "", line["text"]) for line in page.context["lines"]]


class TestActivity:
    def test_everything_stands_there_in_words(self, owner: Client, team: str, merchant: Merchant) -> None:
        owner.post(team, {**NOURA, "confirmed": "yes"})
        noura = merchant.memberships.get(user__email="noura@example.com")
        owner.post(f"{team}{noura.pk}/role/", {"role": "viewer", "confirmed": "yes"})
        owner.post(f"{team}{noura.pk}/remove/")
        page = owner.get(f"/stores/{merchant.public_id}/activity/")
        assert lines_of(page) == [
            "sara@example.com removed noura@example.com from the team",
            "sara@example.com changed the role of noura@example.com to Viewer",
            "sara@example.com invited noura@example.com as Editor",
        ]

    def test_it_holds_ids_and_survives_the_people(self, owner: Client, merchant: Merchant, sara: User) -> None:
        noura = User.objects.create_user("noura@example.com", name="نورة")
        activity.note(merchant, services.REMOVED, user=sara, whom=noura)
        assert "noura" not in str(Activity.unscoped.values())
        noura.delete()
        page = owner.get(f"/stores/{merchant.public_id}/activity/")
        assert lines_of(page) == ["sara@example.com removed somebody who left from the team"]

    def test_nothing_that_changes_nothing_stands_there(self, merchant: Merchant, sara: User) -> None:
        own = merchant.memberships.get(user=sara)
        services.change_role(merchant, by=sara, member=own, role=Role.OWNER)
        assert merchant.activities.count() == 0

    def test_pages(self, owner: Client, merchant: Merchant, sara: User) -> None:
        for _ in range(51):
            activity.note(merchant, services.REMOVED, user=sara, whom=sara)
        address = f"/stores/{merchant.public_id}/activity/"
        lengths = [len(owner.get(address, {"page": page}).context["lines"]) for page in ("1", "2", "99", "x")]
        assert lengths == [50, 1, 1, 50]

    def test_kinds_are_declared_once(self, merchant: Merchant) -> None:
        with pytest.raises(KeyError):
            activity.note(merchant, "nobody.declared", user=None)
        with pytest.raises(ValueError, match="declared twice"):
            activity.declare(services.REMOVED, "another sentence")
        unknown = Activity(what="old.kind")
        assert activity.sentence_of(unknown) == "old.kind"


# Whoever installs the app


class FakeSalla:
    def __init__(self, person: Any) -> None:
        self.person = person

    def store_info(self) -> dict[str, Any]:
        return {"name": "نفحات"}

    def user_info(self) -> Any:
        if isinstance(self.person, Exception):
            raise self.person
        return self.person


@pytest.fixture
def install(merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    def run(person: Any) -> None:
        Connection.unscoped.filter(merchant=merchant).update(store_read_at=None)
        monkeypatch.setattr("integrations.sync.clients.salla_for", lambda _merchant, **_: FakeSalla(person))
        agenda.schedule(merchant, "store", "upkeep")
        merchant.syncs.update(due_at=clock.now())
        tasks.sync_stores()

    return run


PERSON = {"name": "سعد", "email": "Saad@Example.com", "role": "user", "merchant": {"id": 1305146709}}


class TestInstaller:
    @pytest.mark.parametrize(
        ("said", "role"),
        [("user", "owner"), ("team", "editor"), ("", "editor"), (None, "editor"), ("owner", "editor"), (7, "editor")],
    )
    def test_gets_a_membership(self, said: Any, role: str, install: Any, merchant: Merchant) -> None:
        install({**PERSON, "role": said})
        (held,) = merchant.memberships.all()
        assert (held.user.email, held.user.name, held.role) == ("saad@example.com", "سعد", role)
        assert not held.user.has_usable_password()
        assert [row.what for row in merchant.activities.all()] == [services.INSTALLED]
        assert outbox.outbox == []

    def test_once_however_often_it_is_read(self, install: Any, merchant: Merchant) -> None:
        for _ in range(3):
            install(PERSON)
        assert (merchant.memberships.count(), merchant.activities.count()) == (1, 1)

    def test_takes_over_no_account(self, install: Any, merchant: Merchant, staff: User) -> None:
        before = User.objects.filter(pk=staff.pk).values().get()
        install({**PERSON, "email": staff.email, "name": "evil"})
        assert User.objects.filter(pk=staff.pk).values().get() == before
        assert ask(Client(), staff.email).status_code == 200
        assert outbox.outbox == []  # staff never sign in by link

    def test_a_role_that_is_held_stays(self, install: Any, merchant: Merchant) -> None:
        held = member(merchant, "saad@example.com", Role.VIEWER)
        install(PERSON)
        held.refresh_from_db()
        assert held.role == Role.VIEWER

    def test_whoever_was_removed_stays_out(self, install: Any, merchant: Merchant, sara: User) -> None:
        install(PERSON)
        services.remove(merchant, by=sara, member=merchant.memberships.get(user__email="saad@example.com"))
        install(PERSON)
        assert [held.user for held in merchant.memberships.all()] == [sara]

    @pytest.mark.parametrize(
        "person",
        [
            {},
            {**PERSON, "email": None},
            {**PERSON, "email": ""},
            {**PERSON, "email": "no address"},
            {**PERSON, "email": ["a@example.com"]},
            {**PERSON, "email": "a@example.com\nBcc: b@example.com"},
            {**PERSON, "merchant": {"id": 999}},
            {**PERSON, "merchant": None, "store": {"id": 999}},
            SallaError("no"),
        ],
    )
    def test_what_cannot_be_trusted_lets_nobody_in(self, person: Any, install: Any, merchant: Merchant) -> None:
        install(person)
        assert merchant.memberships.count() == 0
        assert Connection.unscoped.get(merchant=merchant).store_read_at is not None

    def test_is_asked_for_again_when_salla_was_away(self, install: Any, merchant: Merchant) -> None:
        install(UnavailableError("away"))
        merchant.refresh_from_db()
        assert (merchant.name, merchant.connection.store_read_at, merchant.memberships.count()) == ("نفحات", None, 0)
        install(PERSON)
        assert merchant.memberships.count() == 1
