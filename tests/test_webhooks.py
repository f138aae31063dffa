"""The webhook's door: what must never come in, what must never be refused, and what becomes of the unreadable."""

import gzip
import hashlib
import json
import random
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from core import clock, webhooks
from core.models import Merchant
from core.work import MAX_ATTEMPTS, replay
from events.models import Event
from integrations import translate
from integrations.models import Connection, Delivery, Order
from integrations.views import MAX_BODY
from scripts import servers
from tests import processes
from tests.conftest import SECRET, work
from tests.salla import payload

URL = "/webhooks/salla/"
STORE = 1305146709
Headers = dict[str, str]
# A request that must be refused: the status it must get, its method, its body, its headers, its WSGI variables.
Bad = tuple[int, str, bytes, Headers, dict[str, str]]
# The same examples in every run, and exactly as many as asked for.
FIXED = {"deadline": None, "database": None, "derandomize": True, "phases": [Phase.generate]}


def sign(body: bytes, secret: str = SECRET) -> Headers:
    return {"X-Salla-Signature": webhooks.sign(body, secret), "X-Salla-Security-Strategy": "Signature"}


def envelope(**changes: Any) -> dict[str, Any]:
    return {
        "event": "order.created",
        "merchant": STORE,
        "created_at": "Sun Jun 26 2022 12:21:48 GMT+0300",
        "data": {"id": 17, "status": {"slug": "under_review"}, "total": {"amount": 5, "currency": "SAR"}},
    } | changes


def dumped(**changes: Any) -> bytes:
    return json.dumps(envelope(**changes), ensure_ascii=False).encode()


def only_delivery() -> Delivery:
    return Delivery.objects.get()


# Never accepted


def flip_bit(raw: bytes, luck: random.Random) -> bytes:
    place = luck.randrange(len(raw) * 8)
    flipped = bytearray(raw)
    flipped[place // 8] ^= 1 << place % 8
    return bytes(flipped)


def wrong_bodies(body: bytes, luck: random.Random) -> Iterator[Bad]:
    """The right signature on other bytes."""
    others = [flip_bit(body, luck) for _ in range(8)]
    others += [body + b"\n", b" " + body, body[:-1], body + body, body + b"\0", gzip.compress(body), b"{}"]
    others += [json.dumps(json.loads(body)).encode(), b"\xef\xbb\xbf" + body, body.replace(b"order", b"0rder")]
    yield from ((401, "POST", other, sign(body), {}) for other in others)
    yield 401, "POST", gzip.compress(body), {**sign(body), "Content-Encoding": "gzip"}, {}
    yield 401, "POST", b"", sign(body), {"CONTENT_LENGTH": "0"}


def wrong_signatures(body: bytes, luck: random.Random) -> Iterator[Bad]:
    right = webhooks.sign(body, SECRET)
    others = [flip_bit(right.encode(), luck).decode("latin-1") for _ in range(8)]
    others += ["", " ", "0" * 64, right.upper(), right[:-1], right[1:], right[:32], right + " ", " " + right, right * 2]
    others += ["sha256=" + right, "Bearer " + right, f"{right},{right}", f"{right}, {'0' * 64}", f"{'0' * 64},{right}"]
    others += ["توقيع", "é" * 64, "\udcff" * 64, "😀" + right, right + "\n", SECRET, "None", "null", right + "\0"]
    others += [webhooks.sign(body, secret) for secret in ("other", "", " " + SECRET, SECRET + " ", SECRET.upper())]
    others += [hashlib.sha256(body).hexdigest(), hashlib.sha256(SECRET.encode() + body).hexdigest()]
    yield from ((401, "POST", body, {"X-Salla-Signature": other}, {}) for other in others)


def wrong_strategies(body: bytes) -> Iterator[Bad]:
    right = webhooks.sign(body, SECRET)
    games: list[Headers] = [{}, {"Authorization": SECRET}, {"Authorization": f"Bearer {SECRET}"}]
    games += [{"X-Salla-Security-Strategy": name} for name in ("None", "none", "", "Signature", "token")]
    games += [{"X-Salla-Security-Strategy": "Token", "Authorization": SECRET}, {"Signature": right}]
    games += [{"X-Hub-Signature-256": right}, {"Authorization": right}, {"X-Salla-Signatures": right}]
    yield from ((401, "POST", body, headers, {}) for headers in games)


def wrong_requests(body: bytes) -> Iterator[Bad]:
    """Well signed, but not to be listened to."""
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND"):
        yield 405, method, body, sign(body), {}
    for length in (MAX_BODY + 1, 5 * MAX_BODY, 10**30):
        yield 413, "POST", body, sign(body), {"CONTENT_LENGTH": str(length)}
    yield 413, "POST", body, sign(body), {"CONTENT_LENGTH": "9" * 5000}
    for length_text in ("", "many", "-1", "+5", "1e3", "0x10", "5, 5", "²", "٥"):
        yield 411, "POST", body, sign(body), {"CONTENT_LENGTH": length_text}
    for coding in ("chunked", "gzip, chunked", "identity"):
        yield 411, "POST", body, sign(body), {"HTTP_TRANSFER_ENCODING": coding}


def send(client: Client, bad: Bad) -> None:
    expected, method, body, headers, variables = bad
    answer = client.generic(method, URL, body, "application/json", headers=headers, **variables)
    assert answer.status_code == expected, bad


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.django_db
def test_ten_thousand_bad_deliveries_leave_nothing(client, bell, django_capture_on_commit_callbacks):
    counts: Counter[int] = Counter()

    @examples(max_examples=125, **FIXED)
    @given(texts, st.integers(1, 2**63), st.randoms(use_true_random=False))
    def attack(note: str, number: int, luck: random.Random) -> None:
        body = dumped(data={"id": number, "note": note, "city": "الرياض"})
        wrong = [*wrong_bodies(body, luck), *wrong_signatures(body, luck), *wrong_strategies(body)]
        for bad in [*wrong, *wrong_requests(body)]:
            send(client, bad)
            counts[bad[0]] += 1

    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        attack()
    assert counts.total() >= 10_000
    assert set(counts) == {401, 405, 411, 413}
    assert (Delivery.objects.count(), callbacks, bell) == (0, [], [])


@pytest.mark.django_db
def test_a_refused_method_says_which_is_right(client):
    answer = client.get(URL)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.django_db
@pytest.mark.parametrize("size", [MAX_BODY, MAX_BODY + 1])
def test_the_size_limit_is_exact(deliver, size):
    shell = dumped(data={"id": 1, "note": ""})
    body = shell.replace(b'"note": ""', b'"note": "' + b"x" * (size - len(shell)) + b'"')
    assert deliver(body).status_code == (200 if size <= MAX_BODY else 413)
    assert Delivery.objects.count() == (1 if size <= MAX_BODY else 0)


@pytest.mark.django_db
@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
@pytest.mark.parametrize("strategy", ["signature", "token", "none", "", "Signature"])
def test_without_a_secret_nothing_is_authentic(client, settings, secrets, strategy):
    settings.SALLA_WEBHOOK_SECRETS, settings.SALLA_WEBHOOK_STRATEGY = secrets, strategy
    body = dumped()
    for headers in ({}, sign(body, ""), {"Authorization": ""}, {"Authorization": "Bearer "}):
        send(client, (401, "POST", body, headers, {}))
    assert Delivery.objects.count() == 0


# Never refused

keys = st.text("abcdefgh_", min_size=1, max_size=8).map("x_".__add__)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)
MERCHANTS = [STORE, str(STORE), f" {STORE} "]
MOMENTS = [
    "2022-12-31 12:31:25", "Mon Nov 10 2025 17:18:13 GMT+0300", "2026-05-28T13:34:45+03:00", "2026-05-28T13:34:45Z",
    {"date": "2022-06-26 12:21:48.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"}, None, "", "أمس", 7,
]  # fmt: skip
CONTENT_TYPES = [
    "application/json", "application/json; charset=utf-8", "application/json; charset=nonsense", "text/plain", "",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "no type at all",
]  # fmt: skip


def shuffled(value: Any, luck: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: shuffled(value[key], luck) for key in luck.sample(list(value), len(value))}
    return [shuffled(item, luck) for item in value] if isinstance(value, list) else value


def oddly_written(content: dict[str, Any], luck: random.Random) -> bytes:
    """One of the many texts of the same object."""
    separators = luck.choice([(",", ":"), (", ", ": "), (" ,\t", " :\r\n ")])
    text = json.dumps(
        shuffled(content, luck),
        ensure_ascii=luck.random() < 0.5,
        indent=luck.choice([None, 0, 3]),
        separators=separators,
    )
    return (luck.choice(["", " ", "\r\n"]) + luck.choice([text, text.replace("/", "\\/")])).encode()


@pytest.mark.django_db
def test_a_thousand_odd_but_valid_deliveries_are_all_stored_once_and_readable(client, merchant):
    sent: list[bytes] = []

    @examples(max_examples=1000, **FIXED)
    @given(
        st.dictionaries(keys, values, max_size=3),
        st.dictionaries(keys, values, max_size=3),
        st.sampled_from(MERCHANTS),
        st.sampled_from(MOMENTS),
        st.sampled_from(CONTENT_TYPES),
        st.randoms(use_true_random=False),
    )
    def deliver_oddly(beside, inside, store, moment, content_type, luck):
        number = len(sent) + 1
        data = {**inside, "id": luck.choice([number, str(number)]), "name": "منتج/١", "price": 10**400}
        content = {**beside, **envelope(event="product.created", merchant=store, created_at=moment, data=data)}
        sent.append(oddly_written(content, luck))
        answer = client.generic("POST", URL, sent[-1], content_type, headers=sign(sent[-1]))
        assert (answer.status_code, answer.json()) == (200, {"status": "received"})

    deliver_oddly()
    stored = {bytes(row.body_sha256): bytes(row.body) for row in Delivery.objects.all()}
    assert stored == {hashlib.sha256(body).digest(): body for body in sent}
    assert len(stored) == 1000
    assert {webhooks.parse(body).store_id for body in sent} == {STORE}
    Delivery.objects.filter(pk__gt=Delivery.objects.order_by("pk")[99].pk).delete()
    work()
    assert set(Delivery.objects.values_list("state", "reason", "attempts")) == {("processed", "", 1)}
    assert sorted(merchant.products.values_list("salla_id", flat=True)) == list(range(1, 101))


@pytest.mark.django_db
def test_the_same_bytes_twice_are_one_row_and_one_effect(deliver, merchant):
    assert deliver(dumped()).json() == {"status": "received"}
    assert deliver(dumped()).json() == {"status": "duplicate"}
    work()
    assert deliver(dumped()).json() == {"status": "duplicate"}
    work()
    assert (only_delivery().state, only_delivery().attempts) == ("processed", 1)
    assert list(merchant.events.values_list("name", "key")) == [("order.placed", "order:17:placed")]


@pytest.mark.django_db
def test_other_bytes_of_the_same_thing_are_two_rows_and_one_effect(deliver, merchant):
    deliver(dumped())
    deliver(dumped() + b" ")
    work()
    assert Delivery.objects.filter(state="processed").count() == 2
    assert Event.unscoped.count() == Order.unscoped.count() == 1


@pytest.mark.django_db
def test_only_what_is_new_rings_the_bell(deliver, bell, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert deliver(dumped()).status_code == 200
    assert bell == ["integrations.tasks.process_deliveries"]


# Authentic, but unreadable

UNREADABLE = {
    "a NUL byte": (dumped() + b"\0", "contains a NUL byte"),
    "a NUL inside a string": (dumped(event="order.created\0").replace(b"\\u0000", b"\0"), "contains a NUL byte"),
    "an escaped NUL in the event": (dumped(event="order.created\0"), "no event name"),
    "invalid UTF-8": (dumped().replace(b"SAR", b"\xff\xfe"), f"not UTF-8 at byte {dumped().index(b'SAR')}"),
    "half an Arabic letter": (dumped() + "ة".encode()[:1], f"not UTF-8 at byte {len(dumped())}"),
    "UTF-16": (dumped().decode().encode("utf-16-le"), "contains a NUL byte"),
    "lists nested 10⁵ deep": (b"[" * 10**5 + b"]" * 10**5, "nested too deeply"),
    "objects nested 10⁵ deep": (
        dumped()[:-1] + b',"x":' + b'{"a":' * 10**5 + b"1" + b"}" * 10**5 + b"}",
        "nested too deeply",
    ),
    "an unclosed nest": (b"[" * 10**6, "nested too deeply"),
    "words": (b"hello", "not JSON: Expecting value: line 1 column 1 (char 0)"),
    "nothing": (b"", "not JSON: Expecting value: line 1 column 1 (char 0)"),
    "a form": (b"event=order.created&merchant=1", "not JSON: Expecting value: line 1 column 1 (char 0)"),
    "a byte order mark": (
        b"\xef\xbb\xbf" + dumped(),
        "not JSON: Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)",
    ),
    "two objects": (b"{}{}", "not JSON: Extra data: line 1 column 3 (char 2)"),
    "a list": (b"[" + dumped() + b"]", "not a JSON object"),
    "a string": (b'"order.created"', "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "no event": (b'{"merchant": 1, "data": {}}', "no event name"),
    "an empty event": (dumped(event=""), "no event name"),
    "an endless event": (dumped(event="x" * 101), "no event name"),
    "a numeric event": (dumped(event=5), "no event name"),
    "half a surrogate in the event": (dumped(event="x").replace(b'"x"', b'"\\ud800"'), "no event name"),
    "no merchant": (b'{"event": "order.created", "data": {}}', "no merchant id"),
    "a merchant of zero": (dumped(merchant=0), "no merchant id"),
    "a negative merchant": (dumped(merchant=-5), "no merchant id"),
    "a merchant with a point": (dumped(merchant=1.5), "no merchant id"),
    "a true merchant": (dumped(merchant=True), "no merchant id"),
    "a merchant too big": (dumped(merchant=2**63), "no merchant id"),
    "a named merchant": (dumped(merchant="متجر"), "no merchant id"),
    "Arabic digits": (dumped(merchant="١٢٣"), "no merchant id"),
    "data that is a list": (dumped(data=[1]), "data is not an object"),
    "data that is text": (dumped(data="order"), "data is not an object"),
    "data that is a number": (dumped(data=0), "data is not an object"),
    "NaN": (dumped(data={"id": float("nan")}), "not JSON: NaN is not JSON"),
    "infinity": (dumped(data={"id": float("-inf")}), "not JSON: -Infinity is not JSON"),
    "a number of 5,000 digits": (
        dumped(data={"id": 7}).replace(b"7}", b"7" * 5000 + b"}"),
        "not JSON: Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits; "
        "use sys.set_int_max_str_digits() to increase the limit",
    ),
    "an exponent no decimal has": (
        dumped(data={"id": 7}).replace(b"7}", b"1e9999999999999999999}"),
        "not JSON: 1e9999999999999999999 is out of range",
    ),
    "a raw line break in a string": (
        dumped().replace(b"SAR", b"S\nR"),
        f"not JSON: Invalid control character at: line 1 column {dumped().index(b'SAR') + 2} "
        f"(char {dumped().index(b'SAR') + 1})",
    ),
    "an order without an id": (dumped(data={"status": {"slug": "x"}}), "data.id: Field required"),
    "an order of nothing": (dumped(data=[]), "data.id: Field required"),
    "an order whose id is a word": (dumped(data={"id": "x"}), "data.id: Input should be a valid integer"),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(("body", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_authentic_but_unreadable_is_kept_dead_and_shown(
    client, merchant, staff, body, reason, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(URL, body, "application/json", headers=sign(body), CONTENT_LENGTH=str(len(body)))
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    work()
    delivery = only_delivery()
    assert (delivery.state, delivery.reason, delivery.attempts) == ("dead", reason, 1)
    assert bytes(delivery.body) == body
    assert not Event.unscoped.exists()
    assert_shown(client, staff, delivery)


def assert_shown(client: Client, staff: Any, delivery: Delivery) -> None:
    client.force_login(staff)
    names = ["delivery", "deaddelivery"] if delivery.state == "dead" else ["delivery"]
    for name in names:
        listing = client.get(reverse(f"admin:integrations_{name}_changelist"))
        assert listing.status_code == 200
        assert [row.pk for row in listing.context["cl"].result_list] == [delivery.pk]
        page = client.get(reverse(f"admin:integrations_{name}_change", args=[delivery.pk]))
        assert page.status_code == 200
        assert bytes(delivery.body_sha256).hex() in page.content.decode()


READABLE = {
    "escaped NULs": {"items": [{"name": "a\0b", "product_id": 5}], "source": "\0", "reference_id": "\0"},
    "half surrogates": {"items": [{"name": "a\ud800"}], "payment_method": "\udfff", "date": "\ud800"},
    "numbers beyond measure": {"reference_id": 10**4000, "total": 10**4000, "cart_reference_id": -1},
    "amounts that add up to too much": {
        "amounts": {"total": 9e11, "discounts": [{"type": "normal", "code": "A", "discount": 999999999999}] * 3}
    },
    "endless text": {"items": [{"name": "ن" * 9999}], "source": "s" * 9999, "customer": {"id": 3, "name": "ن" * 9999}},
    "lists for objects": {"status": [], "amounts": [], "customer": [], "shipping": [], "items": {}, "total": []},
    "text for objects": {"status": "", "amounts": "x", "customer": "x", "shipping": "x", "items": "x"},
    "money in money": {"total": {"amount": {"amount": {"amount": "٥٫٥", "currency": "SAR"}}}},
    "not quite numbers": {"total": "NaN", "amounts": {"sub_total": "Infinity", "shipping_cost": "1_0"}},
    "the first second": {"date": "0001-01-01 00:00:00"},
    "the last second": {"date": "9999-12-31T23:59:59Z"},
    "no such zone": {"date": {"date": "2022-01-01", "timezone": "../../etc/passwd"}},
    "zones that are folders": {"date": {"date": "2022-01-01", "timezone": "Asia"}},
    "a deep corner": {"x": json.loads("[" * 400 + "]" * 400)},
}


@pytest.mark.django_db
@pytest.mark.parametrize("data", READABLE.values(), ids=READABLE)
def test_what_is_odd_but_readable_is_processed(client, merchant, staff, data):
    body = json.dumps(envelope(data={**envelope()["data"], **data})).encode()
    assert client.post(URL, body, "application/json", headers=sign(body)).status_code == 200
    work()
    delivery = only_delivery()
    assert (delivery.state, delivery.reason, delivery.attempts) == ("processed", "", 1)
    assert merchant.orders.get().salla_id == 17
    assert_shown(client, staff, delivery)


@pytest.mark.django_db
def test_scopes_hold_no_characters_that_a_database_refuses(deliver, merchant):
    scopes = ["orders.read", "a\0b", "\ud800", "", 7, None, []]
    deliver(json.dumps(envelope(event="app.installed", data={"app_scopes": scopes})).encode())
    work()
    assert only_delivery().state == "processed"
    assert Connection.unscoped.get().scopes == "orders.read ab 7"


@pytest.mark.django_db
@pytest.mark.parametrize("moment", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "9999-12-31T23:59:59-12:00", 10**99])
def test_impossible_times_do_no_harm(deliver, client, merchant, staff, moment):
    deliver(envelope(created_at=moment))
    work()
    assert only_delivery().state == "processed"
    assert_shown(client, staff, only_delivery())


NASTY = st.sampled_from(
    ["", "\0", "a\0b", "\ud800", 0, -1, 2**31, 2**63, 10**40, 1e308, 5e-324, True, None, [], {}, [None], [[]], [{}],
     {"id": 0}, {"amount": "x"}, "x" * 3000, "٥", "2022-01-01", "9999-12-31T23:59:59Z", " ", "1e999999", "-0", "NaN"]
)  # fmt: skip


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [path, *(inner for key, child in children for inner in paths_of(child, (*path, key)))]


def with_change(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = with_change(value[path[0]], path[1:], new)
    return copy


RECORDED = sorted((Path(__file__).parent / "salla" / "payloads").glob("*.json"))


@pytest.mark.django_db
def test_no_value_in_a_recorded_body_makes_a_worker_try_again(client):
    """What cannot be read is dead or ignored at the first attempt; only trouble of our own is worth another."""
    contents = [json.loads(path.read_bytes()) for path in RECORDED]
    for content in contents:
        Merchant.objects.get_or_create(salla_id=content.get("merchant", 1))
    for merchant in Merchant.objects.all():
        Connection.unscoped.create(merchant=merchant, state="connected", installed_at=clock.now())

    @examples(max_examples=500, **FIXED)
    @given(st.sampled_from(contents), st.randoms(use_true_random=False), NASTY)
    def deliver_nastily(content, luck, value):
        body = json.dumps(with_change(content, luck.choice(paths_of(content)), value)).encode()
        assert client.post(URL, body, "application/json", headers=sign(body)).status_code == 200

    deliver_nastily()
    while Delivery.objects.filter(attempts=0).exists():
        work()
    waiting = Delivery.objects.filter(state="waiting")
    assert [(row.reason, bytes(row.body)) for row in waiting] == []
    assert Delivery.objects.count() > 400


# Not for us


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"event": "order.completed"}, "event not used"),
        ({"event": "app.made.up"}, "event not used"),
        ({"event": "حدث"}, "event not used"),
        ({"event": "Order.Created"}, "event not used"),
        ({"event": "customer.otp.request"}, "event not used"),
        ({"merchant": 999}, "unknown store"),
    ],
)
def test_what_is_not_for_us_is_ignored_with_the_reason(deliver, client, staff, merchant, changes, reason):
    assert deliver(envelope(**changes)).status_code == 200
    work()
    delivery = only_delivery()
    assert (delivery.state, delivery.reason, delivery.attempts) == ("ignored", reason, 1)
    assert not Event.unscoped.exists()
    assert_shown(client, staff, delivery)


@pytest.mark.django_db
def test_an_uninstalled_store_is_ignored(deliver, merchant):
    deliver(envelope(event="app.uninstalled", data={}, created_at="2026-01-01 00:00:00"))
    work()
    deliver(envelope(created_at="2025-12-31 00:00:00"))
    deliver(envelope(created_at="2026-01-02 00:00:00"))
    work()
    late = Delivery.objects.filter(event="order.created")
    assert list(late.values_list("state", "reason")) == [("ignored", "uninstalled store")] * 2
    assert not merchant.orders.exists()


@pytest.mark.django_db
def test_what_is_older_than_the_uninstall_stays_ignored_after_a_new_install(deliver, merchant):
    deliver(envelope(event="app.uninstalled", data={}, created_at="2026-01-01 00:00:00"))
    work()
    deliver(envelope(event="app.installed", data={}, created_at="2026-01-03 00:00:00"))
    work()
    deliver(envelope(created_at="2025-12-31 00:00:00"))
    work()
    assert Delivery.objects.get(event="order.created").reason == "older than the uninstall"


@pytest.mark.django_db
def test_other_peoples_secrets_are_not_kept(deliver, merchant):
    deliver(envelope(event="customer.otp.request", data={"code": "4711", "contact": "+966500000000"}))
    deliver(envelope(event="communication.sms.send", data={"content": "code 4711"}))
    work()
    assert list(Delivery.objects.values_list("state", "reason", "body")) == [("ignored", "event not used", None)] * 2


# Token strategy, rotation


@pytest.mark.django_db
def test_token_strategy(client, settings):
    settings.SALLA_WEBHOOK_STRATEGY = "token"
    body = dumped()
    wrong = [SECRET.upper(), f" {SECRET}", f"{SECRET} ", SECRET[:-1], f"bearer {SECRET}", f"Bearer Bearer {SECRET}"]
    wrong += ["", "Bearer", "Bearer ", "سر", f"Basic {SECRET}", f"Bearer  {SECRET}", f"{SECRET},{SECRET}", "\udcff"]
    for headers in [{}, sign(body), *({"Authorization": text} for text in wrong)]:
        send(client, (401, "POST", body, headers, {}))
    assert Delivery.objects.count() == 0
    for number, text in enumerate([SECRET, f"Bearer {SECRET}"]):
        answer = client.post(URL, body + b" " * number, "application/json", headers={"Authorization": text})
        assert answer.json() == {"status": "received"}


@pytest.mark.django_db
@pytest.mark.parametrize("strategy", ["signature", "token"])
def test_both_secrets_count_while_they_rotate(client, settings, strategy):
    settings.SALLA_WEBHOOK_STRATEGY = strategy

    def status(secret: str, body: bytes) -> int:
        headers = sign(body, secret) if strategy == "signature" else {"Authorization": secret}
        return client.post(URL, body, "application/json", headers=headers).status_code

    settings.SALLA_WEBHOOK_SECRETS = ["old", "new"]
    assert [status(secret, dumped()) for secret in ("old", "new", "other", "old,new")] == [200, 200, 401, 401]
    settings.SALLA_WEBHOOK_SECRETS = ["new"]
    assert [status(secret, dumped()) for secret in ("old", "new")] == [401, 200]


# Poison


@pytest.mark.django_db
def test_poison_blocks_nobody_ends_dead_and_can_be_replayed(deliver, merchant, monkeypatch):
    cure = translate._translators["order.created"]

    def fail(event: Any) -> None:
        if event.data["id"] <= 3:
            raise RuntimeError("poison")
        cure(event)

    monkeypatch.setitem(translate._translators, "order.created", fail)
    for number in range(1, 31):
        deliver(envelope(data={**envelope()["data"], "id": number}))
    work()
    assert Delivery.objects.filter(state="processed").count() == merchant.orders.count() == 27
    exhaust()
    dead = Delivery.objects.filter(state="dead")
    assert set(dead.values_list("attempts", "reason")) == {(MAX_ATTEMPTS, "RuntimeError: poison")}
    assert dead.count() == 3
    monkeypatch.setitem(translate._translators, "order.created", cure)
    assert replay(dead) == 3
    work()
    assert Delivery.objects.filter(state="processed").count() == merchant.orders.count() == 30
    assert Event.unscoped.count() == 30


class LostError(BaseException):
    """What a worker's end looks like from inside."""


@pytest.mark.django_db
def test_a_delivery_that_kills_its_worker_ends_dead_and_lets_the_others_pass(deliver, merchant, monkeypatch):
    cure = translate._translators["order.created"]

    def kill(event: Any) -> None:
        if event.data["id"] == 1:
            raise LostError
        cure(event)

    monkeypatch.setitem(translate._translators, "order.created", kill)
    for number in (1, 2, 3):
        deliver(envelope(data={**envelope()["data"], "id": number}))
    with pytest.raises(LostError):
        work()
    work()
    assert merchant.orders.count() == 2
    for _ in range(MAX_ATTEMPTS - 1):
        with pytest.raises(LostError):
            exhaust(times=1)
    exhaust(times=1)
    lost = Delivery.objects.get(state="dead")
    assert (lost.attempts, lost.reason) == (MAX_ATTEMPTS + 1, "its worker was lost every time")
    monkeypatch.setitem(translate._translators, "order.created", cure)
    replay(Delivery.objects.filter(state="dead"))
    work()
    assert sorted(merchant.orders.values_list("salla_id", flat=True)) == [1, 2, 3]


def exhaust(times: int = MAX_ATTEMPTS) -> None:
    """Let every pause pass, that many times."""
    for _ in range(times):
        Delivery.objects.filter(state="waiting").update(due_at=clock.now())
        work()


# The database is away


@pytest.mark.django_db(transaction=True)
def test_without_a_database_the_answer_is_503_at_once(deliver, bell, no_database):
    began = time.monotonic()
    answer = deliver(dumped())
    assert time.monotonic() - began < 1
    assert (answer.status_code, answer["Retry-After"], bell) == (503, "60", [])
    assert deliver(dumped() + b"x", **{"X-Salla-Signature": "0"}).status_code == 401
    no_database.undo()
    connection.close()
    assert Delivery.objects.count() == 0
    assert deliver(dumped()).json() == {"status": "received"}
    assert bell == ["integrations.tasks.process_deliveries"]


@pytest.fixture
def no_database(transactional_db: None) -> Iterator[pytest.MonkeyPatch]:
    """The settings point to a port where nobody listens."""
    connection.close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        patch.setitem(connection.settings_dict, "PORT", str(servers.free_port()))
        yield patch
    connection.close()


# Through the real server


@pytest.fixture(scope="module")
def app(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.App]:
    folder = tmp_path_factory.mktemp("granian")
    with processes.supervised(folder) as supervisor:
        app = processes.App(supervisor, folder, **processes.of_this_test())
        app.start("web")
        yield app


def exchange(app: processes.App, *lines: str | bytes, body: bytes = b"") -> tuple[int, bytes]:
    """Send exactly these header lines; the status, and all that came back until the server was done with it."""
    head = b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    with socket.create_connection(("127.0.0.1", app.port), timeout=5) as link:
        link.sendall(head + b"\r\nHost: localhost\r\n\r\n" + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            received = link.recv(65536)
            assert received, answer
            answer += received
    return int(answer.split()[1]), answer


POST = f"POST {URL} HTTP/1.1"
BODY = dumped()
SIGNED = f"X-Salla-Signature: {webhooks.sign(BODY, SECRET)}"
FORGED = f"X-Salla-Signature: {'0' * 64}"
LENGTH = f"Content-Length: {len(BODY)}"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
WIRE = {
    "forged": (401, [POST, FORGED, LENGTH], BODY),
    "unsigned": (401, [POST, LENGTH], BODY),
    "signed and forged": (401, [POST, SIGNED, FORGED, LENGTH], BODY),
    "forged and signed": (401, [POST, FORGED, SIGNED, LENGTH], BODY),
    "signed twice": (401, [POST, SIGNED, SIGNED, LENGTH], BODY),
    "not ASCII": (401, [POST, "X-Salla-Signature: توقيع", LENGTH], BODY),
    "not UTF-8": (401, [POST, b"X-Salla-Signature: \xff\xfe", LENGTH], BODY),
    "another host": (401, [POST, "X-Forwarded-Host: evil.example", FORGED, LENGTH], BODY),
    "chunked": (411, [POST, SIGNED, "Transfer-Encoding: chunked"], CHUNKED),
    "chunked, with a length": (411, [POST, SIGNED, LENGTH, "Transfer-Encoding: chunked"], CHUNKED),
    "no length": (411, [POST, SIGNED], b""),
    "oversized, body never sent": (413, [POST, SIGNED, "Content-Length: 5000000000"], b""),
    "oversized, asking first": (413, [POST, SIGNED, "Content-Length: 5000000000", "Expect: 100-continue"], b""),
    "one byte over": (413, [POST, SIGNED, f"Content-Length: {MAX_BODY + 1}"], b""),
    "two lengths": (400, [POST, SIGNED, LENGTH, "Content-Length: 5"], BODY),
    "a negative length": (400, [POST, SIGNED, "Content-Length: -5"], BODY),
    "a length in words": (400, [POST, SIGNED, "Content-Length: many"], BODY),
    "a length beyond 64 bits": (400, [POST, SIGNED, "Content-Length: 99999999999999999999"], BODY),
    "a header without end": (431, [POST, "X-Salla-Signature: " + "a" * 10**6, LENGTH], BODY),
    "GET": (405, [f"GET {URL} HTTP/1.1", SIGNED], b""),
    "HEAD": (405, [f"HEAD {URL} HTTP/1.1", SIGNED], b""),
    "PUT": (405, [f"PUT {URL} HTTP/1.1", SIGNED, LENGTH], BODY),
    "OPTIONS": (405, [f"OPTIONS {URL} HTTP/1.1", SIGNED], b""),
    "BREW": (405, [f"BREW {URL} HTTP/1.1", SIGNED], b""),
    "not HTTP": (400, ["\x16\x03\x01"], b""),
}


@pytest.mark.django_db(transaction=True)
def test_the_server_refuses_exactly_and_stores_nothing(app):
    for name, (status, lines, body) in WIRE.items():
        assert (name, exchange(app, *lines, body=body)[0]) == (name, status)
    assert Delivery.objects.count() == 0
    assert "Traceback" not in app.log("web")


@pytest.mark.django_db(transaction=True)
def test_the_server_takes_what_is_signed(app):
    assert exchange(app, POST, SIGNED, LENGTH, body=BODY)[1].count(b"HTTP/1.1 200 OK") == 1
    assert app.post(BODY).status == 200
    assert bytes(only_delivery().body) == BODY


def test_the_server_without_a_database_says_503_at_once(tmp_path):
    nowhere = f"postgres://nobody:x@127.0.0.1:{servers.free_port()}/nothing"
    with processes.supervised(tmp_path) as supervisor:
        app = processes.App(supervisor, tmp_path, **{**processes.of_this_test(), "DATABASE_URL": nowhere})
        app.start("web")
        status, answer = exchange(app, POST, SIGNED, LENGTH, body=BODY)
        assert app.post(BODY).seconds < 1
    assert status == 503
    assert b"retry-after: 60" in answer.lower()


def test_the_address_without_its_slash_is_the_same_door(client: Client, merchant: Merchant) -> None:
    raw = json.dumps(payload("order.created")).encode()
    headers = {"X-Salla-Signature": webhooks.sign(raw, SECRET)}
    answer = client.post("/webhooks/salla", raw, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})


def test_a_body_that_no_key_opens_stops_no_other(deliver: Any, merchant: Merchant, settings: Any) -> None:
    ours = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    deliver(payload("abandoned.cart"))
    settings.FIELD_ENCRYPTION_KEYS = ours
    deliver(payload("order.created"))
    work()
    foreign, ours_too = Delivery.objects.defer("body").order_by("pk")
    assert (foreign.state, foreign.attempts) == (Delivery.State.WAITING, 1)
    assert foreign.reason == "DecryptionError: no key in FIELD_ENCRYPTION_KEYS opens this value"
    assert ours_too.state == Delivery.State.PROCESSED


def test_new_tokens_get_in_though_no_key_opens_the_old_ones(deliver: Any, settings: Any, db: None) -> None:
    ours = settings.FIELD_ENCRYPTION_KEYS
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    first = payload("app.store.authorize")
    deliver(first)
    work()
    settings.FIELD_ENCRYPTION_KEYS = ours
    second = {**first, "created_at": "2023-01-01 12:00:00", "data": {**first["data"], "access_token": "new"}}
    deliver(second)
    work()
    assert Connection.unscoped.get().access_token == "new"
