"""System checks of the environment: each names one variable and says what to do. `manage.py doctor` prints them all."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured

from core import webhooks

GENERATE_KEY = (
    'run `python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"` '
    "and put the result first in FIELD_ENCRYPTION_KEYS"
)
SALLA_PORTAL = ("SALLA_APP_ID", "SALLA_CLIENT_ID", "SALLA_CLIENT_SECRET")


def environment(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Everything that is missing or wrong in the environment, in the order of `.env.example`."""
    return [*_secrets(), *_addresses(), *_servers(), *_salla(), *_unreadable(), *_sandbox()]


def production(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """What must not reach production."""
    problems: list[CheckMessage] = []
    problems += _sandbox(is_production=True)
    if settings.SALLA_CUSTOM_MODE:
        hint = "set SALLA_CUSTOM_MODE=false: a published app gets its tokens by webhook"
        problems.append(Error("SALLA_CUSTOM_MODE is on.", hint=hint, id="core.E023"))
    if not settings.PUBLIC_URL.startswith("https://"):
        problems.append(Caution("PUBLIC_URL is not https.", hint="serve the app over TLS", id="core.W021"))
    if settings.EMAIL_BACKEND.endswith("console.EmailBackend"):
        problems.append(Caution("E-mail goes to the console.", hint="set EMAIL_URL", id="core.W022"))
    return problems


def _sandbox(*, is_production: bool | None = None) -> Iterator[CheckMessage]:
    """An app that is reached over TLS is no sandbox, whatever else is asked of the checks."""
    if is_production is None:
        is_production = settings.PUBLIC_URL.startswith("https://") and not settings.DEBUG
    if settings.SANDBOX and is_production:
        yield Error("SANDBOX is on.", hint="set SANDBOX=false: production talks to Salla", id="core.E020")


def _secrets() -> Iterator[CheckMessage]:
    if len(_secret_key()) < 50:
        yield Error(
            "SECRET_KEY is missing or shorter than 50 characters.",
            hint='run `python -c "import secrets; print(secrets.token_urlsafe(50))"` and set SECRET_KEY to the result',
            id="core.E001",
        )
    if not settings.FIELD_ENCRYPTION_KEYS:
        yield Error("FIELD_ENCRYPTION_KEYS is not set.", hint=GENERATE_KEY, id="core.E002")
    elif not all(_is_fernet_key(key) for key in settings.FIELD_ENCRYPTION_KEYS):
        yield Error("FIELD_ENCRYPTION_KEYS holds something that is no Fernet key.", hint=GENERATE_KEY, id="core.E003")


def _secret_key() -> str:
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's own refusal of an empty one
        return ""


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def _addresses() -> Iterator[CheckMessage]:
    address = urlsplit(settings.PUBLIC_URL)
    if address.scheme not in {"http", "https"} or not address.hostname:
        yield Error(
            "PUBLIC_URL is missing or no web address.",
            hint="set PUBLIC_URL to the app's own address, such as https://app.example.com",
            id="core.E004",
        )
    elif not {address.hostname, "*"} & set(settings.ALLOWED_HOSTS) and not _is_below(address.hostname):
        yield Error(
            f"ALLOWED_HOSTS does not contain {address.hostname}, the host of PUBLIC_URL.",
            hint=f"add {address.hostname} to ALLOWED_HOSTS",
            id="core.E005",
        )


def _is_below(host: str) -> bool:
    return any(allowed.startswith(".") and host.endswith(allowed) for allowed in settings.ALLOWED_HOSTS)


def _servers() -> Iterator[CheckMessage]:
    start = "start the app with `make run`, which starts embedded servers, or set {} to a server of your own"
    if not settings.DATABASES["default"].get("ENGINE", "").endswith("postgresql"):
        yield Error(
            "DATABASE_URL is not set to a PostgreSQL server.",
            hint=start.format("DATABASE_URL"),
            id="core.E006",
        )
    if not settings.REDIS_URL.startswith(("redis://", "rediss://")):
        yield Error("REDIS_URL is not set to a Redis server.", hint=start.format("REDIS_URL"), id="core.E007")


def _salla() -> Iterator[CheckMessage]:
    for name in SALLA_PORTAL:
        if not getattr(settings, name):
            yield Error(
                f"{name} is not set.",
                hint="copy it from the app's page in Salla's partner portal",
                id="core.E008",
            )
    if not any(settings.SALLA_WEBHOOK_SECRETS):
        yield Error(
            "SALLA_WEBHOOK_SECRETS is not set: every webhook is refused.",
            hint="copy the webhook secret from the app's page in Salla's partner portal",
            id="core.E009",
        )
    if settings.SALLA_WEBHOOK_STRATEGY not in webhooks.STRATEGIES:
        yield Error(
            f"SALLA_WEBHOOK_STRATEGY is {settings.SALLA_WEBHOOK_STRATEGY!r}.",
            hint=f"set it to {' or '.join(webhooks.STRATEGIES)}, as chosen in the partner portal",
            id="core.E010",
        )


def _unreadable() -> Iterator[CheckMessage]:
    for name in settings.UNREADABLE:
        yield Error(f"{name} cannot be read.", hint=f"correct {name}; .env.example shows its form", id="core.E011")
