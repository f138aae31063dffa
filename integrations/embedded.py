"""Who opens the app inside Salla's dashboard: what Salla says of the token, and the member that this makes."""

import hashlib
import logging
import re
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.utils.translation import gettext_noop

from core import clock, services
from core.limiter import Limit
from core.models import Membership, SpentToken
from core.salla_accounts import introspect
from core.salla_errors import TokenRefusedError, UnavailableError
from integrations import lifecycle
from integrations.app_payloads import EmbeddedClaims
from integrations.selectors import is_installed

log = logging.getLogger(__name__)

LONGEST_TOKEN = 4096
# What RFC 6750 allows in a bearer token, in any order.
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
# Questions to Salla at once, of each process. While Salla hangs, whoever opens the app must not hold every thread:
# shoppers and webhooks need the others.
AT_ONCE = threading.BoundedSemaphore(2)
PATIENCE = 0.25  # seconds to wait for one of them
# Each asks Salla once. Open without Redis: Salla has limits of its own, and merchants must get in.
TOKENS = Limit("embedded:tokens", 60, 60, is_open_without_redis=True)


class EntryRefusedError(Exception):
    """Nobody is let in. `heading` and `words` are for the merchant, untranslated as a catalogue has them."""

    status = 401
    can_refresh = True  # whether a new token of Salla's may help
    heading: ClassVar[str] = gettext_noop("This page has expired")
    words: ClassVar[str] = gettext_noop("Open Nomo Flow again from your Salla dashboard.")


class NoTokenError(EntryRefusedError):
    """Somebody opened the address outside of Salla's dashboard."""

    can_refresh = False
    heading = gettext_noop("Open Nomo Flow in Salla")
    words = gettext_noop("This page is a part of your Salla dashboard: open Nomo Flow there, among your apps.")


class BusyEntryError(EntryRefusedError):
    """Too many tokens from one network."""

    status = 429
    can_refresh = False
    heading = gettext_noop("One moment, please")
    words = gettext_noop("Nomo Flow was opened very often from your network. Try again in a minute.")


class AwayError(EntryRefusedError):
    """Salla did not say whose the token is."""

    status = 503
    can_refresh = False
    heading = gettext_noop("Salla does not answer at the moment")
    words = gettext_noop("Your data is safe, and your tools go on working in your store. Try again in a minute.")


class NotInstalledError(EntryRefusedError):
    """The store does not have the app, or its install has not reached us yet."""

    status = 403
    can_refresh = False
    heading = gettext_noop("Nomo Flow is not installed in this store")
    words = gettext_noop(
        "Install it from the Salla App Store. If you have just installed it, wait a moment and try again."
    )


class NotWelcomeError(EntryRefusedError):
    """An owner removed the person from the team, or the account does not sign in this way."""

    status = 403
    can_refresh = False
    heading = gettext_noop("You are not in this store's team")
    words = gettext_noop("Ask an owner of the store to invite you to Nomo Flow.")


def enter(token: str, *, sender: str) -> Membership:
    """Whom Salla lets into which store. Uses the token up. Raises `EntryRefusedError`."""
    if not token:
        raise NoTokenError
    if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
        raise EntryRefusedError
    if TOKENS.take(sender):
        raise BusyEntryError
    claims = _claims_of(token)
    merchant = lifecycle.merchant_of(claims.store_id)
    if merchant is None or not is_installed(merchant):
        raise NotInstalledError
    with transaction.atomic():
        _spend(token, claims)
        member = services.welcome_from_salla(merchant, salla_user_id=claims.person_id)
    if member is None:
        raise NotWelcomeError
    return member


@dataclass(frozen=True)
class Claims:
    """Whole, and not expired."""

    store_id: int
    person_id: int
    expires_at: datetime


def _claims_of(token: str) -> Claims:
    try:
        claims = EmbeddedClaims.read(_introspected(token))
    except TokenRefusedError as error:
        log.info("embedded: %s", error)
        raise EntryRefusedError from error
    except UnavailableError as error:
        log.warning("embedded: %s", error)
        raise AwayError from error
    if not claims.merchant_id or not claims.user_id or claims.exp is None or claims.exp <= clock.now():
        raise EntryRefusedError
    return Claims(claims.merchant_id, claims.user_id, claims.exp)


def _introspected(token: str) -> dict[str, Any]:
    """Raises like `introspect`, and `UnavailableError` at once while others wait for Salla already."""
    if not AT_ONCE.acquire(timeout=PATIENCE):
        raise UnavailableError("introspection: too many at once")
    try:
        return introspect(token)
    finally:
        AT_ONCE.release()


def _spend(token: str, claims: Claims) -> None:
    """Whoever saw the address that Salla's page loads must not open it again."""
    SpentToken.objects.filter(expires_at__lt=clock.now()).delete()
    digest = hashlib.sha256(token.rstrip("=").encode()).digest()  # padding may make no other token of it
    _, is_new = SpentToken.objects.get_or_create(token_sha256=digest, defaults={"expires_at": claims.expires_at})
    if not is_new:
        raise EntryRefusedError
