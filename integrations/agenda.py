"""What of Salla is to be read for a store, and when."""

from datetime import datetime, timedelta

from core import clock
from core.models import Merchant
from integrations.models import Sync

Kind = Sync.Kind
# In the order in which a store is read for the first time, and in which its progress is shown.
FIRST_KINDS = (Kind.PRODUCTS, Kind.CUSTOMERS, Kind.CARTS, Kind.ORDERS)
CHECKED_KINDS = (Kind.ORDERS, Kind.CARTS)
HISTORY = timedelta(days=60)  # of a store that connects, and of a check that looks at all of it


def schedule(
    merchant: Merchant,
    kind: Sync.Kind,
    purpose: Sync.Purpose,
    *,
    subject: int = 0,
    since: datetime | None = None,
    due_at: datetime | None = None,
) -> None:
    """Have it read by `due_at`, once: one of the same that waits is taken for it, widened and hurried if not begun.

    One order that is being read right now is read again, because it may have changed after Salla answered.
    """
    due_at = due_at or clock.now()
    same = {"kind": kind, "purpose": purpose, "subject": subject, "state": Sync.State.WAITING}
    row, is_new = merchant.syncs.get_or_create(**same, defaults={"since": since, "due_at": due_at})
    if is_new:
        return
    waiting = merchant.syncs.filter(pk=row.pk, state=Sync.State.WAITING)
    if subject:
        waiting.update(due_at=due_at)  # whoever is at it loses the claim
    waiting.filter(attempts=0, page=1, read=0, due_at__gt=due_at).update(due_at=due_at)
    if since is not None:
        waiting.filter(page=1, read=0, since__gt=since).update(since=since)


def spread(number: int) -> float:
    """From 0 to below 1, evenly over numbers and always the same for one (Fibonacci hashing)."""
    return (number * 2654435769 % 2**32) / 2**32
