"""Beacons for tests of visits: as the door puts them into the stream, and as ingest takes them out."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from core import clock, redis
from core.models import Merchant
from events import ingest, stream
from events.stream import Beacon, StreamEvent
from features import services
from visitors.cards.visitor_data.card import CARD
from visitors.models import Visit

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"
)
HOME = {"slug": "index", "id": None, "path": "/"}
PRODUCT = {"slug": "product.single", "id": 7, "path": "/عود/p7"}
numbers = count(1)


class Shoppers:
    """Who comes to one store."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant

    def turn_on(self) -> "Shoppers":
        services.switch(self.merchant, card=CARD, is_on=True)
        return self

    def sells(self, *products: int) -> "Shoppers":
        for number in products:
            self.merchant.products.get_or_create(
                salla_id=number, defaults={"name": f"منتج {number}", "source_updated_at": clock.now()}
            )
        return self

    def send(
        self,
        *events: str | tuple[str, dict[str, Any]],
        key: str = "v:noura",
        at: datetime | None = None,
        minutes: float = 0,
        is_bot: bool = False,
        former: str = "",
        page: dict[str, Any] = HOME,
        **context: Any,
    ) -> None:
        """One beacon, so many minutes from now, or `at` a moment, waiting in the stream."""
        moment = (at or clock.now()) + timedelta(minutes=minutes)
        told = [(each, {}) if isinstance(each, str) else each for each in events or ["page.viewed"]]
        beacon = Beacon(
            merchant_id=self.merchant.pk,
            visitor_key=key,
            is_bot=is_bot,
            received_at=moment,
            context={"page": page, "lang": "ar", "agent": IPHONE, "network": "188.48.1.1", **context},
            events=tuple(StreamEvent(name, moment, data) for name, data in told),
            former=former,
        )
        shard = stream.shard_of(self.merchant.pk)
        redis.client().xadd(stream.stream_key(shard), {stream.FIELD: stream.encode(beacon)})

    def come(self, *events: str | tuple[str, dict[str, Any]], **told: Any) -> Visit:
        """One beacon, written down; the visit that heard it."""
        self.send(*events, **told)
        ingest.drain()
        key = told.get("key", "v:noura")
        return self.merchant.visits.filter(visitor_key=key).latest("last_seen_at", "pk")

    def visits(self) -> list[Visit]:
        return list(self.merchant.visits.order_by("started_at", "pk"))

    def order(self, number: int, **columns: Any) -> None:
        """One of the mirror, as translating a webhook would leave it."""
        now = clock.now()
        values = {"placed_at": now, "status": "in_progress", "total": 100, "currency": "SAR", "source_updated_at": now}
        self.merchant.orders.create(salla_id=number, **{**values, **columns})


def viewed(number: int) -> tuple[str, dict[str, Any]]:
    return ("product.viewed", {"product_id": number})


def cart(number: int = 55, total: float = 120.5) -> tuple[str, dict[str, Any]]:
    return ("cart.updated", {"cart_id": number, "count": 1, "total": total, "currency": "SAR", "product_ids": [7]})


def completed(number: int) -> tuple[str, dict[str, Any]]:
    return ("order.completed", {"order_id": number})
