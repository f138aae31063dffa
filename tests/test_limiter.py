"""The rate limiter with a real Redis and without one, and whose address is counted."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory
from redis import Redis, RedisError, ResponseError
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import redis
from core.http import client_ip, client_network
from core.limiter import BLIND_WAIT_SECONDS, Limit

LIMIT = Limit("test", 3, 60)


class TestLimit:
    def test_so_many_and_no_more(self) -> None:
        assert [LIMIT.allow("a") for _ in range(6)] == [True, True, True, False, False, False]

    def test_keys_and_limits_do_not_share(self) -> None:
        for _ in range(3):
            LIMIT.take("a")
        assert [LIMIT.allow("a"), LIMIT.allow("b"), Limit("other", 3, 60).allow("a")] == [False, True, True]

    def test_it_says_how_long_to_wait(self) -> None:
        assert [LIMIT.take("a") for _ in range(3)] == [0, 0, 0]
        assert 59 < LIMIT.take("a") <= 60

    def test_the_window_ends_and_is_not_prolonged_by_refusals(self) -> None:
        limit = Limit("short", 1, 1)
        assert limit.allow("a")
        began = time.monotonic()
        while not limit.allow("a"):
            assert time.monotonic() - began < 2
            time.sleep(0.02)
        assert 0.8 < time.monotonic() - began < 1.5

    def test_forgetting_begins_anew(self) -> None:
        for _ in range(3):
            LIMIT.take("a")
        LIMIT.forget("a")
        assert [LIMIT.allow("a") for _ in range(4)] == [True, True, True, False]

    def test_every_key_ends(self) -> None:
        LIMIT.take("a")
        (key,) = redis.client().scan_iter(redis.key("limit", "test", "*"))
        assert 0 < redis.client().pttl(key) <= 60_000

    def test_a_key_that_lost_its_end_does_not_lock_for_ever(self) -> None:
        for _ in range(3):
            LIMIT.take("a")
        (key,) = redis.client().scan_iter(redis.key("limit", "test", "*"))
        redis.client().persist(key)
        assert LIMIT.allow("a")
        assert 0 < redis.client().pttl(key) <= 60_000

    def test_a_crowd_gets_exactly_so_many(self) -> None:
        limit = Limit("crowd", 10, 60)
        gate = threading.Barrier(40)
        allowed: list[bool] = []

        def knock() -> None:
            gate.wait()
            allowed.append(limit.allow("a"))

        threads = [threading.Thread(target=knock) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert allowed.count(True) == 10

    def test_redis_holds_no_address(self) -> None:
        LIMIT.take("sara@example.com")
        assert not [key for key in redis.client().scan_iter(redis.key("limit", "*")) if b"sara" in key]


@pytest.fixture
def _no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    dead = Redis.from_url("redis://127.0.0.1:1", retry=Retry(NoBackoff(), 0))
    with pytest.raises(RedisError):
        dead.ping()
    monkeypatch.setattr("core.limiter.redis", SimpleNamespace(client=lambda: dead, key=redis.key))


@pytest.mark.usefixtures("_no_redis")
class TestWithoutRedis:
    def test_a_closed_limit_refuses(self) -> None:
        assert (LIMIT.allow("a"), LIMIT.take("a")) == (False, BLIND_WAIT_SECONDS)

    def test_an_open_limit_lets_through(self) -> None:
        limit = Limit("open", 1, 60, is_open_without_redis=True)
        assert [limit.take("a") for _ in range(5)] == [0] * 5

    def test_forgetting_raises_nothing(self) -> None:
        LIMIT.forget("a")

    def test_it_is_logged_without_the_key(self, caplog: Any) -> None:
        LIMIT.take("sara@example.com")
        assert [record.getMessage() for record in caplog.records] == ["limit test: ConnectionError"]


@pytest.fixture
def hung() -> Iterator[tuple[redis.Client, socket.socket]]:
    """A Redis that takes calls and never answers, and where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield redis.Client(port=server.getsockname()[1], socket_timeout=0.05, retry=Retry(NoBackoff(), 0)), server


def calls(server: socket.socket) -> int:
    count = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def test_who_asks_soon_after_a_failure_does_not_wait(
    hung: tuple[redis.Client, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = hung
    monkeypatch.setattr("core.limiter.redis", SimpleNamespace(client=lambda: client, key=redis.key))
    limit = Limit("hung", 1, 60, is_open_without_redis=True)
    assert [limit.take("a") for _ in range(50)] == [0] * 50
    assert calls(server) == 1
    monkeypatch.setattr(client, "_paused_until", 0.0)  # the pause is over
    assert [limit.take("a") for _ in range(50)] == [0] * 50
    assert calls(server) == 1


def test_a_refusal_of_redis_is_no_failure() -> None:
    with pytest.raises(ResponseError):
        redis.client().eval("no script", 0)
    assert redis.client().ping()


# Whose address

PEER = "10.0.0.9"
FORWARDED = [
    (0, None, PEER),
    (0, "1.1.1.1", PEER),  # no proxy of ours: the header is anybody's
    (1, "1.1.1.1", "1.1.1.1"),
    (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"),
    (1, "6.6.6.6,7.7.7.7 ,  1.1.1.1 ", "1.1.1.1"),
    (2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
    (2, "1.1.1.1", PEER),  # shorter than our proxies would make it
    (1, None, PEER),
    (1, "", PEER),
    (1, "unknown", PEER),
    (1, "1.1.1.1:80", PEER),
    (1, "1.1.1.1, ", PEER),
    (1, "6.6.6.6, 2001:db8::1", "2001:db8::1"),
    (-1, "1.1.1.1", PEER),
]


@pytest.mark.parametrize(("count", "header", "expected"), FORWARDED)
def test_the_address_our_proxy_saw(count: int, header: str | None, expected: str, settings: Any) -> None:
    settings.PROXY_COUNT = count
    headers = {} if header is None else {"x-forwarded-for": header}
    assert client_ip(RequestFactory().get("/", headers=headers, REMOTE_ADDR=PEER)) == expected


NETWORKS = {
    "1.1.1.1": "1.1.1.1",
    "2001:db8:0:1::5": "2001:db8:0:1::/64",
    "2001:db8:0:1:ffff::5": "2001:db8:0:1::/64",
    "::ffff:1.1.1.1": "1.1.1.1",
    "": "",
}


@pytest.mark.parametrize(("address", "network"), NETWORKS.items())
def test_a_limit_counts_an_ipv6_network_as_one(address: str, network: str) -> None:
    assert client_network(RequestFactory().get("/", REMOTE_ADDR=address)) == network


def test_a_thousand_spoofed_addresses_are_one_sender(settings: Any) -> None:
    settings.PROXY_COUNT = 1
    limit = Limit("spoofed", 20, 60)
    allowed = 0
    for number in range(1000):
        spoofed = f"{number % 250}.{number // 250}.3.4, 9.9.9.9"
        allowed += limit.allow(client_network(RequestFactory().get("/", headers={"x-forwarded-for": spoofed})))
    assert allowed == 20
