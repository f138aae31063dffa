"""What machines ask about the app: does the process live, may it be sent traffic, and how does its work stand.

Everything counted is read from the database, and streams from Redis, at the moment of asking, so that any number of
processes agree.
"""

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from django.apps import apps
from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, F, Max, Min
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from redis import RedisError

from core import clock, redis
from core.models import Merchant
from core.work import Work
from events import ingest
from events.models import Tick
from integrations.models import Connection, Delivery, Standing
from notifications.models import Message
from visitors.models import Channel

# The pulse comes every 15 seconds; after so long without one no worker or no beat runs.
HEARTBEAT = timedelta(minutes=3)
LAG_WINDOW = timedelta(minutes=15)
# A refresh ends within seconds; one that began before this has an outcome that nobody knows.
REFRESH = timedelta(minutes=1)
UNFINISHED = (Work.State.WAITING, Work.State.DEAD)


@csrf_exempt
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers at all."""
    return HttpResponse("ok", content_type="text/plain")


@csrf_exempt
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Whether to send traffic here: 503 without the database or its migrations; a lack of the rest only degrades.

    Webhooks are stored without Redis and without workers, and Salla must not be turned away for them.
    """
    try:
        needed = {"database": True, "migrations": _is_migrated()}
        helpful = {"redis": _redis_answers(), "workers": _heart_beats()}
    except Error:
        needed, helpful = {"database": False}, {}
    is_ready = all(needed.values())
    state = "unready" if not is_ready else "ready" if all(helpful.values()) else "degraded"
    return JsonResponse({"state": state, **needed, **helpful}, status=200 if is_ready else 503)


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for who sends `METRICS_TOKEN` as a bearer token; 404 for everybody else."""
    sent = request.headers.get("Authorization", "")
    if not settings.METRICS_TOKEN or not constant_time_compare(sent, f"Bearer {settings.METRICS_TOKEN}"):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _is_migrated() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _redis_answers() -> bool:
    try:
        return bool(redis.client().ping())
    except RedisError:
        return False


def _heart_beats() -> bool:
    return Tick.objects.filter(state=Work.State.PROCESSED, period__gt=clock.now() - HEARTBEAT).exists()


class DatabaseCollector(Collector):
    """Gauges by SELECT, made anew for each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _work()
        yield from _messages()
        yield _connections()
        yield _live_stores()
        yield _lag()
        yield GaugeMetricFamily(
            "nomo_heartbeat_age_seconds",
            "Since the beginning of the last period whose periodic job was done; NaN before the first.",
            value=_age(
                Tick.objects.filter(state=Work.State.PROCESSED).aggregate(at=Max("period"))["at"], none=math.nan
            ),
        )
        yield from _streams()
        stuck = Connection.unscoped.filter(refresh_started_at__lt=clock.now() - REFRESH)
        yield GaugeMetricFamily(
            "nomo_token_refreshes_unknown", "Token refreshes whose outcome is not known.", value=stuck.count()
        )


def _work() -> Iterator[GaugeMetricFamily]:
    rows = GaugeMetricFamily("nomo_work_rows", "Rows of work that are not done.", labels=["kind", "state"])
    late = GaugeMetricFamily(
        "nomo_work_oldest_due_seconds",
        "How long the oldest row that is due has waited; 0 without one.",
        labels=["kind"],
    )
    for model in apps.get_models():
        if not issubclass(model, Work) or model._meta.proxy:
            continue
        kind, every = model._meta.label_lower, model._default_manager
        found = dict(every.filter(state__in=UNFINISHED).values_list("state").annotate(Count("pk")).order_by())
        for state in UNFINISHED:
            rows.add_metric([kind, state], found.get(state, 0))
        due = every.filter(state=Work.State.WAITING, due_at__lte=clock.now())
        late.add_metric([kind], _age(due.aggregate(at=Min("due_at"))["at"], none=0))
    yield rows
    yield late


def _messages() -> Iterator[GaugeMetricFamily]:
    found = dict(Message.unscoped.values_list("state").annotate(Count("pk")).order_by())
    rows = GaugeMetricFamily("nomo_messages", "Messages to shoppers by their state.", labels=["state"])
    for state in Message.State.values:
        rows.add_metric([state], found.get(state, 0))
    yield rows
    late = GaugeMetricFamily(
        "nomo_messages_oldest_due_seconds",
        "How long the oldest message that is due has waited; 0 without one.",
        labels=["channel"],
    )
    waiting = Message.unscoped.filter(state__in=[Message.State.QUEUED, Message.State.DEFERRED])
    due = dict(waiting.filter(due_at__lte=clock.now()).values_list("channel").annotate(Min("due_at")).order_by())
    for channel in Channel.values:
        late.add_metric([channel], _age(due.get(channel), none=0))
    yield late


def _connections() -> GaugeMetricFamily:
    found = dict(Connection.unscoped.values_list("state").annotate(Count("pk")).order_by())
    family = GaugeMetricFamily("nomo_connections", "Stores by the state of their connection.", labels=["state"])
    for state in Connection.State.values:
        family.add_metric([state], found.get(state, 0))
    return family


def _live_stores() -> GaugeMetricFamily:
    held = dict(Merchant.objects.live().values_list("standing__state").annotate(Count("pk")).order_by())
    text = "Live stores by what they may use; Salla's demo and development stores are left out."
    family = GaugeMetricFamily("nomo_live_stores", text, labels=["state"])
    for state in Standing.State.values:
        family.add_metric([state], held.get(state, 0))
    return family


def _lag() -> GaugeMetricFamily:
    recent = Delivery.objects.filter(received_at__gt=clock.now() - LAG_WINDOW, sent_at__isnull=False)
    longest = recent.aggregate(lag=Max(F("received_at") - F("sent_at")))["lag"]
    return GaugeMetricFamily(
        "nomo_webhook_lag_seconds",
        "The longest way of a webhook from Salla to us in the last 15 minutes; 0 without one.",
        value=longest.total_seconds() if longest else 0,
    )


def _streams() -> Iterator[GaugeMetricFamily]:
    """No samples while Redis does not answer."""
    length = GaugeMetricFamily("nomo_stream_entries", "Beacons in a stream that ingest reads.", labels=["shard"])
    late = GaugeMetricFamily(
        "nomo_stream_oldest_seconds",
        "How long the oldest beacon has waited for ingest; 0 without one.",
        labels=["shard"],
    )
    with suppress(RedisError):
        for each in ingest.backlogs():
            length.add_metric([str(each.shard)], each.entries)
            late.add_metric([str(each.shard)], each.seconds)
    yield length
    yield late


def _age(moment: datetime | None, *, none: float) -> float:
    return (clock.now() - moment).total_seconds() if moment else none
