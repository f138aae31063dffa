"""How logs are written: one JSON object a line (in development one for people), with ids and without persons.

Ids come from the context: the request's, the store's, the task's and the work row's stand on every line that is
written meanwhile, whoever writes it. Whatever is written passes `mask`, once, right before it leaves.
"""

import json
import logging
import re
import uuid
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "…"
SHORTEST_SECRET = 8  # characters; a shorter one stands in ordinary words too
NUMBERS = (bool, float, type(None))
# Written by the logging itself.
OWN_KEYS = frozenset({"timestamp", "level", "logger", "request_id", "task_id"})
# Django's own object, which is a path, and what another handler's formatter left behind.
LEFT_OUT = ("request", "server_time", "message", "asctime")

# Keys of what is never written, wherever they stand: in an extra, in a header, in the text of a body.
_NAMES = (
    r"authorization|(?:set-)?cookie|[\w-]*(?:token|secret|password|passwd|signature|api[_-]?key)"
    r"|(?:[\w-]*[_-])?(?:mobile|phone|msisdn|e-?mail)(?:[_-](?:number|address))?"
)
_KEY = re.compile(_NAMES, re.IGNORECASE)
_KEYED = re.compile(
    rf"""(?<![\w-])((?:{_NAMES})\\?["']?\s*[:=]\s*)((?:(?:bearer|basic|token)\s+)?(?:\\?"[^"]*"|\\?'[^']*'|[^\s,;&{{}}\])]+))""",
    re.IGNORECASE,
)
_ZERO, _FIVE, _SIX, _NINE = "[0٠۰]", "[5٥۵]", "[6٦۶]", "[9٩۹]"
_PATTERNS = (
    # Who signs in to a server, in its address
    (re.compile(r"(://)[^\s/@]+@"), r"\1…@"),
    # Addresses of ours whose last part opens something
    (re.compile(r"(/(?:sign-in|arrived|unsubscribe)/)[^/\s\"'?]+"), r"\1…"),
    # What Salla puts into the address that it sends a browser back to
    (re.compile(r"([?&](?:code|state)=)[^&\s\"']+"), r"\1…"),
    # What a validation refused, which may be a whole body
    (re.compile(r"(input_value=).*?(?=, input_type=|\]|$)", re.DOTALL), r"\1…"),
    (_KEYED, r"\1…"),
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), r"\1 …"),
    (re.compile(r"(?<![\w.+-])[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"), HIDDEN),
    (re.compile(rf"(?<![\w.])(?:\+|{_ZERO}{{2}})(?!{_ZERO})(?:[\s().-]{{0,2}}\d){{8,15}}(?!\w)"), HIDDEN),
    (re.compile(rf"(?<![\w.-])(?:{_NINE}{_SIX}{{2}}[\s-]?{_ZERO}?|{_ZERO}){_FIVE}(?:[\s-]?\d){{8}}(?!\w)"), HIDDEN),
    # Tokens: Salla's, JWT, Fernet's, and any long word of large and small letters and digits
    (re.compile(r"\b(?:ory_[a-z]+_|eyJ|gAAAAA)[\w.=-]+"), HIDDEN),
    (re.compile(r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[A-Za-z0-9_-]{24,}"), HIDDEN),
)

_ids = re.compile(r"[A-Za-z0-9-]{8,64}")


def formatter() -> logging.Formatter:
    """Of the one handler; everybody logs by `logging.getLogger(__name__)`."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    to_text = partial(json.dumps, ensure_ascii=False)
    for_people = structlog.dev.ConsoleRenderer(colors=False, sort_keys=False)
    return ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            mask,
            for_people if settings.DEBUG or settings.SANDBOX else structlog.processors.JSONRenderer(serializer=to_text),
        ],
    )


# The context


def begin(**ids: object) -> None:
    """A request or a task begins: of the one before, which this thread may have served, nothing is left."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**ids)


def add(**ids: object) -> None:
    """Learned on the way: on every further line of this request, task or row."""
    structlog.contextvars.bind_contextvars(**ids)


# `with about(row=5):` holds for the block.
about = structlog.contextvars.bound_contextvars


def request_id(told: str) -> str:
    """The id that a proxy of ours gave the request, if it is one; else a new one."""
    return told if _ids.fullmatch(told) else uuid.uuid4().hex


# The mask


def mask(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    """The one filter: over keys, texts and values, and whatever our own settings keep secret."""
    shown = {key: value for key, value in event.items() if value is not None and key not in LEFT_OUT}
    return {key: value if key in OWN_KEYS else _masked_value(key, value) for key, value in shown.items()}


def masked(text: str) -> str:
    """As a log line would say it; also for texts of errors that are kept in the database and shown to staff."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    known = _known(_secrets())
    return known.sub(HIDDEN, text) if known else text


def _masked_value(key: object, value: Any) -> Any:
    if isinstance(key, str) and _KEY.fullmatch(key) and value:
        return HIDDEN
    if isinstance(value, NUMBERS):
        return value
    if isinstance(value, int):
        return value if masked(str(value)) == str(value) else HIDDEN
    if isinstance(value, Mapping):
        return {masked(str(name)): _masked_value(name, item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_value(None, item) for item in value]
    return masked(value.decode(errors="replace") if isinstance(value, bytes) else str(value))


@lru_cache(maxsize=1)
def _known(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(set(secrets), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _secrets() -> tuple[str, ...]:
    database = settings.DATABASES["default"].get("PASSWORD", "")
    single = [_secret_key(), settings.SALLA_CLIENT_SECRET, settings.METRICS_TOKEN, settings.EMAIL_HOST_PASSWORD]
    several = [*settings.SECRET_KEY_FALLBACKS, *settings.FIELD_ENCRYPTION_KEYS, *settings.SALLA_WEBHOOK_SECRETS]
    return tuple(secret for secret in [database, *single, *several] if secret and len(secret) >= SHORTEST_SECRET)


def _secret_key() -> str:
    """Of settings that lack it nothing can be read but that; the doctor says so, and must be able to log."""
    try:
        return settings.SECRET_KEY
    except ImproperlyConfigured:
        return ""
