"""What a shopper's browser may tell us at once, and how it is read: strictly, and believing none of its prices and ids.

The loader's side is static/js/storefront/beacons.js; tests/data/beacons.json holds texts that both sides must agree on.
"""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NotRequired

import pydantic
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, with_config
from typing_extensions import TypedDict

from core import clock
from events.stream import StreamEvent
from features import registry

MAX_BYTES = 8 * 1024
MOST_EVENTS = 20
# How wrong a browser's clock may be.
SKEW = timedelta(hours=24)
# What a browser kept longer than this before it told us is said to have happened this long ago.
OLDEST = timedelta(hours=1)
HIGHEST = 2**53
PRODUCT_PAGE = "product.single"  # in Salla's words

# Halves of characters, from texts that a script cut in the middle of one.
_HALF = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
# Control characters, and those that turn the direction of what stands beside them.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")


class BadBeaconError(Exception):
    """Nothing that our loader sends."""


def _clean(text: str) -> str:
    return text if text.isprintable() else _UNSEEN.sub(" ", text)


strict = with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
Text = Annotated[str, StringConstraints(max_length=100), AfterValidator(_clean)]
Path = Annotated[str, StringConstraints(max_length=300, pattern="^/[^?#]*$"), AfterValidator(_clean)]
# Empty, or an address without what was asked there.
Referrer = Annotated[
    str, StringConstraints(max_length=300, pattern="^([a-z][a-z0-9+.-]{1,30}://[^?#]*)?$"), AfterValidator(_clean)
]
Number = Annotated[float, Field(ge=0, le=10**9)]
Moment = Annotated[int, Field(ge=0, le=HIGHEST)]
Id = Annotated[int, Field(ge=1, le=HIGHEST)]
Currency = Annotated[str, StringConstraints(pattern="^[A-Za-z]{0,3}$")]
Slug = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]
Name = Annotated[str, StringConstraints(pattern="^[a-z_]{1,30}\\.[a-z_]{1,30}$")]
Key = Annotated[str, StringConstraints(pattern="^[a-z_]{1,30}$")]


# What each event says


@strict
class Nothing(TypedDict):
    pass


@strict
class Left(TypedDict):
    seconds: Annotated[float, Field(ge=0, le=7 * 86_400)]
    depth: Annotated[float, Field(ge=0, le=100)]


@strict
class OfProduct(TypedDict):
    product_id: Id


@strict
class Cart(TypedDict):
    cart_id: NotRequired[Id | None]
    count: NotRequired[Annotated[int, Field(ge=0, le=10**6)]]
    total: NotRequired[Number]
    currency: NotRequired[Currency]
    product_ids: NotRequired[Annotated[list[Id], Field(max_length=20)]]


@strict
class OfOrder(TypedDict):
    order_id: Id


@strict
class OfCoupon(TypedDict):
    code: Text


@strict
class Vitals(TypedDict):
    lcp: NotRequired[Number | None]
    inp: NotRequired[Number | None]
    cls: NotRequired[Number | None]
    is_with_us: bool


@strict
class Assigned(TypedDict):
    card: Slug
    arm: Literal["shown", "held"]
    revision: Annotated[int, Field(ge=0, le=HIGHEST)]


@strict
class OfCard(TypedDict):
    card: Slug


@strict
class Skipped(TypedDict):
    card: Slug
    why: Text


@strict
class Clicked(TypedDict):
    card: Slug
    product_id: NotRequired[Id | None]


# What a card's own widget tells: its slug, and a few more.
Told = Annotated[dict[Key, bool | int | Number | Text | None], Field(max_length=12)]

_KINDS: dict[type, tuple[str, ...]] = {
    Nothing: ("page.viewed", "products.searched", "checkout.started", "signed.in"),
    Left: ("page.left",),
    OfProduct: ("product.viewed", "product.added", "product.removed"),
    Cart: ("cart.updated",),
    OfOrder: ("order.completed",),
    OfCoupon: ("coupon.applied", "coupon.denied", "coupon.removed"),
    Vitals: ("vitals.measured",),
    Assigned: ("card.assigned",),
    Skipped: ("card.skipped",),
    Clicked: ("card.clicked",),
    OfCard: ("card.shown", "card.closed", "card.failed"),
}
_DATA: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for kind, names in _KINDS.items() for name in names}
_TOLD: TypeAdapter[dict[str, Any]] = TypeAdapter(Told, config=ConfigDict(strict=True, allow_inf_nan=False))
NAMES = frozenset(_DATA)


# The text


@strict
class Event(TypedDict):
    name: Name
    at: Moment
    data: dict[str, Any]


@strict
class Page(TypedDict):
    slug: Annotated[str, StringConstraints(pattern="^[a-z0-9._-]{0,64}$")]
    id: Id | None
    path: Path


@strict
class Utm(TypedDict, total=False):
    source: Text
    medium: Text
    campaign: Text
    term: Text
    content: Text


@strict
class Beacon(TypedDict):
    """Everything that one text says."""

    v: Literal[1]
    id: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{16,24}$")]
    key: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_:-]{0,120}$")]
    bucket: Annotated[int, Field(ge=0, le=9999)]
    sent: Moment
    is_robot: bool
    page: Page
    lang: Annotated[str, StringConstraints(pattern="^([a-z]{2,3})?$")]
    referrer: Referrer
    utm: Utm
    click: Literal["google", "facebook", "tiktok", "twitter", "snapchat", ""]
    customer: Id | None
    events: Annotated[list[Event], Field(min_length=1, max_length=MOST_EVENTS)]


_BEACON: TypeAdapter[Beacon] = TypeAdapter(Beacon)


def read(text: bytes) -> Beacon:
    """Raises `BadBeaconError`."""
    if b"\\ud" in text or b"\\uD" in text:
        text = _HALF.sub(rb"\\ufffd", text)
    try:
        beacon = _BEACON.validate_json(text)
        for event in beacon["events"]:
            event["data"] = _data(event["name"], event["data"])
    except pydantic.ValidationError as refusal:
        raise BadBeaconError(_place(refusal)) from None
    if abs(beacon["sent"] - clock.now().timestamp() * 1000) > SKEW.total_seconds() * 1000:
        raise BadBeaconError("sent: another day")
    return beacon


def _data(name: str, data: dict[str, Any]) -> dict[str, Any]:
    known = _DATA.get(name)
    if known is not None:
        return dict(known.validate_python(data))
    told = _TOLD.validate_python(data)
    card = registry.get(str(told.get("card")))
    if card is None or name not in card.beacons:
        raise BadBeaconError(f"events: no card tells of {name}")
    return told


def _place(refusal: pydantic.ValidationError) -> str:
    """Where it is wrong, and in which way, without the value."""
    first = refusal.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['type']}"


def happened(beacon: Beacon, *, received_at: datetime) -> tuple[StreamEvent, ...]:
    """Its events on our clock: as long before `received_at` as the browser says that they came before its sending."""
    sent = beacon["sent"]
    return tuple(
        StreamEvent(event["name"], received_at - _age(sent - event["at"]), event["data"]) for event in beacon["events"]
    )


def _age(milliseconds: int) -> timedelta:
    return min(max(timedelta(0), timedelta(milliseconds=milliseconds)), OLDEST)
