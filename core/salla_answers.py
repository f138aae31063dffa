"""What an answer of Salla means: its body, or the error of its class (Salla Merchant API, basics)."""

import ssl
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from core.salla_errors import (
    AccountDeletedError,
    AccountInactiveError,
    InvalidError,
    NotFoundError,
    SallaError,
    ScopeMissingError,
    TokenRefusedError,
    UnavailableError,
)

REFUSALS: dict[str, type[SallaError]] = {
    "one of those scopes": ScopeMissingError,
    "The User is not exist": AccountDeletedError,
    "غير مفعل": AccountInactiveError,
}


def retry_after_of(answer: requests.Response) -> float:
    try:
        return min(max(float(answer.headers.get("Retry-After", "")), 1.0), 3600.0)
    except ValueError:
        return 60.0


def read_answer(answer: requests.Response, what: str) -> dict[str, Any]:
    """The body of a success; everything else as the error of its class."""
    body = body_of(answer)
    if answer.status_code < 300:
        return body
    raw = body.get("error")
    error = raw if isinstance(raw, dict) else {}
    message = f"{what}: {answer.status_code} {error.get('message') or raw or ''}".strip()
    if answer.status_code == 401:
        raise _refusal_of(message)(message)
    if answer.status_code in {404, 410}:
        raise NotFoundError(message)
    if answer.status_code == 422:
        fields = error.get("fields")
        raise InvalidError(message, fields if isinstance(fields, dict) else {})
    if answer.status_code >= 500:
        raise UnavailableError(message)
    raise SallaError(message)


def _refusal_of(message: str) -> type[SallaError]:
    """The cases of 401, which only their texts tell apart."""
    for text, kind in REFUSALS.items():
        if text in message:
            return kind
    return TokenRefusedError


def body_of(answer: requests.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        if answer.status_code < 300 and answer.content:
            raise UnavailableError("the answer is no JSON object")
        return {}
    return body


def was_not_sent(error: requests.RequestException) -> bool:
    """No connection was made: refused, unresolved, timed out while connecting, or not trusted."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    # Other TLS errors may also come while the answer is read.
    is_untrusted = any(isinstance(part, ssl.SSLCertVerificationError) for part in getattr(cause, "args", ()))
    return isinstance(error, requests.ConnectTimeout) or isinstance(cause, NewConnectionError) or is_untrusted
