"""Salla's wire: the Merchant API of one store.

Source: Salla Merchant API (basics, rate limits, client rules).
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import requests
from django.conf import settings

from core.rate_budget import Bucket
from core.salla_answers import read_answer, retry_after_of, was_not_sent
from core.salla_errors import (
    AccountDeletedError,
    BusyError,
    InvalidError,
    InvalidGrantError,
    NotFoundError,
    NotSentError,
    SallaError,
    ScopeMissingError,
    TokenRefusedError,
    UnavailableError,
)
from core.salla_values import integer_of

__all__ = [
    "BusyError",
    "InvalidError",
    "InvalidGrantError",
    "NotFoundError",
    "NotSentError",
    "Page",
    "SallaClient",
    "SallaError",
    "ScopeMissingError",
    "TokenRefusedError",
    "UnavailableError",
    "every",
]

TIMEOUT = (3.05, 15)  # seconds to connect, seconds between bytes
PER_PAGE = 60
MAX_PAGES = 2000
# Requests a minute that Salla allows by the store's plan; Basic is not documented.
PLAN_LIMITS = {"basic": 60, "plus": 120, "pro": 360, "special": 720}
LEAK_PER_SECOND = 1.0
CUSTOMERS_LIMIT, CUSTOMERS_SECONDS = 500, 600
# Other apps of the store may share its bucket.
OUR_SHARE = 0.8
MAX_WAIT_SECONDS = 20.0
BANNED_SECONDS = 600.0
# Before each repetition of a read that Salla did not answer.
READ_PAUSES_SECONDS = (0.2, 0.8)


class TokenSource(Protocol):
    """Where a client gets its token."""

    def current(self) -> str:
        """A token that should work."""

    def renew(self, refused: str) -> str:
        """Another one, after Salla refused `refused`; raises `SallaError` when there is none."""

    def give_up(self, refused: str) -> None:
        """Told that even a new token was refused."""


_local = threading.local()


def _session() -> requests.Session:
    """One pooled session per thread; `requests` sessions are not made for sharing."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    session: requests.Session = _local.session
    return session


@dataclass(frozen=True)
class Page:
    """One page of a list; `pages` and `total` as Salla counts them, which it does not always."""

    rows: tuple[dict[str, Any], ...]
    number: int
    pages: int
    total: int | None

    @property
    def is_last(self) -> bool:
        return not self.rows or self.number >= self.pages


class SallaClient:
    """One store's Merchant API. Every call may raise `SallaError`.

    A caller waits up to `patience` seconds for its turn in the store's rate limit, and is told `BusyError` after that.
    """

    def __init__(self, store_id: int, plan: str, tokens: TokenSource, *, patience: float = MAX_WAIT_SECONDS) -> None:
        self.tokens = tokens
        self._patience = patience
        limit = PLAN_LIMITS.get(plan, PLAN_LIMITS["basic"])
        self._bucket = Bucket(f"salla:{store_id}", int(limit * OUR_SHARE), LEAK_PER_SECOND)
        self._customers_bucket = Bucket(
            f"salla:{store_id}:customers",
            int(CUSTOMERS_LIMIT * OUR_SHARE),
            CUSTOMERS_LIMIT * OUR_SHARE / CUSTOMERS_SECONDS,
        )

    # The store and what is in it

    def store_info(self) -> dict[str, Any]:
        """Scope: none."""
        return self._object("GET", "/store/info")

    def orders(self, page: int = 1, *, since: date | None = None) -> Page:
        """Summaries without customer, amounts and items, of orders placed since that day, the oldest first: so that a
        page read later holds what it held, with the newest orders behind it. Scope: orders.read.
        """
        placed = {"from_date": since.isoformat()} if since else {}
        return self._page("/orders", page, {"sort_by": "created_at-asc", **placed})

    def order(self, order_id: int) -> dict[str, Any]:
        """Without items in some answers. Scope: orders.read."""
        return self._object("GET", f"/orders/{order_id}")

    def order_items(self, order_id: int) -> list[dict[str, Any]]:
        """Scope: orders.read."""
        rows = self._request("GET", "/orders/items", params={"order_id": str(order_id)}).get("data")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def abandoned_carts(self, page: int = 1) -> Page:
        """Scope: carts.read."""
        return self._page("/carts/abandoned", page)

    def abandoned_cart(self, cart_id: int) -> dict[str, Any]:
        """Scope: carts.read."""
        return self._object("GET", f"/carts/abandoned/{cart_id}")

    def customers(self, page: int = 1) -> Page:
        """With the shopper's notification flag. Scope: customers.read."""
        return self._page("/customers", page, {"fields[]": "is_notifications_enabled"})

    def customer(self, customer_id: int) -> dict[str, Any]:
        """Scope: customers.read."""
        return self._object("GET", f"/customers/{customer_id}")

    def products(self, page: int = 1) -> Page:
        """Scope: products.read."""
        return self._page("/products", page)

    def product(self, product_id: int) -> dict[str, Any]:
        """Scope: products.read."""
        return self._object("GET", f"/products/{product_id}")

    def special_offers(self, page: int = 1) -> Page:
        """Scope: specialoffers.read."""
        return self._page("/specialoffers", page)

    # Coupons: answers name most fields otherwise than requests do

    def coupons(self, page: int = 1, *, keyword: str = "") -> Page:
        """Scope: marketing.read."""
        return self._page("/coupons", page, {"keyword": keyword} if keyword else None)

    def coupon(self, coupon_id: int) -> dict[str, Any]:
        """Scope: marketing.read."""
        return self._object("GET", f"/coupons/{coupon_id}")

    def create_coupon(self, body: dict[str, Any]) -> dict[str, Any]:
        """Scope: marketing.read_write."""
        return self._object("POST", "/coupons", body)

    def update_coupon(self, coupon_id: int, body: dict[str, Any]) -> dict[str, Any]:
        """Only the keys of `body` change. Scope: marketing.read_write."""
        return self._object("PUT", f"/coupons/{coupon_id}", body)

    def delete_coupon(self, coupon_id: int) -> None:
        """Scope: marketing.read_write."""
        self._request("DELETE", f"/coupons/{coupon_id}")

    def coupon_codes(self, coupon_id: int, page: int = 1) -> Page:
        """The codes of a group coupon. Scope: marketing.read."""
        return self._page("/coupons/codes", page, {"coupon_id": str(coupon_id)})

    # Webhooks, and the app itself

    def webhooks(self, page: int = 1) -> Page:
        """Those registered by API. Scope: webhooks.read."""
        return self._page("/webhooks", page)

    def register_webhook(self, body: dict[str, Any]) -> dict[str, Any]:
        """The same event and address again changes the one that is there. Scope: webhooks.read_write."""
        return self._object("POST", "/webhooks/subscribe", body)

    def remove_webhook(self, webhook_id: int) -> None:
        """Scope: webhooks.read_write."""
        self._request("DELETE", "/webhooks/unsubscribe", params={"id": str(webhook_id)})

    def app_settings(self) -> dict[str, Any]:
        """What the merchant typed into the app's form at Salla, in an envelope. Scope: none."""
        return self._object("GET", f"/apps/{settings.SALLA_APP_ID}/settings")

    def save_app_settings(self, values: dict[str, Any]) -> None:
        """Replaces all of them: a key left out becomes null. Scope: none."""
        self._request("POST", f"/apps/{settings.SALLA_APP_ID}/settings", body=values)

    def app_subscriptions(self) -> list[dict[str, Any]]:
        """The plan and add-ons that this store has of the app. Scope: none."""
        rows = self._request("GET", f"/apps/{settings.SALLA_APP_ID}/subscriptions").get("data")
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def user_info(self) -> dict[str, Any]:
        """The person who installed the app, who need not own the store; asked of Salla's accounts. Scope: none.

        A token that is refused there is no reason to use up the refresh token.
        """
        body = self._once("GET", f"{settings.SALLA_ACCOUNTS_URL}/oauth2/user/info", self.tokens.current())
        data = body.get("data", body)  # documented in an envelope, claimed by newer examples to come without
        return data if isinstance(data, dict) else {}

    # How

    def _object(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = self._request(method, path, body=body).get("data")
        if not isinstance(data, dict):
            raise UnavailableError(f"{method} {path}: no object in the answer")
        return data

    def _page(self, path: str, number: int, params: dict[str, str] | None = None) -> Page:
        body = self._request("GET", path, params={**(params or {}), "page": str(number), "per_page": str(PER_PAGE)})
        rows = body.get("data")
        pagination = body.get("pagination")
        numbers = pagination if isinstance(pagination, dict) else {}
        return Page(
            rows=tuple(row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else (),
            number=number,
            pages=integer_of(numbers.get("totalPages")) or 0,
            total=integer_of(numbers.get("total")),
        )

    def _request(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        token = self.tokens.current()
        try:
            return self._try(method, path, token, params, body)
        except AccountDeletedError:
            self.tokens.give_up(token)
            raise
        except TokenRefusedError:
            renewed = self.tokens.renew(token)
        try:
            return self._try(method, path, renewed, params, body)
        except TokenRefusedError:
            self.tokens.give_up(renewed)
            raise

    def _try(
        self, method: str, path: str, token: str, params: dict[str, str] | None, body: dict[str, Any] | None
    ) -> dict[str, Any]:
        """Reads are repeated when Salla is away; writes never are, because they may have happened."""
        for pause in READ_PAUSES_SECONDS if method == "GET" else ():
            try:
                return self._once(method, path, token, params, body)
            except UnavailableError:
                time.sleep(pause)
        return self._once(method, path, token, params, body)

    def _once(
        self,
        method: str,
        path: str,
        token: str,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        buckets = [self._bucket, self._customers_bucket] if path.startswith("/customers") else [self._bucket]
        for bucket in buckets:
            _wait_for(bucket, self._patience)
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        url = path if path.startswith("http") else f"{settings.SALLA_API_URL}/admin/v2{path}"
        what = f"{method} {path}"
        try:
            answer = _session().request(method, url, params=params, json=body, headers=headers, timeout=TIMEOUT)
        except requests.RequestException as error:
            is_safe = method != "GET" and was_not_sent(error)
            raise (NotSentError if is_safe else UnavailableError)(f"{what}: {type(error).__name__}") from error
        if answer.status_code == 429:
            seconds = retry_after_of(answer)
            is_of_customers = answer.headers.get("X-RateLimit-Limit") == str(CUSTOMERS_LIMIT)
            buckets[-1 if is_of_customers else 0].block(seconds)
            raise BusyError(f"{what}: too many requests", seconds)
        if answer.status_code == 403:  # refused for a while after abuse
            self._bucket.block(BANNED_SECONDS)
            raise BusyError(f"{what}: refused", BANNED_SECONDS)
        return read_answer(answer, what)


def every(read: Callable[[int], Page]) -> Iterator[dict[str, Any]]:
    """The rows of all pages: `every(client.webhooks)`."""
    for number in range(1, MAX_PAGES + 1):
        page = read(number)
        yield from page.rows
        if page.is_last:
            return


def _wait_for(bucket: Bucket, patience: float) -> None:
    waited = 0.0
    while seconds := bucket.take():
        waited += seconds
        if waited > patience:
            raise BusyError(f"{bucket.name}: our share of the rate limit is used up", seconds)
        time.sleep(seconds)
