"""The only way to wake a worker: after the commit, at most once a moment, and never at the caller's cost.

The database is the truth and sweeps find what a lost ring left behind, so a failed ring is a log line.
"""

import logging
import time
from functools import cache

from celery import Task, current_app
from celery.signals import task_prerun
from django.db import transaction
from kombu import Connection
from kombu.pools import producers

from core import redis

log = logging.getLogger(__name__)

# While a ring is on its way to a worker further ones are dropped; after this long it counts as lost.
PENDING_MILLISECONDS = 10_000
# After a failure nobody else pays the timeout for a while.
SILENT_SECONDS = 5.0
# A ring so soon after another of this process is dropped; in return the task waits as long before it looks for rows.
HUSH_SECONDS = 0.02
FAST = {
    "socket_timeout": redis.TIMEOUT_SECONDS,
    "socket_connect_timeout": redis.TIMEOUT_SECONDS,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}

_silent_until = 0.0
_hushed_until: dict[str, float] = {}


def ring(task: Task) -> None:
    """Wake a worker to run `task` once this transaction commits. Takes no arguments: the task finds its rows."""
    transaction.on_commit(lambda: _ring(task), robust=True)  # a partial has no name for Django to log


def _ring(task: Task) -> None:
    global _silent_until
    now = time.monotonic()
    if now < max(_silent_until, _hushed_until.get(task.name, 0.0)):
        return
    _hushed_until[task.name] = now + HUSH_SECONDS  # before we ring, so that whatever is dropped was committed in time
    try:
        if redis.client().set(_pending(task.name), 1, nx=True, px=PENDING_MILLISECONDS):
            _publish(task)
    except Exception as error:  # noqa: BLE001 - whatever ails the broker, the caller's work is committed
        _silent_until = time.monotonic() + SILENT_SECONDS
        log.warning("doorbell: %s not rung: %s", task.name, type(error).__name__)


def _pending(name: str) -> str:
    return redis.key("bell", name)


@cache
def _connection() -> Connection:
    connection: Connection = current_app.connection_for_write(transport_options=FAST)
    return connection


def _publish(task: Task) -> None:
    with producers[_connection()].acquire(block=True, timeout=redis.TIMEOUT_SECONDS) as producer:
        task.apply_async(producer=producer, retry=False)


@task_prerun.connect
def _answer(task: Task, **_: object) -> None:
    """Let the next ring through before the task looks for rows, so that none committed after its look is missed."""
    try:
        if redis.client().delete(_pending(task.name)):
            time.sleep(HUSH_SECONDS)
    except Exception as error:  # noqa: BLE001 - the pending mark expires by itself
        log.warning("doorbell: %s not answered: %s", task.name, type(error).__name__)
