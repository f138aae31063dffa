"""Token refresh against the sandbox: one call at a time over all processes, never the same refresh token twice."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from core import clock
from core.models import Merchant
from core.salla_client import InvalidGrantError, NotSentError, TokenRefusedError
from integrations import tokens
from integrations.models import Connection, Sync
from integrations.services import refresh_idle_tokens
from integrations.tasks import sync_stores
from integrations.tokens import MerchantTokens
from scripts import servers
from tests.conftest import work
from tests.outside import CLIENT, OUD, Outside
from tests.processes import environment, of_this_test, until

pytestmark = pytest.mark.django_db(transaction=True)

KIDS = 847769313
PROCESSES, THREADS, ROUNDS = 4, 13, 20


@pytest.fixture
def installed(near: Outside, deliver: Callable[..., Any]) -> Merchant:
    """A store whose tokens are the sandbox's own, brought by its webhooks."""
    authorize(near, deliver)
    return Merchant.objects.get(salla_id=OUD)


def authorize(outside: Outside, deliver: Callable[..., Any], *, store: int = OUD) -> None:
    outside.act("authorize", store=store)
    deliver(outside.bodies("app.store.authorize")[-1])
    work()


def held(merchant: Merchant) -> Connection:
    return Connection.unscoped.get(merchant=merchant)


def nearly_expire(merchant: Merchant) -> None:
    Connection.unscoped.filter(merchant=merchant).update(expires_at=clock.now() + timedelta(hours=1))


def token_calls(outside: Outside) -> int:
    return int(outside.state()["counters"].get("token.calls", 0))


def revoked(outside: Outside) -> int:
    return sum(bool(chain["reused"]) for chain in outside.state()["grants"]["chains"])


def callers(mode: str, merchant: Merchant, outside: Outside, **options: Any) -> "subprocess.Popen[str]":
    env = environment(1, **of_this_test(), **CLIENT, SALLA_ACCOUNTS_URL=outside.url, SALLA_API_URL=outside.url)
    env["DJANGO_SETTINGS_MODULE"] = "nomo_flow.settings"
    return subprocess.Popen(
        [sys.executable, "-m", "tests.token_callers", mode, str(merchant.pk), str(THREADS)],
        env=env,
        cwd=servers.PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def test_a_fresh_token_costs_no_call(outside: Outside, installed: Merchant) -> None:
    before = token_calls(outside)
    assert MerchantTokens(installed).current() == held(installed).access_token
    assert token_calls(outside) == before


def test_the_database_holds_ciphertext(installed: Merchant) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token FROM integrations_connection")
        stored = [bytes(value) for value in cursor.fetchone()]
    token = str(held(installed).access_token)
    assert all(value.startswith(b"gAAAAA") for value in stored)
    assert all(token.encode() not in value for value in stored)


def test_a_refresh_saves_both_tokens(outside: Outside, installed: Merchant) -> None:
    old = held(installed)
    nearly_expire(installed)
    token = MerchantTokens(installed).current()
    new = held(installed)
    assert token == new.access_token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert new.refresh_started_at is None
    assert new.expires_at is not None
    assert abs(new.expires_at - (datetime.now(UTC) + timedelta(seconds=1209599))) < timedelta(minutes=1)  # noqa: TID251


@pytest.mark.slow
def test_fifty_callers_in_four_processes_make_one_call_a_round(outside: Outside, installed: Merchant) -> None:
    processes = [callers("rounds", installed, outside) for _ in range(PROCESSES)]
    try:
        for _ in range(ROUNDS):
            nearly_expire(installed)
            before = token_calls(outside)
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            answers = {token for process in processes for token in json.loads(process.stdout.readline())}  # type: ignore[union-attr]
            assert answers == {held(installed).access_token}
            assert token_calls(outside) == before + 1
    finally:
        for process in processes:
            process.communicate()
    assert revoked(outside) == 0


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["die-before", "die-during", "die-after"])
@pytest.mark.parametrize("time", range(7))
def test_a_kill_inside_a_refresh_is_never_asked_again(
    outside: Outside, installed: Merchant, deliver: Callable[..., Any], moment: str, time: int
) -> None:
    nearly_expire(installed)
    before, token = token_calls(outside), held(installed).access_token
    if moment == "die-during":
        outside.fault(kind="timeout", target="token", seconds=30)
    process = callers(moment, installed, outside)
    if moment == "die-during":
        until(lambda: token_calls(outside) == before + 1, "the call", 20)
        process.kill()
    process.communicate()
    assert held(installed).refresh_started_at is not None
    after = token_calls(outside)
    assert after <= before + 1

    # The outcome is unknown: the old token serves, nobody asks again …
    assert MerchantTokens(installed).current() == token
    # … until Salla refuses it, and then it is over.
    with pytest.raises(TokenRefusedError):
        MerchantTokens(installed).renew(str(token))
    assert held(installed).state == Connection.State.NEEDS_REINSTALL
    with pytest.raises(TokenRefusedError):
        MerchantTokens(installed).current()
    assert token_calls(outside) == after

    # A new authorisation heals it.
    outside.fault(clear=True)
    authorize(outside, deliver)
    nearly_expire(installed)
    assert MerchantTokens(installed).current() == held(installed).access_token
    assert held(installed).state == Connection.State.CONNECTED
    assert revoked(outside) == 0


def test_a_lost_answer_is_ambiguous_and_not_repeated(outside: Outside, installed: Merchant) -> None:
    nearly_expire(installed)
    before, token = token_calls(outside), held(installed).access_token
    outside.fault(kind="answer_lost", target="token")
    for _ in range(3):
        assert MerchantTokens(installed).current() == token
    assert token_calls(outside) == before + 1
    assert revoked(outside) == 0


def test_a_refused_connection_costs_nothing(installed: Merchant, settings: Any) -> None:
    settings.SALLA_ACCOUNTS_URL = f"http://127.0.0.1:{servers.free_port()}"
    Connection.unscoped.filter(merchant=installed).update(expires_at=clock.now() - timedelta(seconds=1))
    with pytest.raises(NotSentError):
        MerchantTokens(installed).current()
    assert held(installed).refresh_started_at is None
    assert held(installed).state == Connection.State.CONNECTED


def test_a_spent_refresh_token_ends_the_connection(outside: Outside, installed: Merchant) -> None:
    nearly_expire(installed)
    spent = held(installed).refresh_token
    MerchantTokens(installed).current()
    connection = held(installed)
    connection.refresh_token = spent
    connection.expires_at = clock.now()
    connection.save()
    with pytest.raises(InvalidGrantError):
        MerchantTokens(installed).current()
    assert held(installed).state == Connection.State.NEEDS_REINSTALL
    before = token_calls(outside)
    with pytest.raises(TokenRefusedError):
        MerchantTokens(installed).current()
    assert token_calls(outside) == before


def test_a_refused_client_spends_nothing(installed: Merchant, settings: Any) -> None:
    settings.SALLA_CLIENT_SECRET = "wrong"
    Connection.unscoped.filter(merchant=installed).update(expires_at=clock.now() - timedelta(seconds=1))
    with pytest.raises(NotSentError):
        MerchantTokens(installed).current()
    settings.SALLA_CLIENT_SECRET = CLIENT["SALLA_CLIENT_SECRET"]
    assert MerchantTokens(installed).current() == held(installed).access_token


def test_tokens_that_arrive_during_a_refresh_win(
    outside: Outside, installed: Merchant, deliver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old chain is spent at Salla, and the answer to that comes after the new installation."""
    nearly_expire(installed)
    spent = held(installed).refresh_token
    MerchantTokens(installed).current()
    Connection.unscoped.filter(merchant=installed).update(expires_at=clock.now())
    connection = held(installed)
    connection.refresh_token = spent
    connection.save()
    ask = tokens.refresh_tokens

    def ask_while_installing(refresh_token: str) -> dict[str, Any]:
        authorize(outside, deliver)
        return ask(refresh_token)

    monkeypatch.setattr(tokens, "refresh_tokens", ask_while_installing)
    token = MerchantTokens(installed).current()
    assert token == held(installed).access_token
    assert (held(installed).state, held(installed).refresh_started_at) == (Connection.State.CONNECTED, None)


# Stores that nobody calls


@pytest.fixture
def years(outside: Outside, settings: Any) -> Iterator[Callable[[timedelta], None]]:
    """Moves Salla's clock and ours to so long after the start."""
    settings.SANDBOX = True

    def move(offset: timedelta) -> None:
        outside.move_clock(offset.total_seconds())
        clock.set_demo_offset(offset)

    yield move
    move(timedelta(0))


def upkeep() -> None:
    """What the hourly job and the worker it rings would do now."""
    refresh_idle_tokens()
    read()


def only_store_information() -> None:
    """Leave out the readings that a rate limit would make long."""
    Sync.unscoped.exclude(kind=Sync.Kind.STORE).delete()


def read() -> None:
    """What the reading worker would do now, however slow it is."""
    while Sync.unscoped.filter(state=Sync.State.WAITING, due_at__lte=clock.now()).exists():
        sync_stores()


def chains(outside: Outside) -> list[dict[str, Any]]:
    return [chain for chain in outside.state()["grants"]["chains"] if not chain["revoked"]]


def test_idle_stores_keep_their_tokens_for_sixty_days(
    outside: Outside, installed: Merchant, deliver: Callable[..., Any], years: Callable[[timedelta], None]
) -> None:
    authorize(outside, deliver, store=KIDS)
    only_store_information()
    stores = [installed, Merchant.objects.get(salla_id=KIDS)]
    before, refreshed_at = token_calls(outside), dict[int, list[timedelta]]()
    for hours in range(0, 60 * 24, 6):
        years(timedelta(hours=hours))
        were = [held(merchant).expires_at for merchant in stores]
        upkeep()
        for merchant, was in zip(stores, were, strict=True):
            now = held(merchant)
            assert (now.state, now.refresh_started_at) == (Connection.State.CONNECTED, None)
            assert now.expires_at is not None
            assert now.expires_at > clock.now() + timedelta(days=1)  # no caller ever has to wait for a refresh
            if was != now.expires_at:
                refreshed_at.setdefault(merchant.pk, []).append(timedelta(hours=hours))
    # A life is 14 days, and each refresh comes 1.25 to 2 days before its end.
    assert [len(times) for times in refreshed_at.values()] == [4, 4]
    assert token_calls(outside) == before + 8
    assert refreshed_at[stores[0].pk] != refreshed_at[stores[1].pk]  # spread
    assert [chain["reused"] for chain in chains(outside)] == [0, 0]
    assert {chain["store"] for chain in chains(outside)} == {OUD, KIDS}
    assert not Sync.unscoped.exclude(state=Sync.State.PROCESSED).exists()


def test_a_token_that_lives_an_hour_is_not_refreshed_at_each_call(outside: Outside, installed: Merchant) -> None:
    hour = timedelta(hours=1)
    Connection.unscoped.update(expires_at=clock.now() + hour, token_life=hour)
    before = token_calls(outside)
    assert {MerchantTokens(installed).current() for _ in range(3)} == {held(installed).access_token}
    upkeep()
    assert token_calls(outside) == before
    Connection.unscoped.update(expires_at=clock.now() + hour / 5)
    MerchantTokens(installed).current()
    assert token_calls(outside) == before + 1


def test_the_life_of_a_token_is_known_from_either_answer(installed: Merchant) -> None:
    fortnight = timedelta(seconds=1209599)
    life = held(installed).token_life
    assert life is not None
    assert abs(life - fortnight) < timedelta(minutes=1)
    nearly_expire(installed)
    MerchantTokens(installed).current()
    assert held(installed).token_life == fortnight


def test_an_idle_store_whose_last_refresh_was_lost_is_found_out(outside: Outside, installed: Merchant) -> None:
    """Its token serves to the end; then one call proves that it is over, and the merchant can be told."""
    read()
    nearly_expire(installed)
    outside.fault(kind="answer_lost", target="token")
    upkeep()
    outside.fault(clear=True)
    assert held(installed).state == Connection.State.CONNECTED
    before = token_calls(outside)
    upkeep()
    assert (held(installed).state, token_calls(outside)) == (Connection.State.CONNECTED, before)

    Connection.unscoped.update(expires_at=clock.now() - timedelta(seconds=1))
    upkeep()
    assert (held(installed).state, token_calls(outside)) == (Connection.State.NEEDS_REINSTALL, before)
    authorized_at = held(installed).authorized_at
    assert authorized_at is not None
    facts = list(installed.events.filter(name="store.disconnected").values_list("key", "data"))
    assert facts == [(f"store:disconnected:{authorized_at.isoformat()}", {})]
    dead = Sync.unscoped.get(state=Sync.State.DEAD)
    assert dead.reason == "The connection to your store has ended. Install the app again from the Salla App Store."
    assert dead.detail.startswith("TokenRefusedError: ")
    upkeep()
    assert [row.kind for row in Sync.unscoped.filter(state=Sync.State.WAITING)] == [Sync.Kind.TOKENS]  # the first one


def test_one_store_that_fails_does_not_hold_the_others(
    outside: Outside, installed: Merchant, deliver: Callable[..., Any]
) -> None:
    authorize(outside, deliver, store=KIDS)
    only_store_information()
    Merchant.objects.update(name="")
    outside.fault(kind="500", target="api", store=OUD)
    read()
    other = Merchant.objects.get(salla_id=KIDS)
    assert (other.name, other.plan) == ("غيمة صغيرة", "plus")
    row = installed.syncs.get(kind=Sync.Kind.STORE)
    assert (row.state, row.attempts) == (Sync.State.WAITING, 1)
    assert row.reason == "Salla does not answer at the moment. We try again by ourselves."
    assert row.detail.startswith("UnavailableError: GET /store/info: 500")
    outside.fault(clear=True)
    Sync.unscoped.update(due_at=clock.now())
    read()
    installed.refresh_from_db()
    assert installed.name == "نفحات نجد"


def test_uninstalling_ends_what_is_being_read(
    outside: Outside, installed: Merchant, deliver: Callable[..., Any]
) -> None:
    installed.syncs.update(state=Sync.State.WAITING)
    outside.act("uninstall", store=OUD)
    deliver(outside.bodies("app.uninstalled")[-1])
    work()
    assert set(installed.syncs.values_list("state", "reason")) == {("ignored", "uninstalled store")}
