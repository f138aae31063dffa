"""The beacon door: what a shop's page may tell, who it is taken for, and what is kept of it."""

import copy
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.signing import Signer, TimestampSigner
from django.db import OperationalError
from django.test import Client
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import clock, memory, redis
from core.models import Merchant
from events import ingest
from events.models import StorefrontEvent, Tally
from features import services
from integrations import lifecycle
from integrations.models import Standing
from tests.cards import a_card, registered
from tests.shoppers import PHONE, beacon, listen, milliseconds, send, waiting
from visitors import agents, identity, presence
from visitors.beacons import MAX_BYTES
from visitors.cards.latest_purchase.card import CARD

SHARED = json.loads((Path(__file__).parent / "data" / "beacons.json").read_text())
FIRST = next(iter(SHARED["good"].values()))
STORE = 1305146709
ADDRESS = "198.51.100.7"


@pytest.fixture
def shop(merchant: Merchant) -> Merchant:
    listen(merchant)
    return merchant


@pytest.fixture
def shared_time() -> Any:
    with time_machine.travel(datetime.fromtimestamp(SHARED["now"] / 1000, UTC), tick=False) as traveller:
        yield traveller


def ask_for_key(client: Client, body: str = "", store: int = STORE) -> Any:
    return client.post(f"/sf/{store}/visitor", body, content_type="text/plain")


def keys() -> set[bytes]:
    return set(redis.client().scan_iter(redis.key("here", "*"))) | set(
        redis.client().scan_iter(redis.key("stream", "*"))
    )


def changed(path: list[Any], *value: Any) -> dict[str, Any]:
    """The first good text with another value there, or without it."""
    text = copy.deepcopy(FIRST)
    place = text
    for step in path[:-1]:
        place = place[step]
    if value:
        place[path[-1]] = value[0]
    else:
        del place[path[-1]]
    return text


# The text


@pytest.mark.usefixtures("shared_time")
@pytest.mark.parametrize("why", SHARED["good"])
def test_a_good_text_is_taken(client: Client, shop: Merchant, why: str) -> None:
    said = SHARED["good"][why]
    assert send(client, said, store=STORE) == 204
    (kept,) = waiting(shop)
    assert [(event.name, event.data) for event in kept.events] == [
        (event["name"], event["data"]) for event in said["events"]
    ]


@pytest.mark.usefixtures("shared_time")
@pytest.mark.parametrize("why", SHARED["bad"])
def test_a_bad_text_is_refused_without_effect(client: Client, shop: Merchant, why: str) -> None:
    assert send(client, changed(*SHARED["bad"][why]), store=STORE) == 400
    assert keys() == set()


FULL = json.dumps(FIRST).encode()
RUBBISH = {
    b"": 411,
    b"null": 400,
    b"[]": 400,
    b"{": 400,
    b"\x00": 400,
    b"\xff\xfe": 400,
    b"[" * 4000: 400,
    FULL.replace(b'"ar"', b'"\xff"'): 400,
    FULL.replace(b"4711", b"NaN"): 400,
    FULL.replace(b"4711", b"1e400"): 400,
    FULL.replace(b"4711", b"9" * 5000): 400,
    FULL.replace(b'"ar"', b'"\x00"'): 400,
    FULL + b" " * MAX_BYTES: 413,
}


@pytest.mark.usefixtures("shared_time")
@pytest.mark.parametrize(("text", "status"), RUBBISH.items())
def test_rubbish_is_refused_without_effect(client: Client, shop: Merchant, text: bytes, status: int) -> None:
    assert send(client, text, store=STORE) == status
    assert keys() == set()


def test_twenty_events_and_no_more(client: Client, shop: Merchant) -> None:
    event = {"name": "page.viewed", "data": {}}
    assert send(client, beacon([event] * 21), store=STORE) == 400
    assert waiting(shop) == []
    assert send(client, beacon([event] * 20), store=STORE) == 204


def test_a_body_of_no_told_length_is_refused(client: Client, shop: Merchant) -> None:
    response = client.generic("POST", f"/sf/{STORE}/e", b"", headers={"Transfer-Encoding": "chunked"})
    assert response.status_code == 411


def test_what_cannot_be_seen_is_not_kept(client: Client, shop: Merchant) -> None:
    utm = {
        "source": "a\u0000b",
        "medium": "\u202ecod\nx",
        "campaign": "نصف\ud83d",
        "term": "\udc00",
        "content": "👩\u200d🚀",
    }
    assert send(client, json.dumps(beacon(utm=utm)).encode(), store=STORE) == 204
    assert waiting(shop)[0].context["utm"] == {
        "source": "a b", "medium": " cod x", "campaign": "نصف\ufffd", "term": "\ufffd", "content": "👩\u200d🚀",
    }  # fmt: skip


def test_only_a_cards_own_beacons(client: Client, shop: Merchant) -> None:
    """A name that no card declares is none, and what is told of a card that is not ours is not kept."""
    asked = {
        "name": "subscription.asked",
        "data": {"card": "test_card", "channel": "email", "size": 1.5, "is_ok": None},
    }
    assert send(client, beacon([asked]), store=STORE) == 400
    with registered(a_card(beacons=("subscription.asked",))):
        assert send(client, beacon([asked]), store=STORE) == 204
        for data in ({}, {"card": "latest_purchase"}, {"card": "test_card", "a": [1]}, {"card": "test_card", "A": 1}):
            assert send(client, beacon([{**asked, "data": data}]), store=STORE) == 400
    assert [each.events[0].data for each in waiting(shop)] == [asked["data"]]
    shown = [{"name": "card.shown", "data": {"card": name}} for name in ("made_up", "latest_purchase")]
    assert send(client, beacon(shown), store=STORE) == 204
    assert [event.data["card"] for event in waiting(shop)[1].events] == ["latest_purchase"]


@pytest.mark.parametrize("name", ["Subscription.asked", "asked", "a.b.c", ""])
def test_a_beacon_says_what_was_done_to_what(name: str) -> None:
    with pytest.raises(ValueError, match="what was done to what"):
        a_card(beacons=(name,))


# What is kept


def test_what_the_stream_gets(client: Client, shop: Merchant, still: Any) -> None:
    said = beacon(
        [{"name": "product.viewed", "data": {"product_id": 7}, "at": milliseconds() - 1500}],
        page={"slug": "product.single", "id": 7, "path": "/p7"},
        utm={"source": "instagram"},
        click="google",
        referrer="https://www.google.com/",
        customer=9,
        bucket=42,
    )
    assert send(client, said, store=STORE) == 204
    (kept,) = waiting(shop)
    now = clock.now()
    assert (kept.merchant_id, kept.is_bot, kept.is_counted, kept.received_at) == (shop.pk, False, True, now)
    assert [(event.name, event.occurred_at, event.data) for event in kept.events] == [
        ("product.viewed", now - timedelta(seconds=1.5), {"product_id": 7})
    ]
    assert kept.context == {
        "page": {"slug": "product.single", "id": 7, "path": "/p7"},
        "lang": "ar",
        "referrer": "https://www.google.com/",
        "utm": {"source": "instagram"},
        "click": "google",
        "customer": 9,
        "bucket": 42,
        "agent": PHONE,
        "network": "198.51.100.0/24",
    }


@pytest.mark.parametrize(
    ("wrong", "ago", "is_taken_for"),
    [(0, 2, 2), (3600, 2, 2), (-7200, 2, 2), (0, -5, 0), (0, 3599, 3599), (0, 7200, 3600), (0, 10**9, 3600)],
)
def test_moments_are_made_ours(
    client: Client, shop: Merchant, still: Any, wrong: int, ago: int, is_taken_for: int
) -> None:
    """`wrong`: by how much the browser's clock is; `ago`: when it happened, by that clock."""
    sent = milliseconds() + wrong * 1000
    event = {"name": "page.viewed", "data": {}, "at": max(0, sent - ago * 1000)}
    assert send(client, beacon([event], sent=sent), store=STORE) == 204
    assert waiting(shop)[0].events[0].occurred_at == clock.now() - timedelta(seconds=is_taken_for)


def test_it_is_written_down(client: Client, shop: Merchant) -> None:
    for number in range(3):
        assert send(client, beacon(bucket=number), store=STORE) == 204
    assert ingest.drain() == 3
    assert StorefrontEvent.unscoped.filter(merchant=shop, name="page.viewed").count() == 3
    assert presence.today(shop) == 3


def everything_in_redis() -> bytes:
    """All keys and values of this test."""
    client: Any = redis.client()
    found = []
    for key in client.scan_iter(redis.key("*")):
        read = {
            b"string": client.get, b"set": client.smembers, b"stream": client.xrange,
            b"zset": lambda name: client.zrange(name, 0, -1),
        }[client.type(key)]  # fmt: skip
        found.append(key + repr(read(key)).encode())
    return b"\n".join(found)


@pytest.mark.parametrize("address", [ADDRESS, "2001:db8:1:2::7"])
def test_the_address_is_kept_nowhere(client: Client, shop: Merchant, address: str) -> None:
    assert send(client, beacon(), store=STORE, address=address) == 204
    held = everything_in_redis()
    assert address.encode() not in held
    assert b"2001:db8:1:2" not in held
    ingest.drain()
    assert waiting(shop) == []
    rows = StorefrontEvent.unscoped.values_list("visitor_key", "data", "page")
    assert "198.51" not in repr(list(rows))


def test_everything_in_redis_has_an_end(client: Client, shop: Merchant) -> None:
    """But the stream itself, whose length has."""
    page = {"slug": "product.single", "id": 7, "path": "/p7"}
    for number in range(presence.EXACT + 2):
        key = identity.issue(STORE)
        with time_machine.travel(clock.now() + timedelta(minutes=20), tick=False):
            assert send(client, beacon(key=key, page=page, bucket=number), store=STORE) == 204
    assert send(client, beacon(page=page), store=STORE) == 204
    endless = [key for key in redis.client().scan_iter(redis.key("*")) if redis.client().ttl(key) < 0]
    assert endless == [stream_of(shop)]


def stream_of(merchant: Merchant) -> bytes:
    return redis.key("stream", str(merchant.pk % 4)).encode()


# Once


def test_a_replay_has_no_effect(client: Client, shop: Merchant) -> None:
    said = beacon()
    assert [send(client, said, store=STORE) for _ in range(3)] == [204] * 3
    assert len(waiting(shop)) == 1
    later = {**said, "sent": said["sent"] + 3_600_000, "bucket": 2}  # the browser tries the same batch again
    assert send(client, later, store=STORE) == 204
    assert len(waiting(shop)) == 1
    assert presence.count(shop) == 1


def test_a_replay_is_known_for_as_long_as_its_text_is_taken(client: Client, shop: Merchant) -> None:
    said = beacon()
    with time_machine.travel(clock.now(), tick=False) as traveller:
        for hours in (0, 1, 5, 12, 23.9):
            traveller.move_to(datetime.fromtimestamp(said["sent"] / 1000, UTC) + timedelta(hours=hours))
            assert send(client, said, store=STORE) == 204
        traveller.shift(timedelta(hours=1))
        assert send(client, said, store=STORE) == 400
    assert len(waiting(shop)) == 1
    (hour,) = redis.client().scan_iter(redis.key("here", "*", "replay", "*"))
    assert 24 * 3600 < redis.client().ttl(hour) <= 25 * 3600


def test_each_store_has_its_own_ids(client: Client, shop: Merchant, other_merchant: Merchant) -> None:
    listen(other_merchant)
    said = beacon()
    for store in (STORE, other_merchant.salla_id):
        assert send(client, said, store=store) == 204
    assert [len(waiting(store)) for store in (shop, other_merchant)] == [1, 1]


# Nobody listens


def uninstall(merchant: Merchant) -> None:
    lifecycle.uninstall(merchant.salla_id, at=clock.now())


def restrict(merchant: Merchant) -> None:
    Standing.unscoped.update_or_create(merchant=merchant, defaults={"state": Standing.State.RESTRICTED})


def turn_off(merchant: Merchant) -> None:
    services.switch(merchant, card=CARD, is_on=False)


def switch_everything_off(merchant: Merchant) -> None:
    settings.STOREFRONT_OFF = True


@pytest.mark.parametrize("end", [uninstall, restrict, turn_off, Merchant.delete, switch_everything_off])
def test_where_nobody_listens_nothing_is_kept(client: Client, shop: Merchant, end: Any, settings: Any) -> None:
    settings.STOREFRONT_OFF = False  # as it was afterwards
    key = identity.issue(STORE)
    end(shop)
    memory.forget()
    assert send(client, beacon(key=key), store=STORE) == 204
    assert send(client, b"rubbish", store=STORE) == 204
    assert ask_for_key(client).status_code == 204
    assert keys() == set()
    assert ingest.drain() == 0
    assert (StorefrontEvent.unscoped.count(), Tally.unscoped.count()) == (0, 0)


def test_an_unknown_store_is_answered_without_a_query(client: Client, db: None, django_assert_num_queries: Any) -> None:
    assert send(client, beacon(), store=404) == 204
    with django_assert_num_queries(0):
        assert send(client, beacon(), store=404) == 204
    assert keys() == set()


def test_a_store_in_memory_costs_no_query(client: Client, shop: Merchant, django_assert_num_queries: Any) -> None:
    assert send(client, beacon(), store=STORE) == 204
    with django_assert_num_queries(0):
        for number in range(5):
            assert send(client, beacon(bucket=number), store=STORE) == 204


# When something is away, nobody is told that his beacon was kept


def test_without_redis(client: Client, shop: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Redis.from_url("redis://127.0.0.1:1", retry=Retry(NoBackoff(), 0))
    away = SimpleNamespace(client=lambda: dead, key=redis.key)
    for name in ("visitors.presence.redis", "visitors.identity.redis", "core.limiter.redis"):
        monkeypatch.setattr(name, away)
    assert send(client, beacon(), store=STORE) == 503
    assert ask_for_key(client).status_code == 429
    assert client.get(f"/sf/{STORE}/live").status_code == 200


def test_without_a_database(client: Client, shop: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OperationalError

    memory.forget()
    monkeypatch.setattr(services, "_read", refuse)
    assert send(client, beacon(), store=STORE) == 503
    assert ask_for_key(client).status_code == 503
    assert keys() == set()


# Who


def key_of(client: Client, old: str = "", store: int = STORE) -> str:
    response = ask_for_key(client, json.dumps({"key": old}) if old else "", store)
    assert response.status_code == 200, response.content
    return str(response.json()["key"])


def test_before_he_agrees_a_visitor_is_a_hash_of_the_day(client: Client, shop: Merchant, still: Any) -> None:
    others = ({"address": "198.51.100.8"}, {"agent": PHONE + " x"})
    said: list[dict[str, Any]] = [{}, {}, *others]
    for each in said:
        send(client, beacon(), store=STORE, **each)
    send(client, beacon(bucket=2), store=STORE)
    first, again, *different = (each.visitor_key for each in waiting(shop))
    assert first == again
    assert first.startswith("d:")
    assert len({first, *different}) == 4


def test_nobody_can_make_yesterdays_hash_again(client: Client, shop: Merchant) -> None:
    """The store's day: midnight in Riyadh is 21:00 in UTC. The salt is gone from Redis after two days."""
    seen = []
    with time_machine.travel(datetime(2026, 5, 1, 20, 50, tzinfo=UTC), tick=False) as traveller:
        for minutes in (0, 9, 11):
            traveller.move_to(datetime(2026, 5, 1, 20, 50, tzinfo=UTC) + timedelta(minutes=minutes))
            send(client, beacon(), store=STORE)
        seen = [each.visitor_key for each in waiting(shop)]
        assert seen[0] == seen[1] != seen[2]
        salts = sorted(redis.client().scan_iter(redis.key("visitor-salt", "*")))
        assert [key.decode().rsplit(":", 1)[1] for key in salts] == ["2026-05-01", "2026-05-02"]
        assert all(0 < redis.client().ttl(key) <= 48 * 3600 for key in salts)
        redis.client().delete(*salts)
        identity.forget_salts()
        send(client, beacon(), store=STORE)
    assert waiting(shop)[3].visitor_key not in seen


def test_every_process_makes_the_same_hash(client: Client, shop: Merchant) -> None:
    for _ in range(2):
        send(client, beacon(), store=STORE)
        identity.forget_salts()
    assert len({each.visitor_key for each in waiting(shop)}) == 1


def test_a_day_in_one_zone_costs_another_nothing(client: Client, shop: Merchant, other_merchant: Merchant) -> None:
    Merchant.objects.filter(pk=other_merchant.pk).update(time_zone="Pacific/Honolulu")
    listen(other_merchant)
    with time_machine.travel(datetime(2026, 5, 1, 5, tzinfo=UTC), tick=False):
        for store in (STORE, other_merchant.salla_id):
            send(client, beacon(), store=store)
    assert set(identity._salts) == {date(2026, 5, 1), date(2026, 4, 30)}


def test_whoever_agreed_is_known_again(client: Client, shop: Merchant) -> None:
    key = key_of(client)
    for address in (ADDRESS, "203.0.113.5"):
        assert send(client, beacon(key=key, bucket=7), store=STORE, address=address, agent=PHONE + address) == 204
    assert {each.visitor_key for each in waiting(shop)} == {f"v:{key.split(':')[0]}"}
    assert key_of(client) != key
    assert key_of(client, key) == key


def test_a_key_is_made_new_before_it_ends(client: Client, shop: Merchant) -> None:
    with time_machine.travel(datetime(2026, 5, 1, tzinfo=UTC), tick=False) as traveller:
        key = key_of(client)
        traveller.shift(timedelta(days=201))
        renewed = key_of(client, key)
        assert renewed != key
        assert renewed.split(":")[0] == key.split(":")[0]
        traveller.shift(timedelta(days=200))
        for each in (key, renewed):
            assert send(client, beacon(key=each), store=STORE) == 204
    assert [each.visitor_key[:2] for each in waiting(shop)] == ["d:", "v:"]


def test_a_key_of_somebody_elses_making_is_refused(client: Client, shop: Merchant, other_merchant: Merchant) -> None:
    listen(other_merchant)
    good, foreign = key_of(client), key_of(client, store=other_merchant.salla_id)
    visitor_id, issued_at, signature = good.split(":")
    forged = [
        foreign,
        f"{visitor_id[:-1]}A:{issued_at}:{signature}",
        f"{visitor_id}:1:{signature}",
        visitor_id,
        ":",
        "::",
        TimestampSigner().sign(visitor_id),
        Signer(salt=f"visitors.key:{STORE}").sign("x"),
        Signer(salt=f"visitors.key:{STORE}").sign("x:zzzzzzzzzzzz"),
    ]
    for key in forged:
        assert send(client, beacon(key=key), store=STORE) == 400, key
        assert ask_for_key(client, json.dumps({"key": key})).status_code == 400
    assert waiting(shop) == []
    assert presence.count(shop) == 0


@pytest.mark.parametrize("body", ["[]", '{"key": 1}', '{"key": "", "x": 1}', "x", "\x00", "[" * 1000])
def test_a_question_for_a_key_that_is_none(client: Client, shop: Merchant, body: str) -> None:
    assert ask_for_key(client, body).status_code == 400


def test_an_address_gets_so_many_keys(client: Client, shop: Merchant) -> None:
    for _ in range(20):
        key_of(client)
    response = ask_for_key(client)
    assert (response.status_code, 3590 < int(response["Retry-After"]) <= 3600) == (429, True)


def test_bots_are_kept_apart(client: Client, shop: Merchant) -> None:
    send(
        client, beacon(), store=STORE, agent="Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    )
    send(client, beacon(is_robot=True), store=STORE)
    assert [each.is_bot for each in waiting(shop)] == [True, True]
    ingest.drain()
    assert (presence.count(shop), presence.today(shop)) == (0, 0)
    assert shop.tallies.filter(name="page.viewed", dimension="bots", period="day").get().count == 2


def test_browsers_inside_apps_are_people() -> None:
    inside = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
        "Chrome/126.0.6478.122 Mobile Safari/537.36",
    )
    apps = (
        "",
        " Instagram 337.0.3.23.54",
        " Snapchat/12.90.0.41 (like Safari/8617.2.4, panda)",
        " BytedanceWebview/d8a21c6",
    )
    assert [agents.is_bot(browser + app) for browser in inside for app in apps] == [False] * 8


# The door


@pytest.mark.parametrize("path", ["e", "visitor"])
def test_any_shops_page_may_tell_and_no_cookie_counts(client: Client, shop: Merchant, path: str) -> None:
    response = client.options(f"/sf/{STORE}/{path}", headers={"origin": "https://najd.example"})
    assert (response.status_code, response.content) == (204, b"")
    told = client.post(f"/sf/{STORE}/{path}", json.dumps(beacon()) if path == "e" else "", content_type="text/plain")
    for each in (response, told):
        assert each["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in each
        assert dict(each.cookies) == {}
    assert response["Access-Control-Allow-Methods"] == "POST"
    assert told["Cache-Control"] == "no-store"
