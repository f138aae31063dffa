"""The beacon door: what a shopper's browser tells is read, known by a key that says nothing of him, and let in."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from core import clock
from core.http import truncated
from events import stream
from features import registry
from features.services import storefront_config
from visitors import agents, beacons, identity, presence
from visitors.beacons import Beacon
from visitors.identity import Sender
from visitors.presence import Arrival, Verdict
from visitors.sessions import SILENCE


class AwayError(Exception):
    """Nobody knows now whether this store listens."""


def take(salla_id: int, *, text: bytes, sender: Sender) -> Verdict | None:
    """Let in what a browser sent; None where nobody listens, and nothing is read.

    Raises `BadBeaconError` and `BadSignature` for what our loader does not send, `AwayError` and `RedisError` where
    nothing can be kept: then the sender is not told that it was.
    """
    store = storefront_config(salla_id)
    if not store.is_sure:
        raise AwayError
    if not store.is_listening:
        return None
    beacon, received_at = beacons.read(text), clock.now()
    day = received_at.astimezone(clock.zone(store.time_zone)).date()
    visitor = identity.identify(salla_id, key=beacon["key"], bucket=beacon["bucket"], sender=sender, day=day)
    arrival = Arrival(
        stream.Beacon(
            merchant_id=store.merchant_id,
            visitor_key=visitor.key,
            is_bot=beacon["is_robot"] or agents.is_bot(sender.agent),
            received_at=received_at,
            context=_context(beacon, sender),
            events=tuple(_events(beacon, received_at)),
            # Later than that no visit of his goes on that began before he agreed.
            former=visitor.former if visitor.age <= SILENCE else "",
        ),
        id=beacon["id"],
        sent=beacon["sent"],
        network=sender.hidden(salla_id, day),
        is_known=visitor.is_known,
        former=visitor.former,
        page=beacon["page"]["slug"],
        product_id=beacon["page"]["id"] if beacon["page"]["slug"] == beacons.PRODUCT_PAGE else None,
    )
    return presence.admit(arrival)


def issue_key(salla_id: int, *, old: str) -> str | None:
    """The key by which a shopper who agreed is known again; None where nobody listens.

    Raises `BadSignature` for an old key that is not of this store, and `AwayError`.
    """
    store = storefront_config(salla_id)
    if not store.is_sure:
        raise AwayError
    return identity.issue(salla_id, old=old) if store.is_listening else None


def _context(beacon: Beacon, sender: Sender) -> dict[str, Any]:
    """What holds for all events of the batch. Of the address nothing is left that less than hundreds share."""
    names = ("page", "lang", "referrer", "utm", "click", "customer", "bucket")
    said: dict[str, Any] = {name: beacon[name] for name in names}  # type: ignore[literal-required]
    return {**said, "agent": sender.agent, "network": truncated(sender.network)}


def _events(beacon: Beacon, received_at: datetime) -> Iterator[stream.StreamEvent]:
    """Not those of cards that are not ours: counts would have a row for each name that somebody makes up."""
    for event in beacons.happened(beacon, received_at=received_at):
        card = event.data.get("card")
        if card is None or registry.get(card) is not None:
            yield event
