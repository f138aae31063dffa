"""WhatsApp Cloud API: templates and texts out, signed statuses back."""

import hashlib
import hmac
import json
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scripts.sandbox.providers.behaviour import e164
from scripts.sandbox.providers.mailbox import Message
from scripts.sandbox.providers.sms import Report, behave, read, report_later
from scripts.sandbox.state import World
from scripts.sandbox.wire import cut

ERRORS = {
    "bad_recipient": (400, 131026, "Message undeliverable", False),
    "opted_out": (400, 131050, "User has stopped receiving marketing messages from you", False),
    "rate": (429, 130429, "Rate limit hit", True),
    "flaky": (500, 131000, "Something went wrong", True),
    "policy": (400, 131049, "This message was not delivered to maintain healthy ecosystem engagement", False),
    "balance": (400, 131042, "Business eligibility payment issue", False),
}
FAILED_LATER = 131026


def _error(status: int, code: int, text: str, transient: bool = False) -> Response:
    body = {
        "message": f"(#{code}) {text}", "type": "OAuthException", "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": text}, "fbtrace_id": secrets.token_hex(6),
        "is_transient": transient,
    }  # fmt: skip
    return JSONResponse({"error": body}, status, {"Retry-After": "1"} if status == 429 else {})


def readable(given: dict[str, Any]) -> str:
    """What the shopper would read: the text, or the template's parameters in their places."""
    if given.get("type") == "text":
        return str(given.get("text", {}).get("body", ""))
    template = given.get("template", {})
    parts = []
    for component in template.get("components", []):
        values = [_parameter(row) for row in component.get("parameters", []) if isinstance(row, dict)]
        if component.get("type") == "button":
            parts.append(f"▸ {' '.join(values)}")
        elif values:
            parts.append(" · ".join(values))
    return "\n".join([f"[{template.get('name', '')}]", *parts])


def _parameter(row: dict[str, Any]) -> str:
    kind = str(row.get("type", ""))
    value = row.get(kind, "")
    return str(value.get("link", "")) if isinstance(value, dict) else str(value)


async def send(request: Request) -> Response:
    world: World = request.app.state.world
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return _error(401, 190, "Invalid OAuth access token")
    given = await read(request)
    if given.get("messaging_product") != "whatsapp" or not given.get("to"):
        return _error(400, 100, "Invalid parameter")
    if given.get("type") not in ("template", "text"):
        return _error(400, 131051, "Unsupported message type")
    if given["type"] == "template" and not isinstance(given.get("template"), dict):
        return _error(400, 131008, "Required parameter is missing")
    to = e164(str(given["to"]))
    found = behave(world, "whatsapp", to)
    if found.answer in ERRORS:
        return _error(*ERRORS[found.answer])
    message = world.mailbox.add(
        Message(
            id=f"wamid.{secrets.token_urlsafe(24)}", channel="whatsapp", provider="whatsapp", to=to,
            sender=request.path_params["phone_id"], text=readable(given), at=world.clock.now(), raw=given,
            correlation=str(given.get("biz_opaque_callback_data", "")),
        )
    )  # fmt: skip
    report_later(world, message, found, _report(world, request.path_params["phone_id"], message))
    if found.answer == "drop":
        return cut(request)
    number = to.lstrip("+")
    return JSONResponse(
        {
            "messaging_product": "whatsapp",
            "contacts": [{"input": str(given["to"]), "wa_id": number}],
            "messages": [{"id": message.id, "message_status": "accepted"}],
        }
    )


def _report(world: World, phone_id: str, message: Message) -> Report:
    def make(state: str) -> tuple[str, bytes, dict[str, str]]:
        return _signed(world, phone_id, {"statuses": [_status(world, message, state)]})

    return make


def _status(world: World, message: Message, state: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": message.id,
        "status": state,
        "timestamp": str(int(world.clock.now())),
        "recipient_id": message.to.lstrip("+"),
        "conversation": {"id": message.id[-16:], "origin": {"type": "marketing"}},
        "pricing": {"billable": True, "pricing_model": "PMP", "category": "marketing"},
        "biz_opaque_callback_data": message.correlation,
    }
    if state == "failed":
        row["errors"] = [{"code": FAILED_LATER, "title": "Message undeliverable", "message": "Message undeliverable"}]
    return row


def _signed(world: World, phone_id: str, value: dict[str, Any]) -> tuple[str, bytes, dict[str, str]]:
    metadata = {"display_phone_number": "966500000000", "phone_number_id": phone_id}
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
    body = json.dumps(
        {"object": "whatsapp_business_account", "entry": [{"id": "100200300", "changes": [change]}]}
    ).encode()
    mac = hmac.new(world.providers.whatsapp_secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={mac}"}
    return world.providers.whatsapp_callback, body, headers


def reply(world: World, to: str, text: str) -> None:
    """The shopper answers, for instance «إيقاف»."""
    row = {
        "from": to.lstrip("+"), "id": f"wamid.{secrets.token_urlsafe(24)}", "timestamp": str(int(world.clock.now())),
        "type": "text", "text": {"body": text},
    }  # fmt: skip
    world.dispatcher.later(0, *_signed(world, "100", {"messages": [row]}))
