"""What storefronts tell and ask all the time: beacons and the live count, beside bare views."""

import itertools
import json
import secrets
import time
from collections.abc import Iterator

from scripts.benchmarks.config import STORE, asked
from scripts.benchmarks.plan import Measurement, Ratio, Variant

# So many that none has more beacons in a minute than a store may have.
STORES = 64
EVENTS = 2  # of each beacon
# Networks that shoppers come from; one address of an operator is shared by hundreds, and limited for it.
NETWORKS = 5_000
AGENTS = [
    f"Mozilla/5.0 (iPhone; CPU iPhone OS {version}_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    f"Version/{version}.0 Mobile/15E148 Safari/604.1"
    for version in (17, 18, 26)
]

_numbers = itertools.count()


def stores() -> list[int]:
    return [STORE + number for number in range(STORES)]


def beacon() -> bytes:
    """A page and a product viewed, as the loader tells it; no two are the same."""
    now = int(time.time() * 1000)
    said = {
        "v": 1,
        "id": secrets.token_urlsafe(12),
        "key": "",
        "bucket": 4711,
        "sent": now,
        "is_robot": False,
        "page": {"slug": "product.single", "id": 1455672349, "path": "/ar/oud-cambodi/p1455672349"},
        "lang": "ar",
        "referrer": "https://www.google.com/",
        "utm": {"source": "snapchat", "medium": "cpc", "campaign": "white friday"},
        "click": "",
        "customer": None,
        "events": [
            {"name": "page.viewed", "at": now - 900, "data": {}},
            {"name": "product.viewed", "at": now - 900, "data": {"product_id": 1455672349}},
        ],
    }
    return json.dumps(said, separators=(",", ":")).encode()


def told(prefix: str) -> Iterator[bytes]:
    """Each from another network and of another store than the one before; the proxy has written where it came from."""
    while True:
        number, body = next(_numbers), beacon()
        network = number % NETWORKS
        lines = [
            f"POST {prefix}{STORE + number % STORES}/e HTTP/1.1",
            "Host: 127.0.0.1",
            "Origin: https://shop.example",
            "Content-Type: text/plain;charset=UTF-8",
            f"User-Agent: {AGENTS[number % len(AGENTS)]}",
            f"X-Forwarded-For: 198.{18 + network // 65536}.{network // 256 % 256}.{network % 256}",
            f"Content-Length: {len(body)}",
        ]
        yield "\r\n".join([*lines, "", ""]).encode() + body


BEACONS = Measurement(
    name="beacons",
    title="A beacon of the storefront",
    table="events_storefrontevent",  # no consumer runs beside it: that is `ingest`'s measurement
    prepare="/webhooks/bench/stores/",
    variants=(
        Variant("bare", "bare view, reads the body", lambda: told("/sf/bench/"), status=204),
        Variant("beacon", "THE PRODUCT: kept, counted", lambda: told("/sf/"), status=204),
    ),
    ratios=(Ratio("beacon", "bare", at_least=0.35),),
)

LIVE = Measurement(
    name="live",
    title="How many are here now",
    table="events_storefrontevent",
    prepare="/webhooks/bench/stores/",
    variants=(
        Variant("bare", "bare view, reads nothing", lambda: asked(f"/sf/bench/{STORE}/live")),
        Variant("live", "THE PRODUCT: from memory", lambda: asked(f"/sf/{STORE}/live")),
    ),
    ratios=(Ratio("live", "bare", at_least=0.8),),
)
