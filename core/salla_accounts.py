"""Salla's accounts: trading refresh tokens (Salla OAuth, tokens)."""

from typing import Any

import requests
from django.conf import settings

from core.salla_answers import body_of, was_not_sent
from core.salla_errors import InvalidGrantError, NotSentError, UnavailableError

TOKEN_TIMEOUT = (3.05, 10)  # seconds to connect, seconds between bytes
# Refusals of us (RFC 6749 §5.2), made before a grant is looked at: it is not used up.
NOT_TRIED = ("invalid_client", "unauthorized_client", "unsupported_grant_type")


def refresh_tokens(refresh_token: str) -> dict[str, Any]:
    """Trade a refresh token for a new pair. It can be used once.

    Raises `InvalidGrantError` (re-install), `NotSentError` (nothing happened), or `UnavailableError`: then nobody
    knows whether the token was used up, and it must not be tried again.
    """
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": settings.SALLA_CLIENT_ID,
        "client_secret": settings.SALLA_CLIENT_SECRET,
    }
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
