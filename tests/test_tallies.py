"""Tallies: sums by the store's own hours and days, and how many different visitors, in sketches that merge."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from core.models import Merchant
from events import sketches, tallies
from events.tallies import Count, Period, Point, Ranked

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 5, 1, 9, tzinfo=UTC)  # in Riyadh
MIDNIGHT = datetime(2026, 4, 30, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def test_counts_add_up_by_hour_and_day(merchant, other_merchant):
    viewed = [Count(merchant.pk, "page.viewed", NOON, amount=Decimal("1.25")), Count(merchant.pk, "page.viewed", NOON)]
    tallies.add([*viewed, Count(merchant.pk, "page.viewed", NOON + timedelta(hours=1))])
    tallies.add([*viewed, Count(other_merchant.pk, "page.viewed", NOON)])
    hours = tallies.series(
        merchant, "page.viewed", period=Period.HOUR, since=NOON, until=NOON + timedelta(hours=2, minutes=1)
    )
    assert hours == [
        Point(NOON, 4, Decimal("2.50"), 0),
        Point(NOON + timedelta(hours=1), 1, Decimal(0), 0),
        Point(NOON + timedelta(hours=2), 0, Decimal(0), 0),
    ]
    days = tallies.series(merchant, "page.viewed", period=Period.DAY, since=NOON, until=NOON + DAY)
    assert days == [Point(MIDNIGHT, 5, Decimal("2.50"), 0), Point(MIDNIGHT + DAY, 0, Decimal(0), 0)]


@pytest.mark.parametrize(
    ("zone", "moment", "hour", "day"),
    [
        ("Asia/Riyadh", "2026-05-01T20:59:59", "2026-05-01T20:00", "2026-04-30T21:00"),
        ("Asia/Riyadh", "2026-05-01T21:00:00", "2026-05-01T21:00", "2026-05-01T21:00"),
        ("Asia/Kolkata", "2026-05-01T18:29:59", "2026-05-01T17:30", "2026-04-30T18:30"),
        ("Asia/Kathmandu", "2026-05-01T18:15:00", "2026-05-01T18:15", "2026-05-01T18:15"),
        ("Africa/Cairo", "2026-04-24T10:00:00", "2026-04-24T10:00", "2026-04-23T22:00"),  # midnight is skipped
        ("Europe/London", "2026-10-25T01:30:00", "2026-10-25T01:00", "2026-10-24T23:00"),  # the hour comes twice
        ("Europe/London", "2026-10-25T00:30:00", "2026-10-25T00:00", "2026-10-24T23:00"),
        ("no such zone", "2026-05-01T21:00:00", "2026-05-01T21:00", "2026-05-01T21:00"),
    ],
)
def test_hours_and_days_are_those_of_the_store(merchant, zone, moment, hour, day):
    Merchant.objects.filter(pk=merchant.pk).update(time_zone=zone)
    tallies.add([Count(merchant.pk, "page.viewed", datetime.fromisoformat(moment).replace(tzinfo=UTC))])
    rows = merchant.tallies.order_by("period").values_list("period", "starts_at")
    assert [(period, at.strftime("%Y-%m-%dT%H:%M")) for period, at in rows] == [("day", day), ("hour", hour)]


def test_days_of_a_series_follow_the_store_through_a_change_of_its_clock(merchant):
    merchant.time_zone = "Europe/London"
    since = datetime(2026, 10, 23, 23, tzinfo=UTC)
    days = tallies.series(merchant, "x", period=Period.DAY, since=since, until=since + timedelta(days=4))
    assert [f"{point.starts_at:%d %H}" for point in days] == ["23 23", "24 23", "26 00", "27 00"]


def test_the_first_ranks_are_those_that_were_counted_most(merchant):
    for dimension, count in [("product:1", 3), ("product:2", 5), ("source:ad", 9), ("", 20), (tallies.BOTS, 30)]:
        tallies.add([Count(merchant.pk, "product.viewed", NOON, dimension=dimension, count=count)])
    tallies.add([Count(merchant.pk, "product.viewed", NOON + DAY, dimension="product:1", count=4)])
    days = {"since": NOON, "until": NOON + 2 * DAY}
    assert tallies.top(merchant, "product.viewed", kind="product", limit=5, **days) == [
        Ranked("product:1", 7, Decimal(0)), Ranked("product:2", 5, Decimal(0))
    ]  # fmt: skip
    first = tallies.top(merchant, "product.viewed", limit=1, since=NOON, until=NOON + timedelta(hours=1))
    assert first == [Ranked("source:ad", 9, Decimal(0))]
    assert tallies.total(merchant, "product.viewed", dimension="product:1", **days).count == 7


@pytest.mark.parametrize(("visitors", "error"), [(1, 0), (50, 0), (100, 0), (10_000, 0.03), (200_000, 0.03)])
def test_visitors_are_told_apart(merchant, visitors, error):
    """In two days, half of the second day's visitors known from the first; each half of a day by itself."""
    keys = [f"v:{number}" for number in range(visitors)]
    for start in (0, visitors // 2):
        tallies.add(
            [Count(merchant.pk, "visitors", NOON, count=0, keys=tuple(keys[start : start + visitors // 2 + 1]))]
        )
    tallies.add([Count(merchant.pk, "visitors", NOON + DAY, count=0, keys=tuple(keys[visitors // 2 :]))])
    first, second = tallies.series(merchant, "visitors", period=Period.DAY, since=NOON, until=NOON + DAY)
    assert first.uniques == pytest.approx(visitors, rel=error)
    assert second.uniques == pytest.approx(visitors - visitors // 2, rel=error)
    both = tallies.uniques(merchant, "visitors", since=NOON, until=NOON + 2 * DAY)
    assert both == pytest.approx(visitors, rel=error)
    assert max(len(row.sketch) for row in merchant.tallies.all()) < 8300


def test_nobody_was_there(merchant):
    assert tallies.uniques(merchant, "visitors", since=NOON, until=NOON + DAY) == 0
    assert tallies.series(merchant, "visitors", period=Period.DAY, since=NOON, until=NOON - DAY) == []
    assert tallies.total(merchant, "visitors", since=NOON, until=NOON + DAY).count == 0
    assert sketches.estimate(None) == 0
