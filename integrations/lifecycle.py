"""Installing, authorising and uninstalling, in whatever order Salla's events arrive. Must run inside a transaction.

Times are Salla's: an event older than what the connection already knows changes nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils.translation import gettext_noop

from core import clock, work
from core.models import Merchant
from integrations.app_payloads import Tokens
from integrations.models import Connection, Delivery, Purge, Sync

EVENT_NOT_USED = gettext_noop("event not used")
UNKNOWN_STORE = gettext_noop("unknown store")
UNINSTALLED_STORE = gettext_noop("uninstalled store")
OLDER_THAN_UNINSTALL = gettext_noop("older than the uninstall")
INSTALLED_AGAIN = gettext_noop("installed again")
# Said in the privacy policy; until then a merchant who comes back finds everything as it was.
PURGE_AFTER = timedelta(days=30)
# Orders can overtake the event that installs their store.
OVERTAKING = timedelta(hours=1)


def merchant_of(store_id: int) -> Merchant | None:
    """The store of this number at Salla, if we have met it."""
    return Merchant.objects.filter(salla_id=store_id).first()


def install(store_id: int, *, at: datetime, store_type: str = "", scopes: Iterable[str] = ()) -> Connection:
    """The store and its connection, made if new, opened again if `at` is later than its uninstall.

    Raises `work.IgnoredError` when the store was uninstalled after `at`.
    """
    connection = meet(store_id, store_type=store_type)
    if connection.uninstalled_at is not None and connection.uninstalled_at >= at:
        raise work.IgnoredError(OLDER_THAN_UNINSTALL)
    connection.installed_at = max(at, connection.installed_at or at)
    if connection.state == Connection.State.UNINSTALLED:
        connection.state = Connection.State.INSTALLED
        _cancel_purge(connection.merchant)
    connection.scopes = " ".join(scopes) or connection.scopes
    connection.save()
    return connection


def meet(store_id: int, *, store_type: str = "") -> Connection:
    """The store's connection, locked; made if this is the first that we hear of the store."""
    merchant, _ = Merchant.objects.get_or_create(salla_id=store_id)
    if store_type in Merchant.StoreType.values and store_type != merchant.store_type:
        merchant.store_type = store_type
        merchant.save(update_fields=["store_type"])
    return locked(merchant)


def authorize(store_id: int, tokens: Tokens, *, at: datetime) -> Connection:
    """Keep the tokens. Raises `work.IgnoredError` when newer ones are held or the store was uninstalled later."""
    connection = install(store_id, at=at, scopes=(tokens.scope or "").split())
    expires_at = tokens.expires_at(at)
    if _is_stale(connection, at, expires_at):
        raise work.IgnoredError(gettext_noop("newer tokens are held"))
    connection.access_token = tokens.access_token
    connection.refresh_token = tokens.refresh_token
    connection.expires_at = expires_at
    connection.token_life = tokens.life(at)
    connection.authorized_at = at
    connection.refresh_started_at = connection.store_read_at = None
    connection.state = Connection.State.CONNECTED
    connection.save()
    return connection


def uninstall(store_id: int, *, at: datetime, store_type: str = "") -> Connection:
    """Forget the tokens at once. One that comes after a later install closes nothing, and ends what was before it.

    A store we never met is kept as uninstalled, so that its late install event opens nothing.
    """
    connection = meet(store_id, store_type=store_type)
    is_late = connection.installed_at is not None and connection.installed_at > at
    connection.uninstalled_at = max(at, connection.uninstalled_at or at)
    if not is_late:
        connection.state = Connection.State.UNINSTALLED
        _forget_tokens(connection)
        stop_reading(connection.merchant)
        _plan_purge(connection.merchant, connection.uninstalled_at)
    elif connection.authorized_at is not None and connection.authorized_at <= at:
        # These tokens died with the earlier installation; those of the later one are still to come.
        connection.state = Connection.State.INSTALLED
        _forget_tokens(connection)
    connection.save()
    return connection


def _forget_tokens(connection: Connection) -> None:
    connection.access_token = connection.refresh_token = connection.expires_at = None
    connection.authorized_at = connection.refresh_started_at = None


def purge_date(connection: Connection) -> datetime | None:
    """When the personal data of a store that left is deleted; None while it has not left."""
    if connection.state != Connection.State.UNINSTALLED or connection.uninstalled_at is None:
        return None
    return connection.uninstalled_at + PURGE_AFTER


def _plan_purge(merchant: Merchant, left_at: datetime) -> None:
    date = left_at + PURGE_AFTER
    merchant.purges.update_or_create(state=Purge.State.WAITING, defaults={"planned_at": date, "due_at": date})


def _cancel_purge(merchant: Merchant) -> None:
    """Everything is still there: the store goes on where it was."""
    merchant.purges.filter(state=Purge.State.WAITING).update(state=Purge.State.IGNORED, reason=INSTALLED_AGAIN)


def stop_reading(merchant: Merchant) -> None:
    """End what is being read from this store: whoever is at it loses the claim."""
    waiting = merchant.syncs.filter(state=Sync.State.WAITING)
    waiting.update(state=Sync.State.IGNORED, reason=UNINSTALLED_STORE)


def locked(merchant: Merchant) -> Connection:
    """Without opening the tokens held: a new pair must get in even if no key opens the old one."""
    rows = Connection.unscoped.defer("access_token", "refresh_token")
    rows.get_or_create(merchant=merchant)
    return rows.select_for_update(of=("self",)).select_related("merchant").get(merchant=merchant)


def _is_stale(connection: Connection, at: datetime, expires_at: datetime | None) -> bool:
    """A pair refreshed since then expires later; without that, the later event is the newer one."""
    if connection.authorized_at is not None and connection.authorized_at > at:
        return True
    held = connection.expires_at
    is_alive = connection.state == Connection.State.CONNECTED
    return is_alive and held is not None and expires_at is not None and held > expires_at


def revive_overtaking_deliveries() -> int:
    """Give another run to deliveries that came before their store's install was known; returns how many.

    A sweep rather than a part of `install`, because a delivery may be read before that commits and marked after.
    """
    open_stores = Connection.unscoped.exclude(state=Connection.State.UNINSTALLED)
    overtaking = Delivery.objects.filter(
        state=Delivery.State.IGNORED,
        reason__in=[UNKNOWN_STORE, UNINSTALLED_STORE],
        due_at__gt=clock.now() - OVERTAKING,  # when it was tried, which a backlog puts long after its arrival
        store_id__in=open_stores.values("merchant__salla_id"),
    )
    return work.replay(overtaking)
