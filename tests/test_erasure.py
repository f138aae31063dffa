"""S12: what is held of a person goes out whole and is erased whole; what keeps messages away outlives it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection

from core import clock, redis, subjects
from core.models import Merchant
from core.subjects import Subject, erase_subject, export_subject, find
from events import ingest
from integrations.models import Delivery
from integrations.tasks import purge_stores
from notifications import outbox
from tests.conftest import work
from tests.contacts import TEXT, answer, ask, subscribed
from tests.outbox import outcome, send
from tests.salla import payload
from tests.visits import Shoppers
from visitors import contacts, suppressions
from visitors.consents import Source, Words
from visitors.models import Contact, Purpose, Suppression

pytestmark = pytest.mark.django_db

Deliver = Callable[..., Any]
SUBJECTS = 50


def person(number: int) -> dict[str, Any]:
    return {
        "id": 900_000 + number, "first_name": f"Kanari{number}x", "last_name": "Vogel",
        "name": f"Kanari{number}x Vogel", "mobile": 501_300_000 + number,
        "mobile_code": "+966", "email": f"Kanari{number}x@vogel.example", "location": f"Kanaristrasse{number}x",
        "is_notifications_enabled": True,
    }  # fmt: skip


def words(number: int) -> list[str]:
    """By which a person would be found wherever he is written down."""
    return [f"kanari{number}x", f"kanaristrasse{number}x", f"{501_300_000 + number}", f"kanari-checkout-{number}x"]


def sent(deliver: Deliver, merchant: Merchant, name: str, /, **data: Any) -> None:
    body = payload(name)
    moment = clock.now().isoformat()
    deliver({**body, "merchant": merchant.salla_id, "created_at": moment, "data": {**body["data"], **data}})


def live(deliver: Deliver, merchant: Merchant, number: int) -> None:
    """An order, a cart, a subscription by e-mail and one by phone that waits, a declared consent with a reason."""
    who = person(number)
    sent(
        deliver,
        merchant,
        "order.created",
        id=5_000_000 + number,
        customer={**payload("order.created")["data"]["customer"], **who},
    )
    thin = {**payload("abandoned.cart")["data"]["customer"], **who}
    cart = {"id": 7_000_000 + number, "checkout_url": f"https://x.example/kanari-checkout-{number}x"}
    sent(deliver, merchant, "abandoned.cart", customer=thin, **cart)
    work()
    ask(merchant, who["email"], name=who["first_name"], page=f"/kanari{number}x", visitor_key=f"v:{number}")
    send()
    answer(merchant.opt_ins.latest("pk"))
    contact = merchant.contacts.get(value=who["email"].lower())
    ask(merchant, str(who["mobile"]), kind="phone", name=who["first_name"])
    said = Words(Source.MERCHANT, TEXT, reason=f"بطلب من kanari{number}x")
    contacts.consents.give(
        merchant, contact, purposes=[Purpose.REMINDERS], channels=contact.channels, words=said, is_declared=True
    )
    send()


def found(needles: list[str]) -> dict[str, list[str]]:
    """Tables whose text holds one of them, bodies of deliveries, and Redis."""
    hits: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            wanted = [f"%{needle}%" for needle in needles]
            cursor.execute(f'SELECT lower(t::text) FROM "{table}" t WHERE t::text ILIKE ANY(%s)', [wanted])  # noqa: S608
            text = "\n".join(row for (row,) in cursor.fetchall())
            hits |= {table: [needle for needle in needles if needle in text]} if text else {}
    for delivery in Delivery.objects.filter(body__isnull=False):
        body = bytes(delivery.body or b"").decode().lower()
        hits |= {"bodies": [needle for needle in needles if needle in body]} if any(n in body for n in needles) else {}
    for key in redis.client().scan_iter("*"):
        if any(needle.encode() in bytes(key).lower() for needle in needles):
            hits.setdefault("redis", []).append(str(key))
    return hits


WAYS: list[Callable[[int], dict[str, Any]]] = [
    lambda number: {"email": f" KANARI{number}X@vogel.example "},
    lambda number: {"phone": f"0{501_300_000 + number}"},
    lambda number: {"customer_id": 900_000 + number},
]


def test_fifty_erased_persons_are_found_nowhere(
    deliver: Deliver, merchant: Merchant, other_merchant: Merchant, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(SUBJECTS + 1):  # the last one stays
        live(deliver, merchant, number)
    subscribed(other_merchant, "kanari0x@vogel.example")
    first = found(words(0))
    assert set(first) == {
        "integrations_customer", "integrations_cart", "bodies",
        "visitors_contact", "visitors_consent", "visitors_optin",
    }  # fmt: skip
    lines = merchant.consents.count()
    caplog.clear()
    for number in range(SUBJECTS):
        erased = erase_subject(merchant, **WAYS[number % len(WAYS)](number))
        assert {name: erased[name] for name in ("messages", "contacts", "salla")} == {
            "messages": 0,
            "contacts": 2,
            "salla": 1,
        }
    assert found([word for number in range(1, SUBJECTS) for word in words(number)]) == {}
    assert found(words(0)) == {"visitors_contact": ["kanari0x"]}  # the other store's
    assert not any("kanari" in record.getMessage().lower() for record in caplog.records)
    # What names nobody stays: the ledger, the orders, and the hashes that keep messages away.
    assert merchant.consents.count() == lines + SUBJECTS * 2
    assert merchant.orders.filter(customer__isnull=False).count() == SUBJECTS + 1
    assert merchant.suppressions.filter(reason="erased").count() == SUBJECTS * 3
    assert merchant.messages.filter(state="accepted").count() == SUBJECTS + 1
    # Nobody else's went with it.
    last = find(merchant, email=f"kanari{SUBJECTS}x@vogel.example")
    assert last.phones == {f"+966{501_300_000 + SUBJECTS}"}
    assert other_merchant.contacts.get().value == "kanari0x@vogel.example"


def test_what_is_held_goes_out_whole(deliver: Deliver, merchant: Merchant) -> None:
    live(deliver, merchant, 1)
    live(deliver, merchant, 2)
    for told in (way(1) for way in WAYS):
        held = export_subject(merchant, **told)
        text = json.dumps(held, default=str, ensure_ascii=False)
        (customer,) = held["salla"]
        email, phone = held["contacts"]
        assert (customer["name"], customer["phone"]) == ("Kanari1x Vogel", "+966501300001")
        assert [order["salla_id"] for order in customer["orders"]] == [5_000_001]
        assert [cart["salla_id"] for cart in customer["carts"]] == [7_000_001]
        assert (email["value"], email["name"], phone["value"]) == (
            "kanari1x@vogel.example",
            "Kanari1x",
            "+966501300001",
        )
        assert [line["state"] for line in email["consents"]] == ["given", "declared_by_merchant"]
        assert (email["consents"][0]["text"], email["opt_ins"][0]["page"]) == (TEXT, "/kanari1x")
        assert [row["template"] for row in held["messages"]] == ["optin", "optin"]
        assert "kanari2x" not in text.lower()


def test_each_column_of_a_person_is_in_the_export(deliver: Deliver, merchant: Merchant) -> None:
    """A new column of a contact, a line or an opt-in goes out too, or is named here."""
    live(deliver, merchant, 1)
    row = export_subject(merchant, **WAYS[0](1))["contacts"][0]
    inside = {"id", "public_id", "merchant", "contact", "erased_at"}
    for model, keys in (
        (Contact, {"customer_id" if key == "customer_id" else key for key in row}),
        (merchant.consents.model, set(row["consents"][0])),
        (merchant.opt_ins.model, set(row["opt_ins"][0])),
    ):
        columns = {field.name for field in model._meta.concrete_fields} - inside
        renamed = {"customer_salla_id": "customer_id", "visitor_key": "visitor"} if model is Contact else {}
        missing = {renamed.get(name, name) for name in columns} - keys
        assert missing <= {"source", "expires_at"}, model


# What Salla says later


def test_an_erased_customer_stays_empty_whatever_salla_says(deliver: Deliver, merchant: Merchant) -> None:
    live(deliver, merchant, 1)
    erase_subject(merchant, **WAYS[2](1))
    for name in ("order.created", "customer.login"):
        customer = {**payload("order.created")["data"]["customer"], **person(1)}
        data = {"id": 5_000_777, "customer": customer} if name == "order.created" else customer
        sent(deliver, merchant, name, **data)
    work()
    customer = merchant.customers.get(salla_id=900_001)
    assert {getattr(customer, name) for name in customer.PERSONAL} == {""}
    assert customer.orders.count() == 2
    Delivery.objects.update(body=None)
    assert found(words(1)) == {}


def test_who_was_erased_gets_no_messages_unless_he_asks_again(deliver: Deliver, merchant: Merchant) -> None:
    contact = subscribed(merchant)
    send()
    count = len(mail.outbox)
    waiting = outbox.notify(
        merchant, key="x", template="optin", contact=contact, purpose=Purpose.SERVICE, data={"optin_id": 1},
        due_at=clock.now() + timedelta(hours=1),
    )  # fmt: skip
    erase_subject(merchant, email="sara@example.com")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("skipped", "erased")
    again = contacts.ensure(merchant, kind=Contact.Kind.EMAIL, value="sara@example.com", source="import")
    assert again.pk != contact.pk
    said = Words(Source.IMPORT, "قائمة قديمة")
    contacts.consents.give(
        merchant, again, purposes=[Purpose.MARKETING], channels=again.channels, words=said, is_declared=True
    )
    assert contacts.may_send(merchant, again, purpose=Purpose.MARKETING) == "suppressed"
    ask(merchant)
    send()
    assert len(mail.outbox) == count + 1
    answer(merchant.opt_ins.latest("pk"))
    assert contacts.may_send(merchant, again, purpose=Purpose.MARKETING) is None


def test_the_ledger_ends_with_the_erasure(deliver: Deliver, merchant: Merchant) -> None:
    contact = subscribed(merchant, page="/sara")
    erase_subject(merchant, email="sara@example.com")
    lines = merchant.consents.filter(contact=contact).order_by("pk")
    assert list(lines.values_list("state", "source", "page", "network")) == [
        ("given", "form", "", ""),
        ("withdrawn", "erasure", "", ""),
        ("withdrawn", "erasure", "", ""),
    ]
    assert merchant.events.filter(name="consent.withdrawn").count() == 2


def test_erasing_nobody_erases_nothing(deliver: Deliver, merchant: Merchant) -> None:
    live(deliver, merchant, 1)
    for told in ({}, {"email": ""}, {"email": "@", "phone": "x"}, {"customer_id": 5}, {"email": "nobody@example.com"}):
        assert {name: count for name, count in erase_subject(merchant, **told).items() if count} == {}
    assert merchant.contacts.filter(erased_at=None).count() == 2


def test_one_holder_that_fails_erases_nothing(
    deliver: Deliver, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(merchant: Merchant, subject: Subject) -> int:
        raise RuntimeError

    live(deliver, merchant, 1)
    last = list(subjects.holders())[-1]
    broken = subjects.Holder("x", lambda *_: [], fails)
    monkeypatch.setitem(subjects._holders, last, broken)
    with pytest.raises(RuntimeError):
        erase_subject(merchant, email="kanari1x@vogel.example")
    assert merchant.contacts.filter(erased_at=None).count() == 2


# A store that leaves


def test_a_store_that_left_keeps_hashes_and_no_persons(deliver: Deliver, merchant: Merchant) -> None:
    live(deliver, merchant, 1)
    contact = subscribed(merchant)
    contacts.withdraw(merchant, contact, words=Words(Source.UNSUBSCRIBE))
    with time_machine.travel(clock.now(), tick=False) as travel:
        sent(deliver, merchant, "app.uninstalled")
        work()
        travel.shift(timedelta(days=31))
        purge_stores()
        work()
    assert (merchant.contacts.count(), merchant.consents.count(), merchant.opt_ins.count()) == (0, 0, 0)
    assert found([*words(1), "sara@example.com"]) == {}
    kept = suppressions.reasons(merchant, value="sara@example.com", channel=contact.channels[0])
    assert kept == {Suppression.Reason.STOPPED}  # a store that comes back does not write to who unsubscribed
    assert outcome(merchant)


def test_steps_of_a_browser_go_also_where_no_visits_were_kept(merchant: Merchant) -> None:
    shop = Shoppers(merchant)
    shop.send("page.viewed", ("coupon.applied", {"code": "X"}), key="v:noura")
    ingest.drain()
    subscribed(merchant, "noura@example.com", visitor_key="v:noura")
    assert (merchant.visits.count(), merchant.storefront_events.filter(visitor_key="v:noura").count()) == (0, 2)
    erase_subject(merchant, email="noura@example.com")
    assert merchant.storefront_events.filter(visitor_key="v:noura").count() == 0
