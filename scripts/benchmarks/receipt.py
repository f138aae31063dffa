"""The receipt of Salla's webhooks beside its limits: bare views, and the ways that it could have gone.

Not measured here: Salla's own express-starter-kit, which needs Node.
"""

import hashlib
import hmac
import itertools
import json
import os
from collections.abc import Iterator
from functools import cache

from scripts.benchmarks.plan import Measurement, Ratio, Variant

SECRET = "bench-webhook-secret"  # noqa: S105 - of servers that live for one run
REPEATED = 16
FIRST_ID = 1_000_000_000


@cache
def template() -> tuple[bytes, bytes]:
    """A cart in Salla's shape, about 1.6 kB, cut where its number goes."""
    item = {
        "id": 2077288690,
        "product_id": 1455672349,
        "quantity": 2,
        "weight": 0.25,
        "options": [{"name": "المقاس", "value": "وسط"}],
        "amounts": {
            name: {"amount": 149.5, "currency": "SAR"} for name in ("price_without_tax", "discount", "tax", "total")
        },
        "notes": "",
        "images": ["https://cdn.salla.example/dev-bench/product-1455672349.png"],
    }
    customer = {"id": 225167971, "name": "عميل تجريبي", "mobile": 500000000, "email": "bench@example.com"}
    data = {
        "id": FIRST_ID,
        "run": os.urandom(16).hex(),  # two runs on one database have no body in common
        "total": {"amount": 598, "currency": "SAR"},
        "subtotal": {"amount": 598, "currency": "SAR"},
        "checkout_url": "https://salla.example/dev-bench/checkout/RmFrZUNoZWNrb3V0VXJs",
        "age_in_minutes": 30,
        "created_at": {"date": "2026-11-22 10:00:00.000000", "timezone_type": 3, "timezone": "Asia/Riyadh"},
        "customer": customer
        | {"avatar": "https://cdn.salla.example/images/avatar_male.png", "city": "الرياض", "country": "السعودية"},
        "coupon": None,
        "items": [item, item],
    }
    body = {"event": "abandoned.cart", "merchant": 1305146709, "created_at": "Sun Nov 22 2026 10:00:00 GMT+0300"}
    head, tail = json.dumps(body | {"data": data}, ensure_ascii=False).encode().split(str(FIRST_ID).encode())
    return head, tail


_numbers = itertools.count(FIRST_ID)


def request(path: str, body: bytes) -> bytes:
    """A signed delivery, whole."""
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Salla-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def unique(path: str) -> Iterator[bytes]:
    head, tail = template()
    return (request(path, b"%s%d%s" % (head, number, tail)) for number in _numbers)


def repeated(path: str) -> Iterator[bytes]:
    """The same few deliveries again and again, as Salla does while it gets no 200."""
    head, tail = template()
    numbers = range(FIRST_ID - REPEATED, FIRST_ID)
    return itertools.cycle([request(path, b"%s%d%s" % (head, number, tail)) for number in numbers])


def variant(name: str, title: str, path: str = "", *, rows: int = 0) -> Variant:
    return Variant(name, title, lambda: unique(path or f"/webhooks/bench/{name}/"), rows)


RECEIPT = Measurement(
    name="receipt",
    title=f"Receipt of Salla's webhooks, signed bodies of {len(b'0123456789'.join(template())):,} bytes",
    table="integrations_delivery",
    variants=(
        variant("bare", "bare view, reads nothing"),
        variant("verify", "verify only"),
        variant("insert-plain", "verify + insert, body in clear", rows=1),
        variant("insert", "verify + insert, encrypted", rows=1),
        variant("receipt", "THE PRODUCT: + debounced bell", "/webhooks/salla/", rows=1),
        variant("delay", "verify + insert + .delay()", rows=1),
        Variant("duplicate", "the product, repeats only", lambda: repeated("/webhooks/salla/")),
    ),
    ratios=(
        Ratio("insert", "verify", at_least=0.2),
        Ratio("receipt", "insert", at_least=0.65),
        Ratio("receipt", "delay", at_least=1.4),
        Ratio("receipt", "verify"),
        Ratio("receipt", "bare"),
        Ratio("insert", "insert-plain"),
        Ratio("duplicate", "receipt"),
    ),
)
