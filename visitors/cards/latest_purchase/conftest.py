"""One store as Salla tells of it, and as its shoppers ask."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from core import clock, memory
from core.models import Merchant
from features import services
from tests.conftest import work
from visitors.cards.latest_purchase.card import CARD
from visitors.cards.latest_purchase.dashboard import health

OUD = {"id": 720881993, "name": "دهن عود كمبودي", "sku": "OUD-1", "status": "sale", "is_available": True, "quantity": 9}
ADDRESS = "https://salla.sa/najd/p720881993"


class Shop:
    """One store as Salla tells of it, and as its shoppers ask."""

    def __init__(self, merchant: Merchant, deliver: Callable[..., Any], client: Client) -> None:
        self.merchant, self.deliver, self.client = merchant, deliver, client
        self.number = 2116149700

    def send(self, event: str, data: dict[str, Any]) -> None:
        body = {"event": event, "merchant": self.merchant.salla_id, "created_at": iso(clock.now()), "data": data}
        assert self.deliver(body).status_code == 200
        work()

    def product(self, **changes: Any) -> None:
        data = {**OUD, "url": ADDRESS, "categories": [], **changes}
        self.send("product.created", data)

    def order(self, *, minutes: float = 12, event: str = "order.created", **changes: Any) -> dict[str, Any]:
        """Paid by card, from Buraydah, of one oud."""
        self.number += 1
        data = {
            "id": self.number,
            "reference_id": 41027662,
            "date": salla_time(clock.now() - timedelta(minutes=minutes)),
            "draft": False,
            "status": {"slug": "under_review"},
            "payment_method": "mada",
            "is_pending_payment": False,
            "currency": "SAR",
            "amounts": {"total": {"amount": 420, "currency": "SAR"}},
            "shipping": {"address": {"city": "بريدة", "country_code": "SA"}},
            "customer": {"id": 225167971, "first_name": "نورة", "last_name": "العتيبي", "mobile": 501806978},
            "items": [{"product": {"id": OUD["id"]}, "name": OUD["name"], "quantity": 1}],
            **changes,
        }
        self.send(event, data)
        return data

    def set(self, **settings: Any) -> None:
        services.save(self.merchant, card=CARD, raw=settings)

    def answer(self, lang: str = "ar") -> str:
        memory.forget()
        address = f"/sf/{self.merchant.salla_id}/cards/latest_purchase/recent"
        response = self.client.post(address, json.dumps({"lang": lang}), content_type="text/plain")
        assert response.status_code == 200
        return str(response.content.decode())

    def shown(self, lang: str = "ar") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.answer(lang))["purchases"]
        return rows

    def health(self) -> list[str]:
        with translation.override("en"):
            return health(self.merchant, services.settings_of(self.merchant, CARD))


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def salla_time(moment: datetime) -> dict[str, Any]:
    local = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.000000")
    return {"date": local, "timezone_type": 3, "timezone": "UTC"}


@pytest.fixture
def shop(merchant: Merchant, deliver: Callable[..., Any], client: Client) -> Iterator[Shop]:
    shop = Shop(merchant, deliver, client)
    shop.product()
    services.switch(merchant, card=CARD, is_on=True)
    return shop
