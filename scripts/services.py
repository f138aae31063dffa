"""Runs the whole app (`run`), or one command on throw-away servers (`exec -- CMD ...`).

`exec --durable -- CMD ...` makes them wait for the disk as in `run`: for measurements.
"""

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # `python scripts/services.py` finds its siblings

try:
    from scripts import envfile, servers
    from scripts.supervisor import ServiceError, Stop, Supervisor, die_with_parent, say
except ImportError as error:
    sys.exit(f"Error: {error}: a package is missing; delete .venv and run make again.")

PROJECT = servers.PROJECT
VAR = PROJECT / "var"
SERVICES_FILE = VAR / "services.env"
MANAGE = [sys.executable, "manage.py"]
MAIL_PORT_OFFSET = 1000
# What `manage.py` by hand must know of the running app.
TOLD = ("PUBLIC_URL", "SALLA_ACCOUNTS_URL", "SALLA_API_URL", "SALLA_DASHBOARD_URL", "EMAIL_URL")
STARTERS: dict[str, Callable[[Supervisor, servers.Place], str]] = {
    "DATABASE_URL": servers.start_postgres,
    "REDIS_URL": servers.start_valkey,
}


@dataclass(frozen=True)
class Process:
    """A long-lived part of the app; one with a port is waited for until it speaks HTTP."""

    name: str
    command: list[str]
    port: int | None = None


@dataclass(frozen=True)
class Step:
    """A command that runs once before the processes start; output that contains `tolerate` is no failure."""

    name: str
    command: list[str]
    tolerate: str = ""


@dataclass(frozen=True)
class Ports:
    """Where the app and, in development, the outside world listen."""

    web: int
    sandbox: int | None = None

    @property
    def app_url(self) -> str:
        return f"http://localhost:{self.web}"

    @property
    def sandbox_url(self) -> str:
        """Another host name than the app's, so that cookies are third-party as in production."""
        return f"http://127.0.0.1:{self.sandbox}"

    @property
    def dashboard_url(self) -> str:
        """Salla's dashboard: of this machine's names, Salla's embedded SDK listens to this one only."""
        return f"http://localhost:{self.sandbox}"

    def all(self) -> list[tuple[str, int]]:
        """Each port with the variable that moves it; the sandbox has a second origin and a mail server."""
        taken = [("PORT", self.web)]
        if self.sandbox:
            taken += [("SANDBOX_PORT", port) for port in (self.sandbox, self.sandbox + 1, self.mail)]
        return taken

    @property
    def mail(self) -> int:
        return (self.sandbox or 0) + MAIL_PORT_OFFSET


def processes(ports: Ports) -> list[Process]:
    celery = [sys.executable, "-m", "celery", "-A", "nomo_flow"]
    granian = [sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--host", "127.0.0.1"]
    granian += [f"--port={ports.web}", "--workers=2", "--blocking-threads=4"]
    granian += ["--workers-kill-timeout=5"]  # one told to stop while it still imports would never hear it
    granian += ["nomo_flow.wsgi:application"]
    parts = [
        Process("web", granian, ports.web),
        Process("worker", [*celery, "worker", "-c", "2"]),
        Process("reader", [*celery, "worker", "-c", "1", "-Q", "readings", "-n", "reader@%h"]),
        Process("ingest", [*MANAGE, "ingest"]),
        Process("beat", [*celery, "beat", "--schedule", str(VAR / "celerybeat-schedule")]),
    ]
    return [*parts, sandbox(ports)] if ports.sandbox else parts


def sandbox(ports: Ports) -> Process:
    command = [sys.executable, "-m", "scripts.sandbox", "--port", str(ports.sandbox), "--app-url", ports.app_url]
    return Process("sandbox", [*command, "--new-ids"], ports.sandbox)


def steps(values: Mapping[str, str]) -> list[Step]:
    found = [Step("migrate", [*MANAGE, "migrate", "--noinput"])]
    if values.get("DJANGO_SUPERUSER_PASSWORD") and values.get("DJANGO_SUPERUSER_EMAIL"):
        found.append(Step("superuser", [*MANAGE, "createsuperuser", "--noinput"], tolerate="is already taken"))
    return found


def last_steps(ports: Ports) -> list[Step]:
    """What needs the processes."""
    return [Step("seed", [sys.executable, "scripts/dev_seed.py", ports.sandbox_url])] if ports.sandbox else []


def addresses(ports: Ports) -> dict[str, str]:
    home, outside = ports.app_url, ports.sandbox_url
    ours = {"dashboard": f"{home}/", "admin": f"{home}/admin/", "webhook": f"{home}/webhooks/salla/"}
    theirs = {
        "console": f"{outside}/console/",
        "storefront": f"{outside}/store/",
        "phone": f"{outside}/phone/",
        "stage": f"{outside}/stage/",
    }
    return {**ours, **theirs} if ports.sandbox else ours


# run


def run() -> int:
    VAR.mkdir(exist_ok=True)
    lock = os.open(VAR / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    supervisor = Supervisor(VAR / "log", [lock])
    supervisor.obey_signals()
    try:
        take_lock(supervisor, lock)
        run_locked(supervisor, lock)
    except Stop:
        say("Stopped.")
    return 0


def run_locked(supervisor: Supervisor, lock: int) -> None:
    try:
        start_everything(supervisor)
        supervisor.watch()
    finally:
        fcntl.lockf(lock, fcntl.LOCK_UN)
        supervisor.stop()
        forget_run()


def take_lock(supervisor: Supervisor, lock: int) -> None:
    """Two locks on one file: a run's every process inherits the first; the second is its supervisor's alone.

    Having the first means that the former run is wholly gone; only the second, that it is still ending.
    """
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ServiceError("Nomo Flow is already running in this folder: stop it first.") from error
    if locked(lock):
        return
    say("Waiting for a former run to end.")
    try:
        supervisor.wait(lambda: locked(lock), "The lock", seconds=20)
    except ServiceError as error:
        raise ServiceError("A former run in this folder does not end: stop what holds var/run.lock.") from error


def locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start_everything(supervisor: Supervisor) -> None:
    values, env, ports = prepare()
    parts = processes(ports)
    for variable, port in ports.all():
        refuse_busy_port(variable, port)
    start_servers(supervisor, values, env)
    for step in steps(values):
        take(supervisor, step, env)
    say(f"Starting {', '.join(part.name for part in parts)}.")
    for part in parts:
        supervisor.start(part.name, part.command, env=env, cwd=PROJECT)
    for part in parts:
        if part.port:
            supervisor.wait(partial(speaks_http, part.port), part.name, seconds=60)
    for step in last_steps(ports):
        take(supervisor, step, env)
    say(f"READY {json.dumps(addresses(ports))}")


def take(supervisor: Supervisor, step: Step, env: Mapping[str, str]) -> None:
    say(f"Running {step.name}.")
    supervisor.step(step.name, step.command, env=env, cwd=PROJECT, tolerate=step.tolerate)


def prepare() -> tuple[dict[str, str], dict[str, str], Ports]:
    """The settings, the children's environment, and the ports."""
    environ = {name: value for name, value in os.environ.items() if value}
    dotenv, example = PROJECT / ".env", PROJECT / ".env.example"
    if not dotenv.exists():
        refuse_orphaned_data(environ)
        envfile.write_new(dotenv, example, str(envfile.port_of(environ, "PORT", "8000")))
        say("Wrote .env with random secrets.")
    values = envfile.load(dotenv, environ)
    port = envfile.port_of(values, "PORT", "8000")
    ports = Ports(port, envfile.port_of(values, "SANDBOX_PORT", "8001") if is_sandboxed(values) else None)
    env = {**environ, "PYTHONUNBUFFERED": "1", "PUBLIC_URL": envfile.public_url(values, environ, port)}
    env |= {name: values[name] for name in values if name.startswith(("DJANGO_SUPERUSER_", "SALLA_"))}
    return values, env | outside_world(ports), ports


def refuse_orphaned_data(environ: Mapping[str, str]) -> None:
    """New secrets would open nothing of what an earlier `.env` encrypted."""
    data = servers.lasting_place().data
    if not environ.get("DATABASE_URL") and (data / "postgres18" / "PG_VERSION").exists():
        raise ServiceError(f"There is no .env to open the database in {data}: put it back, or delete that folder.")


def is_sandboxed(values: Mapping[str, str]) -> bool:
    return values.get("SANDBOX", "").lower() in {"true", "on", "yes", "y", "1", "ok"}


def outside_world(ports: Ports) -> dict[str, str]:
    """With the sandbox on, Salla and the mail server are there and nowhere else."""
    if not ports.sandbox:
        return {}
    return {
        "SALLA_ACCOUNTS_URL": ports.sandbox_url,
        "SALLA_API_URL": ports.sandbox_url,
        "SALLA_DASHBOARD_URL": ports.dashboard_url,
        "EMAIL_URL": f"smtp://127.0.0.1:{ports.mail}",
    }


def start_servers(supervisor: Supervisor, values: Mapping[str, str], env: dict[str, str]) -> None:
    """Start those that the settings leave unset, and tell them to our children and to `manage.py` by hand."""
    missing = [name for name in STARTERS if not values.get(name)]
    if missing:
        say("Starting the embedded servers.")
        place = servers.lasting_place()
        env |= {name: STARTERS[name](supervisor, place) for name in missing}
    told = [*missing, *(name for name in TOLD if name in env)]
    lines = [f"{name}={env[name]}\n" for name in told]
    envfile.write_atomically(SERVICES_FILE, "".join(lines))


def refuse_busy_port(variable: str, port: int) -> None:
    """Asked of both loopbacks: a stranger on [::1] would answer for `localhost` before us."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family) as probe:
            probe.settimeout(1)
            if probe.connect_ex((host, port)) == 0:
                raise ServiceError(f"Port {port} is in use: stop what listens there, or set {variable} to another.")


def speaks_http(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("GET", "/", headers={"Host": f"localhost:{port}"})
        link.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
    return True


def forget_run() -> None:
    SERVICES_FILE.unlink(missing_ok=True)
    sockets = servers.temporary_root() / servers.project_name()
    if sockets.exists() and not any(servers.listener(path) for path in sockets.iterdir() if path.is_socket()):
        shutil.rmtree(sockets, ignore_errors=True)


# exec


def execute(command: list[str], *, durable: bool = False) -> int:
    env = envfile.throwaway(PROJECT / ".env.example", {k: v for k, v in os.environ.items() if v})
    missing = [name for name in STARTERS if not env[name]]
    if not missing:
        return in_foreground(command, env)
    with servers.throwaway_place(durable=durable) as (place, lock):
        supervisor = Supervisor(place.data / "log", [lock])
        supervisor.obey_signals()
        try:
            env |= {name: STARTERS[name](supervisor, place) for name in missing}
            return in_foreground(command, env)
        except Stop:
            return 128 + signal.SIGTERM
        finally:
            supervisor.stop()


def in_foreground(command: list[str], env: Mapping[str, str]) -> int:
    """Run it in our process group, on our terminal, and pass on what we are told."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: told.append(number))
    parent = os.getppid()
    try:
        process = subprocess.Popen(command, env=env, preexec_fn=die_with_parent(signal.SIGTERM))
    except OSError as error:
        raise ServiceError(f"{command[0]}: {error.strerror}.") from error
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=0.2)
            return code if code >= 0 else 128 - code
        if os.getppid() != parent:
            process.terminate()
        while told:
            pass_on(process, told.pop(0))


def pass_on(process: subprocess.Popen[bytes], number: int) -> None:
    if number != signal.SIGINT or not sys.stdin.isatty():  # a terminal's Ctrl-C has already reached it
        process.send_signal(number)


def main(arguments: list[str]) -> int:
    if sys.platform != "linux":
        say("Error: the embedded servers run on Linux only; use a Linux machine, container or WSL.")
        return 1
    try:
        match arguments:
            case ["run"]:
                return run()
            case ["exec", "--", *command] if command:
                return execute(command)
            case ["exec", "--durable", "--", *command] if command:
                return execute(command, durable=True)
    except ServiceError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return 1
    say("Usage: services.py run | services.py exec [--durable] -- COMMAND ...")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
