"""What is read from Salla, step by step: each step asks a little, writes down what it learned, and can be repeated.

`core.work.drain_steps` calls `step` outside of any transaction.
"""

import logging
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from core import clock, logs, services, work
from core.models import Merchant
from core.salla_errors import BusyError, NotFoundError, SallaError
from integrations import app_payloads, clients, entitlements, lifecycle, readers, salla, subscriptions
from integrations.models import Connection, Sync
from integrations.tokens import MerchantTokens

log = logging.getLogger(__name__)

MAX_DETAIL = 300


def step(row: Sync) -> bool:
    """One step of a run; true when it was the last. Raises what `core.work.drain_steps` knows."""
    try:
        return _steps[Sync.Kind(row.kind)](row)
    except BusyError as error:
        raise work.PostponedError(error.words, error.retry_after) from error
    except SallaError as error:
        # Not through `held`: also whoever lost the claim may say what it saw.
        row.merchant.syncs.filter(pk=row.pk).update(detail=logs.masked(f"{type(error).__name__}: {error}")[:MAX_DETAIL])
        raise (work.HopelessError if error.permanent else work.FailedError)(error.words) from error


def _refresh_tokens(row: Sync) -> bool:
    MerchantTokens(row.merchant).refresh_ahead()
    return True


def _read_store(row: Sync) -> bool:
    merchant = row.merchant
    stated = app_payloads.StoreInfo.read(clients.salla_for(merchant).store_info()).stated()
    for column, value in stated.items():
        setattr(merchant, column, value)
    merchant.save(update_fields=stated)  # a webhook may have changed the others while Salla answered
    _welcome_installer(merchant)
    Connection.unscoped.filter(merchant=merchant).update(store_read_at=clock.now())
    return True


def _welcome_installer(merchant: Merchant) -> None:
    """Give whoever installed the app a membership. Signing in still needs that person's mailbox."""
    try:
        person = app_payloads.Installer.read(clients.salla_for(merchant).user_info())
        validate_email(person.email)
    except ValidationError:
        log.warning("store %s: whoever installed the app has no readable e-mail", merchant.salla_id)
        return
    except SallaError as error:
        if not error.permanent:
            raise
        log.warning("store %s: who installed the app is not known: %s", merchant.salla_id, error)
        return
    if person.store_id not in {None, merchant.salla_id}:
        log.warning("store %s: the person of another store was named", merchant.salla_id)
        return
    services.welcome_installer(
        merchant,
        email=person.email or "",
        name=person.name or "",
        role=person.membership_role,
        salla_user_id=person.id,
    )


def _read_plans(row: Sync) -> bool:
    """What Salla bills this store for, should an event have been lost."""
    merchant, asked_at = row.merchant, readers.shortly_before(clock.now())
    try:
        listed = salla.app_subscriptions(merchant)
    except NotFoundError:  # it was never sold anything
        return True
    with transaction.atomic():
        lifecycle.locked(merchant)
        subscriptions.take_list(merchant, listed, at=asked_at)
        entitlements.review(merchant)
    return True


_steps: dict[Sync.Kind, Callable[[Sync], bool]] = {
    Sync.Kind.STORE: _read_store,
    Sync.Kind.PRODUCTS: readers.read_products,
    Sync.Kind.CUSTOMERS: readers.read_customers,
    Sync.Kind.ORDERS: readers.read_orders,
    Sync.Kind.CARTS: readers.read_carts,
    Sync.Kind.ORDER: readers.read_order,
    Sync.Kind.TOKENS: _refresh_tokens,
    Sync.Kind.PLANS: _read_plans,
}
