"""The real processes of the app, and servers of their own to torment, for tests that no mock may answer."""

import contextlib
import hashlib
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from celery import Task, current_app
from django.conf import settings
from django.db import connection

from core import webhooks
from scripts import envfile, servers, services
from scripts.supervisor import Child, Supervisor

SECRET = "webhook-secret"
WEBHOOK = "/webhooks/salla/"
NOWHERE = "http://127.0.0.1:9"  # Salla, for those who start no sandbox: refused at once
ANSWER_SECONDS = 10


def until(condition: Callable[[], Any], what: str, seconds: float) -> float:
    """Wait for it; returns how long that took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


# The app


def environment(port: int, **given: str) -> dict[str, str]:
    """Every setting has a value, so that nothing of a developer's own reaches the processes, nor they the internet."""
    ours = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    values = envfile.throwaway(servers.PROJECT / ".env.example", ours)
    values |= {"DEBUG": "false", "SANDBOX": "false", "PUBLIC_URL": f"http://localhost:{port}"}
    values |= {"SALLA_WEBHOOK_SECRETS": SECRET, "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS)}
    values |= {"SALLA_ACCOUNTS_URL": NOWHERE, "SALLA_API_URL": NOWHERE}
    return values | given


def of_this_test() -> dict[str, str]:
    """Settings that share the test's own database and Redis keys with the processes."""
    address = urlsplit(os.environ["DATABASE_URL"])
    return {
        "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
    }


def ring(task: Task) -> None:
    """Wake a worker on this test's own Redis keys, where the next pulse is up to 15 seconds away."""
    options = {**settings.CELERY_BROKER_TRANSPORT_OPTIONS, "global_keyprefix": settings.REDIS_PREFIX}
    with current_app.connection_for_write(transport_options=options) as link:
        task.apply_async(producer=link.Producer())


class App:
    """`web`, `worker` and `beat` exactly as `make run` starts them, each on its own."""

    def __init__(self, supervisor: Supervisor, folder: Path, **given: str) -> None:
        self.supervisor = supervisor
        self.port = servers.free_port()
        self.env = environment(self.port, **given)
        self.commands = {part.name: part.command for part in services.processes(services.Ports(self.port))}
        self.commands["beat"][-1] = str(folder / "celerybeat-schedule")

    def start(self, *names: str) -> None:
        for name in names:
            self.supervisor.start(name, self.commands[name], env=self.env, cwd=servers.PROJECT)
        if "web" in names:
            self.supervisor.wait(self.listens, "web", seconds=60)

    def listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def migrate(self) -> None:
        self.supervisor.step("migrate", [*services.MANAGE, "migrate", "--noinput"], env=self.env, cwd=servers.PROJECT)

    def kill(self, name: str) -> None:
        """`kill -9` of the process and all its children."""
        child = child_of(self.supervisor, name)
        self.supervisor.children.remove(child)
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()

    def log(self, name: str) -> str:
        return (self.supervisor.logs / f"{name}.log").read_text(errors="replace")

    def post(self, body: bytes) -> "Answer":
        """One signed delivery on a connection of its own; status 0 when nobody answered."""
        began = time.monotonic()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        headers = {"Host": "localhost", "X-Salla-Signature": webhooks.sign(body, SECRET)}
        try:
            link.request("POST", WEBHOOK, body, headers)
            status = link.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            link.close()
        now = time.monotonic()
        return Answer(hashlib.sha256(body).hexdigest(), status, now - began, now)


@dataclass(frozen=True)
class Answer:
    """What the sender of a delivery saw."""

    sha256: str
    status: int
    seconds: float
    at: float


@contextlib.contextmanager
def supervised(logs: Path, *locks: int) -> Iterator[Supervisor]:
    """Whatever happens inside, no process is left."""
    supervisor = Supervisor(logs, locks)
    try:
        yield supervisor
    finally:
        supervisor.stop()


def child_of(supervisor: Supervisor, name: str) -> Child:
    return next(child for child in supervisor.children if child.name == name)


@dataclass
class Senders:
    """Salla's side: posts bodies from many threads at once and keeps every answer."""

    app: App
    threads: int = 12
    answers: list[Answer] = field(default_factory=list)

    def send(self, bodies: list[bytes], *, per_second: float | None = None) -> None:
        """Every body once; as fast as the answers come, or spread evenly."""
        began = time.monotonic()
        with ThreadPoolExecutor(self.threads) as pool:
            for number, body in enumerate(bodies):
                if per_second:
                    time.sleep(max(0.0, began + number / per_second - time.monotonic()))
                pool.submit(self._post, body)

    @contextlib.contextmanager
    def sending(self, bodies: list[bytes], *, per_second: float | None = None) -> Iterator[None]:
        """`send` beside the block, which ends when all are answered."""
        thread = threading.Thread(target=partial(self.send, bodies, per_second=per_second))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def _post(self, body: bytes) -> None:
        self.answers.append(self.app.post(body))

    def statuses(self) -> list[int]:
        return sorted({answer.status for answer in self.answers})

    def slowest(self) -> float:
        return max(answer.seconds for answer in self.answers)

    def p99(self) -> float:
        return sorted(answer.seconds for answer in self.answers)[int(len(self.answers) * 0.99) - 1]


# Servers that may be hurt


class Broker:
    """A Valkey of our own with an append-only file, on a port that stays its own while it is dead."""

    def __init__(self, supervisor: Supervisor, folder: Path) -> None:
        self.supervisor = supervisor
        self.folder = folder
        self.port = servers.free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        command: list[str | Path] = [servers.valkey_program(), "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--save", ""]
        command += ["--appendonly", "yes", "--appendfsync", "everysec"]
        self.supervisor.start("valkey", command, env=servers.CLEAN_ENVIRONMENT, cwd=self.folder)
        self.supervisor.wait(self.answers, "Valkey", seconds=30)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(self.url, socket_timeout=1) as client:
            return bool(client.ping())
        return False

    def kill(self) -> None:
        child = child_of(self.supervisor, "valkey")
        self.supervisor.children.remove(child)
        child.process.kill()
        child.process.wait()

    def hang(self) -> None:
        child_of(self.supervisor, "valkey").process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        child_of(self.supervisor, "valkey").process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        with redis.Redis.from_url(self.url, socket_timeout=5) as client:
            client.flushall()


def restart_postgres(supervisor: Supervisor, place: servers.Place) -> None:
    """Like `pg_ctl restart -m immediate`: no session ends in peace, and recovery runs from the write-ahead log."""
    child = child_of(supervisor, "postgres")
    supervisor.children.remove(child)
    child.process.send_signal(signal.SIGQUIT)
    child.process.wait(30)
    servers.start_postgres(supervisor, place)
