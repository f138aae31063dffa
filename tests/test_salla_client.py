"""The Salla client against the sandbox: pages, errors by class, retries, and the budget that all processes share."""

from datetime import timedelta
from typing import Any

import pytest
import requests
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from core import clock, salla_client
from core.rate_budget import Bucket
from core.salla_client import (
    BusyError,
    NotFoundError,
    SallaClient,
    SallaError,
    ScopeMissingError,
    TokenRefusedError,
    UnavailableError,
    every,
)
from integrations.app_payloads import Installer
from scripts import servers
from tests.outside import OUD, Outside


class Tokens:
    """A token source that remembers what it was asked."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []
        self.given_up: list[str] = []

    def current(self) -> str:
        return self.tokens[0]

    def renew(self, refused: str) -> str:
        self.refused.append(refused)
        self.tokens.pop(0)
        return self.tokens[0]

    def give_up(self, refused: str) -> None:
        self.given_up.append(refused)


@pytest.fixture
def token(outside: Outside) -> str:
    """A fresh access token of the oud store, and no faults."""
    outside.fault(clear=True)
    outside.act("authorize", store=OUD)
    body: dict[str, Any] = outside.read(outside.bodies("app.store.authorize")[-1])
    access: str = body["data"]["access_token"]
    return access


@pytest.fixture
def client(outside: Outside, token: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> SallaClient:
    settings.SALLA_API_URL = settings.SALLA_ACCOUNTS_URL = outside.url
    monkeypatch.setattr(salla_client, "READ_PAUSES_SECONDS", (0.0, 0.0))
    return SallaClient(OUD, "special", Tokens(token))


def api_calls(outside: Outside) -> int:
    return int(outside.state()["counters"].get("api.calls", 0))


def test_a_store_says_who_it_is(client: SallaClient) -> None:
    info = client.store_info()
    assert (info["id"], info["name"], info["plan"], info["currency"]) == (OUD, "نفحات نجد", "pro", "SAR")


def test_who_installed_the_app(client: SallaClient) -> None:
    person = Installer.read(client.user_info())
    assert (person.email, person.membership_role, person.store_id) == ("owner@nafahat-najd.example", "owner", OUD)


@pytest.mark.parametrize("answer", [{"data": {"role": "team"}}, {"role": "team"}, {"data": []}, {"data": None}])
def test_that_answer_comes_in_an_envelope_or_without(
    answer: dict[str, Any], client: SallaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_once", lambda *_: answer)
    assert client.user_info() == ({} if not answer.get("data", answer) else {"role": "team"})


def test_every_page_is_read_once(outside: Outside, client: SallaClient) -> None:
    before = api_calls(outside)
    customers = list(every(client.customers))
    assert len({customer["id"] for customer in customers}) == len(customers) == 120
    assert {customer["is_notifications_enabled"] for customer in customers} == {True, False}
    assert api_calls(outside) == before + 2
    assert len(list(every(client.products))) == 24
    carts = list(every(client.abandoned_carts))
    assert len({cart["id"] for cart in carts}) == len(carts) > 60


def test_orders_since_a_day_and_their_details(client: SallaClient) -> None:
    since = (clock.now() - timedelta(days=7)).date()
    recent = list(every(lambda page: client.orders(page, since=since)))
    assert 0 < len(recent) < 481
    order = client.order(recent[0]["id"])
    assert order["reference_id"] == recent[0]["reference_id"]
    assert order["customer"]["id"]


def test_what_is_not_there_is_its_own_error(client: SallaClient) -> None:
    with pytest.raises(NotFoundError) as caught:
        client.order(1)
    assert caught.value.permanent


@pytest.mark.parametrize("kind", ["500", "503", "drop", "garbage"])
def test_reads_are_repeated_until_salla_is_back(outside: Outside, client: SallaClient, kind: str) -> None:
    outside.fault(kind=kind, target="api", count=2)
    assert client.store_info()["id"] == OUD


@pytest.mark.parametrize("kind", ["500", "503", "drop"])
def test_and_given_up_after_three_tries(outside: Outside, client: SallaClient, kind: str) -> None:
    outside.fault(kind=kind, target="api")
    before = api_calls(outside)
    with pytest.raises(UnavailableError) as caught:
        client.store_info()
    assert not caught.value.permanent
    assert api_calls(outside) == before + 3


def test_a_refused_token_is_renewed_once(outside: Outside, token: str, client: SallaClient) -> None:
    tokens = Tokens("dead", token)
    assert SallaClient(OUD, "special", tokens).store_info()["id"] == OUD
    assert (tokens.refused, tokens.given_up) == (["dead"], [])


def test_a_token_refused_right_after_its_renewal_is_given_up(outside: Outside, client: SallaClient) -> None:
    tokens = Tokens("dead", "dead too")
    before = api_calls(outside)
    with pytest.raises(TokenRefusedError):
        SallaClient(OUD, "special", tokens).store_info()
    assert (tokens.refused, tokens.given_up) == (["dead"], ["dead too"])
    assert api_calls(outside) == before + 2


def test_a_missing_scope_is_not_renewed(outside: Outside, client: SallaClient) -> None:
    outside.fault(kind="revoked_scope", target="api", scope="products.read")
    with pytest.raises(ScopeMissingError):
        list(every(client.products))
    assert client.tokens.refused == []  # type: ignore[attr-defined]


def test_after_a_429_nobody_calls_until_the_time_is_over(outside: Outside, client: SallaClient) -> None:
    outside.fault(kind="429", target="api", count=1)
    with pytest.raises(BusyError) as caught:
        client.store_info()
    assert caught.value.retry_after >= 1
    another_process = SallaClient(OUD, "special", client.tokens)
    assert another_process._bucket.take() > 0


def test_no_connection_is_no_answer(client: SallaClient, settings: Any) -> None:
    settings.SALLA_API_URL = f"http://127.0.0.1:{servers.free_port()}"
    with pytest.raises(UnavailableError):
        client.store_info()


# The budget


def test_a_bucket_holds_its_capacity_and_leaks() -> None:
    bucket = Bucket("holds", capacity=3, leak=0.01)
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    wait = bucket.take()
    assert 99 < wait <= 100
    assert Bucket("another", capacity=3, leak=0.01).take() == 0


def test_a_used_up_budget_is_an_error_and_no_call(outside: Outside, client: SallaClient) -> None:
    while client._bucket.take() == 0:
        pass
    client._bucket.block(3600)
    before = api_calls(outside)
    with pytest.raises(BusyError):
        client.store_info()
    assert api_calls(outside) == before


def test_customers_have_a_limit_of_their_own_besides_the_stores(client: SallaClient) -> None:
    client._customers_bucket.block(3600)
    assert client.store_info()["id"] == OUD
    with pytest.raises(BusyError):
        client.customers()


def test_whoever_is_told_to_wait_at_the_customers_waits_everywhere(outside: Outside, client: SallaClient) -> None:
    outside.fault(kind="429", target="api", count=1, seconds=60)
    with pytest.raises(BusyError):
        client.customers()
    before = api_calls(outside)
    for call in (client.store_info, client.customers):
        with pytest.raises(BusyError):
            call()
    assert api_calls(outside) == before


@pytest.mark.slow
def test_the_customers_own_limit_stops_nothing_else(outside: Outside, client: SallaClient) -> None:
    outside.act("plan", store=OUD, plan="special")
    headers = {"Authorization": f"Bearer {client.tokens.current()}"}
    with requests.Session() as others:  # another app of the same store
        while (answer := others.get(f"{outside.url}/admin/v2/customers?per_page=1", headers=headers, timeout=10)).ok:
            pass
    assert answer.headers["X-RateLimit-Limit"] == "500"
    with pytest.raises(BusyError) as caught:
        client.customers()
    assert caught.value.retry_after > 60
    assert client._bucket.take() == 0
    assert client.store_info()["id"] == OUD
    outside.move_clock(700)  # which is the end of those ten minutes


def test_without_redis_each_call_is_held_for_a_moment(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Redis(port=servers.free_port(), retry=Retry(NoBackoff(), 0))
    held: list[float] = []
    with monkeypatch.context() as patch:
        patch.setattr("core.redis.client", lambda: nowhere)
        patch.setattr("core.rate_budget.time.sleep", held.append)
        bucket = Bucket("nowhere", capacity=1, leak=1)
        assert [bucket.take() for _ in range(3)] == [0.0, 0.0, 0.0]
        bucket.block(5)
    assert held == [1.0, 1.0, 1.0]


def test_all_errors_are_salla_errors() -> None:
    kinds = [
        BusyError("x", 1),
        NotFoundError("x"),
        ScopeMissingError("x"),
        TokenRefusedError("x"),
        UnavailableError("x"),
    ]
    assert [isinstance(kind, SallaError) and kind.permanent for kind in kinds] == [False, True, True, True, False]
