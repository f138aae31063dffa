"""`manage.py doctor`: everything that is missing, wrong or out of reach, and what to do about each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis import RedisError

from core import redis
from core.fields import DecryptionError, EncryptedBytesField

LEAST_POSTGRESQL = 150000
LEAST_REDIS = (7, 0)


class Command(BaseCommand):
    help = "Names every missing or wrong setting and every server out of reach, with what to do."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        problems = list(_settings_problems())
        if not any("DATABASE_URL" in problem for problem in problems):
            problems += list(_database_problems()) or list(_key_problems())
        if not any("REDIS_URL" in problem for problem in problems):
            problems += _redis_problems()
        for problem in problems:
            self.stdout.write(f"✗ {problem}")
        if problems:
            raise CommandError(f"{len(problems)} to put right.")
        self.stdout.write("✓ Settings, database and Redis are in order.")
        if not Path(settings.COUNTRY_DATABASE).is_file():
            self.stdout.write("· COUNTRY_DATABASE is not there: countries are unknown → `make run` fetches it by npm")


def _settings_problems() -> Iterator[str]:
    """Django's own complaints are told once ours are mended: most of them follow from the same variables."""
    found = [check for check in run_checks() if check.level >= 30]
    ours = [check for check in found if str(check.id).startswith("core.")]
    for check in ours or found:
        yield f"{check.msg} → {check.hint}" if check.hint else check.msg


def _database_problems() -> Iterator[str]:
    try:
        with connection.cursor():
            version = connection.pg_version  # type: ignore[attr-defined]
    except DatabaseError as error:
        yield f"PostgreSQL does not answer: {str(error).splitlines()[0]} → start it, or correct DATABASE_URL"
        return
    if version < LEAST_POSTGRESQL:
        yield f"PostgreSQL {version // 10000} is too old → use 15 or newer"
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield "The database lacks migrations → run `python manage.py migrate`"


def _key_problems() -> Iterator[str]:
    """Whether the keys open what was written last in each encrypted column."""
    for model in apps.get_models():
        columns = [field.name for field in model._meta.local_fields if isinstance(field, EncryptedBytesField)]
        for column in columns:
            try:
                model._base_manager.filter(**{f"{column}__isnull": False}).order_by("-pk").values_list(column).first()
            except DecryptionError:
                yield (
                    f"FIELD_ENCRYPTION_KEYS does not open {model._meta.label}.{column} → put the key back "
                    "with which it was written"
                )


def _redis_problems() -> Iterator[str]:
    try:
        server = redis.client().info("server")
        persistence = redis.client().info("persistence")
    except (RedisError, ValueError) as error:
        yield f"Redis does not answer: {str(error).splitlines()[0]} → start it, or correct REDIS_URL"
        return
    version = str(server.get("redis_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_REDIS:
        yield f"Redis {version} is too old → use 7.0 or newer"
    if not persistence.get("aof_enabled"):
        yield "Redis keeps no append-only file, so beacons can be lost → set `appendonly yes` on the server"
