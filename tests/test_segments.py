"""Segments: whom rules mean, strict rules, the page that builds them, and how many may be written to."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product as every
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core import clock
from core.models import Activity, Membership, Merchant, User
from core.schema import SettingsError
from events import ingest
from integrations import selectors
from integrations.models import Order
from tests.test_dashboard import MOST_QUERIES
from tests.visits import PRODUCT, WINDOWS, Shoppers, cart, viewed
from visitors import consents, contacts, people, reach, segments, suppressions
from visitors.consents import State, Words, come_to
from visitors.models import Channel, Consent, Contact, Purpose, Segment, Suppression, Visitor
from visitors.segment_definition import MOST_RULES, Definition
from visitors.segment_rules import KINDS, words_for

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 10, 9, tzinfo=UTC)
Role, Source = Membership.Role, Consent.Source


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def owner(merchant: Merchant) -> Client:
    return browser(merchant, Role.OWNER)


def browser(merchant: Merchant, role: Role) -> Client:
    user = User.objects.create_user(f"{role}@example.com")
    Membership.objects.create(user=user, merchant=merchant, role=role)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def at(merchant: Merchant, end: str = "") -> str:
    return f"/stores/{merchant.public_id}/segments/{end}"


def customer(merchant: Merchant, number: int, **columns: Any) -> Any:
    values = {"is_notifications_enabled": True, "source_updated_at": clock.now(), **columns}
    return merchant.customers.create(salla_id=number, **values)


def order(merchant: Merchant, number: int, by: Any, *, days: int = 1, total: int = 100, **columns: Any) -> None:
    values = {"payment_method": "mada", "is_pending_payment": False, "status": "completed", "currency": "SAR"}
    placed = clock.now() - timedelta(days=days)
    merchant.orders.create(
        salla_id=number, customer=by, total=total, placed_at=placed, source_updated_at=placed, **{**values, **columns}
    )


def contact(merchant: Merchant, value: str, *, key: str = "", agreed: bool = False) -> Contact:
    kind = "email" if "@" in value else "phone"
    row = contacts.ensure(merchant, kind=kind, value=value, source=Source.FORM)
    merchant.contacts.filter(pk=row.pk).update(visitor_key=key)
    if agreed:
        give(merchant, row)
    return row


def give(merchant: Merchant, row: Contact) -> None:
    words = Words(Source.FORM, "نعم")
    consents.give(merchant, row, purposes=[Purpose.MARKETING], channels=row.channels, words=words)


def meant(merchant: Merchant, *rules: dict[str, Any], match: str = "all") -> set[str]:
    found = Definition.parse({"match": match, "rules": list(rules)}).people(merchant)
    return {row["person"] for row in found}


@pytest.fixture
def town(merchant: Merchant, other_merchant: Merchant) -> Merchant:
    """Noura buys and visits; Sara bought long ago; a guest agreed and looks; somebody only gave an address."""
    shop = Shoppers(merchant).turn_on().sells(7, 8)
    noura, sara = customer(merchant, 1, email="noura@example.com"), customer(merchant, 2, phone="+966500000002")
    shop.send(key="v:gone", minutes=-100 * 24 * 60)
    shop.send(key="v:noura-work", customer=1, agent=WINDOWS, minutes=-40 * 24 * 60)
    for minutes in (-120, -60):
        shop.send(key="v:guest", minutes=minutes - 24 * 60)
    google = {"referrer": "https://www.google.com/"}
    shop.send("page.viewed", viewed(7), key="v:noura-phone", customer=1, page=PRODUCT, **google)
    shop.send("page.viewed", viewed(8), cart(), key="v:guest", page=PRODUCT, utm={"source": "ig", "medium": "paid"})
    shop.send(key="d:nobody")
    ingest.drain()
    order(merchant, 11, noura, days=2, total=600)
    order(merchant, 12, noura, days=3, total=700, status="payment_pending", is_pending_payment=True)
    order(merchant, 21, sara, days=90, total=300)
    contact(merchant, "guest@example.com", key="v:guest", agreed=True)
    contact(merchant, "letter@example.com")
    other = Shoppers(other_merchant).turn_on()
    other.come("page.viewed", key="v:guest", customer=1, referrer="https://www.google.com/")
    order(other_merchant, 11, customer(other_merchant, 1), total=9000)
    return merchant


NOURA, SARA, GUEST, GONE = "c1", "c2", "vv:guest", "vv:gone"


@pytest.fixture
def letter(town: Merchant) -> str:
    return f"k{town.contacts.get(value='letter@example.com').pk}"


# Whom rules mean


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"about": "last_visit", "when": "within", "days": 7}, {NOURA, GUEST}),
        ({"about": "last_visit", "when": "before", "days": 7}, {GONE}),  # Noura's other browser is hers
        ({"about": "visits", "amount": "at_least", "count": 2, "days": 90}, {NOURA, GUEST}),
        ({"about": "visits", "amount": "at_least", "count": 2, "days": 7}, {GUEST}),
        ({"about": "visits", "amount": "at_most", "count": 0, "days": 7}, {GONE}),
        ({"about": "source", "channel": "search", "days": 30}, {NOURA}),
        ({"about": "source", "channel": "paid_social", "source": "Instagram"}, {GUEST}),
        ({"about": "source", "channel": "paid_social", "source": "tiktok"}, set()),
        ({"about": "product", "product": "7"}, {NOURA}),
        ({"about": "product", "product": "8", "days": 1}, {GUEST}),
        ({"about": "device", "device": "desktop", "days": 60}, {NOURA}),
        ({"about": "device", "device": "desktop", "days": 7}, set()),
        ({"about": "orders", "amount": "at_least", "count": 1}, {NOURA, SARA}),
        ({"about": "orders", "amount": "at_least", "count": 2}, {NOURA}),
        ({"about": "orders", "amount": "at_least", "count": 1, "days": 30}, {NOURA}),
        ({"about": "orders", "amount": "at_most", "count": 0}, {GUEST, GONE, "letter"}),
        ({"about": "spent", "amount": "at_least", "total": "600"}, {NOURA}),  # what is not paid does not count
        ({"about": "spent", "amount": "at_least", "total": "601"}, set()),
        ({"about": "spent", "amount": "less_than", "total": "600"}, {SARA, GUEST, GONE, "letter"}),
        ({"about": "last_order", "when": "within", "days": 30}, {NOURA}),
        ({"about": "last_order", "when": "before", "days": 30}, {SARA}),
        ({"about": "consent", "channel": "email", "has_agreed": "yes"}, {GUEST}),
        ({"about": "consent", "channel": "email", "has_agreed": "no"}, {NOURA, SARA, GONE, "letter"}),
        ({"about": "contact", "kind": "email", "has_it": "yes"}, {NOURA, GUEST, "letter"}),
        ({"about": "contact", "kind": "phone", "has_it": "yes"}, {SARA}),
        ({"about": "contact", "kind": "phone", "has_it": "no"}, {NOURA, GUEST, GONE, "letter"}),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_whom_a_rule_means(town: Merchant, letter: str, rule: dict[str, Any], found: set[str]) -> None:
    assert meant(town, rule) == {letter if each == "letter" else each for each in found}


def test_countries(town: Merchant) -> None:
    town.visits.filter(visitor__key="v:guest").update(country="AE")
    assert meant(town, {"about": "country", "country": "AE"}) == {GUEST}


def test_rules_together(town: Merchant) -> None:
    visited, bought = {"about": "last_visit", "days": 7}, {"about": "orders", "amount": "at_least", "count": 1}
    never = {"about": "orders", "amount": "at_most", "count": 0}
    assert meant(town, visited, bought) == {NOURA}
    assert meant(town, visited, never) == {GUEST}
    assert meant(town, visited, bought, match="any") == {NOURA, GUEST, SARA}
    assert meant(town, visited, never, {"about": "device", "device": "phone"}) == {GUEST}


def test_what_belongs_to_one_person_is_one(town: Merchant) -> None:
    """A guest who becomes a customer is one person with all browsers and addresses."""
    contact(town, "noura@example.com", key="v:guest")
    assert meant(town, {"about": "last_visit", "days": 7}) == {NOURA}
    assert meant(town, {"about": "contact", "kind": "email", "has_it": "yes"}) >= {NOURA}
    assert GUEST not in {row["person"] for row in people.everybody(town)}


def test_its_rows(town: Merchant) -> None:
    rules = {"match": "all", "rules": [{"about": "last_visit", "days": 60}]}
    segment = town.segments.create(name="x", rules=rules)
    assert set(segments.visitors(town, segment).values_list("key", flat=True)) == {
        "v:noura-phone", "v:noura-work", "v:guest"
    }  # fmt: skip
    assert [row.value for row in segments.contacts(town, segment)] == ["guest@example.com"]
    assert [row.salla_id for row in segments.customers(town, segment)] == [1]
    assert segments.people(town, segment).count() == 2


def test_rules_of_another_time_mean_nobody(town: Merchant) -> None:
    segment = town.segments.create(name="x", rules={"rules": [{"about": "moon"}]})
    assert segments.people(town, segment).count() == 0
    assert list(segments.contacts(town, segment)) == []
    segments.recount_all()
    segment.refresh_from_db()
    assert segment.counted_at is None


# How many may be written to


def test_writable_people(town: Merchant) -> None:
    everybody = people.everybody(town)

    def writable() -> int:
        return reach.count_writable(town, people.among(people.contacts(town), everybody))

    assert writable() == 1
    phone = contact(town, "+966500000002", agreed=True)
    mail = contact(town, "sara@example.com", agreed=True)
    town.contacts.filter(pk__in=[phone.pk, mail.pk]).update(customer_salla_id=2)
    assert writable() == 2  # two ways to one person
    town.customers.filter(salla_id=2).update(is_notifications_enabled=False)
    assert writable() == 1
    suppressions.suppress(
        town, value="guest@example.com", channels=[Channel.EMAIL], reason=Suppression.Reason.COMPLAINED
    )
    assert writable() == 0


LINES = st.lists(
    st.tuples(st.sampled_from(State.values), st.sampled_from(Source.values), st.integers(0, 3)), max_size=8
)


@given(LINES)
@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_many_are_judged_as_one_is(merchant: Merchant, lines: list[tuple[str, str, int]]) -> None:
    """The query over all contacts says what `come_to` says of each."""
    Consent.unscoped.all().delete()
    row = contact(merchant, "noura@example.com")
    for state, source, hours in lines:
        merchant.consents.create(
            contact=row, purpose="marketing", channel="email", state=state, source=source,
            at=NOON + timedelta(hours=hours),
        )  # fmt: skip
    ledger = merchant.consents.filter(contact=row).order_by("at", "pk")
    one = come_to(ledger.values_list("purpose", "channel", "state", "source")).allows("marketing", "email")
    many = reach.agreed(merchant, merchant.contacts.all(), channel=Channel.EMAIL).exists()
    assert many == one


def test_paid_in_sql_is_paid(merchant: Merchant) -> None:
    statuses = [*Order.Status.values, "", "of-their-own"]
    methods = ["mada", "cod", "bank", ""]
    rows = [
        Order(
            merchant=merchant, salla_id=number, status=status, payment_method=method, is_pending_payment=pending,
            is_draft=flag == "draft", is_deleted=flag == "deleted", is_refunded=flag == "refunded",
            source_updated_at=NOON,
        )
        for number, (status, method, pending, flag) in enumerate(
            every(statuses, methods, [True, False, None], ["", "draft", "deleted", "refunded"])
        )
    ]  # fmt: skip
    Order.unscoped.bulk_create(rows)
    found = set(selectors.paid(merchant.orders.all()).values_list("salla_id", flat=True))
    assert found == {row.salla_id for row in rows if row.is_paid}
    assert found


# Strict rules


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ([], ""),
        ({}, "rules"),
        ({"rules": []}, "rules"),
        ({"rules": [{"about": "last_visit"}] * (MOST_RULES + 1)}, "rules"),
        ({"rules": [{"about": "moon"}]}, "rules[0].about"),
        ({"rules": ["x"]}, "rules[0]"),
        ({"rules": [{"about": "last_visit", "days": 0}]}, "rules[0].days"),
        ({"rules": [{"about": "last_visit"}, {"about": "visits", "count": "3"}]}, "rules[1].count"),
        ({"rules": [{"about": "last_visit", "day": 3}]}, "rules[0].day"),
        ({"rules": [{"about": "source", "channel": "carrier pigeon"}]}, "rules[0].channel"),
        ({"rules": [{"about": "last_visit"}], "match": "most"}, "match"),
        ({"rules": [{"about": "last_visit"}], "else": 1}, "else"),
    ],
)
def test_what_is_wrong_is_named(raw: Any, path: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        Definition.parse(raw)
    assert [error.path for error in refusal.value.errors] == [path]


def test_rules_survive_being_stored() -> None:
    raw = {
        "match": "any",
        "rules": [{"about": kind, **each().dump()} for kind, each in list(KINDS.items())[:MOST_RULES]],
    }
    definition = Definition.parse(raw)
    assert Definition.parse(json.dumps(definition.dump())) == definition


@pytest.mark.parametrize("kind", KINDS)
def test_each_rule_reads_in_both_languages(merchant: Merchant, kind: str) -> None:
    rule = KINDS[kind]()
    sentences = {}
    for language in ("ar", "en"):
        with translation.override(language):
            sentences[language] = rule.sentence(words_for(merchant, [rule]))
            assert str(KINDS[kind].title)
    assert sentences["ar"] != sentences["en"]
    assert sentences["ar"].strip()


# Pages


def post(client: Client, address: str, do: str, *rules: tuple[str, dict[str, Any]], **head: Any) -> Any:
    data: dict[str, Any] = {"name": "قريبون", "match": "all", "do": do, "rule": [], **head}
    for number, (about, values) in enumerate(rules):
        data["rule"].append(f"r{number}.{about}")
        data |= {f"r{number}-{name}": value for name, value in values.items()}
    return client.post(address, data)


RECENT = ("last_visit", {"when": "within", "days": "٧"})


def test_one_is_built_counted_and_kept(town: Merchant, owner: Client) -> None:
    counted = post(owner, at(town, "new/"), "count", RECENT)
    assert counted.context["editor"].counted == (2, 1)
    assert town.segments.count() == 0
    response = post(owner, at(town, "new/"), "save", RECENT)
    assert response.status_code == 302
    segment = town.segments.get()
    assert segment.rules == {"match": "all", "rules": [{"about": "last_visit", "when": "within", "days": 7}]}
    assert (segment.name, segment.people_count, segment.writable_count) == ("قريبون", 2, 1)
    assert Activity.unscoped.latest("pk").what == "segment.saved"
    page = owner.get(at(town)).content.decode()
    assert "Visited in the last 7 days" in page
    assert "2</bdi> people" in page


def test_rules_are_added_and_taken_away_and_what_was_typed_stays(town: Merchant, owner: Client) -> None:
    added = post(owner, at(town, "new/"), "add", RECENT, kind="spent")
    rows = added.context["editor"].rows
    assert [row.written for row in rows] == ["r0.last_visit", "r1.spent"]
    assert re.findall(r'name="(\S+)"[^>]*data-focus', added.content.decode()) == ["r1-amount"]
    assert 'value="٧"' in added.content.decode()
    taken = post(owner, at(town, "new/"), "remove:r0", RECENT, ("spent", {"amount": "at_least", "total": "70"}))
    assert [row.written for row in taken.context["editor"].rows] == ["r1.spent"]
    assert 'value="70"' in taken.content.decode()
    assert town.segments.count() == 0


@pytest.mark.parametrize("do", ["add", "remove:r1"])
def test_nothing_is_wrong_before_it_is_saved(town: Merchant, owner: Client, do: str) -> None:
    empty = ("spent", {"amount": "at_least", "total": ""})
    shown = post(owner, at(town, "new/"), do, RECENT, empty, empty, name="", kind="spent")
    assert (shown.status_code, "aria-invalid" in shown.content.decode()) == (200, False)
    assert "aria-invalid" in post(owner, at(town, "new/"), "save", RECENT, name="").content.decode()


def test_who_is_counted_needs_no_name_yet(town: Merchant, owner: Client) -> None:
    counted = post(owner, at(town, "new/"), "count", RECENT, name="")
    assert counted.context["editor"].counted == (2, 1)
    assert "aria-invalid" not in counted.content.decode()


@pytest.mark.parametrize(
    ("rules", "head", "said"),
    [
        ([], {}, "Add a rule first."),
        ([RECENT], {"name": ""}, "This field is required."),
        ([("last_visit", {"when": "within", "days": "900"})], {}, "Must be 400 or less."),
        ([("last_visit", {"when": "whenever", "days": "3"})], {}, "Select a valid choice."),
        ([("product", {"product": "no-such", "days": "3"})], {}, "Your store has no product with this number or SKU."),
        ([RECENT], {"name": "taken"}, "Another segment has this name."),
    ],
)
def test_what_is_wrong_stands_beside_it(
    town: Merchant, owner: Client, rules: list[Any], head: dict[str, str], said: str
) -> None:
    town.segments.create(name="taken")
    response = post(owner, at(town, "new/"), "save", *rules, **head)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert town.segments.count() == 1


def test_one_is_changed_and_deleted(town: Merchant, owner: Client) -> None:
    rules = {"match": "any", "rules": [{"about": "last_visit", "when": "before", "days": 60}]}
    segment = town.segments.create(name="x", rules=rules)
    page = owner.get(at(town, f"{segment.public_id}/"))
    assert [row.form.stored.days for row in page.context["editor"].rows] == [60]
    assert post(owner, at(town, f"{segment.public_id}/"), "save", RECENT, name="y").status_code == 302
    segment.refresh_from_db()
    assert (segment.name, segment.rules["rules"][0]["days"]) == ("y", 7)
    question = owner.get(at(town, f"{segment.public_id}/delete/")).content.decode()
    assert "Its people stay" in question
    assert owner.post(at(town, f"{segment.public_id}/delete/")).status_code == 302
    assert (town.segments.count(), Visitor.unscoped.filter(merchant=town).count()) == (0, 4)


@pytest.mark.parametrize("start", ["lost", "best", "curious", "search"])
def test_ready_ones_are_valid(town: Merchant, owner: Client, start: str) -> None:
    editor = owner.get(at(town, f"new/?start={start}")).context["editor"]
    rules = [{"about": row.kind.about, **row.form.stored.dump()} for row in editor.rows]
    assert Definition.parse({"rules": rules}).people(town).count() >= 0
    assert rules


def test_there_is_an_end_to_them(town: Merchant, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "MOST_SEGMENTS", 1)
    assert post(owner, at(town, "new/"), "save", RECENT).status_code == 302
    response = post(owner, at(town, "new/"), "save", RECENT, name="another")
    assert (response.status_code, town.segments.count()) == (422, 1)
    assert "At most 1 segments" in response.content.decode()


def test_a_viewer_changes_nothing(town: Merchant) -> None:
    viewer = browser(town, Role.VIEWER)
    segment = town.segments.create(name="x", rules={"rules": [{"about": "last_visit"}]})
    assert viewer.get(at(town, "new/")).status_code == 403
    for end in ("", f"{segment.public_id}/", f"{segment.public_id}/delete/"):
        page = viewer.get(at(town, end))
        assert page.status_code == 200
        assert 'value="save"' not in page.content.decode()
    assert post(viewer, at(town, "new/"), "save", RECENT).status_code == 403
    assert viewer.post(at(town, f"{segment.public_id}/delete/")).status_code == 403
    assert town.segments.count() == 1


def test_another_stores_are_not_there(town: Merchant, other_merchant: Merchant) -> None:
    segment = town.segments.create(name="x")
    stranger = browser(other_merchant, Role.OWNER)
    for end in (f"{segment.public_id}/", f"{segment.public_id}/delete/"):
        assert stranger.get(at(other_merchant, end)).status_code == 404
        assert stranger.post(at(other_merchant, end)).status_code == 404
    assert town.segments.count() == 1


def test_pages_cost_few_queries(town: Merchant, owner: Client, django_assert_max_num_queries: Any) -> None:
    rules = [{"about": kind, **each().dump()} for kind, each in list(KINDS.items())[:MOST_RULES]]
    rows = [Segment(merchant=town, name=str(number), rules={"match": "all", "rules": rules}) for number in range(50)]
    Segment.unscoped.bulk_create(rows)
    for end in ("", "new/", f"{rows[0].public_id}/"):
        with django_assert_max_num_queries(MOST_QUERIES, info=end):
            assert owner.get(at(town, end)).status_code == 200
    with django_assert_max_num_queries(MOST_QUERIES):
        post(owner, at(town, "new/"), "count", RECENT, ("orders", {"amount": "at_most", "count": "0"}))


def test_the_count_is_renewed(town: Merchant) -> None:
    rules = {"match": "all", "rules": [{"about": "last_visit", "when": "within", "days": 7}]}
    segment = town.segments.create(name="x", rules=rules)
    segments.recount_all()
    segment.refresh_from_db()
    assert (segment.people_count, segment.writable_count, segment.counted_at) == (2, 1, NOON)
