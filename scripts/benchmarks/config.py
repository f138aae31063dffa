"""What shoppers' browsers ask on every page: the store's config out of a process's memory, beside a bare view."""

import itertools
from collections.abc import Iterator

from scripts.benchmarks.plan import Measurement, Ratio, Variant

STORE = 1305146709
CONFIG_PATH = f"/sf/{STORE}/config.json"


def asked(path: str, *headers: str) -> Iterator[bytes]:
    """As a browser on a page of the shop asks."""
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Origin: https://shop.example", *headers]
    return itertools.repeat("\r\n".join([*lines, "", ""]).encode())


CONFIG = Measurement(
    name="config",
    title="The storefront's config",
    table="features_storefrontconfig",
    prepare="/webhooks/bench/store/",
    variants=(
        Variant("bare", "bare view, reads nothing", lambda: asked(f"/sf/bench/{STORE}/config.json")),
        Variant("config", "THE PRODUCT: from memory", lambda: asked(CONFIG_PATH)),
        Variant("stranger", "the product, an unknown store", lambda: asked("/sf/1/config.json")),
    ),
    ratios=(Ratio("config", "bare", at_least=0.9), Ratio("stranger", "bare")),
)
