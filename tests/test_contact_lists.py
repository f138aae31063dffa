"""The store's pages of its contacts: found, narrowed, kept by hand, given out and erased."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.models import Membership, Merchant, User
from tests.contacts import TEXT, ask, ledger, subscribed
from visitors import consents, contact_lists, contacts
from visitors.consents import Source, Words
from visitors.contact_lists import SearchForm
from visitors.models import Channel, Contact, Purpose

pytestmark = pytest.mark.django_db
Role = Membership.Role


@pytest.fixture
def people(merchant: Merchant) -> dict[str, Client]:
    found = {}
    for role in (Role.EDITOR, Role.VIEWER):
        user = User.objects.create_user(f"{role}@example.com", name=role.label)
        Membership.objects.create(user=user, merchant=merchant, role=role)
        found[role.value] = Client(headers={"accept-language": "en"})
        found[role.value].force_login(user)
    return found


@pytest.fixture
def owner(people: dict[str, Client]) -> Client:
    return people["editor"]


def address(merchant: Merchant, contact: Contact | None = None, end: str = "") -> str:
    whole = f"/stores/{merchant.public_id}/contacts/"
    return f"{whole}{contact.public_id}/{end}" if contact else whole


def found(merchant: Merchant, **asked: str) -> list[str]:
    return [contact.value for contact in contact_lists.found(merchant, SearchForm(asked))]


# The list


@pytest.fixture
def crowd(merchant: Merchant) -> Merchant:
    """One of each state, the oldest first."""
    subscribed(merchant, "agreed@example.com", name="نورة العتيبي")
    ended = subscribed(merchant, "ended@example.com")
    contacts.withdraw(merchant, ended, words=Words(Source.UNSUBSCRIBE))
    merchant.contacts.filter(pk=ended.pk).update(customer_salla_id=7)
    ask(merchant, "waiting@example.com")
    contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="none@example.com", source="merchant")
    ask(merchant, "0501234567", kind="phone")
    erased = subscribed(merchant, "erased@example.com")
    merchant.contacts.filter(pk=erased.pk).update(value="", erased_at=clock.now())
    return merchant


@pytest.mark.parametrize(
    ("asked", "values"),
    [
        ({}, ["+966501234567", "none", "waiting", "ended", "agreed"]),
        ({"kind": "phone"}, ["+966501234567"]),
        ({"kind": "email"}, ["none", "waiting", "ended", "agreed"]),
        ({"state": "agreed"}, ["agreed"]),
        ({"state": "ended"}, ["ended"]),
        ({"state": "waiting"}, ["+966501234567", "waiting"]),
        ({"state": "none"}, ["none"]),
        ({"q": " AGREED@example.com "}, ["agreed"]),
        ({"q": "٠٥٠١٢٣٤٥٦٧"}, ["+966501234567"]),
        ({"q": "نورة"}, ["agreed"]),
        ({"q": "العتيبي"}, []),
        ({"q": "agreed"}, []),
        ({"q": "agreed@example.com", "state": "ended"}, []),
        ({"source": "form"}, ["+966501234567", "waiting", "ended", "agreed"]),
        ({"source": "form", "kind": "phone"}, ["+966501234567"]),
        ({"source": "form", "state": "agreed"}, ["agreed"]),
        ({"source": "merchant"}, ["none"]),
        ({"source": "import"}, []),
        ({"source": "salla"}, ["ended"]),
    ],
)
def test_the_list_is_narrowed(crowd: Merchant, asked: dict[str, str], values: list[str]) -> None:
    assert [value.removesuffix("@example.com") for value in found(crowd, **asked)] == values


def test_who_was_known_and_then_joined_by_the_form_came_by_it_too(merchant: Merchant) -> None:
    contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="import")
    subscribed(merchant, "sara@example.com")
    assert [found(merchant, source=source) for source in ("import", "form", "merchant")] == [
        ["sara@example.com"],
        ["sara@example.com"],
        [],
    ]


def test_the_file_is_narrowed_as_the_list_is(crowd: Merchant, owner: Client) -> None:
    html = owner.get(address(crowd) + "?source=form&state=agreed").content.decode()
    assert f'action="{address(crowd)}export/?source=form&amp;state=agreed"' in html
    answer: Any = owner.post(address(crowd) + "export/?source=form&state=agreed", {"as": "csv"})
    text = answer.getvalue().decode()
    assert [name for name in ("agreed@", "ended@", "waiting@", "none@", "erased@") if name in text] == ["agreed@"]
    assert crowd.activities.get().what == "contacts.exported_some"


def test_the_form_that_adds_stands_before_the_list_and_opens_for_its_errors(crowd: Merchant, owner: Client) -> None:
    html = owner.get(address(crowd)).content.decode()
    assert html.index("Add a contact") < html.index("agreed@example.com")
    assert "<details open" not in html
    assert "<details open" in owner.post(address(crowd), {"value": "x"}).content.decode()


ACTS = {
    "given": lambda m, c: consents.give(m, c, words=Words(Source.FORM), **WAYS),
    "declared": lambda m, c: consents.give(m, c, words=Words(Source.MERCHANT), is_declared=True, **WAYS),
    "own end": lambda m, c: consents.withdraw(m, c, words=Words(Source.UNSUBSCRIBE)),
    "merchant's end": lambda m, c: consents.withdraw(m, c, words=Words(Source.MERCHANT)),
}
WAYS: dict[str, Any] = {"purposes": [Purpose.MARKETING], "channels": [Channel.EMAIL]}


@pytest.mark.parametrize("first", ACTS)
@pytest.mark.parametrize("second", ACTS)
@pytest.mark.parametrize("third", ACTS)
def test_the_list_and_the_ledger_agree(merchant: Merchant, first: str, second: str, third: str) -> None:
    """Whatever happened in whatever order."""
    contact = contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="import")
    for act in (first, second, third):
        ACTS[act](merchant, contact)
        stands = consents.standing(merchant, contact).allows(Purpose.MARKETING, Channel.EMAIL)
        assert found(merchant, state="agreed") == ([contact.value] if stands else [])
        assert found(merchant, state="ended") == ([] if stands else [contact.value])


def test_a_page_of_them(crowd: Merchant, owner: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        contacts.ensure(crowd, kind=Contact.Kind.EMAIL, value=f"n{number}@example.com", source="merchant")
    with django_assert_max_num_queries(14):
        html = owner.get(address(crowd)).content.decode()
    assert '<bdi dir="ltr">65</bdi> contacts' in html
    assert "?&amp;page=2" in html
    assert "?source=merchant&amp;page=2" in owner.get(address(crowd) + "?source=merchant").content.decode()
    html = owner.get(address(crowd) + "?page=2").content.decode()
    for shown in (
        "agreed@example.com",
        "نورة العتيبي",
        "Offers and news · E-mail",
        "Unsubscribed",
        "Not confirmed yet",
    ):
        assert shown in html


def test_a_viewer_sees_no_whole_address(crowd: Merchant, people: dict[str, Client]) -> None:
    contact = crowd.contacts.get(value="agreed@example.com")
    for path in (address(crowd), address(crowd, contact)):
        html = people["viewer"].get(path).content.decode()
        assert "ag•••@example.com" in html
        assert [text for text in ("agreed@example.com", "نورة", 'csrfmiddlewaretoken" value=""') if text in html] == []
    assert people["viewer"].get(address(crowd, contact, "file/")).status_code == 403
    for end in ("", "consent/", "end/", "erase/"):
        assert people["viewer"].post(address(crowd, contact, end)).status_code in {403, 405}
    assert people["viewer"].post(address(crowd), {"value": "x@example.com"}).status_code == 403


def test_without_any_the_page_says_where_they_come_from(merchant: Merchant, owner: Client) -> None:
    assert "No contacts yet" in owner.get(address(merchant)).content.decode()
    assert "No contact is like this" in owner.get(address(merchant) + "?q=x").content.decode()


# By hand


@pytest.mark.parametrize(("value", "kept"), [("Sara@Example.com", "sara@example.com"), ("0501234567", "+966501234567")])
def test_one_is_added_and_nothing_is_sent(merchant: Merchant, owner: Client, value: str, kept: str) -> None:
    answer = owner.post(address(merchant), {"value": value, "name": "سارة"})
    contact = merchant.contacts.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, address(merchant, contact))
    assert (contact.value, contact.name, contact.source) == (kept, "سارة", "merchant")
    assert (merchant.opt_ins.count(), merchant.events.count(), ledger(merchant)) == (0, 0, [])
    assert owner.post(address(merchant), {"value": value}).headers["Location"] == address(merchant, contact)


def test_what_is_no_address_is_said_beside_the_field(merchant: Merchant, owner: Client) -> None:
    answer = owner.post(address(merchant), {"value": "سارة", "name": "سارة"})
    html = answer.content.decode()
    assert (answer.status_code, merchant.contacts.count()) == (422, 0)
    assert "Enter an e-mail address or a mobile number" in html
    assert 'value="سارة"' in html


DECLARED = {
    "add-purposes": ["marketing"], "add-channels": ["email"], "add-text": "أوافق على العروض", "add-page": "الكاشير",
    "add-reason": "بطلب منها",
}  # fmt: skip


def test_a_consent_is_declared_word_for_word(merchant: Merchant, owner: Client) -> None:
    contact = contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="merchant")
    assert owner.post(address(merchant, contact, "consent/"), DECLARED).status_code == 302
    assert ledger(merchant) == [("marketing", "email", "declared_by_merchant", "merchant")]
    line = merchant.consents.get()
    assert (line.text, line.page, line.reason) == ("أوافق على العروض", "الكاشير", "بطلب منها")
    html = owner.get(address(merchant, contact)).content.decode()
    for shown in ("Declared by the merchant", "أوافق على العروض", "بطلب منها", "The store&#x27;s team"):
        assert shown in html
    assert "Editor added a consent to a contact by hand" in owner.get(
        f"/stores/{merchant.public_id}/activity/"
    ).content.decode().replace("\u2068", "").replace("\u2069", "")


@pytest.mark.parametrize("missing", DECLARED)
def test_a_consent_without_its_proof_is_refused(merchant: Merchant, owner: Client, missing: str) -> None:
    contact = contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="merchant")
    told = {name: value for name, value in DECLARED.items() if name != missing}
    answer = owner.post(address(merchant, contact, "consent/"), told)
    html = answer.content.decode()
    assert (answer.status_code, ledger(merchant)) == (422, [])
    assert html.count("<details open") == 1
    assert ("أوافق على العروض" in html) == (missing != "add-text")


def test_messages_are_ended_with_a_reason(merchant: Merchant, owner: Client) -> None:
    contact = subscribed(merchant)
    assert owner.post(address(merchant, contact, "end/"), {}).status_code == 422
    assert owner.post(address(merchant, contact, "end/"), {"end-reason": "اتصلت بنا"}).status_code == 302
    assert ledger(merchant)[1:] == [
        ("marketing", "email", "withdrawn", "merchant"),
        ("reminders", "email", "withdrawn", "merchant"),
    ]
    assert contacts.may_send(merchant, contact, purpose=Purpose.MARKETING) == "withdrawn"


def test_what_is_suppressed_says_why(merchant: Merchant, owner: Client) -> None:
    contact = subscribed(merchant)
    contacts.stop_all(merchant, contact, words=Words(Source.CENTRE))
    html = owner.get(address(merchant, contact)).content.decode()
    assert "Nobody writes there" in html
    assert "Stopped all messages" in html


# Out


def test_a_person_s_data_goes_out_whole(merchant: Merchant, owner: Client) -> None:
    contact = subscribed(merchant)
    merchant.customers.create(
        salla_id=7, email=contact.value, name="سارة", phone="+966501234567", source_updated_at=clock.now()
    )
    answer = owner.get(address(merchant, contact, "file/"))
    held = json.loads(answer.content)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="contact-{contact.public_id}.json"'
    assert held["contacts"][0]["consents"][0]["text"] == TEXT
    assert held["salla"][0]["name"] == "سارة"
    assert merchant.activities.get().what == "contact.given"


def test_the_question_names_everything_that_goes(merchant: Merchant, owner: Client) -> None:
    contact = subscribed(merchant)
    customer = merchant.customers.create(
        salla_id=7, email=contact.value, name="سارة", phone="+966501234567", source_updated_at=clock.now()
    )
    for number in (1, 2):
        merchant.orders.create(salla_id=number, customer=customer, source_updated_at=clock.now())
    html = owner.get(address(merchant, contact, "erase/")).content.decode()
    assert 'Erase the data of <bdi dir="ltr">sara@example.com</bdi>?' in html
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html.replace(' class="breaks"', "")) == [
        ("Addresses and numbers", '<bdi dir="ltr">sara@example.com</bdi><br><bdi dir="ltr">+966501234567</bdi>'),
        ("Customers of Salla whose copy is emptied", '<bdi dir="ltr">1</bdi>'),
        ("Orders that stay and name nobody any more", '<bdi dir="ltr">2</bdi>'),
    ]


def test_a_viewer_is_asked_nothing(merchant: Merchant, people: dict[str, Client]) -> None:
    assert people["viewer"].get(address(merchant, subscribed(merchant), "erase/")).status_code == 403


def test_erasing_asks_first_and_takes_the_whole_person(merchant: Merchant, owner: Client) -> None:
    contact = subscribed(merchant)
    merchant.customers.create(
        salla_id=7, email=contact.value, name="سارة", phone="+966501234567", source_updated_at=clock.now()
    )
    ask(merchant, "0501234567", kind="phone")
    path = address(merchant, contact, "erase/")
    assert "Erase the data of" in owner.get(path).content.decode()
    assert merchant.contacts.filter(erased_at=None).count() == 2
    answer = owner.post(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, address(merchant))
    assert merchant.contacts.filter(erased_at=None).count() == 0
    assert merchant.customers.get().name == ""
    assert [owner.get(each).status_code for each in (path, address(merchant, contact))] == [404, 404]
    assert merchant.activities.get().what == "contact.erased"


def test_another_store_s_contact_is_not_there(merchant: Merchant, other_merchant: Merchant, owner: Client) -> None:
    contact = subscribed(other_merchant)
    for end in ("", "file/", "erase/"):
        assert owner.get(address(merchant, contact, end)).status_code == 404
    for end in ("consent/", "end/", "erase/"):
        assert owner.post(address(merchant, contact, end), {"end-reason": "x"} | DECLARED).status_code == 404
    assert len(ledger(other_merchant)) == 1


def test_a_viewer_finds_nobody_by_a_name_that_he_does_not_see(crowd: Merchant, people: dict[str, Client]) -> None:
    contact = crowd.contacts.order_by("pk").first()
    crowd.contacts.filter(pk=contact.pk).update(name="Huda Salem")
    editors, viewers = (people[role].get(address(crowd) + "?q=Huda").context["page"] for role in ("editor", "viewer"))
    assert ([row.name for row in editors], list(viewers)) == (["Huda Salem"], [])
