"""Access tokens: one refresh at a time over all processes, and never the same refresh token twice.

A refresh token works once; using it again revokes the whole chain, and then only a re-installation helps.
Source: Salla OAuth, tokens.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection as database
from django.db import transaction

from core import clock
from core.models import Merchant
from core.salla_accounts import refresh_tokens
from core.salla_errors import InvalidGrantError, NotSentError, SallaError, TokenRefusedError, UnavailableError
from events import facts
from events.services import record
from integrations import agenda
from integrations.app_payloads import Tokens
from integrations.models import Connection

EARLY = timedelta(days=1)  # refreshed so long before it expires
# A token of a short life is refreshed in its last quarter, lest every call of that life asks for another.
EARLIEST_SHARE = 4
# The tokens of stores that nobody calls are refreshed before a caller would have to wait for it: some share of the
# same time earlier, another for each store, so that stores installed together do not come together.
LEAST_LEAD, MOST_LEAD = 1.25, 2.0
LOCK_SPACE = 0x5A11A << 40  # keeps our advisory locks apart from others'


class MerchantTokens:
    """A `core.salla_client.TokenSource` for one store. Must not be used inside a transaction."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    def current(self) -> str:
        held = Connection.unscoped.get(merchant=self.merchant)
        now = clock.now()
        if _is_fresh(held, now):
            return _token_of(held)
        try:
            return _refresh(self.merchant, refused=None)
        except (NotSentError, UnavailableError):
            if held.expires_at is not None and held.expires_at > now:
                return _token_of(held)  # it was early; the old one still works
            raise

    def renew(self, refused: str) -> str:
        return _refresh(self.merchant, refused=refused)

    def refresh_ahead(self) -> None:
        """Refresh what `is_due_ahead`, unless somebody just did."""
        _refresh(self.merchant, refused=None, lead=_lead_of(self.merchant.pk))

    def give_up(self, refused: str) -> None:
        with transaction.atomic():
            held = _locked(self.merchant)
            if held.access_token == refused:
                _needs_reinstall(held)


def is_due_ahead(held: Connection, now: datetime) -> bool:
    """Whether the tokens of a connected store should be refreshed although nobody needs them yet."""
    return not _is_fresh(held, now, _lead_of(held.merchant_id))


def _lead_of(merchant_pk: int) -> float:
    return LEAST_LEAD + agenda.spread(merchant_pk) * (MOST_LEAD - LEAST_LEAD)


def _is_fresh(held: Connection, now: datetime, lead: float = 1.0) -> bool:
    """Whether the access token needs no refresh yet. Raises `TokenRefusedError` when the store is not connected."""
    if held.state != Connection.State.CONNECTED:
        raise TokenRefusedError(f"the store is {held.state}")
    early = EARLY if held.token_life is None else min(EARLY, held.token_life / EARLIEST_SHARE)
    return held.expires_at is None or held.expires_at - early * lead > now


def _token_of(held: Connection) -> str:
    if not held.access_token:
        raise TokenRefusedError("the store has no token")
    return held.access_token


def _refresh(merchant: Merchant, *, refused: str | None, lead: float = 1.0) -> str:
    """A token other than `refused`. Marks the start before asking Salla, so that a crash is never asked over again."""
    with _one_at_a_time(merchant):
        with transaction.atomic():  # locked, lest the mark lands on a pair that an authorisation brings between
            held = _locked(merchant)
            is_fresh = _is_fresh(held, clock.now(), lead)
            is_renewed = is_fresh if refused is None else held.access_token != refused
            if is_renewed:
                return _token_of(held)  # somebody else refreshed while we waited
            refresh_token = None if held.refresh_started_at is not None else held.refresh_token
            if refresh_token:
                held.refresh_started_at = clock.now()
                held.save(update_fields=["refresh_started_at"])
        return _ask_salla(merchant, refresh_token) if refresh_token else _without_refresh(merchant, refused)


def _without_refresh(merchant: Merchant, refused: str | None) -> str:
    """An earlier refresh has an unknown outcome: the access token serves while Salla takes it, and then it is over."""
    with transaction.atomic():
        held = _locked(merchant)
        if refused is not None and held.access_token == refused:
            _needs_reinstall(held)
    if refused is not None:
        raise TokenRefusedError("the token was refused and can't be refreshed")
    return _token_of(held)


def _ask_salla(merchant: Merchant, refresh_token: str) -> str:
    asked_at = clock.now()
    try:
        tokens = Tokens.read(refresh_tokens(refresh_token))
    except NotSentError:
        Connection.unscoped.filter(merchant=merchant).update(refresh_started_at=None)
        raise
    except InvalidGrantError:
        with transaction.atomic():
            held = _locked(merchant)
            if held.refresh_token != refresh_token and held.state == Connection.State.CONNECTED:
                return _token_of(held)  # a new installation ended the old pair
            if held.refresh_token == refresh_token:
                _needs_reinstall(held)
        raise
    with transaction.atomic():
        held = _locked(merchant)
        if held.state != Connection.State.CONNECTED:
            raise TokenRefusedError(f"the store is {held.state}")
        if held.refresh_token != refresh_token:
            return _token_of(held)  # a new installation brought its own pair meanwhile
        _keep(held, tokens, asked_at)
    return tokens.access_token


def _keep(held: Connection, tokens: Tokens, asked_at: datetime) -> None:
    held.access_token = tokens.access_token
    held.refresh_token = tokens.refresh_token
    held.expires_at = tokens.expires_at(asked_at)
    held.token_life = tokens.life(asked_at)
    held.refresh_started_at = None
    held.save(update_fields=["access_token", "refresh_token", "expires_at", "token_life", "refresh_started_at"])


def _needs_reinstall(held: Connection) -> None:
    """In the caller's transaction; a fact, so that whoever talks to merchants can tell this one."""
    held.state = Connection.State.NEEDS_REINSTALL
    held.save(update_fields=["state"])
    since = held.authorized_at.isoformat() if held.authorized_at else ""
    record(held.merchant, facts.StoreDisconnected(), key=f"store:disconnected:{since}")


def _locked(merchant: Merchant) -> Connection:
    return Connection.unscoped.select_for_update().get(merchant=merchant)


@contextmanager
def _one_at_a_time(merchant: Merchant) -> Iterator[None]:
    """A session-level advisory lock: it lives with the database connection, so a killed process frees it."""
    if database.in_atomic_block:
        raise SallaError("tokens can't be refreshed inside a transaction: its start could not be written down")
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_SPACE + merchant.pk])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK_SPACE + merchant.pk])
