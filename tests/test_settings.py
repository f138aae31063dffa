"""The environment: `.env.example` and `settings.py` name the same variables, and the doctor names all that is wrong."""

import ast
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from redis import RedisError

from core import redis

PROJECT = Path(django_settings.BASE_DIR)
EXAMPLE = (PROJECT / ".env.example").read_text()
SETTINGS = (PROJECT / "nomo_flow" / "settings.py").read_text()

# Read by `make run` and the sandbox, never by Django's settings: name → the file that reads it.
SUPERVISORS = {
    "PORT": "scripts/services.py",
    "SANDBOX_PORT": "scripts/sandbox/__main__.py",
    "DJANGO_SUPERUSER_EMAIL": "scripts/services.py",
    "DJANGO_SUPERUSER_PASSWORD": "scripts/services.py",
}


# .env.example ↔ settings.py


def read_by(source: str) -> set[str]:
    """Every variable that the source asks the environment for, in whichever way."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            kind = ast.unparse(node.func)
            if kind == "read":
                found |= texts(node.args[1:2])
            elif re.fullmatch(r"(\w+\.)?env(\.\w+)?|os\.getenv|(os\.)?environ\.(get|pop|setdefault)", kind):
                found |= texts(node.args[:1])
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) in {"os.environ", "environ", "env"}:
            found |= texts([node.slice])
    return found


def texts(nodes: list[Any]) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_the_example_names_what_settings_read_and_nothing_else() -> None:
    named = re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE)
    assert len(named) == len(set(named))
    assert set(named) == read_by(SETTINGS) | set(SUPERVISORS)
    assert not read_by(SETTINGS) & set(SUPERVISORS)


@pytest.mark.parametrize("name", SUPERVISORS)
def test_the_supervisors_variables_are_used(name: str) -> None:
    assert f'"{name}"' in (PROJECT / SUPERVISORS[name]).read_text()


def test_variables_are_found_however_they_are_read() -> None:
    source = """
A = read(env.str, "A", "")
B = env("B"); C = env.bool("C", default=False); D = os.environ["D"]; E = os.environ.get("E"); F = os.getenv("F")
vars().update(read(env.email_url, "G", {})); H = environ.Env.str("not read"); I = read(env.int, name, 0)
"""
    assert read_by(source) == {"A", "B", "C", "D", "E", "F", "G"}


def test_only_settings_read_the_environment() -> None:
    apps = ["attributions", "core", "coupons", "events", "features", "integrations", "notifications", "visitors"]
    files = [file for app in apps for file in (PROJECT / app).rglob("*.py")]
    assert len(files) > 50
    assert {str(file.relative_to(PROJECT)) for file in files if read_by(file.read_text())} == set()


def test_each_variable_has_a_sentence() -> None:
    lines = EXAMPLE.splitlines()
    without = []
    for above, line in zip(["", *lines], lines, strict=False):
        if "=" in line and not line.startswith("#") and not re.fullmatch(r"# [A-Z][^\n]{10,}[.]", above):
            without.append(line)
    assert without == []


def test_the_example_holds_no_secret() -> None:
    secret = re.findall(r"^(\w*(?:SECRET|KEY|PASSWORD|TOKEN)\w*)=(.*)$", EXAMPLE, re.MULTILINE)
    assert len(secret) >= 5
    assert {value for _, value in secret} == {""}


# The doctor, as a person meets it: another process, another environment

SOUND = {
    **dict.fromkeys(re.findall(r"^(\w+)=", EXAMPLE, re.MULTILINE), ""),
    "PATH": os.environ["PATH"],
    "SECRET_KEY": "s" * 50,
    "FIELD_ENCRYPTION_KEYS": "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=",
    "PUBLIC_URL": "http://localhost:8000",
    "ALLOWED_HOSTS": "localhost",
    "DATABASE_URL": "postgres://nobody:nothing@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SALLA_APP_ID": "1",
    "SALLA_CLIENT_ID": "client",
    "SALLA_CLIENT_SECRET": "secret",
    "SALLA_WEBHOOK_SECRETS": "webhook-secret",
}
# Nothing listens on port 1; which servers answer is tested below, in this process.
NO_POSTGRESQL = (
    '✗ PostgreSQL does not answer: connection to server at "127.0.0.1", port 1 failed: Connection refused '
    "→ start it, or correct DATABASE_URL"
)
NO_REDIS = (
    "✗ Redis does not answer: Error 111 connecting to 127.0.0.1:1. Connection refused. → start it, or correct REDIS_URL"
)
NEW_KEY = (
    'run `python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"` '
    "and put the result first in FIELD_ENCRYPTION_KEYS"
)
PORTAL = "copy it from the app's page in Salla's partner portal"
SERVER = "start the app with `make run`, which starts embedded servers, or set {} to a server of your own"
# What is wrong → the line it adds.
SABOTAGES: dict[str, tuple[dict[str, str], str]] = {
    "no secret key": (
        {"SECRET_KEY": ""},
        "✗ SECRET_KEY is missing or shorter than 50 characters. → "
        'run `python -c "import secrets; print(secrets.token_urlsafe(50))"` and set SECRET_KEY to the result',
    ),
    "a broken field key": (
        {"FIELD_ENCRYPTION_KEYS": f"{SOUND['FIELD_ENCRYPTION_KEYS']},half-a-key"},
        f"✗ FIELD_ENCRYPTION_KEYS holds something that is no Fernet key. → {NEW_KEY}",
    ),
    "an address without a scheme": (
        {"PUBLIC_URL": "app.example.com"},
        "✗ PUBLIC_URL is missing or no web address. → "
        "set PUBLIC_URL to the app's own address, such as https://app.example.com",
    ),
    "a host that is not allowed": (
        {"PUBLIC_URL": "https://app.example.com", "ALLOWED_HOSTS": "example.com,.example.org"},
        "✗ ALLOWED_HOSTS does not contain app.example.com, the host of PUBLIC_URL. → "
        "add app.example.com to ALLOWED_HOSTS",
    ),
    "another database": (
        {"DATABASE_URL": "sqlite:///db.sqlite3"},
        f"✗ DATABASE_URL is not set to a PostgreSQL server. → {SERVER.format('DATABASE_URL')}",
    ),
    "no Redis": (
        {"REDIS_URL": ""},
        f"✗ REDIS_URL is not set to a Redis server. → {SERVER.format('REDIS_URL')}",
    ),
    "no client secret": (
        {"SALLA_CLIENT_SECRET": ""},
        f"✗ SALLA_CLIENT_SECRET is not set. → {PORTAL}",
    ),
    "no webhook secret": (
        {"SALLA_WEBHOOK_SECRETS": ""},
        "✗ SALLA_WEBHOOK_SECRETS is not set: every webhook is refused. → "
        "copy the webhook secret from the app's page in Salla's partner portal",
    ),
    "an unknown strategy": (
        {"SALLA_WEBHOOK_STRATEGY": "none"},
        "✗ SALLA_WEBHOOK_STRATEGY is 'none'. → set it to signature or token, as chosen in the partner portal",
    ),
    "a number that is none": (
        {"CONN_MAX_AGE": "a minute"},
        "✗ CONN_MAX_AGE cannot be read. → correct CONN_MAX_AGE; .env.example shows its form",
    ),
}


def doctor(environment: dict[str, str]) -> tuple[int, list[str], str]:
    """Exit code, lines and the last word."""
    command = [sys.executable, "manage.py", "doctor"]
    result = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout.splitlines(), result.stderr.strip()


def test_each_sabotage_gets_its_hint_and_all_are_listed_at_once() -> None:
    """In one test, so that parallel runs start each process once."""
    environments = {name: {**SOUND, **broken} for name, (broken, _) in SABOTAGES.items()}
    environments["nothing wrong"] = SOUND
    environments["nothing set"] = dict.fromkeys(SOUND, "") | {"PATH": SOUND["PATH"]}
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(environments, pool.map(doctor, environments.values()), strict=True))

    code, lines, last = found.pop("nothing set")
    wanted = ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL"]
    wanted += ["SALLA_APP_ID", "SALLA_CLIENT_ID", "SALLA_CLIENT_SECRET", "SALLA_WEBHOOK_SECRETS"]
    shapes = [re.fullmatch(r"✗ (\w+) [^→]+ → [^→]+", line) for line in lines]
    assert [shape and shape[1] for shape in shapes] == wanted
    assert (code, last) == (1, "CommandError: 9 to put right.")

    assert len(SABOTAGES) >= 10
    servers = {"DATABASE_URL": NO_POSTGRESQL, "REDIS_URL": NO_REDIS}
    expected = {"nothing wrong": list(servers.values())}
    for name, (broken, hint) in SABOTAGES.items():
        expected[name] = [hint, *(line for variable, line in servers.items() if variable not in broken)]
    assert found == {name: (1, lines, f"CommandError: {len(lines)} to put right.") for name, lines in expected.items()}


# The doctor and its servers


class FakeRedis:
    """Another server's answers."""

    def __init__(self, version: str, aof: int) -> None:
        self.answers = {"server": {"redis_version": version}, "persistence": {"aof_enabled": aof}}

    def info(self, section: str) -> dict[str, Any]:
        return self.answers[section]


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Every line that the doctor says in this process."""
    try:
        call_command("doctor")
    except CommandError as error:
        return [*capsys.readouterr().out.splitlines(), str(error)]
    return capsys.readouterr().out.splitlines()


def serve(monkeypatch: pytest.MonkeyPatch, version: str = "7.0.15", aof: int = 1) -> None:
    fake = SimpleNamespace(client=lambda: FakeRedis(version, aof))
    monkeypatch.setattr("core.management.commands.doctor.redis", fake)


@pytest.fixture(autouse=True)
def _countries(settings: Any) -> None:
    """Whether npm brought the database or not."""
    settings.COUNTRY_DATABASE = __file__


@pytest.mark.django_db
def test_a_missing_country_database_is_told_and_no_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    serve(monkeypatch)
    settings.COUNTRY_DATABASE = "/nowhere"
    assert told(capsys) == [
        "✓ Settings, database and Redis are in order.",
        "· COUNTRY_DATABASE is not there: countries are unknown → `make run` fetches it by npm",
    ]


@pytest.mark.django_db
def test_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    serve(monkeypatch)
    assert told(capsys) == ["✓ Settings, database and Redis are in order."]


@pytest.mark.django_db
def test_an_old_or_forgetful_redis_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch, "6.2.14", 0)
    assert told(capsys) == [
        "✗ Redis 6.2.14 is too old → use 7.0 or newer",
        "✗ Redis keeps no append-only file, so beacons can be lost → set `appendonly yes` on the server",
        "2 to put right.",
    ]


@pytest.mark.django_db
def test_the_real_redis_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    has_file = bool(redis.client().info("persistence")["aof_enabled"])
    forgetful = "✗ Redis keeps no append-only file, so beacons can be lost → set `appendonly yes` on the server"
    sound = ["✓ Settings, database and Redis are in order."]
    assert told(capsys) == (sound if has_file else [forgetful, "1 to put right."])


@pytest.mark.django_db
def test_a_missing_migration_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    serve(monkeypatch)
    call_command("migrate", "events", "0002", fake=True, verbosity=0)
    call_command("migrate", "events", "0001", fake=True, verbosity=0)
    assert told(capsys) == [
        "✗ The database lacks migrations → run `python manage.py migrate`",
        "1 to put right.",
    ]


@pytest.mark.django_db
def test_an_old_postgresql_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    serve(monkeypatch)
    monkeypatch.setattr("core.management.commands.doctor.LEAST_POSTGRESQL", 10**9)
    lines = told(capsys)
    assert re.fullmatch(r"✗ PostgreSQL 1\d is too old → use 15 or newer", lines[0])
    assert lines[1:] == ["1 to put right."]


@pytest.mark.django_db
def test_a_silent_redis_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise RedisError("Timeout reading from socket\nand more")

    monkeypatch.setattr("core.management.commands.doctor.redis", SimpleNamespace(client=refuse))
    assert told(capsys) == [
        "✗ Redis does not answer: Timeout reading from socket → start it, or correct REDIS_URL",
        "1 to put right.",
    ]


# Production


def deploy_problems(settings: Any, **values: Any) -> set[str]:
    """The ids of our own that `check --deploy` finds in an otherwise sound production."""
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://app.example.com", ["app.example.com"]
    settings.SECRET_KEY = "0123456789" * 6
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    for name, value in values.items():
        setattr(settings, name, value)
    try:
        call_command("check", "--deploy", "--fail-level", "WARNING")
    except SystemCheckError as error:
        return set(re.findall(r"core\.[EW]\d+", str(error)))
    return set()


@pytest.mark.django_db
def test_djangos_own_complaints_come_when_ours_are_mended(
    settings: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(monkeypatch)
    settings.SILENCED_SYSTEM_CHECKS = []
    settings.CSRF_TRUSTED_ORIGINS = ["app.example.com"]
    lines = told(capsys)
    assert lines[0].startswith("✗ As of Django 4.0, the values in the CSRF_TRUSTED_ORIGINS setting must start with")
    assert (lines[0].count("→"), lines[1:]) == (0, ["1 to put right."])
    settings.PUBLIC_URL = ""
    assert [line[:15] for line in told(capsys)] == ["✗ PUBLIC_URL is", "1 to put right."]


@pytest.mark.django_db
def test_production_refuses_the_sandbox(settings: Any) -> None:
    assert deploy_problems(settings, SANDBOX=False) == set()
    assert deploy_problems(settings, SANDBOX=True) == {"core.E020"}
    with pytest.raises(SystemCheckError, match="set SANDBOX=false: production talks to Salla"):
        call_command("check", "--deploy")


def test_production_is_told_of_plain_http_and_a_console_mailbox(settings: Any) -> None:
    assert deploy_problems(
        settings,
        SANDBOX=False,
        PUBLIC_URL="http://app.example.com",
        EMAIL_BACKEND="django.core.mail.backends.console.EmailBackend",
    ) == {"core.W021", "core.W022"}


@pytest.mark.django_db
def test_the_sandbox_is_no_fault_elsewhere(settings: Any) -> None:
    settings.SANDBOX = True
    call_command("check", verbosity=0)


def test_host_below_an_allowed_domain_is_allowed(settings: Any) -> None:
    assert deploy_problems(settings, SANDBOX=False, ALLOWED_HOSTS=[".example.com"]) == set()
    assert deploy_problems(settings, SANDBOX=False, ALLOWED_HOSTS=["*"]) == set()
