"""Plans: what a store may use after any story of trials and subscriptions, in any order, and what its orders change."""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from core.models import Merchant
from events.models import Event
from integrations import entitlements, handlers, plans
from integrations.models import Standing
from integrations.tasks import review_standings
from tests.conftest import store, work
from tests.plans import DAY, Deliver, event, orders, standing, subscription, trial

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 10, 9, tzinfo=UTC)
# Midnight of 1 December in Riyadh.
DECEMBER = datetime(2026, 11, 30, 21, tzinfo=UTC)


@pytest.fixture(autouse=True)
def travel() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def review() -> None:
    handlers.review_standings()
    review_standings()


def told(merchant: Merchant) -> list[tuple[str, dict[str, Any]]]:
    """What was said of its plan."""
    names = ("store.restricted", "store.restored", "limit.exceeded")
    return list(merchant.events.filter(name__in=names).order_by("pk").values_list("name", "data"))


# Any order, and as often as Salla likes

AUTHORIZED = {"access_token": "at", "refresh_token": "rt"}


def ago(days: float) -> datetime:
    return NOW - days * DAY


STORIES: dict[str, tuple[tuple[str, str, str], Any]] = {
    "only installed": (
        ("installed", "free", ""),
        lambda n: [event(n, "installed", ago(2)), event(n, "store.authorize", ago(1), **AUTHORIZED)],
    ),
    "a trial that runs": (
        ("trial", "professional", ""),
        lambda n: [event(n, "installed", ago(2)), trial(n, "started", ago(2)), event(n, "updated", ago(1))],
    ),
    "a trial that ended": (
        ("restricted", "professional", "trial_ended"),
        lambda n: [event(n, "installed", ago(15)), trial(n, "started", ago(15)), trial(n, "expired", ago(1))],
    ),
    "a trial that became a plan": (
        ("active", "growth", ""),
        lambda n: [
            trial(n, "started", ago(9)),
            subscription(n, "started", ago(2)),
            trial(n, "canceled", ago(2) + timedelta(seconds=1)),
            subscription(n, "renewed", ago(1)),
        ],
    ),
    "a larger plan before the old one is canceled": (
        ("active", "professional", ""),
        lambda n: [
            subscription(n, "started", ago(9)),
            subscription(n, "started", ago(3), subscription_id=8, plan_name="الاحترافية"),
            subscription(n, "canceled", ago(3) + timedelta(seconds=1)),
        ],
    ),
    "expired, and renewed all the same": (
        ("active", "growth", ""),
        lambda n: [
            subscription(n, "started", ago(33)),
            subscription(n, "expired", ago(3)),
            subscription(n, "renewed", ago(2)),
        ],
    ),
    "canceled in the very second of its renewal": (
        ("restricted", "growth", "canceled"),
        lambda n: [
            subscription(n, "started", ago(9)),
            subscription(n, "renewed", ago(3), plan_name=None),
            subscription(n, "canceled", ago(3)),
        ],
    ),
    "left on trial, and came back": (
        ("trial", "professional", ""),  # Salla has not said that it ended
        lambda n: [
            event(n, "installed", ago(9)),
            trial(n, "started", ago(9)),
            event(n, "uninstalled", ago(5)),
            event(n, "store.authorize", ago(1), **AUTHORIZED),
        ],
    ),
    "canceled, left, and came back to a free plan": (
        ("active", "free", ""),
        lambda n: [
            subscription(n, "canceled", ago(6)),
            event(n, "uninstalled", ago(5)),
            event(n, "installed", ago(1)),
            subscription(n, "started", ago(1), subscription_id=9, plan_name=None, plan_type="free"),
        ],
    ),
    "left": (
        ("uninstalled", "free", ""),
        lambda n: [
            event(n, "installed", ago(6)),
            subscription(n, "started", ago(6)),
            event(n, "uninstalled", ago(1)),
            subscription(n, "canceled", ago(1)),
        ],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_any_order_of_a_story_and_its_repetition_ends_the_same(story: str, deliver: Deliver) -> None:
    expected, bodies_of = STORIES[story]
    places = range(len(bodies_of(1)))
    for number, order in enumerate(itertools.permutations(places), 1):
        bodies = bodies_of(number)
        for place in order:
            deliver(bodies[place])
            work()
        assert standing(Merchant.objects.get(salla_id=number)) == expected, order
    # Once more, the last first, with other bytes.
    facts = Event.unscoped.exclude(name__startswith="store.rest").count()
    for body in reversed(bodies):
        deliver(json.dumps(body, indent=1).encode())
    work()
    assert standing(Merchant.objects.get(salla_id=number)) == expected
    assert Event.unscoped.exclude(name__startswith="store.rest").count() == facts


def test_store_type_is_kept_and_pooled_figures_leave_out_what_is_no_shop(deliver: Deliver) -> None:
    for number, kind in enumerate(("live", "demo", "development"), 1):
        deliver(event(number, "installed", ago(1), store_type=kind))
        deliver(subscription(number, "started", ago(1), store_type=kind))
    deliver(event(3, "uninstalled", ago(0.5), store_type="development"))
    work()
    kinds = dict(Merchant.objects.values_list("salla_id", "store_type"))
    assert kinds == {1: "live", 2: "demo", 3: "development"}
    assert [merchant.salla_id for merchant in Merchant.objects.live()] == [1]


# Which plan


@pytest.mark.parametrize(
    ("data", "slug"),
    [
        ({"plan_name": "Growth"}, "growth"),
        ({"plan_name": " PRO "}, "professional"),
        ({"plan_name": "النمو"}, "growth"),
        ({"plan_name": "Basic", "plan_type": "recurring"}, "free"),
        ({"plan_name": None, "plan_type": "free"}, "free"),
        ({"plan_name": None, "plan_type": "recurring"}, "professional"),  # the doubt is ours
        ({"plan_name": "trail", "plan_type": "once"}, "professional"),
    ],
)
def test_salla_names_a_plan_in_words_of_its_own(data: Any, slug: str, deliver: Deliver, merchant: Merchant) -> None:
    deliver(subscription(merchant.salla_id, "started", ago(1), **data))
    work()
    assert standing(merchant) == ("active", slug, "")
    assert Standing.unscoped.get().order_limit == plans.plan_of(slug).orders


def test_add_ons_bring_orders_while_they_last(deliver: Deliver, merchant: Merchant) -> None:
    add_on = {"subscription_id": 9, "item_type": "addon", "item_slug": "extra-orders", "quantity": 2}
    deliver(subscription(merchant.salla_id, "started", ago(3)))
    deliver(subscription(merchant.salla_id, "started", ago(2), **add_on))
    deliver(
        subscription(merchant.salla_id, "started", ago(2), **{**add_on, "subscription_id": 10, "item_slug": "gold"})
    )
    work()
    assert Standing.unscoped.get().order_limit == 500 + 2 * plans.ADD_ONS["extra-orders"]
    ended = subscription(merchant.salla_id, "expired", ago(1), subscription_id=9)  # names no item
    deliver(ended)
    work()
    assert Standing.unscoped.get().order_limit == 500
    assert standing(merchant) == ("active", "growth", "")


# What ends without a word


def test_what_is_past_its_end_ends_after_three_days_of_silence(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    deliver(trial(merchant.salla_id, "started", ago(1), ends_at=NOW + DAY))
    work()
    travel.move_to(NOW + 4 * DAY - timedelta(seconds=1))
    review()
    assert standing(merchant)[0] == "trial"
    assert told(merchant) == []
    travel.shift(timedelta(seconds=1))
    review()
    assert standing(merchant) == ("restricted", "professional", "trial_ended")
    assert told(merchant) == [("store.restricted", {"reason": "trial_ended"})]
    deliver(subscription(merchant.salla_id, "started", NOW + 5 * DAY, plan_name="المجانية", plan_type="free"))
    work()
    assert standing(merchant) == ("active", "free", "")
    assert told(merchant)[1:] == [("store.restored", {})]
    travel.move_to(NOW + 365 * DAY)  # a free plan has no end but the one that Salla tells
    review()
    assert standing(merchant) == ("active", "free", "")


# More orders than the plan is for


def test_over_the_limit_everything_runs_to_the_end_of_the_month(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    orders(deliver, merchant, 51)
    orders(deliver, merchant, 1, first=100, status={"slug": "canceled"})
    review()
    assert standing(merchant) == ("installed", "free", "")
    assert told(merchant) == [("limit.exceeded", {"orders": 51, "limit": 50})]
    travel.move_to(DECEMBER - timedelta(seconds=1))
    review()
    assert standing(merchant) == ("installed", "free", "")
    travel.move_to(DECEMBER)
    review()
    assert standing(merchant) == ("restricted", "free", "over_limit")
    assert told(merchant)[1:] == [("store.restricted", {"reason": "over_limit"})]
    deliver(subscription(merchant.salla_id, "started", DECEMBER))
    work()
    assert standing(merchant) == ("active", "growth", "")
    assert told(merchant)[2:] == [("store.restored", {})]


def test_the_next_month_opens_by_itself(deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller) -> None:
    orders(deliver, merchant, 51)
    travel.move_to(DECEMBER)
    review()
    orders(deliver, merchant, 50, first=200)
    review()
    assert standing(merchant) == ("restricted", "free", "over_limit")
    travel.move_to(DECEMBER + 31 * DAY)
    review()
    assert standing(merchant) == ("installed", "free", "")
    assert [name for name, _ in told(merchant)] == ["store.restricted", "store.restored"]


def test_the_plan_of_last_month_covers_its_orders(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    deliver(trial(merchant.salla_id, "started", ago(1), ends_at=NOW + DAY))
    work()
    orders(deliver, merchant, 51)
    deliver(trial(merchant.salla_id, "expired", NOW + DAY))
    travel.move_to(NOW + 2 * DAY)
    deliver(subscription(merchant.salla_id, "started", NOW + 2 * DAY, plan_name="Free", plan_type="free"))
    work()
    travel.move_to(DECEMBER)
    review()
    assert standing(merchant) == ("active", "free", "")
    assert [name for name, _ in told(merchant)] == ["store.restricted", "store.restored", "limit.exceeded"]


@pytest.mark.parametrize(
    ("zone", "count"), [("Asia/Riyadh", 1), ("America/New_York", 0), ("Pacific/Auckland", 1), ("nowhere", 1)]
)
def test_a_month_is_the_stores_own(zone: str, count: int, deliver: Deliver, travel: time_machine.Traveller) -> None:
    merchant = store(5)
    Merchant.objects.update(time_zone=zone)
    merchant.refresh_from_db()
    travel.move_to(DECEMBER + timedelta(hours=1))
    orders(deliver, merchant, 1)
    december = entitlements.month_of(datetime(2026, 12, 5, tzinfo=merchant.zone))
    assert entitlements.orders_in(merchant, december, december.before) == [count, 1 - count]


def test_orders_from_before_and_between_installations_do_not_count(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    month = entitlements.this_month(merchant)
    travel.move_to(NOW - DAY)
    orders(deliver, merchant, 2)
    travel.move_to(NOW + DAY)
    orders(deliver, merchant, 3, first=10)
    assert entitlements.orders_in(merchant, month) == [3]
    travel.move_to(NOW + 2 * DAY)
    deliver(event(merchant.salla_id, "uninstalled", NOW + 2 * DAY))
    work()
    travel.move_to(NOW + 9 * DAY)
    deliver(event(merchant.salla_id, "installed", NOW + 9 * DAY))
    work()
    orders(deliver, merchant, 2, first=20)
    between = {"date": (NOW + 5 * DAY).isoformat(), "timezone": "UTC"}
    orders(deliver, merchant, 4, first=30, date=between)
    assert entitlements.orders_in(Merchant.objects.get(), month) == [5]


def test_leaving_for_a_moment_forgets_no_order(
    deliver: Deliver, merchant: Merchant, travel: time_machine.Traveller
) -> None:
    orders(deliver, merchant, 51)
    travel.move_to(DECEMBER - 2 * DAY)
    deliver(event(merchant.salla_id, "uninstalled", DECEMBER - 2 * DAY))
    work()
    travel.move_to(DECEMBER - DAY)
    deliver(event(merchant.salla_id, "installed", DECEMBER - DAY))
    work()
    travel.move_to(DECEMBER)
    review()
    assert standing(merchant) == ("restricted", "free", "over_limit")


def test_a_renewal_in_the_second_of_the_end_wins(deliver: Deliver, merchant: Merchant) -> None:
    deliver(subscription(merchant.salla_id, "started", ago(30)))
    at = ago(1)
    for what in ("renewed", "expired"):
        deliver(subscription(merchant.salla_id, what, at, end_date=(at + 30 * DAY).isoformat()))
    work()
    assert standing(merchant) == ("active", "growth", "")


# The sweep


def test_one_store_that_cannot_be_judged_holds_up_nobody(
    merchant: Merchant, other_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = entitlements.review

    def fail_for_one(each: Merchant) -> Standing:
        if each == merchant:
            raise RuntimeError("a mistake of ours")
        return judge(each)

    monkeypatch.setattr(entitlements, "review", fail_for_one)
    review()
    assert standing(other_merchant) == ("installed", "free", "")
    assert Standing.unscoped.get(merchant=merchant).review_at == NOW + timedelta(hours=1)
