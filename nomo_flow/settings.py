"""Settings, read top to bottom; what differs between machines comes from the environment (`.env.example`)."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from dotenv import load_dotenv

T = TypeVar("T")

BASE_DIR = Path(__file__).resolve().parent.parent

# The addresses of the embedded servers, written by scripts/services.py for as long as they run; it starts only
# those that .env leaves unset.
load_dotenv(BASE_DIR / "var" / "services.env")
load_dotenv(BASE_DIR / ".env")
env = environ.Env()

# Variables whose text is not of their kind. Nothing here raises: core/checks.py names all that is wrong at once.
UNREADABLE: list[str] = []
BOOLEAN_FALSE_STRINGS = ("false", "off", "no", "n", "0")


def read(kind: Callable[..., T], name: str, default: T) -> T:
    """The variable's value, or `default` when it is unset, empty or unreadable."""
    if not os.environ.get(name):
        return default
    try:
        return kind(name)
    except (ImproperlyConfigured, ValueError):
        UNREADABLE.append(name)
        return default


def truth(name: str) -> bool:
    """A boolean variable; unlike `env.bool`, refuses words it does not know."""
    word = env.str(name).lower()
    if word not in env.BOOLEAN_TRUE_STRINGS and word not in BOOLEAN_FALSE_STRINGS:
        raise ValueError(name)
    return word in env.BOOLEAN_TRUE_STRINGS


# Identity and secrets

SECRET_KEY = read(env.str, "SECRET_KEY", "")
SECRET_KEY_FALLBACKS: list[str] = read(env.list, "SECRET_KEY_FALLBACKS", [])
FIELD_ENCRYPTION_KEYS: list[str] = read(env.list, "FIELD_ENCRYPTION_KEYS", [])  # newest first; only the first encrypts
DEBUG = read(truth, "DEBUG", False)
SANDBOX = read(truth, "SANDBOX", False)
PUBLIC_URL = read(env.str, "PUBLIC_URL", "").rstrip("/")
ALLOWED_HOSTS: list[str] = read(env.list, "ALLOWED_HOSTS", [])
PROXY_COUNT = read(env.int, "PROXY_COUNT", 0)

# Storefronts

STOREFRONT_OFF = read(truth, "STOREFRONT_OFF", False)

# Apps and middleware

INSTALLED_APPS = [
    "attributions",
    "notifications",
    "coupons",
    "visitors",
    "features",
    "integrations",
    "events",
    "core",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
]

# One folder each, imported by features.apps.ready(); nothing else lists them (docs/new-card.md).
CARD_FOLDERS = [path.parent for path in sorted(BASE_DIR.glob("*/cards/*/card.py")) if path.parts[-4] in INSTALLED_APPS]

MIDDLEWARE = [
    "core.middleware.RequestContext",
    "core.middleware.MachineTraffic",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.ContentPolicy",
    "core.middleware.EmbeddedFrame",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.SlidingSession",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "nomo_flow.urls"
FRAME_URLCONF = "nomo_flow.frame_urls"
WSGI_APPLICATION = "nomo_flow.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates", *(folder / "templates" for folder in CARD_FOLDERS)],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

FORM_RENDERER = "core.form_renderer.Renderer"

# Servers

DATABASES: dict[str, dict[str, Any]] = {"default": read(env.db_url, "DATABASE_URL", {})}
if DATABASES["default"]:
    DATABASES["default"].update(
        CONN_MAX_AGE=read(env.int, "CONN_MAX_AGE", 60),
        CONN_HEALTH_CHECKS=True,
        OPTIONS={"connect_timeout": 3, **DATABASES["default"].get("OPTIONS", {})},
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = read(env.str, "REDIS_URL", "")
REDIS_PREFIX = read(env.str, "REDIS_PREFIX", "nomo:")

# Streams of storefront events. Fixed: another number sends stores through other streams, and what waits in one that is
# no more is never read; so stop the web, let ingest drain, and only then change it.
STREAM_SHARDS = 4

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_PREFIX,
    "ack_emulation": False,  # a message is a ring: a lost one is rung again by the pulse (docs/adr/0002)
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 15,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
# What takes long, reading a store or bringing in a merchant's file, has a worker of its own: webhooks wait for nobody.
CELERY_TASK_ROUTES = {
    "integrations.tasks.sync_stores": {"queue": "readings"},
    "visitors.tasks.import_contacts": {"queue": "readings"},
}
CELERY_BEAT_SCHEDULE = {
    "pulse": {"task": "events.tasks.pulse", "schedule": 15.0, "options": {"expires": 15}},
}

# Health

METRICS_TOKEN = read(env.str, "METRICS_TOKEN", "")

# Salla (addresses are settings, so that the sandbox can stand in for the platform)

SALLA_ACCOUNTS_URL = read(env.str, "SALLA_ACCOUNTS_URL", "https://accounts.salla.sa").rstrip("/")
SALLA_API_URL = read(env.str, "SALLA_API_URL", "https://api.salla.dev").rstrip("/")
SALLA_DASHBOARD_URL = read(env.str, "SALLA_DASHBOARD_URL", "https://s.salla.sa").rstrip("/")
SALLA_APP_ID = read(env.str, "SALLA_APP_ID", "")
SALLA_CLIENT_ID = read(env.str, "SALLA_CLIENT_ID", "")
SALLA_CLIENT_SECRET = read(env.str, "SALLA_CLIENT_SECRET", "")
# Development only: published apps get their tokens by webhook (Easy mode).
SALLA_CUSTOM_MODE = read(truth, "SALLA_CUSTOM_MODE", False)
SALLA_WEBHOOK_STRATEGY = read(env.str, "SALLA_WEBHOOK_STRATEGY", "signature")
# Any of them verifies, so that rotation loses nothing.
SALLA_WEBHOOK_SECRETS: list[str] = read(env.list, "SALLA_WEBHOOK_SECRETS", [])

# Visitors

# Which country a network is in; without the file countries are unknown. Any file of MaxMind's form will do.
COUNTRY_DATABASE = read(env.str, "COUNTRY_DATABASE", str(BASE_DIR / "visitors" / "vendor" / "countries.mmdb"))

# E-mail

CONSOLE = {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
vars().update(read(env.email_url, "EMAIL_URL", CONSOLE))
DEFAULT_FROM_EMAIL = read(env.str, "DEFAULT_FROM_EMAIL", "Nomo Flow <no-reply@nomoflow.example>")
EMAIL_TIMEOUT = 10

# People, languages, time

AUTH_USER_MODEL = "core.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "core:sign-in"  # by a link; staff have the admin's own page

LANGUAGE_CODE = "ar"
LANGUAGES = [("ar", _("Arabic")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "django", *(folder / "locale" for folder in CARD_FOLDERS)]
FORMAT_MODULE_PATH = ["nomo_flow.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Riyadh"  # what people see; the database stores UTC

# Files

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS: list[Any] = [
    BASE_DIR / "static",
    *((f"cards/{folder.name}", folder / "static") for folder in CARD_FOLDERS if (folder / "static").is_dir()),
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "core.static_files.StaticFiles"
    },
}

# Browser security

USE_HTTPS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = USE_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXY_COUNT else None
SECURE_HSTS_SECONDS = 31_536_000 if USE_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = USE_HTTPS
SECURE_HSTS_PRELOAD = USE_HTTPS
SESSION_COOKIE_SECURE = USE_HTTPS
CSRF_COOKIE_SECURE = USE_HTTPS
# Browsers take a `__Host-` cookie only from this host itself, over TLS: no other subdomain can plant one.
SESSION_COOKIE_NAME = "__Host-session" if USE_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if USE_HTTPS else "csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 86_400  # core.middleware.SlidingSession prolongs it
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"

# Logs: JSON lines (readable ones in development), ids only; one handler, whose formatter masks

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"masked": {"()": "core.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "masked"}},
    "root": {"handlers": ["console"], "level": read(env.str, "LOG_LEVEL", "INFO")},
    # Django gives these handlers of their own, which would not mask.
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
