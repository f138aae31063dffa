"""Deleting the personal data of a store that left, on the date that was stated at its uninstall.

What goes: the mirror's customers; who an order or cart belonged to, and a cart's checkout address; the bodies of its
deliveries, and texts of errors that may quote them; its team; what it typed into our form at Salla. What stays, so that
a store that comes back later and our own sums lose nothing, names nobody: numbers, amounts, statuses, products, coupon
codes and the city of an order, what Salla sold it of us, the facts (ids and amounts by construction) and the settings
of cards. Apps above hear `store.purged` and delete theirs.
"""

from django.db.models import Q, QuerySet

from core import clock, services, work
from core.models import Merchant
from events import facts
from events.services import record
from integrations import app_form, lifecycle
from integrations.models import Delivery, Purge

UNFINISHED = [work.Work.State.WAITING, work.Work.State.DEAD]


def run(row: Purge) -> None:
    """Must run inside a transaction. Raises `work.IgnoredError` for a store that is there, whoever asked for this."""
    connection = lifecycle.locked(row.merchant)
    date = lifecycle.purge_date(connection)
    if date is None or date > clock.now():
        raise work.IgnoredError(lifecycle.INSTALLED_AGAIN)
    row.counts = {"deleted": _delete(row.merchant), "left": _left(row.merchant)}
    row.finished_at = clock.now()
    row.save(update_fields=["counts", "finished_at"])
    left_at = connection.uninstalled_at.isoformat() if connection.uninstalled_at else ""
    record(row.merchant, facts.StorePurged(), key=f"store:purged:{left_at}")


def _delete(merchant: Merchant) -> dict[str, int]:
    merchant.syncs.update(reason="", detail="", pending=[])
    merchant.reactions.filter(state__in=UNFINISHED).update(reason="")
    deliveries = _deliveries(merchant)
    deliveries.filter(state__in=UNFINISHED).update(reason="")
    return {
        "orders": merchant.orders.exclude(customer=None).update(customer=None),
        "carts": merchant.carts.exclude(customer=None, checkout_url="").update(customer=None, checkout_url=""),
        "customers": merchant.customers.all().delete()[0],
        "bodies": deliveries.filter(body__isnull=False).update(body=None),
        "people": services.disband(merchant),
        "settings": app_form.forget(merchant),
    }


def _left(merchant: Merchant) -> dict[str, int]:
    """What should be nothing, counted again."""
    return {
        "orders": merchant.orders.exclude(customer=None).count(),
        "carts": merchant.carts.exclude(customer=None, checkout_url="").count(),
        "customers": merchant.customers.count(),
        "bodies": _deliveries(merchant).filter(body__isnull=False).count(),
        "people": merchant.memberships.count(),
        "settings": Merchant.objects.filter(pk=merchant.pk, app_settings__isnull=False).count(),
    }


def _deliveries(merchant: Merchant) -> QuerySet[Delivery]:
    """Also those that came before the store was known."""
    return Delivery.objects.filter(Q(merchant=merchant) | Q(store_id=merchant.salla_id))
