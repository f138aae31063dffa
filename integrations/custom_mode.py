"""Salla's Custom mode, for development: installing and signing in by OAuth (docs/adr/0008)."""

import secrets
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from core import addresses, clock, salla_accounts, services
from core.models import Membership, Merchant
from core.salla_errors import UnavailableError
from core.work import IgnoredError
from events import facts
from events.services import record
from integrations import lifecycle
from integrations.app_payloads import Installer, Tokens

# What Nomo Flow asks a store for, and no more (Salla OAuth, scopes).
SCOPES = (
    "offline_access settings.read orders.read carts.read customers.read products.read marketing.read_write "
    "specialoffers.read reviews.read"
)
STATE = "salla_state"
STATE_SECONDS = 600
LONGEST_CODE = 2048


def begin(session: MutableMapping[str, Any]) -> str:
    """The address of Salla's consent page, with a state that is good once, for this browser, for ten minutes."""
    state = secrets.token_hex(32)  # hexadecimal, because Salla drops hyphens when it echoes the state
    session[STATE] = [state, clock.now().timestamp()]
    asked = {
        "client_id": settings.SALLA_CLIENT_ID,
        "response_type": "code",
        "redirect_uri": callback_address(),
        "scope": SCOPES,
        "state": state,
    }
    return f"{settings.SALLA_ACCOUNTS_URL}/oauth2/auth?{urlencode(asked)}"


def callback_address() -> str:
    """Byte for byte as the portal has it."""
    return addresses.public("integrations:callback")


def take_state(session: MutableMapping[str, Any], echoed: str) -> bool:
    """Whether this browser began what Salla answers. The state is used up, whatever the answer."""
    state, began = session.pop(STATE, ["", 0.0])
    is_ours = bool(state) and secrets.compare_digest(state.encode(), echoed.replace("-", "").encode())
    return is_ours and clock.now().timestamp() - began <= STATE_SECONDS


def install(code: str) -> Membership | None:
    """Connect the store whose consent the code is; returns whoever gave it, as a member of its team.

    The store and the person are what Salla says of the new token, never what the browser says. Raises `SallaError`.
    """
    asked_at = clock.now()
    tokens = Tokens.read(salla_accounts.trade_code(code[:LONGEST_CODE], callback_address()))
    person = Installer.read(salla_accounts.user_info(tokens.access_token))
    if not person.store_id:
        raise UnavailableError("user info: no store")
    with transaction.atomic():
        try:
            connection = lifecycle.authorize(person.store_id, tokens, at=asked_at)
        except IgnoredError as error:
            raise UnavailableError(f"callback: {error}") from error
        fact = facts.StoreConnected(expires_at=connection.expires_at)
        record(connection.merchant, fact, key=f"callback:{asked_at.isoformat()}", occurred_at=asked_at)
    return _welcome(connection.merchant, person)


def _welcome(merchant: Merchant, person: Installer) -> Membership | None:
    try:
        validate_email(person.email)
    except ValidationError:
        return None
    return services.welcome_installer(
        merchant,
        email=person.email or "",
        name=person.name or "",
        role=person.membership_role,
        salla_user_id=person.id,
    )
