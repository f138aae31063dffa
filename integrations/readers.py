"""Reading a store's things through the API into the mirror, by the same translation as webhooks; one step at a time.

An API body is as old as its own `updated_at`; one without is a little older than the question, so that no webhook that
Salla sends meanwhile is overwritten by it (docs/adr/0004). Each body is taken over in a transaction of its own, and
the place in the list is written down after each page: a reading that is broken off repeats a page and harms nothing.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop
from pydantic import ValidationError

from core import clock, work
from core.salla_client import Page, SallaClient
from core.salla_errors import (
    AccountInactiveError,
    InvalidGrantError,
    NotFoundError,
    SallaError,
    ScopeMissingError,
    TokenRefusedError,
    UnavailableError,
)
from core.salla_values import id_of, time_of
from integrations import clients, payloads, translate
from integrations.models import Connection, Order, Sync

log = logging.getLogger(__name__)

# Salla writes whole seconds, and its clock may be a little behind ours.
MARGIN = timedelta(seconds=5)
# Of orders' details in one step, after which other rows have their turn.
SLICE_SECONDS = 5.0
# Nobody waits in a worker for the rate limit: the row waits.
PATIENCE_SECONDS = 0.0
# A refusal of everything that is asked for the store, whatever it is.
REFUSALS_OF_STORE = (AccountInactiveError, InvalidGrantError, ScopeMissingError, TokenRefusedError)

Json = dict[str, Any]
Taker = Callable[[Sync, Json, datetime], str]  # returns which count goes up, or ""


def read_products(row: Sync) -> bool:
    return _read_page(row, _client(row).products, _take_product)


def read_customers(row: Sync) -> bool:
    return _read_page(row, _client(row).customers, _take_customer)


def read_carts(row: Sync) -> bool:
    return _read_page(row, _client(row).abandoned_carts, _take_cart)


def read_orders(row: Sync) -> bool:
    """Summaries page by page; of the orders that we lack or hold otherwise, the details.

    After a failure the next page comes first: one order that Salla never answers for must not hide those behind it.
    """
    client = _client(row)
    is_retry = row.attempts > 1
    if row.pending and not (is_retry and row.page <= row.pages):
        return _read_details(row, client)
    page = client.orders(row.page, since=_day_of(row))
    lacking = _lacking(row, page.rows)
    pending = lacking + [number for number in row.pending if number not in lacking]
    _turn_page(row, page, Counter(), pending=pending)
    return page.is_last and not pending


def read_order(row: Sync) -> bool:
    """One order, whose event said too little."""
    client, asked_at = _client(row), clock.now()
    _take_order(row, client, row.subject, client.order(row.subject), asked_at)
    return True


def _client(row: Sync) -> SallaClient:
    if row.merchant.connection.state != Connection.State.CONNECTED:
        raise work.IgnoredError(gettext_noop("the store is not connected"))
    return clients.salla_for(row.merchant, patience=PATIENCE_SECONDS)


def _read_page(row: Sync, read: Callable[[int], Page], take: Taker) -> bool:
    asked_at = clock.now()
    page = read(row.page)
    counts: Counter[str] = Counter()
    for body in page.rows:
        try:
            with transaction.atomic():
                counts[take(row, body, asked_at)] += 1
        except ValidationError as error:
            log.warning("store %s: one of %s has no id: %s", row.merchant.salla_id, row.kind, error)
    _turn_page(row, page, counts)
    return page.is_last


def _turn_page(row: Sync, page: Page, counts: Counter[str], pending: list[int] | None = None) -> None:
    with work.held(row.merchant.syncs.all(), row) as held:
        held.page, held.pages = page.number + 1, page.pages
        held.total = page.total if page.total is not None else held.total
        held.read += len(page.rows)
        held.pending = pending or []
        _count(held, counts)
        if page.is_last and not pending:
            held.finished_at = clock.now()
        held.detail = ""
        held.save(update_fields=[*COUNTS, "page", "pages", "total", "read", "pending", "finished_at", "detail"])


COUNTS = ("missing", "repaired", "changed")


def _count(held: Sync, counts: Counter[str]) -> None:
    held.missing += counts["repaired"]
    held.repaired += counts["repaired"]
    held.changed += counts["changed"]


def _version_of(body: Json, asked_at: datetime) -> datetime:
    return time_of(body.get("updated_at")) or shortly_before(asked_at)


def shortly_before(asked_at: datetime) -> datetime:
    return (asked_at - MARGIN).replace(microsecond=0)


def _difference(was_there: bool, before: Any, after: Any) -> str:
    """The count that goes up."""
    if not was_there:
        return "repaired"
    return "changed" if before != after else ""


# Products and customers


def _take_product(row: Sync, body: Json, asked_at: datetime) -> str:
    held = row.merchant.products.filter(salla_id=id_of(body.get("id")) or 0)
    before = _columns(held)
    translate.state(row.merchant, "product.updated", body, at=_version_of(body, asked_at))
    return _difference(before is not None, before, _columns(held))


def _take_customer(row: Sync, body: Json, asked_at: datetime) -> str:
    held = row.merchant.customers.filter(salla_id=id_of(body.get("id")) or 0)
    before = _columns(held)
    translate.state(row.merchant, "customer.updated", body, at=_version_of(body, asked_at))
    if payloads.Customer.read(body).is_notifications_enabled is False:
        # A refusal counts from the moment we see it, whether or not the customer counts as changed.
        refusal = {"id": body["id"], "is_notifications_enabled": False}
        translate.state(row.merchant, "customer.updated", refusal, at=shortly_before(asked_at))
    return _difference(before is not None, before, _columns(held))


def _columns(rows: Any) -> Json | None:
    """What the mirror says, without when it was said."""
    values: Json | None = rows.values().first()
    return values and {
        name: value for name, value in values.items() if name not in {"field_versions", "source_updated_at"}
    }


# Carts


def _take_cart(row: Sync, body: Json, asked_at: datetime) -> str:
    cart = payloads.Cart.read(body)
    held = row.merchant.carts.filter(salla_id=cart.id)
    before = _columns(held)
    left_at = cart.created_at or asked_at
    is_first = row.purpose == Sync.Purpose.FIRST
    is_bought = cart.status == "purchased"
    if before is None and ((row.since is not None and left_at < row.since) or (is_first and is_bought)):
        return ""  # older than asked for, or nothing that anybody still has to be reminded of
    name = "abandoned.cart.purchased" if is_bought else "abandoned.cart"
    translate.state(row.merchant, name, body, at=_version_of(body, asked_at))
    return _difference(before is not None, before, _columns(held))


# Orders


def _day_of(row: Sync) -> Any:
    return row.since.date() if row.since else None


def _lacking(row: Sync, bodies: Iterable[Json]) -> list[int]:
    """The numbers of the orders whose details must be read."""
    listed = {number: body for body in bodies if (number := id_of(body.get("id"))) is not None}
    held = {order.salla_id: order for order in row.merchant.orders.filter(salla_id__in=listed)}
    return [number for number, body in listed.items() if not _is_held(held.get(number), body)]


def _is_held(order: Order | None, body: Json) -> bool:
    """Whether the order's details are here, and nothing that the summary says is different."""
    if order is None or not order.is_known or order.subtotal is None:
        return False
    stated = payloads.Order.read(body).stated()
    compared = ("status", "total", "payment_method", "is_pending_payment")
    return all(stated.get(column) in {None, getattr(order, column)} for column in compared)


def _read_details(row: Sync, client: SallaClient) -> bool:
    deadline = time.monotonic() + SLICE_SECONDS
    while row.pending and time.monotonic() < deadline:
        number, *left = row.pending
        counts: Counter[str] = Counter()
        try:
            counts[_take_listed(row, client, number)] += 1
        except UnavailableError:
            with work.held(row.merchant.syncs.all(), row) as held:
                held.pending = [*left, number]
                held.save(update_fields=["pending"])
            raise
        with work.held(row.merchant.syncs.all(), row) as held:
            held.pending = row.pending = left
            _count(held, counts)
            is_done = not left and row.page > row.pages
            held.finished_at = clock.now() if is_done else None
            held.detail = ""
            held.save(update_fields=[*COUNTS, "pending", "finished_at", "detail"])
        row.attempts = 1  # it goes on: should a later one fail, that is the first time
    return not row.pending and row.page > row.pages


def _take_listed(row: Sync, client: SallaClient, number: int) -> str:
    """One of many: what is wrong with it alone is logged and stops no other."""
    asked_at = clock.now()
    try:
        try:
            body = client.order(number)
        except NotFoundError:
            return _take_deletion(row, number, asked_at)
        return _take_order(row, client, number, body, asked_at)
    except ValidationError as error:
        log.warning("store %s: order %s can't be read: %s", row.merchant.salla_id, number, error)
    except SallaError as error:
        if not error.permanent or isinstance(error, REFUSALS_OF_STORE):
            raise
        log.warning("store %s: order %s was refused: %s", row.merchant.salla_id, number, error)
    return ""


def _take_deletion(row: Sync, number: int, asked_at: datetime) -> str:
    """Listed a moment ago and now gone: what the webhook would say. An order that we never held stays unknown."""
    if not row.merchant.orders.filter(salla_id=number, is_deleted=False).exists():
        return ""
    with transaction.atomic():
        translate.state(row.merchant, "order.deleted", {"id": number}, at=shortly_before(asked_at))
    return "changed"


def _take_order(row: Sync, client: SallaClient, number: int, body: Json, asked_at: datetime) -> str:
    if not body.get("items"):  # details come without them
        body = {**body, "items": client.order_items(number)}
    orders = row.merchant.orders.filter(salla_id=number)
    with transaction.atomic():
        before = _columns(orders)
        translate.state(row.merchant, "order.updated", body, at=_version_of(body, asked_at))
        return _difference(before is not None and Order(**before).is_known, before, _columns(orders))
