"""Shoppers as our server meets them: the texts that a shop's page sends, and who sends them."""

import json
from collections.abc import Iterable
from itertools import count
from typing import Any

from django.test import Client

from core import clock, memory, redis
from core.models import Merchant
from events import stream
from features import services
from visitors.cards.latest_purchase.card import CARD

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
    "Mobile/15E148 Safari/604.1"
)
VIEWED = {"name": "page.viewed", "data": {}}
_ids = count(1)


def milliseconds() -> int:
    return int(clock.now().timestamp() * 1000)


def beacon(events: Iterable[dict[str, Any]] = (VIEWED,), **changes: Any) -> dict[str, Any]:
    """What a page sends now: one that was viewed, unless told otherwise."""
    now = milliseconds()
    return {
        "v": 1,
        "id": f"test-beacon-{next(_ids):08}",
        "key": "",
        "bucket": 1,
        "sent": now,
        "is_robot": False,
        "page": {"slug": "index", "id": None, "path": "/"},
        "lang": "ar",
        "referrer": "",
        "utm": {},
        "click": "",
        "customer": None,
        "events": [{"at": now, **event} for event in events],
        **changes,
    }


def send(client: Client, said: object, *, store: int, address: str = "198.51.100.7", agent: str = PHONE) -> int:
    """The status by which our server answers; bytes go as they are."""
    text = said if isinstance(said, bytes) else json.dumps(said, ensure_ascii=False).encode()
    headers = {"User-Agent": agent}
    response = client.post(f"/sf/{store}/e", text, content_type="text/plain", headers=headers, REMOTE_ADDR=address)
    assert response.content == b""
    return int(response.status_code)


def listen(merchant: Merchant) -> None:
    """A card is on, so that the store's pages send what happens."""
    services.switch(merchant, card=CARD, is_on=True)
    memory.forget()


def waiting(merchant: Merchant) -> list[stream.Beacon]:
    """What the stream holds of this store, in the order in which it came."""
    found: Any = redis.client().xrange(stream.stream_key(stream.shard_of(merchant.pk)))
    beacons = [stream.decode(position.decode(), fields[stream.FIELD.encode()]) for position, fields in found]
    return [each for each in beacons if each.merchant_id == merchant.pk]
