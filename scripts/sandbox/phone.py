"""The shopper's phone: every message that a number or an e-mail address received."""

import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.sandbox.models import Customer
from scripts.sandbox.pages import page, wrong
from scripts.sandbox.providers.behaviour import e164
from scripts.sandbox.providers.mailbox import Message
from scripts.sandbox.state import World

LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass
class Owner:
    """Who holds a phone."""

    phone: str
    name: str
    email: str
    store: str


def owners(world: World) -> dict[str, Owner]:
    """By number: all known customers."""
    found: dict[str, Owner] = {}
    for store in world.stores.values():
        for customer in store.customers.values():
            if not customer.deleted:
                found[customer.phone] = _owner(customer, store.name_ar)
    return found


def _owner(customer: Customer, store: str) -> Owner:
    return Owner(customer.phone, customer.full_name, customer.email.lower(), store)


def inbox(world: World, owner: Owner) -> list[Message]:
    return world.mailbox.seen_by({owner.phone, owner.email} - {""})


def parts(text: str) -> list[tuple[str, str]]:
    """A text as ("text" | "link", …) in order, so that links can be tapped."""
    found, end = [], 0
    for match in LINK.finditer(text):
        found += [("text", text[end : match.start()]), ("link", match.group())]
        end = match.end()
    return [row for row in (*found, ("text", text[end:])) if row[1]]


async def index(request: Request) -> Response:
    world: World = request.app.state.world
    known = owners(world)
    by_address = {owner.email: owner for owner in known.values()}
    rows: dict[str, dict[str, Any]] = {}
    for message in reversed(world.mailbox.all()):
        owner = known.get(message.to) or by_address.get(message.to) or Owner(message.to, "", message.to, "")
        row = rows.setdefault(owner.phone, {"owner": owner, "count": 0, "last": message})
        row["count"] += 1
    return page(request, "phone_index.html", rows=list(rows.values()), others=list(known.values())[:12])


async def phone(request: Request) -> Response:
    world: World = request.app.state.world
    asked = request.path_params["number"]
    if "@" in asked:
        address = asked.lower()
        known = next((o for o in owners(world).values() if o.email == address), None)
        owner = known or Owner(address, "", address, "")
    else:
        number = e164(asked)
        if not 8 <= len(number) <= 16:
            return wrong(request, 404, "404")
        owner = owners(world).get(number) or Owner(number, "", "", "")
    frame = "frame" in request.query_params
    messages = inbox(world, owner)
    return page(request, "phone.html", owner=owner, messages=messages, parts=parts, frame=frame, now=world.clock.now())


ROUTES = [
    Route("/phone/", index, methods=["GET"]),
    Route("/phone/{number}/", phone, methods=["GET"]),
]
