"""Merging what bodies state into mirror rows, so that any order and any repetition of bodies ends the same.

Each column keeps the value of the newest body that stated it; when two bodies carry the same second, the greater value
(for a status, the later one in an order's life) wins.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from core.models import Merchant
from integrations import payloads
from integrations.mirrored import Mirrored, Versioned
from integrations.models import Cart, Customer, Order, Product

# Later in life wins between bodies of the same second; what is renewed in the second of its end runs on.
STATUS_RANK = {
    status: rank
    for rank, status in enumerate(
        (
            "payment_pending", "under_review", "in_progress", "shipped", "delivering", "delivered", "completed",
            "expired", "active", "purchased", "restoring", "restored", "canceled",
        )
    )
}  # fmt: skip
# Once true these stay true, whatever an older or newer body says.
STICKY = frozenset({"is_refunded", "is_deleted"})

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

M = TypeVar("M", bound=Mirrored)


def merge(row: Versioned, stated: dict[str, Any], version: datetime) -> set[str]:
    """Take over what is newer than what `row` holds; returns the columns whose value changed. Does not save."""
    stamp = version.isoformat()
    changed = set()
    for column, value in stated.items():
        held = getattr(row, column)
        if column in row.withheld or (column in STICKY and held):
            continue
        known = row.field_versions.get(column)
        if known is not None and (known, _rank(column, held)) >= (stamp, _rank(column, value)):
            continue
        row.field_versions[column] = stamp
        if held != value:
            setattr(row, column, value)
            changed.add(column)
    row.source_updated_at = max(row.source_updated_at, version)
    return changed


def _rank(column: str, value: Any) -> tuple[int, str]:
    rank = STATUS_RANK.get(value, -1) if column == "status" else 0
    return rank, json.dumps(value, default=str, sort_keys=True)


def _upsert(rows: "RelatedManager[M]", salla_id: int, stated: dict[str, Any], version: datetime) -> tuple[M, set[str]]:
    """The merged row and the columns that changed; a body that says nothing new writes nothing.

    Must run inside a transaction.
    """
    locked = rows.select_for_update()
    row = locked.filter(salla_id=salla_id).first()
    if row is None:
        rows.get_or_create(salla_id=salla_id, defaults={"source_updated_at": version})
        row = locked.get(salla_id=salla_id)
    before = row.source_updated_at, dict(row.field_versions)
    changed = merge(row, stated, version)
    if changed or (row.source_updated_at, row.field_versions) != before:
        row.save()
    return row, changed


def upsert_customer(merchant: Merchant, body: payloads.Customer, version: datetime) -> tuple[Customer, set[str]]:
    return _upsert(merchant.customers, body.id, body.stated(), version)


def upsert_order(merchant: Merchant, body: payloads.Order, version: datetime, **stated: Any) -> tuple[Order, set[str]]:
    """`stated` adds what the event itself says, such as `is_refunded=True`."""
    if body.status is not None and body.status.slug == "restored":
        stated["is_refunded"] = True
    columns = {**body.stated(), **_customer_of(merchant, body, version), **stated}
    return _upsert(merchant.orders, body.id, columns, version)


def upsert_cart(merchant: Merchant, body: payloads.Cart, version: datetime, **stated: Any) -> tuple[Cart, set[str]]:
    """`stated` is what the event itself says where the body does not."""
    columns = {**stated, **body.stated(), **_customer_of(merchant, body, version)}
    return _upsert(merchant.carts, body.id, columns, version)


def upsert_product(
    merchant: Merchant, body: payloads.Product, version: datetime, **stated: Any
) -> tuple[Product, set[str]]:
    return _upsert(merchant.products, body.id, {**body.stated(), **stated}, version)


def _customer_of(merchant: Merchant, body: payloads.Order | payloads.Cart, version: datetime) -> dict[str, Any]:
    if body.customer is None:
        return {}
    return {"customer_id": upsert_customer(merchant, body.customer, version)[0].pk}
