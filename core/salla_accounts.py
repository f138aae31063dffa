"""Salla's accounts: trading codes and refresh tokens, and what a token of its dashboard stands for (Salla OAuth)."""

from typing import Any

import requests
from django.conf import settings

from core.salla_answers import body_of, was_not_sent
from core.salla_errors import InvalidGrantError, NotSentError, TokenRefusedError, UnavailableError

TOKEN_TIMEOUT = (3.05, 10)  # seconds to connect, seconds between bytes
PERSON_TIMEOUT = (3.05, 5)
REFUSED = (400, 401, 403, 404, 422)  # of a token or of us: asking again changes nothing
# Refusals of us (RFC 6749 §5.2), made before a grant is looked at: it is not used up.
NOT_TRIED = ("invalid_client", "unauthorized_client", "unsupported_grant_type")


def refresh_tokens(refresh_token: str) -> dict[str, Any]:
    """Trade a refresh token for a new pair. It can be used once.

    Raises `InvalidGrantError` (re-install), `NotSentError` (nothing happened), or `UnavailableError`: then nobody
    knows whether the token was used up, and it must not be tried again.
    """
    return _trade({"grant_type": "refresh_token", "refresh_token": refresh_token})


def trade_code(code: str, redirect_uri: str) -> dict[str, Any]:
    """Trade the code of Custom mode for a pair. Raises like `refresh_tokens`; a used code is an invalid grant."""
    return _trade({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})


def _trade(grant: dict[str, str]) -> dict[str, Any]:
    form = {**grant, "client_id": settings.SALLA_CLIENT_ID, "client_secret": settings.SALLA_CLIENT_SECRET}
    url = f"{settings.SALLA_ACCOUNTS_URL}/oauth2/token"
    try:
        answer = requests.post(url, data=form, timeout=TOKEN_TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        kind = NotSentError if was_not_sent(error) else UnavailableError
        raise kind(f"token endpoint: {type(error).__name__}") from error
    body = body_of(answer)
    if answer.status_code == 200 and body.get("access_token"):
        return body
    if body.get("error") == "invalid_grant":
        raise InvalidGrantError("token endpoint: invalid_grant")
    if answer.status_code == 429:
        raise NotSentError("token endpoint: too many requests")
    if body.get("error") in NOT_TRIED:
        raise NotSentError(f"token endpoint: {body['error']}")
    raise UnavailableError(f"token endpoint: {answer.status_code}")


def user_info(access_token: str) -> dict[str, Any]:
    """Whose this new token is. Raises `TokenRefusedError` or `UnavailableError`."""
    url = f"{settings.SALLA_ACCOUNTS_URL}/oauth2/user/info"
    body = _asked("GET", url, "user info", headers={"Authorization": f"Bearer {access_token}"})
    data = body.get("data", body)  # documented in an envelope, claimed by newer examples to come without
    return data if isinstance(data, dict) else {}


def introspect(token: str) -> dict[str, Any]:
    """What a token of Salla's dashboard stands for. Raises `TokenRefusedError` or `UnavailableError`."""
    url = f"{settings.SALLA_API_URL}/exchange-authority/v1/introspect"
    body = _asked("POST", url, "introspection", headers={"S-Source": settings.SALLA_APP_ID}, json={"token": token})
    data = body.get("data")
    if body.get("success") is not True or not isinstance(data, dict):
        raise TokenRefusedError("introspection: no success")
    return data


def _asked(method: str, url: str, what: str, **request: Any) -> dict[str, Any]:
    """A person waits for the answer: once, and not for long."""
    try:
        answer = requests.request(method, url, timeout=PERSON_TIMEOUT, allow_redirects=False, **request)
    except requests.RequestException as error:
        raise UnavailableError(f"{what}: {type(error).__name__}") from error
    if answer.status_code in REFUSED:
        raise TokenRefusedError(f"{what}: {answer.status_code}")
    if answer.status_code != 200:
        raise UnavailableError(f"{what}: {answer.status_code}")
    return body_of(answer)
