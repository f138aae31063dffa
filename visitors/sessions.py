"""Which visit a beacon belongs to, and what it adds to it. It touches no database.

A visit goes on until nothing was heard of it for `SILENCE`, or until a page is opened from another source. That its
visitor agrees to be known again meanwhile does not end it: it becomes his (docs/adr/0012).
"""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from visitors.devices import Device
from visitors.hints import Hints
from visitors.sources import Source
from visitors.visit_models import MOST_PRODUCTS, Visit, Visitor

SILENCE = timedelta(minutes=30)
# A key that begins so is of somebody who agreed to be known again.
STABLE = "v:"
Key = tuple[int, str]  # a store, and what we call a visitor there


class Sessions:
    """The visits of a batch: those that it found open, and those that began in it."""

    def __init__(self, visits: Iterable[Visit], visitors: Iterable[Visitor]) -> None:
        """Of several visits of one visitor the last counts."""
        self._visitors = {(visitor.merchant_id, visitor.key): visitor for visitor in visitors}
        self._open = {(visit.merchant_id, visit.visitor_key): visit for visit in visits}
        for key, visit in self._open.items():
            visit.visitor = self._visitors.get(key)
        self.visits: dict[str, Visit] = {}  # that heard something, by key
        self.visitors: dict[Key, Visitor] = {}
        self.begun: list[Visit] = []
        self.named: dict[str, Visit] = {}  # whose visitor agreed just now, by key
        self.viewed: list[Visit] = []  # in which the first product was looked at just now
        self.carted: list[Visit] = []  # in which a cart was made just now
        self.claims: list[Visit] = []  # that said something new by which an order may be found

    def take(self, hints: Hints, known_products: frozenset[int]) -> None:
        """In the order in which they came."""
        visit = self._going_on(hints.key, hints) or self._named(hints)
        if visit is None:
            if not hints.is_active:
                return
            visit = self._begin(hints)
        self.visits[visit.visit_key] = visit
        self._add(visit, hints, known_products)
        if visit.visitor is not None:
            self._see(visit.visitor, visit)

    def _going_on(self, key: Key, hints: Hints) -> Visit | None:
        visit = self._open.get(key)
        return None if visit is None or _is_over(visit, hints) else visit

    def _named(self, hints: Hints) -> Visit | None:
        """The visit that he was in when he agreed: it goes on as his, and nobody's no more."""
        visit = self._going_on(hints.former, hints) if hints.former else None
        visitor = self._visitor(hints, visit.channel, visit.source) if visit else None
        if hints.former is None or visit is None or visitor is None:
            return None
        visit.visitor, visit.visitor_key, visit.is_returning = visitor, visitor.key, visitor.visits_count > 0
        visitor.visits_count += 1
        self._open[hints.key] = self._open.pop(hints.former)
        self.named[visit.visit_key] = visit
        return visit

    def _begin(self, hints: Hints) -> Visit:
        beacon, source, agent = hints.beacon, hints.source, hints.agent
        visitor = self._visitor(hints, source.channel, source.name)
        visit = Visit(
            merchant_id=beacon.merchant_id,
            visit_key=_key_of(hints),
            visitor=visitor,
            visitor_key=beacon.visitor_key,
            is_bot=beacon.is_bot,
            is_returning=visitor is not None and visitor.visits_count > 0,
            started_at=hints.began_at,
            last_seen_at=hints.ended_at,
            landing=hints.path,
            landing_slug=hints.slug,
            device=Device.BOT if beacon.is_bot else agent.device,
            browser=agent.browser,
            system=agent.system,
            country=hints.country,
            language=hints.language,
            **_columns(source),
        )
        if visitor is not None:
            visitor.visits_count += 1
        self._open[hints.key] = visit
        self.begun.append(visit)
        return visit

    def _visitor(self, hints: Hints, channel: str, source: str) -> Visitor | None:
        """Nobody, for who did not agree, and for a bot. Who is new came by this channel and source."""
        beacon = hints.beacon
        if beacon.is_bot or not beacon.visitor_key.startswith(STABLE):
            return None
        found = self._visitors.get(hints.key)
        if found is None:
            found = self._visitors[hints.key] = Visitor(
                merchant_id=beacon.merchant_id,
                key=beacon.visitor_key,
                first_seen_at=hints.began_at,
                last_seen_at=hints.ended_at,
                channel=channel,
                source=source,
            )
        return found

    def _see(self, visitor: Visitor, visit: Visit) -> None:
        visitor.last_seen_at = max(visitor.last_seen_at, visit.last_seen_at)
        visitor.customer_salla_id = visit.customer_salla_id or visitor.customer_salla_id
        self.visitors[visitor.merchant_id, visitor.key] = visitor

    def _add(self, visit: Visit, hints: Hints, known_products: frozenset[int]) -> None:
        before = (visit.cart_id, visit.order_hint)
        visit.last_seen_at = max(visit.last_seen_at, hints.ended_at)
        visit.pages += hints.pages
        if hints.path or hints.slug:
            visit.exit, visit.exit_slug = hints.path, hints.slug
        if fresh := [number for number in dict.fromkeys(hints.products) if number in known_products]:
            if not visit.products:
                self.viewed.append(visit)
            seen = [number for number in fresh if number not in visit.products]
            visit.products = [*visit.products, *seen][:MOST_PRODUCTS]
        visit.customer_salla_id = hints.customer or visit.customer_salla_id
        visit.order_hint = hints.order or visit.order_hint
        if hints.cart is not None:
            if not visit.has_cart:
                self.carted.append(visit)
            visit.has_cart, visit.cart_id = True, hints.cart.id or visit.cart_id
            visit.cart_total, visit.cart_currency = hints.cart.total, hints.cart.currency
        if (visit.cart_id, visit.order_hint) != before:
            self.claims.append(visit)


def _is_over(visit: Visit, hints: Hints) -> bool:
    if hints.began_at - visit.last_seen_at > SILENCE or visit.is_bot != hints.beacon.is_bot:
        return True
    held = (visit.channel, visit.source, visit.medium, visit.campaign)
    source = hints.source
    return hints.is_arrival and held != (source.channel, source.name, source.medium, source.campaign)


def _columns(source: Source) -> dict[str, str]:
    return {
        "channel": source.channel,
        "source": source.name,
        "medium": source.medium,
        "campaign": source.campaign,
        "term": source.term,
        "content": source.content,
        "click_network": source.network,
        "referrer": source.referrer,
    }


def _key_of(hints: Hints) -> str:
    """Made of the beacon that begins the visit: whoever reads it again comes to the same."""
    beacon = hints.beacon
    text = f"{beacon.merchant_id}:{beacon.visitor_key}:{beacon.position}:{hints.began_at.isoformat()}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
