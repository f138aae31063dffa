"""What a contact's reader opens from a message: no cookie is needed, and nothing happens before a button is pressed."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from core import clock
from core.limiter import Limit
from core.models import Merchant
from tests.contacts import TEXT, ask, ledger, subscribed
from visitors import contact_links, contacts, mailed_views, suppressions
from visitors.models import Channel, Contact, OptIn, Purpose, Suppression

pytestmark = pytest.mark.django_db
STORE = "متجر 1305146709"


@pytest.fixture
def browser() -> Client:
    """A phone that keeps no cookies, and a server that asks for its own."""
    return Client(enforce_csrf_checks=True)


def path_of(address: str) -> str:
    return address.removeprefix("http://localhost:8000")


def question(merchant: Merchant, **changes: Any) -> str:
    ask(merchant, **changes)
    return path_of(contact_links.confirm(merchant.opt_ins.latest("pk")))


def page_of(merchant: Merchant, contact: Contact) -> str:
    return path_of(contact_links.preferences(merchant, contact))


def button_of(merchant: Merchant, contact: Contact) -> str:
    ways = {"purpose": Purpose.MARKETING, "channel": Channel.EMAIL}
    return path_of(contact_links.unsubscribe(merchant, contact, **ways))


def forms(html: str) -> int:
    return html.count("<form")


# The yes


def test_only_the_button_says_yes(merchant: Merchant, browser: Client) -> None:
    path = question(merchant)
    for _ in range(3):  # a scanner, a preview, a person
        page = browser.get(path)
        assert page.status_code == 200
    assert browser.head(path).status_code == 200
    assert merchant.opt_ins.get().state == OptIn.State.PENDING
    html = page.content.decode()
    assert (html.count("<form"), html.count("<button")) == (1, 2)  # the other changes light and dark
    for shown in (STORE, TEXT, "sara@example.com"):
        assert shown in html
    assert (browser.cookies, page.headers["Cache-Control"].count("no-store")) == ({}, 1)
    assert (page.headers["Referrer-Policy"], page.headers["X-Robots-Tag"]) == ("no-referrer", "noindex")
    done = browser.post(path)
    assert (done.status_code, merchant.opt_ins.get().state) == (200, OptIn.State.CONFIRMED)
    assert "تم الاشتراك" in done.content.decode()
    assert "تم الاشتراك" in browser.get(path).content.decode()
    assert ledger(merchant) == [("marketing", "email", "given", "form")]


def test_a_link_that_is_too_old_says_so(merchant: Merchant, browser: Client) -> None:
    path = question(merchant)
    with time_machine.travel(clock.now() + timedelta(days=7, seconds=1)):
        for answer in (browser.get(path), browser.post(path)):
            assert (answer.status_code, STORE in answer.content.decode()) == (410, True)
    assert ledger(merchant) == []


def nothing_said(answer: Any) -> bool:
    """The one page of links that open nothing: no store, no way to our dashboard, no word of who was there."""
    html = answer.content.decode()
    assert "لم يعد هذا الرابط صالحًا" in html
    assert "إن حُذفت بياناتك فلن تصلك رسائل." in html
    assert [words for words in (STORE, "نومو فلو", 'href="/"', "sign-in", "<form") if words in html] == []
    return bool(answer.status_code == 404)


def test_a_link_works_at_its_own_place_only(merchant: Merchant, other_merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    token = contact_links.preferences_token(merchant, contact)
    for place in ("subscribe", "unsubscribe"):
        assert nothing_said(browser.post(f"/{place}/{token}/"))
    for forged in (token[:-1], "x" + token, token.replace(":", ";")):
        assert nothing_said(browser.get(f"/preferences/{forged}/"))
    page = browser.get("/preferences/forged/?lang=en")
    assert "If your data was deleted, no messages come to you any more." in page.content.decode()
    assert (page.headers["Content-Language"], page.headers["X-Robots-Tag"]) == ("en", "noindex")
    assert contact_links.preferences_of(contact_links.preferences_token(other_merchant, contact)) is None


@pytest.mark.parametrize(
    ("contact_language", "query", "language"),
    [("ar", "", "ar"), ("en", "", "en"), ("ar", "?lang=en", "en"), ("en", "?lang=ar", "ar"), ("", "?lang=xx", "ar")],
)
def test_a_page_speaks_its_reader_s_language(
    merchant: Merchant, browser: Client, contact_language: str, query: str, language: str
) -> None:
    page = browser.get(question(merchant, language=contact_language) + query, headers={"accept-language": "fr"})
    assert page.headers["Content-Language"] == language
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page.content.decode()


# Unsubscribing


def test_only_the_button_unsubscribes(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    path = button_of(merchant, contact)
    html = browser.get(path).content.decode()
    assert (forms(html), STORE in html, contacts.may_send(merchant, contact, purpose=Purpose.MARKETING)) == (
        1,
        True,
        None,
    )
    html = browser.post(path).content.decode()
    assert ("تم إلغاء الاشتراك" in html, forms(html)) == (True, 0)
    assert ledger(merchant)[1:] == [("marketing", "email", "withdrawn", "unsubscribe")]
    assert merchant.consents.latest("pk").network == "127.0.0.0/24"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_mail_program_presses_it_without_cookies(merchant: Merchant, browser: Client, content_type: str) -> None:
    path = button_of(merchant, subscribed(merchant))
    is_form = content_type.startswith("application")
    body = "List-Unsubscribe=One-Click"
    if not is_form:
        body = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
    for _ in range(2):
        answer = browser.post(path, body, content_type=content_type)
        assert (answer.status_code, answer.content) == (200, b"")
    assert len(ledger(merchant)) == 2


# Choosing


def choices(html: str) -> dict[str, bool]:
    """Each switch and whether it is on."""
    inputs = re.findall(r'<input type="checkbox" name="([a-z-]+)"([^>]*)>', html)
    return {name: " checked" in rest for name, rest in inputs}


def test_what_is_chosen_is_kept_word_for_word(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    path = page_of(merchant, contact)
    html = browser.get(path).content.decode()
    assert choices(html) == {"marketing-email": True, "reminders-email": False}
    answer = browser.post(path, {"do": "save", "reminders-email": "on", "pace": "weekly"})
    html = answer.content.decode()
    assert (answer.status_code, choices(html)) == (200, {"marketing-email": False, "reminders-email": True})
    assert ledger(merchant)[1:] == [
        ("marketing", "email", "withdrawn", "preference_centre"),
        ("reminders", "email", "given", "preference_centre"),
    ]
    texts = list(merchant.consents.order_by("pk").values_list("text", flat=True))[1:]
    assert texts == [f"{STORE} · العروض والجديد · البريد الإلكتروني", f"{STORE} · التذكيرات · البريد الإلكتروني"]
    contact.refresh_from_db()
    assert contact.pace == Contact.Pace.WEEKLY
    browser.post(path, {"do": "save", "reminders-email": "on", "pace": "any"})
    assert len(ledger(merchant)) == 3  # nothing was turned


def test_a_number_has_a_choice_for_each_channel(merchant: Merchant, browser: Client) -> None:
    ask(merchant, "0501234567", kind="phone")
    html = browser.get(page_of(merchant, merchant.contacts.get())).content.decode()
    assert choices(html) == dict.fromkeys(
        ["marketing-sms", "marketing-whatsapp", "reminders-sms", "reminders-whatsapp"], False
    )
    assert "+966501234567" in html


@pytest.mark.parametrize("pace", ["", "hourly"])
def test_a_choice_that_there_is_not_changes_nothing(merchant: Merchant, browser: Client, pace: str) -> None:
    contact = subscribed(merchant)
    answer = browser.post(page_of(merchant, contact), {"do": "save", "pace": pace})
    assert answer.status_code == 422
    assert len(ledger(merchant)) == 1


def test_stopping_everything_stops_everything_until_he_chooses_again(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    path = page_of(merchant, contact)
    html = browser.post(path, {"do": "stop"}).content.decode()
    assert set(choices(html).values()) == {False}
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == "suppressed"
    browser.post(path, {"do": "save", "marketing-email": "on", "pace": "any"})
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) is None
    assert merchant.suppressions.count() == 0


def test_what_is_no_address_any_more_is_not_brought_back(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    suppressions.suppress(
        merchant, value=contact.value, channels=contact.channels, reason=Suppression.Reason.COMPLAINED
    )
    browser.post(page_of(merchant, contact), {"do": "save", "marketing-email": "on", "pace": "any"})
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == "suppressed"


def test_whoever_chooses_from_a_mail_has_answered(merchant: Merchant, browser: Client) -> None:
    ask(merchant)
    contact = merchant.contacts.get()
    browser.post(page_of(merchant, contact), {"do": "save", "marketing-email": "on", "pace": "any"})
    contact.refresh_from_db()
    assert contact.verified_at is not None
    assert [name for name, *_ in merchant.events.order_by("pk").values_list("name")] == [
        "optin.requested",
        "contact.verified",
        "consent.given",
    ]


def test_salla_s_switch_is_told(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    path, note = page_of(merchant, contact), "الإشعارات غير مفعّلة في حسابك"
    assert note not in browser.get(path).content.decode()
    merchant.customers.create(salla_id=7, email=contact.value, source_updated_at=clock.now())
    assert note in browser.get(path).content.decode()


# His data


def test_his_data_is_his_and_nobody_else_s(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant, visitor_key="v:1")
    subscribed(merchant, "other@example.com", visitor_key="v:1")
    merchant.customers.create(
        salla_id=7, email=contact.value, name="Somebody Else", phone="+966501234567", source_updated_at=clock.now()
    )
    path = page_of(merchant, contact) + "data/"
    html = browser.get(path).content.decode()
    assert TEXT in html
    answer = browser.get(path + "?format=json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
    held = json.loads(answer.content)
    assert held["store"] == STORE
    assert "الشبكة: <bdi" in html
    (row,) = held["contacts"]
    assert (row["value"], row["consents"][0]["text"]) == ("sara@example.com", TEXT)
    for others in ("other@example.com", "Somebody Else", "+966501234567"):
        assert others not in html + answer.content.decode()


def test_erasing_asks_first(merchant: Merchant, browser: Client) -> None:
    contact = subscribed(merchant)
    path = page_of(merchant, contact) + "erase/"
    html = browser.get(path).content.decode()
    assert (forms(html), STORE in html, merchant.contacts.get().value) == (1, True, "sara@example.com")
    answer = browser.post(path)
    assert (answer.status_code, "حُذفت بياناتك" in answer.content.decode()) == (200, True)
    assert merchant.contacts.get().value == ""
    for each in (path, page_of(merchant, contact), button_of(merchant, contact)):
        assert nothing_said(browser.get(each))
    lines = len(ledger(merchant))
    pressed = browser.post(button_of(merchant, contact), {"List-Unsubscribe": "One-Click"})
    assert (pressed.status_code, pressed.content) == (200, b"")  # of an old message
    assert (browser.get(button_of(merchant, contact)).status_code, len(ledger(merchant))) == (404, lines)


# How often


def test_nobody_reads_so_often(merchant: Merchant, browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    contact = subscribed(merchant)
    monkeypatch.setattr(mailed_views, "BY_NETWORK", Limit("test:pages", 2, 60))
    answers = [browser.get(page_of(merchant, contact)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert STORE in answers[-1].content.decode()
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    for _ in range(3):  # mail programs press from few addresses
        assert browser.post(button_of(merchant, contact)).status_code == 200
