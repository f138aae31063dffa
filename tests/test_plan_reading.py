"""What Salla lists of plans, read from the sandbox: it repairs what no event brought, and takes nothing away."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from core import clock
from core.models import Merchant
from integrations import app_form, handlers, salla
from integrations.models import Standing, Subscription, Sync
from integrations.tasks import sync_stores
from tests.conftest import work
from tests.outside import CLIENT, Outside
from tests.plans import Deliver, standing, trial

pytestmark = pytest.mark.django_db(transaction=True)

OUD = 1305146709


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    sandbox = Outside()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def installed(outside: Outside, deliver: Deliver, settings: Any) -> Merchant:
    settings.SALLA_ACCOUNTS_URL = settings.SALLA_API_URL = outside.url
    settings.SALLA_CLIENT_ID, settings.SALLA_CLIENT_SECRET = CLIENT["SALLA_CLIENT_ID"], CLIENT["SALLA_CLIENT_SECRET"]
    settings.SALLA_APP_ID = CLIENT["SALLA_APP_ID"]
    outside.act("uninstall", store=OUD)  # which ends the subscription of the test before
    outside.act("install", store=OUD, trial=False)
    deliver(outside.bodies("app.store.authorize")[-1])
    work()
    return Merchant.objects.get(salla_id=OUD)


def read(merchant: Merchant) -> str:
    """Only the plans of what waits to be read; how it ended."""
    merchant.syncs.exclude(kind="plans").delete()
    merchant.syncs.filter(state=Sync.State.WAITING).update(due_at=clock.now())
    sync_stores()
    return merchant.syncs.latest("pk").state


def lost(outside: Outside, what: str, plan: str = "Growth") -> bytes:
    """An event that Salla sent and nobody received."""
    outside.act("subscription", store=OUD, event=what, plan=plan)
    return outside.bodies(f"app.subscription.{what}")[-1]


def read_daily(merchant: Merchant) -> str:
    """A minute later: what is listed counts as a little older than the question."""
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        handlers.check_plans()
        return read(merchant)


def test_a_new_connection_reads_what_it_has(outside: Outside, installed: Merchant) -> None:
    assert read(installed) == "processed"
    assert Subscription.unscoped.count() == 0
    assert standing(installed) == ("installed", "free", "")


def test_a_lost_start_is_found_and_its_late_event_is_the_same(
    outside: Outside, installed: Merchant, deliver: Deliver
) -> None:
    deliver(trial(OUD, "expired", clock.now() - timedelta(days=1)))
    work()
    assert standing(installed)[0] == "restricted"
    started = lost(outside, "started")
    assert read_daily(installed) == "processed"
    assert standing(installed) == ("active", "growth", "")
    again = list(Subscription.unscoped.order_by("pk").values_list("key", "status"))
    assert read_daily(installed) == "processed"
    assert list(Subscription.unscoped.order_by("pk").values_list("key", "status")) == again
    deliver(started)
    work()
    number = Outside.read(started)["data"]["subscription_id"]
    held = installed.subscriptions.filter(item="plan").values_list("key", "status", "plan_name")
    assert list(held) == [(f"id:{number}", "active", "Growth")]
    assert standing(installed) == ("active", "growth", "")


def test_a_lost_renewal_is_a_later_end(outside: Outside, installed: Merchant, deliver: Deliver) -> None:
    deliver(lost(outside, "started"))
    expired = json.loads(lost(outside, "expired"))
    later = datetime.fromisoformat(expired["created_at"]) + timedelta(seconds=1)  # within one second a renewal wins
    deliver({**expired, "created_at": f"{later:%Y-%m-%d %H:%M:%S}"})
    work()
    end = installed.subscriptions.get().ends_at
    assert read_daily(installed) == "processed"
    assert standing(installed) == ("restricted", "growth", "expired")  # it is still listed, with the same end
    lost(outside, "renewed")
    assert read_daily(installed) == "processed"
    assert standing(installed) == ("active", "growth", "")
    renewed = installed.subscriptions.get().ends_at
    assert end is not None
    assert renewed is not None
    assert timedelta(days=29) < renewed - end <= timedelta(days=30)


def test_an_add_on_comes_by_event_or_by_the_list(outside: Outside, installed: Merchant, deliver: Deliver) -> None:
    deliver(lost(outside, "started"))
    outside.act("add_on", store=OUD, quantity=2)
    assert read_daily(installed) == "processed"
    assert standing(installed) == ("active", "growth", "")
    assert Standing.unscoped.get().order_limit == 500 + 2 * 500
    outside.act("add_on", store=OUD, event="canceled")
    for body in outside.bodies("app.subscription.started")[-1:] + outside.bodies("app.subscription.canceled")[-1:]:
        deliver(body)
    work()
    assert Standing.unscoped.get().order_limit == 500
    assert installed.subscriptions.filter(item="addon").count() == 1  # what was listed is known by its number now


def test_settings_that_we_write_come_back_as_an_event(outside: Outside, installed: Merchant, deliver: Deliver) -> None:
    salla.merge_app_settings(installed, {"contact_email": "sara@example.com", "fast": True})
    salla.merge_app_settings(installed, {"fast": False})
    for body in outside.bodies("app.settings.updated")[-2:]:
        deliver(body)
    work()
    kept = {"contact_email": "sara@example.com", "fast": False}
    assert app_form.kept(Merchant.objects.get()) == salla.app_settings(installed) == kept


def test_what_was_canceled_stays_canceled_though_it_is_listed(
    outside: Outside, installed: Merchant, deliver: Deliver
) -> None:
    deliver(lost(outside, "started"))
    deliver(lost(outside, "canceled"))
    work()
    lost(outside, "renewed")
    assert read_daily(installed) == "processed"
    assert standing(installed) == ("restricted", "growth", "canceled")


def test_where_nothing_is_sold_nothing_is_listed(outside: Outside, installed: Merchant, settings: Any) -> None:
    settings.SALLA_APP_ID = "999"  # Salla answers 404
    assert read_daily(installed) == "processed"
    assert standing(installed) == ("installed", "free", "")
