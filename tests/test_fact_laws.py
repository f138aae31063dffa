"""Facts: ids and amounts only, named by what happened, and nobody changes one."""

import json
import re
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, Union

import pytest
from django.db import IntegrityError, connection

from core.models import Merchant
from events import facts
from events.models import Event
from integrations import lifecycle
from tests.conftest import work
from tests.laws import OURS, PROJECT, an_event

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FREE_TYPES = (facts.Id, facts.Money, facts.Currency, facts.Slug, facts.Code, bool, int, facts.AwareDatetime)
FACT_NAME = re.compile(
    r"[a-z]+(_[a-z]+)*\.([a-z]+_)?([a-z]+ed|[a-z]+ed_(in|out)|given|withdrawn|paid|sent|left|shown|taken)"
)
PERSONAL = {
    "name", "phone", "mobile", "tel", "email", "mail", "address", "street", "city", "location", "token", "secret",
    "password", "ip", "agent", "cookie", "birthday", "gender", "avatar", "note", "text", "message", "comment",
    "content", "first", "last", "contact", "url",
}  # fmt: skip


def all_facts() -> list[type[facts.Fact]]:
    found, queue = [], [facts.Fact]
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        found.append(kind)
    return [kind for kind in found if kind.__module__.split(".")[0] in OURS]


def fact_breaches(kind: type[facts.Fact]) -> Iterator[str]:
    if not kind.model_config.get("frozen") or kind.model_config.get("extra") != "forbid":
        yield "is not frozen and strict"
    name = kind.__dict__.get("name")
    if name is not None and (not FACT_NAME.fullmatch(name) or len(name) > Event._meta.get_field("name").max_length):
        yield f"{name} is no noun.past"
    hints = typing.get_type_hints(kind, include_extras=True)
    for each in kind.model_fields:
        if set(each.split("_")) & PERSONAL and not (each.endswith("_id") and hints[each] == facts.Id):
            yield f"{each} smells of a person"
        if not is_bare(hints[each]):
            yield f"{each} may hold anything"


def is_bare(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in {Union, UnionType, tuple}:
        return all(is_bare(part) for part in typing.get_args(hint) if part not in (type(None), Ellipsis))
    return any(hint == allowed for allowed in FREE_TYPES)


def test_every_fact_is_bare() -> None:
    assert {kind.__name__: list(fact_breaches(kind)) for kind in all_facts()} == {
        kind.__name__: [] for kind in all_facts()
    }
    assert {kind.__dict__["name"] for kind in all_facts() if "name" in kind.__dict__} == facts.names()
    assert len(facts.names()) >= 30


def test_planted_facts_are_seen() -> None:
    planted: dict[str, Any] = {
        "order_note": (str, ""),
        "contact": (facts.Slug, ""),
        "contact_id": (facts.Id, 1),
        "text_id": (facts.Slug, ""),
        "anything": (dict[str, int], {}),
        "words": (tuple[str, ...], ()),
        "amount": (Decimal, Decimal(0)),
    }
    annotations = {name: hint for name, (hint, _) in planted.items()}
    defaults = {name: default for name, (_, default) in planted.items()}
    kind: Any = type("Planted", (facts.Fact,), {"__annotations__": annotations, "__module__": "planted", **defaults})
    assert sorted(fact_breaches(kind)) == [
        "amount may hold anything",
        "anything may hold anything",
        "contact smells of a person",
        "order_note may hold anything",
        "order_note smells of a person",
        "text_id smells of a person",
        "words may hold anything",
    ]
    loose: Any = type("Loose", (facts.Fact,), {"__module__": "planted", "model_config": {"frozen": False}})
    assert list(fact_breaches(loose)) == ["is not frozen and strict"]


@pytest.mark.parametrize("name", ["order.place", "OrderPlaced", "orders", "order.placed.twice", "order paid", ".paid"])
def test_a_name_that_is_no_past_is_seen(name: str) -> None:
    assert FACT_NAME.fullmatch(name) is None


@pytest.mark.django_db
def test_recorded_bodies_leave_no_person_in_the_log(deliver: Callable[..., Any]) -> None:
    """Names, phones, e-mails and tokens of the samples, searched in every fact that they became."""
    bodies = [file.read_bytes() for file in sorted((PROJECT / "tests/salla/payloads").glob("*.json"))]
    personal: set[str] = set()
    for body in map(json.loads, bodies):
        personal |= personal_values(body)
        if str(body.get("merchant", "")).isdigit():
            lifecycle.install(int(body["merchant"]), at=LONG_AGO)
    for raw in bodies:
        deliver(raw)
    work()
    rows = Event.unscoped.values_list("data", "key", "visitor_key")
    log = json.dumps(list(rows), ensure_ascii=False)
    assert len(rows) >= 20
    assert len(personal) >= 20
    assert {value for value in personal if value in log} == set()


def personal_values(data: Any, key: str = "") -> set[str]:
    if isinstance(data, dict):
        return set().union(*(personal_values(value, name) for name, value in data.items()))
    if isinstance(data, list):
        return set().union(*(personal_values(value, key) for value in data))
    is_personal = key in {"first_name", "last_name", "mobile", "email", "phone", "contact", "access_token", "ip"}
    return {str(data)} if is_personal and len(str(data or "")) > 3 else set()


# Facts: nobody changes one

CHANGES: dict[str, Callable[[Event], object]] = {
    "save": lambda event: event.save(),
    "update": lambda event: Event.unscoped.filter(pk=event.pk).update(data={}),
    "update nothing": lambda event: Event.unscoped.filter(pk=event.pk).update(key=event.key),
    "bulk_update": lambda event: Event.unscoped.bulk_update([event], ["name"]),
    "upsert": lambda event: Event.unscoped.bulk_create(
        [event], update_conflicts=True, update_fields=["name"], unique_fields=["merchant", "key"]
    ),
    "sql": lambda event: connection.cursor().execute("UPDATE events_event SET visitor_key = 'x'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_fact_cannot_be_changed(change: str, merchant: Merchant) -> None:
    event = an_event(merchant)
    with pytest.raises(IntegrityError, match="facts are append-only"):
        CHANGES[change](event)


def test_a_fact_can_be_deleted(merchant: Merchant) -> None:
    event = an_event(merchant)
    event.delete()
    assert Event.unscoped.count() == 0
