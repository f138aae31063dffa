"""A store's life as Salla lives it: what happens there in order, the bodies it sends, and the end that they must have.

It knows nothing of how the app works: times are minutes, a thing is a dictionary, the newest statement counts.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.salla import payload

RIYADH = timezone(timedelta(hours=3))
BEGINNING = datetime(2026, 1, 1, 10, tzinfo=RIYADH)
LIFE = timedelta(days=14)  # of an access token
STORE = 1234509876
TIMES = 5  # each event is posted so often
APP = ("app.installed", "app.store.authorize")
FULL_ORDER = ("status", "total", "payment_method", "is_pending_payment")

Body = dict[str, Any]


@dataclass(frozen=True)
class Happening:
    """One event: when, about which thing, and what it states of it."""

    name: str
    at: datetime
    thing: tuple[str, int]
    stated: dict[str, Any]
    data: Body

    def copy(self, number: int) -> Body:
        """A body re-made by Salla has other bytes, so that the hash alone does not stop it."""
        written = self.at.strftime("%Y-%m-%d %H:%M:%S" if self.name.startswith("app.") else "%a %b %d %Y %H:%M:%S")
        zone = "" if self.name.startswith("app.") else " GMT+0300"
        again = {"again": number} if number else {}
        return {"event": self.name, "merchant": STORE, "created_at": written + zone, "data": self.data, **again}


@dataclass
class Story:
    """What happened at Salla so far, and what of it has reached the app."""

    luck: random.Random
    minute: int = 0
    is_open: bool = False
    authorizations: int = 0
    orders: dict[int, dict[str, Any]] = field(default_factory=dict)
    carts: dict[int, str] = field(default_factory=dict)
    under_way: list[tuple[Happening, int]] = field(default_factory=list)
    told: set[tuple[str, datetime, int]] = field(default_factory=set)
    refused: list[Happening] = field(default_factory=list)
    taken: list[Happening] = field(default_factory=list)
    opened_at: datetime | None = None  # the newest that the app was told; so the next two
    authorized: Happening | None = None
    left_at: datetime | None = None

    # What happens at Salla

    def happens(self, name: str, thing: tuple[str, int], stated: dict[str, Any], data: Body) -> None:
        """Salla sends it five times: some copies are the same bytes, some are re-made."""
        self.minute += self.luck.randint(1, 3)
        happening = Happening(name, BEGINNING + timedelta(minutes=self.minute), thing, stated, data)
        remade = self.luck.choice((0, 0, 1))
        self.under_way += [(happening, min(copy, remade)) for copy in range(TIMES)]

    def installs(self, *, has_tokens: bool = True) -> None:
        self.is_open = True
        self.happens("app.installed", ("app", 0), {}, payload("app.installed")["data"])
        if has_tokens:
            self.authorizes()

    def authorizes(self) -> None:
        self.authorizations += 1
        expires = BEGINNING + timedelta(minutes=self.minute) + LIFE
        tokens = {"access_token": f"access-{self.authorizations}", "refresh_token": f"refresh-{self.authorizations}"}
        data = {**payload("app.store.authorize")["data"], **tokens, "expires": int(expires.timestamp())}
        self.happens("app.store.authorize", ("app", 0), {**tokens, "expires_at": expires}, data)

    def uninstalls(self) -> None:
        self.is_open = False
        self.happens("app.uninstalled", ("app", 0), {}, payload("app.uninstalled")["data"])

    def orders_change(self, name: str, number: int, **changes: Any) -> None:
        """Any order event with the whole order in it; the first is the order's beginning."""
        order = self.orders.setdefault(number, {"is_refunded": False, "is_deleted": False})
        order.update(changes)
        body = payload("order.created")["data"]
        body |= {"id": number, "payment_method": order["payment_method"], "draft": False}
        body |= {"is_pending_payment": order["is_pending_payment"], "status": {"slug": order["status"]}}
        body["amounts"] = {**body["amounts"], "total": {"amount": order["total"], "currency": "SAR"}}
        stated = {column: order[column] for column in FULL_ORDER}
        sticky = {column: True for column in ("is_refunded", "is_deleted") if changes.get(column)}
        data = {"id": 198290473, "order": body} if name == "order.status.updated" else body
        self.happens(name, ("order", number), stated | sticky, data)

    def orders_change_thinly(self, name: str, number: int, **changes: Any) -> None:
        """Two numbers and no more: what the event's own name says is all that is stated."""
        self.orders[number].update(changes)
        thin = {"id": number, "reference_id": 41027662}
        self.happens(name, ("order", number), changes, {"order": thin} if name == "order.status.updated" else thin)

    def carts_change(self, name: str, number: int, status: str) -> None:
        self.carts[number] = status
        data = {**payload("abandoned.cart")["data"], "id": number, "status": status}
        self.happens(name, ("cart", number), {"status": status}, data)

    def customers_change(self, name: str, number: int, is_enabled: bool) -> None:
        data = {**payload("customer.login")["data"], "id": number, "is_notifications_enabled": is_enabled}
        self.happens(name, ("customer", number), {"is_notifications_enabled": is_enabled}, data)

    # What reaches the app

    def deliver(self, post: Callable[[Body], Any], share: float) -> None:
        """So much of what is under way arrives, in any order."""
        self.luck.shuffle(self.under_way)
        count = round(len(self.under_way) * share)
        arriving, self.under_way = self.under_way[:count], self.under_way[count:]
        for happening, copy in arriving:
            post(happening.copy(copy))
            key = (happening.name, happening.at, copy)
            if key not in self.told:  # else the same bytes
                self.told.add(key)
                self._take(happening)

    def sweep(self) -> None:
        """The app looks again at what came before its store was open."""
        refused, self.refused = self.refused, []
        for happening in refused:
            self._take(happening)

    def _take(self, happening: Happening) -> None:
        """An uninstall is a tombstone: what is older does nothing any more."""
        if happening.name == "app.uninstalled":
            self.left_at = max(happening.at, self.left_at or happening.at)
        elif self.left_at is not None and happening.at <= self.left_at:
            return
        elif happening.name in APP:
            self.opened_at = max(happening.at, self.opened_at or happening.at)
            if happening.name == "app.store.authorize" and (not self.authorized or happening.at > self.authorized.at):
                self.authorized = happening
        elif self.is_known_as_open:
            self.taken.append(happening)
        else:
            self.refused.append(happening)

    @property
    def is_known_as_open(self) -> bool:
        return self.opened_at is not None and (self.left_at is None or self.opened_at > self.left_at)

    # The end that it must have

    def connection(self) -> dict[str, Any]:
        if not self.is_known_as_open:
            return {"state": "uninstalled", "access_token": None, "refresh_token": None, "expires_at": None}
        held = self.authorized
        if held is None or (self.left_at is not None and held.at < self.left_at):
            return {"state": "installed", "access_token": None, "refresh_token": None, "expires_at": None}
        return {"state": "connected", **held.stated}

    def about(self, kind: str) -> dict[int, list[Happening]]:
        """What was taken of each thing, in the order in which it happened."""
        found: dict[int, list[Happening]] = {}
        for happening in sorted(set_of(self.taken), key=lambda one: one.at):
            if happening.thing[0] == kind:
                found.setdefault(happening.thing[1], []).append(happening)
        return found

    def things(self, kind: str) -> dict[int, dict[str, Any]]:
        """Each thing as the newest statements have it."""
        ends = {}
        for number, happenings in self.about(kind).items():
            ends[number] = {column: value for one in happenings for column, value in one.stated.items()}
        return ends


def set_of(happenings: list[Happening]) -> list[Happening]:
    """Each once, however often it was taken."""
    return list({(one.name, one.at): one for one in happenings}.values())
