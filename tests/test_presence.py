"""Who is in a store now: exact for few, nearly so for many, bounded for all, and not to be moved by whoever forges."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import crawleruseragents
import pytest
import time_machine
from django.test import Client

from core import clock, memory, redis
from core.models import Merchant
from events import ingest
from events.models import StorefrontEvent
from events.stream import Beacon, StreamEvent
from tests.shoppers import PHONE, beacon, listen, send, waiting
from visitors import identity, presence
from visitors.presence import EXACT, Arrival, Verdict

STORE = 1305146709
ADDRESS = "198.51.100.7"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PRODUCT = {"slug": "product.single", "id": 7, "path": "/p7"}


@pytest.fixture
def shop(merchant: Merchant) -> Merchant:
    listen(merchant)
    return merchant


@pytest.fixture
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def now_in(merchant: Merchant, **scope: Any) -> int:
    """As a process that remembers nothing finds it."""
    memory.forget()
    return presence.count(merchant, **scope)


def arrival(store: int, who: int, *, at: datetime, again: object = "", **changes: Any) -> Arrival:
    came = Beacon(store, f"v:{who}", False, at, {}, (StreamEvent("page.viewed", at, {}),))
    sent = int(at.timestamp() * 1000)
    given: dict[str, Any] = {"is_known": True, "former": "", "network": f"{who % 1000}", "page": "index"}
    given["product_id"] = None
    return Arrival(came, sent=sent, id=f"{who} {at} {again}", **{**given, **changes})


def crowd(store: int, people: Iterator[tuple[int, datetime]], **changes: Any) -> None:
    """Many at once, by the script of the door itself."""
    script = presence._script(presence._ADMIT)
    pipeline = redis.patient_client().pipeline(transaction=False)
    for number, (who, at) in enumerate(people):
        script(*presence._asked(arrival(store, who, at=at, **changes)), client=pipeline)
        if number % 1000 == 999:
            pipeline.execute()
    pipeline.execute()


def memory_of(store: int) -> int:
    """Bytes of all that counts, without what limits hold for minutes."""
    client: Any = redis.client()
    counted = (f"{redis.key('here', str(store))}{end}" for end in ("", ":[0-9]*", ":crowd", ":page:*", ":product:*"))
    found = {key for pattern in counted for key in client.scan_iter(pattern, count=10_000)}
    return sum(client.memory_usage(key, samples=0) for key in found)


# How many


def test_who_agrees_is_not_counted_twice(shop: Merchant, client: Client, noon: time_machine.Traveller) -> None:
    assert send(client, beacon(page=PRODUCT), store=STORE) == 204
    key = json.loads(client.post(f"/sf/{STORE}/visitor", "{}", content_type="text/plain").content)["key"]
    assert send(client, beacon(page=PRODUCT, key=key), store=STORE) == 204
    assert (now_in(shop), now_in(shop, product_id=7)) == (1, 1)
    assert send(client, beacon(bucket=2), store=STORE) == 204  # somebody else of his household
    noon.shift(timedelta(minutes=11))  # his key is trusted by now
    assert send(client, beacon(bucket=2), store=STORE) == 204
    assert send(client, beacon(key=key), store=STORE) == 204
    assert now_in(shop) == 2


@pytest.mark.parametrize("many", [1, 2, 3, 50, 127, EXACT])
def test_few_are_counted_exactly(noon: Any, many: int) -> None:
    crowd(5, ((who, NOON) for who in range(many)))
    crowd(5, ((who, NOON) for who in range(0, many, 2)), again=True)
    for scope in ({}, {"page": "index"}):
        assert now_in(Merchant(pk=5), **scope) == many
    assert now_in(Merchant(pk=5), page="cart") == now_in(Merchant(pk=6)) == 0


@pytest.mark.parametrize("many", [129, 200, 1000, 10_000])
def test_many_are_counted_nearly(noon: Any, many: int) -> None:
    crowd(5, ((who, NOON) for who in range(many)), page="product.single", product_id=7)
    for scope in ({}, {"page": "product.single"}, {"product_id": 7}):
        assert abs(now_in(Merchant(pk=5), **scope) - many) <= 0.03 * many


def test_whoever_stays_is_one(noon: Any) -> None:
    for seconds in range(0, 900, 30):
        crowd(5, ((who, NOON + timedelta(seconds=seconds)) for who in range(200)))
        noon.move_to(NOON + timedelta(seconds=seconds))
        assert abs(now_in(Merchant(pk=5)) - 200) <= 6


@pytest.mark.parametrize("many", [3, EXACT, 400])
def test_five_minutes_after_the_last_beat_nobody_is_there(noon: Any, many: int) -> None:
    crowd(5, ((who, NOON) for who in range(many)))
    noon.shift(timedelta(seconds=299))
    assert now_in(Merchant(pk=5)) >= min(many, EXACT)
    noon.shift(timedelta(seconds=1))
    assert now_in(Merchant(pk=5)) == 0


@pytest.mark.parametrize("a_second", [1, 4, 20])
def test_a_steady_flow_is_counted_nearly_at_any_moment(noon: Any, a_second: int) -> None:
    """Everybody comes once: how many came in the last five minutes, on whichever part of a sketch these begin."""
    came = [(number, NOON + timedelta(seconds=number / a_second)) for number in range(600 * a_second)]
    for second in range(600):
        crowd(5, iter(came[second * a_second : (second + 1) * a_second]))
        if second > 300 and second % 17 == 0:
            noon.move_to(NOON + timedelta(seconds=second + 1 - 1 / a_second))
            assert abs(now_in(Merchant(pk=5)) - 300 * a_second) <= max(1, 0.03 * 300 * a_second)


def test_a_crowd_that_goes_is_counted_exactly_again(noon: Any) -> None:
    crowd(5, ((who, NOON) for who in range(1000)))
    later = NOON + timedelta(seconds=301)
    crowd(5, ((who, later) for who in range(100)))
    noon.move_to(later)
    assert now_in(Merchant(pk=5)) == 100


def test_each_store_is_counted_for_itself(client: Client, shop: Merchant, other_merchant: Merchant) -> None:
    listen(other_merchant)
    send(client, beacon(page=PRODUCT), store=STORE)
    for store, many in ((shop, 1), (other_merchant, 0)):
        assert now_in(store) == now_in(store, page="product.single") == now_in(store, product_id=7) == many
    assert now_in(shop, product_id=8) == 0


def test_a_count_is_kept_for_a_moment(client: Client, shop: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert presence.count(shop) == 0
    send(client, beacon(), store=STORE)
    assert presence.count(shop) == 0
    assert now_in(shop) == 1


# How much of Redis


def test_a_crowd_takes_no_more_than_that(noon: Any) -> None:
    """All of them on one product's page, and so many that every sketch has its full size: a million has the same."""
    people = 40_000
    crowd(5, ((n, NOON + timedelta(milliseconds=299_999 * n // people)) for n in range(people)), page="p", product_id=7)
    noon.shift(timedelta(milliseconds=299_999))
    assert abs(now_in(Merchant(pk=5)) - people) <= 0.03 * people
    sketches = list(redis.client().scan_iter(redis.key("here", "5", "[0-9]*")))
    assert [redis.client().strlen(key) for key in sketches] == [12_304] * len(sketches)
    assert 150_000 < memory_of(5) <= 200_000


def test_whoever_makes_up_products_fills_nothing(noon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST_SCOPES", 10)
    for product_id in range(30):
        crowd(5, iter([(1, NOON)]), again=product_id, product_id=product_id, page="product.single")
    counted = [now_in(Merchant(pk=5), product_id=product_id) for product_id in range(30)]
    assert counted == [1] * 9 + [0] * 21  # the kind of page is the tenth
    assert now_in(Merchant(pk=5)) == now_in(Merchant(pk=5), page="product.single") == 1


# Limits


def test_a_network_may_send_so_much_a_minute(noon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST_OF_NETWORK", 5)
    monkeypatch.setattr(presence, "MOST_OF_STORE", 8)

    def tell(network: str, many: int) -> list[Verdict]:
        came = (arrival(5, n, at=clock.now(), network=network, again=network) for n in range(many))
        return [presence.admit(each) for each in came]

    assert tell("a", 7) == [Verdict.TAKEN] * 5 + [Verdict.NETWORK_FULL] * 2
    assert tell("b", 4) == [Verdict.TAKEN] * 3 + [Verdict.STORE_FULL]
    noon.shift(timedelta(minutes=1))
    assert tell("a", 6) == [Verdict.TAKEN] * 5 + [Verdict.NETWORK_FULL]


def test_whoever_sends_too_much_hears_it(client: Client, shop: Merchant, noon: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(presence, "MOST_OF_NETWORK", 2)
    said = [send(client, beacon(bucket=number), store=STORE) for number in range(4)]
    assert said == [204, 204, 429, 429]
    assert len(waiting(shop)) == 2
    response = client.post(f"/sf/{STORE}/e", json.dumps(beacon()), content_type="text/plain", REMOTE_ADDR=ADDRESS)
    assert (response.status_code, response["Retry-After"]) == (429, "60")


# Forgery: goal S9


def test_ten_thousand_forged_beacons_move_nothing_by_more_than_three(
    client: Client, shop: Merchant, noon: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one address, whatever they say of it, of themselves and of their ids; the limit of beacons is off."""
    monkeypatch.setattr(presence, "MOST_OF_NETWORK", 10**9)
    monkeypatch.setattr(redis, "client", redis.patient_client)  # however busy this machine is
    settings.PROXY_COUNT = 1
    fresh = [identity.issue(STORE) for _ in range(50)]
    chance = random.Random(1)
    for number in range(10_000):
        said = beacon(
            bucket=chance.randrange(10_000),
            page=PRODUCT,
            key=chance.choice(fresh) if number % 3 == 0 else "",
            customer=chance.randrange(1, 10**6),
        )
        spoofed = f"{chance.randrange(1, 250)}.{number % 250}.1.2, 203.0.113.9"
        response = client.post(
            f"/sf/{STORE}/e",
            said,
            content_type="application/json",
            headers={"User-Agent": f"{PHONE} {chance.random()}", "X-Forwarded-For": spoofed},
        )
        assert response.status_code == 204
    assert now_in(shop) == now_in(shop, product_id=7) == 3
    assert len(waiting(shop)) == 10_000
    ingest.drain()
    assert (presence.today(shop), StorefrontEvent.unscoped.count()) == (3, 10_000)
    noon.shift(timedelta(minutes=5, seconds=30))
    assert now_in(shop) == 0


def test_an_address_makes_three_visitors_at_a_time(client: Client, shop: Merchant, noon: Any) -> None:
    """Whoever goes on counts; when he is gone another one may."""
    for number in (1, 2, 3, 4, 5):
        send(client, beacon(bucket=number), store=STORE)
    assert [each.is_counted for each in waiting(shop)] == [True, True, True, False, False]
    assert now_in(shop) == 3
    noon.shift(timedelta(minutes=4))
    for number in (1, 2, 6):
        send(client, beacon(bucket=number), store=STORE)
    assert [each.is_counted for each in waiting(shop)][5:] == [True, True, False]
    noon.shift(timedelta(minutes=1))
    send(client, beacon(bucket=6), store=STORE)
    assert now_in(shop) == 3
    send(client, beacon(bucket=7), store=STORE, address="198.51.100.8")
    assert now_in(shop) == 4


def test_many_whom_we_know_may_share_an_address(client: Client, shop: Merchant, noon: Any) -> None:
    """Once their keys are older than ten minutes."""
    known = [identity.issue(STORE) for _ in range(12)]
    for key in known:
        send(client, beacon(key=key), store=STORE)
    assert now_in(shop) == 3
    noon.shift(timedelta(minutes=10))
    for key in known:
        send(client, beacon(key=key), store=STORE)
    assert now_in(shop) == 12


def test_known_robots_count_for_nothing(client: Client, shop: Merchant) -> None:
    robots = [name for each in crawleruseragents.CRAWLER_USER_AGENTS_DATA for name in each.get("instances", [])]
    chosen = random.Random(1).sample(robots, 100)
    for number, agent in enumerate(chosen):
        assert send(client, beacon(bucket=number), store=STORE, address=f"198.51.100.{number}", agent=agent) == 204
    assert {each.is_bot for each in waiting(shop)} == {True}
    ingest.drain()
    assert now_in(shop) == now_in(shop, page="index") == presence.today(shop) == 0


@pytest.mark.parametrize("agent", ["", "curl/8.5.0", PHONE.replace("Safari/604.1", "HeadlessChrome/126.0.0.0")])
def test_programs_count_for_nothing(client: Client, shop: Merchant, agent: str) -> None:
    send(client, beacon(), store=STORE, agent=agent)
    assert now_in(shop) == 0


def test_who_has_a_place_frees_no_other(client: Client, shop: Merchant, noon: Any) -> None:
    """One key, and beacons without it by ever another bucket."""
    key = client.post(f"/sf/{shop.salla_id}/visitor", "", content_type="text/plain").json()["key"]
    page = {"slug": "product.single", "id": 7, "path": "/"}
    for bucket in range(20):
        assert send(client, beacon(bucket=bucket, page=page), store=shop.salla_id) == 204
        assert send(client, beacon(bucket=bucket, key=key), store=shop.salla_id) == 204
    ingest.drain()
    assert presence.count(shop, product_id=7) <= 3
    assert presence.today(shop) <= 4
