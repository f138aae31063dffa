"""What a beacon says of its visit, read once: anything of a wrong kind counts as not said. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from events.stream import Beacon, StreamEvent
from visitors import countries, devices
from visitors.devices import Agent
from visitors.sources import Source, cleaned, source_of

BIGGEST_ID = 2**63
BIGGEST_TOTAL = Decimal(10) ** 12
# What a page tells of itself, also hours after anybody looked at it.
PASSIVE = {"page.left", "vitals.measured", "card.assigned", "card.shown", "card.skipped", "card.closed", "card.failed"}
LONGEST_PATH, LONGEST_SLUG, LONGEST_LANGUAGE = 300, 64, 8


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart with something in it, as the browser told of it: its money is for looking at."""

    id: int | None
    total: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Hints:
    """One beacon, in our kinds."""

    beacon: Beacon
    began_at: datetime
    ended_at: datetime
    slug: str
    path: str
    language: str
    source: Source
    agent: Agent
    country: str
    customer: int | None
    cart: Cart | None
    order: int | None
    products: tuple[int, ...]  # that were looked at
    pages: int

    @property
    def key(self) -> tuple[int, str]:
        return self.beacon.merchant_id, self.beacon.visitor_key

    @property
    def former(self) -> tuple[int, str] | None:
        """The key under which he was here until he agreed, a moment ago, to be known again."""
        return (self.beacon.merchant_id, self.beacon.former) if self.beacon.former else None

    @property
    def is_active(self) -> bool:
        """Somebody did something; a page that was left open and is closed at last is nobody's visit."""
        return any(event.name not in PASSIVE for event in self.beacon.events)

    @property
    def is_arrival(self) -> bool:
        """A page was opened from elsewhere, and it can be named from where."""
        return self.pages > 0 and self.source.is_named and not self.source.is_inside


def read(beacon: Beacon, own: frozenset[str]) -> Hints:
    """`own` are the hosts of the beacon's store."""
    context, moments = beacon.context, [event.occurred_at for event in beacon.events] or [beacon.received_at]
    page, utm = _mapping(context.get("page")), _mapping(context.get("utm"))
    return Hints(
        beacon=beacon,
        began_at=min(moments),
        ended_at=max(moments),
        slug=_text(page.get("slug"))[:LONGEST_SLUG],
        path=_text(page.get("path"))[:LONGEST_PATH],
        language=_text(context.get("lang"))[:LONGEST_LANGUAGE],
        source=source_of(
            utm={name: _text(value) for name, value in utm.items()},
            click=_text(context.get("click")),
            referrer=_text(context.get("referrer")),
            own=own,
        ),
        agent=devices.agent_of(_text(context.get("agent"))),
        country=countries.country_of(_text(context.get("network"))),
        customer=_id(context.get("customer")),
        cart=next((cart for event in reversed(beacon.events) if (cart := _cart(event))), None),
        order=_last(beacon, "order.completed", "order_id"),
        products=tuple(
            found
            for event in beacon.events
            if event.name == "product.viewed" and (found := _id(event.data.get("product_id")))
        ),
        pages=sum(event.name == "page.viewed" for event in beacon.events),
    )


def _cart(event: StreamEvent) -> Cart | None:
    if event.name != "cart.updated":
        return None
    number, total, count = _id(event.data.get("cart_id")), _total(event.data.get("total")), event.data.get("count")
    if not total and not (isinstance(count, int) and count > 0):
        return None
    currency = _text(event.data.get("currency")).upper()
    is_currency = len(currency) == 3 and currency.isascii() and currency.isalpha()
    return Cart(number, total, currency if is_currency else "")


def _last(beacon: Beacon, name: str, field: str) -> int | None:
    return next((_id(event.data.get(field)) for event in reversed(beacon.events) if event.name == name), None)


def _id(value: Any) -> int | None:
    """Salla's numbers; also as texts, which is how some themes give them."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 < value < BIGGEST_ID else None


def _total(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found.quantize(Decimal("0.01")) if found.is_finite() and 0 <= found < BIGGEST_TOTAL else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def shown_path(path: str) -> str:
    """As a dimension of tallies: short, and on one line."""
    return cleaned(path)
