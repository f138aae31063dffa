"""The only clock. In sandbox mode a stored offset moves it, so that a demo need not wait for "45 minutes later"."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.utils import timezone

# How long a process may go on with an offset that another one has changed.
OFFSET_KEPT_SECONDS = 1.0

_known: tuple[float, timedelta] = (float("-inf"), timedelta(0))


def now() -> datetime:
    """The present moment, aware, in UTC."""
    moment = timezone.now()  # noqa: TID251 - the one place that may ask
    return moment + demo_offset() if settings.SANDBOX else moment


def zone(name: str) -> ZoneInfo:
    """The time zone of that name; ours where there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(settings.TIME_ZONE)


def demo_offset() -> timedelta:
    """How far the demo's clock is ahead; read again after a second."""
    global _known
    read_at, offset = _known
    if time.monotonic() - read_at > OFFSET_KEPT_SECONDS:
        offset = _stored_offset()
        _known = (time.monotonic(), offset)
    return offset


def set_demo_offset(offset: timedelta) -> None:
    """Move the demo's clock in every process; means nothing outside sandbox mode."""
    global _known
    apps.get_model("core", "DemoClock").objects.update_or_create(pk=1, defaults={"offset": offset})
    _known = (float("-inf"), timedelta(0))


def _stored_offset() -> timedelta:
    """None of it before there is a database with our tables: Django's checks and migrations ask for the time too."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('core_democlock') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return timedelta(0)
    except (DatabaseError, ImproperlyConfigured):
        return timedelta(0)
    row = apps.get_model("core", "DemoClock").objects.first()
    return timedelta(0) if row is None else row.offset
