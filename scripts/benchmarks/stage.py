"""The servers under measurement: a database of our own, and the product's web server on the bench's addresses."""

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2  # type: ignore[import-untyped]
from redis import Redis

from scripts import servers, services
from scripts.benchmarks import cpu, receipt
from scripts.supervisor import Child, ServiceError, Supervisor

SETTINGS = "scripts.benchmarks.settings"
MUST_BE_ON = ("fsync", "synchronous_commit", "full_page_writes")
# Ours (also when the tables are still changing), and the server's own helpers.
OUR_BACKENDS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() OR backend_type <> 'client backend'
"""


class Database:
    """Our own session in the measured database."""

    def __init__(self, url: str) -> None:
        self.session = psycopg2.connect(url)
        self.session.autocommit = True
        self.is_local = self._is_local()

    def _is_local(self) -> bool:
        """Whether its processes are ours to read; a stranger may have the same number here."""
        pid = int(self.value("SELECT pg_backend_pid()"))
        with contextlib.suppress(OSError):
            return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
        return False

    def value(self, query: str) -> str:
        return str(self.column(query)[0])

    def column(self, query: str) -> list[object]:
        with self.session.cursor() as cursor:
            cursor.execute(query)
            return [row[0] for row in cursor.fetchall()]

    def processes(self) -> list[int]:
        return [int(str(pid)) for pid in self.column(OUR_BACKENDS)] if self.is_local else []

    def rows(self, table: str) -> int:
        return int(self.value(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a name from our own plan


@dataclass(frozen=True)
class Stage:
    port: int
    web: Child
    database: Database
    supervisor: Supervisor
    redis: str
    env: dict[str, str]

    def cpu(self) -> dict[int, float]:
        """Of the web server and PostgreSQL, which a request waits for; the broker is left out."""
        return cpu.seconds([*cpu.tree(self.web.process.pid), *self.database.processes()])

    def describe(self) -> str:
        where = "" if self.database.is_local else " (elsewhere: its CPU is not counted)"
        return f"PostgreSQL {self.database.value('SHOW server_version')}{where}, {self.redis}, {os.cpu_count()} cores"


@contextlib.contextmanager
def stage(*, with_worker: bool) -> Iterator[Stage]:
    """Everything up; at the end, whatever ends it, nothing of it is left."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nomo-bench-")))
        supervisor = Supervisor(folder / "log")
        supervisor.obey_signals()
        url = stack.enter_context(own_database(address("DATABASE_URL")))
        prefix = stack.enter_context(own_keys(address("REDIS_URL")))
        stack.callback(supervisor.stop)
        env = environment(url, prefix)
        supervisor.step("migrate", [*services.MANAGE, "migrate", "--noinput"], env=env, cwd=servers.PROJECT)
        port = servers.free_port()
        web = start(supervisor, port, env, with_worker=with_worker)
        database = Database(url)
        stack.callback(database.session.close)
        yield Stage(port, web, database, supervisor, broker(address("REDIS_URL")), env)


def address(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError as error:
        raise ServiceError(f"{name} is not set: run `make bench`.") from error


def environment(database_url: str, prefix: str) -> dict[str, str]:
    """As in production; DEBUG would keep every query."""
    ours = {
        "DATABASE_URL": database_url,
        "REDIS_PREFIX": prefix,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "SALLA_WEBHOOK_SECRETS": receipt.SECRET,
        "SALLA_WEBHOOK_STRATEGY": "signature",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "PUBLIC_URL": "http://localhost",
        "PROXY_COUNT": "1",
        "DEBUG": "false",
        "SANDBOX": "false",
        "LOG_LEVEL": "WARNING",
    }
    return {**os.environ, **ours}


def start(supervisor: Supervisor, port: int, env: dict[str, str], *, with_worker: bool) -> Child:
    """The product's own commands."""
    parts = {part.name: part for part in services.processes(services.Ports(port))}
    web = supervisor.start("web", parts["web"].command, env=env, cwd=servers.PROJECT)
    if with_worker:
        supervisor.start("worker", parts["worker"].command, env=env, cwd=servers.PROJECT)
    supervisor.wait(partial(services.speaks_http, port), "web", seconds=60)
    return web


@contextlib.contextmanager
def own_database(server: str) -> Iterator[str]:
    """A database beside the one in `server`, dropped at the end."""
    name = f"nomo_bench_{secrets.token_hex(4)}"
    with contextlib.closing(psycopg2.connect(server)) as session, session.cursor() as cursor:
        session.autocommit = True
        refuse_forgetful(cursor)
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def refuse_forgetful(cursor: "psycopg2.extensions.cursor") -> None:
    """A server that does not wait for its disk would flatter every insert."""
    for setting in MUST_BE_ON:
        cursor.execute(f"SHOW {setting}")
        if cursor.fetchone() != ("on",):
            raise ServiceError(
                f"This PostgreSQL runs without {setting}: use `{Path(sys.executable).name} scripts/services.py"
                " exec --durable -- COMMAND`, or set DATABASE_URL to a real one."
            )


@contextlib.contextmanager
def own_keys(server: str) -> Iterator[str]:
    """A prefix of our own, whose keys are deleted at the end."""
    prefix = f"bench:{secrets.token_hex(4)}:"
    with Redis.from_url(server) as client:
        try:
            yield prefix
        finally:
            for key in client.scan_iter(f"{prefix}*", count=1000):
                client.delete(key)


def broker(server: str) -> str:
    with Redis.from_url(server) as client:
        info: dict[str, object] = client.info()
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {info['redis_version']}"
    return f"{name} with{'' if info.get('aof_enabled') else 'out'} append-only file"
