"""Salla's documented webhook bodies, as the tests read them."""

import json
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parent / "payloads"


def payload(name: str) -> dict[str, Any]:
    """One documented body, e.g. `payload("order.created")`, free to change."""
    body: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return body
