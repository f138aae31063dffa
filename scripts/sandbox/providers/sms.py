"""Unifonic, Taqnyat, Msegat and Twilio, each with its own answers and errors."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scripts.sandbox.clock import plain
from scripts.sandbox.providers.behaviour import Behaviour, behaviour_of, e164, segments
from scripts.sandbox.providers.mailbox import Message
from scripts.sandbox.reading import BodyError, read_body
from scripts.sandbox.state import World
from scripts.sandbox.wire import cut

PRICE = 0.04
Report = Callable[[str], tuple[str, bytes, dict[str, str]]]


async def read(request: Request) -> dict[str, Any]:
    """Query and body together; {} when the body cannot be read."""
    try:
        return dict(request.query_params) | await read_body(request)
    except BodyError:
        return {}


def record(world: World, provider: str, to: str, sender: str, text: str, number: str, **more: Any) -> Message:
    message = Message(
        id=number, channel="sms", provider=provider, to=to, sender=sender, text=text, at=world.clock.now(),
        units=segments(text), **more,
    )  # fmt: skip
    return world.mailbox.add(message)


def behave(world: World, provider: str, to: str) -> Behaviour:
    world.counters[f"provider.{provider}"] += 1
    return behaviour_of(to, world.mailbox.attempt(provider, to))


def report_later(world: World, message: Message, found: Behaviour, make: Report | None) -> None:
    """Let the message's life go on, and tell the app if it gave an address."""
    for seconds, state in found.reports:
        message.reports.append(state)
        if make:
            url, body, headers = make(state)
            world.dispatcher.later(seconds, url, body, headers)
    if found.reports:
        message.state = "delivered" if any(state == "delivered" for _, state in found.reports) else found.reports[-1][1]


# Unifonic

UNIFONIC_ERRORS = {
    "bad_recipient": (410, "Recipient is invalid"),
    "opted_out": (483, "Operator does not accept this number"),
    "rate": (429, "Too many requests"),
    "flaky": (599, "Request failed"),
    "policy": (480, "This user cannot use specified SenderID"),
    "balance": (459, "Balance is not sufficient"),
}


def _unifonic_error(status: int, text: str) -> Response:
    headers = {"Retry-After": "1"} if status == 429 else {}
    code = f"ER-{status % 100:02d}"
    return JSONResponse({"success": "false", "message": text, "errorCode": code, "data": {}}, status, headers)


async def unifonic(request: Request) -> Response:
    world: World = request.app.state.world
    given = await read(request)
    for name, status in (("AppSid", 402), ("Recipient", 410), ("Body", 412)):
        if not given.get(name):
            return _unifonic_error(status, f"{name} is missing")
    to, text = e164(str(given["Recipient"])), str(given["Body"])
    correlation = str(given.get("CorrelationID", ""))
    if str(given["Recipient"]).startswith(("+", "00")):
        return _unifonic_error(410, "Recipient must be in international format without 00 or +")
    if world.mailbox.correlated("unifonic", correlation):
        return _unifonic_error(409, "Duplicate message")
    found = behave(world, "unifonic", to)
    if found.answer in UNIFONIC_ERRORS:
        return _unifonic_error(*UNIFONIC_ERRORS[found.answer])
    number = world.numbers.id() * 1000
    message = record(
        world, "unifonic", to, str(given.get("SenderID", "")), text, str(number), correlation=correlation,
        raw={key: value for key, value in given.items() if key != "AppSid"},
    )  # fmt: skip
    callback = str(given.get("statusCallback") or world.providers.unifonic_callback)
    report_later(world, message, found, _unifonic_report(callback, message) if callback else None)
    if found.answer == "drop":
        return cut(request)
    return JSONResponse(
        {"success": "true", "message": "", "errorCode": "ER-00", "data": _unifonic_data(world, message)}
    )


def _unifonic_data(world: World, message: Message) -> dict[str, Any]:
    return {
        "MessageID": int(message.id),
        "CorrelationID": message.correlation,
        "Status": "Queued",
        "NumberOfUnits": message.units,
        "Cost": round(PRICE * message.units, 2),
        "Balance": 120.5,
        "Recipient": message.to.lstrip("+"),
        "TimeCreated": f"{plain(world.clock.now())}.237",
        "CurrencyCode": "SAR",
    }


def _unifonic_report(callback: str, message: Message) -> Report:
    def make(state: str) -> tuple[str, bytes, dict[str, str]]:
        body = {"MessageID": message.id, "Status": state.title(), "CorrelationID": message.correlation}
        return callback, json.dumps(body).encode(), {"Content-Type": "application/json"}

    return make


async def unifonic_details(request: Request) -> Response:
    """The look-up by MessageID or CorrelationID."""
    world: World = request.app.state.world
    given = await read(request)
    message = world.mailbox.find(str(given.get("MessageID", ""))) or world.mailbox.correlated(
        "unifonic", str(given.get("CorrelationID", ""))
    )
    rows = []
    if message:
        rows.append({**_unifonic_data(world, message), "Status": message.state.title(), "DLR": message.state.title()})
    return JSONResponse({"success": "true", "errorCode": "ER-00", "data": {"messages": rows, "total": len(rows)}})


# Taqnyat

TAQNYAT_ERRORS = {
    "bad_recipient": (400, "No valid recipients"),
    "opted_out": (400, "Recipient is blocked"),
    "rate": (429, "Too many requests"),
    "flaky": (500, "Internal server error"),
    "policy": (400, "Sender is not accepted"),
    "balance": (400, "Your balance is 0, please recharge"),
}


def _taqnyat_error(status: int, text: str) -> Response:
    headers = {"Retry-After": "1"} if status == 429 else {}
    return JSONResponse({"statusCode": status, "message": text}, status, headers)


async def taqnyat(request: Request) -> Response:
    world: World = request.app.state.world
    if not request.headers.get("authorization", "").startswith("Bearer "):
        return _taqnyat_error(401, "Authentication credentials were not provided")
    given = await read(request)
    recipients = given.get("recipients")
    if not isinstance(recipients, list) or not recipients or not given.get("body") or not given.get("sender"):
        return _taqnyat_error(400, "recipients, body and sender are required")
    number = str(world.numbers.id() * 3)
    drops = False
    for recipient in map(str, recipients):
        found = behave(world, "taqnyat", e164(recipient))
        if found.answer in TAQNYAT_ERRORS:
            return _taqnyat_error(*TAQNYAT_ERRORS[found.answer])
        message = record(world, "taqnyat", e164(recipient), str(given["sender"]), str(given["body"]), number, raw=given)
        report_later(world, message, found, None)
        drops = drops or found.answer == "drop"
    if drops:
        return cut(request)
    units = segments(str(given["body"]))
    accepted = f"[{''.join(f'{recipient},' for recipient in recipients)}]"
    answer = {
        "statusCode": 201, "messageId": int(number), "cost": f"{units * PRICE:.2f}", "currency": "SAR",
        "totalCount": len(recipients), "msgLength": units, "accepted": accepted, "rejected": "[]",
    }  # fmt: skip
    return JSONResponse(answer, 201)


async def taqnyat_senders(request: Request) -> Response:
    rows = [{"senderName": "NOMO", "status": "active"}, {"senderName": "NOMO-AD", "status": "active"}]
    return JSONResponse({"statusCode": 200, "senders": rows})


# Msegat

MSEGAT_ERRORS = {
    "bad_recipient": "1120", "opted_out": "1120", "rate": "", "flaky": "", "policy": "1110", "balance": "1060",
}  # fmt: skip


async def msegat(request: Request) -> Response:
    world: World = request.app.state.world
    given = await read(request)
    needed = ("userName", "apiKey", "userSender", "numbers", "msg")
    if any(not given.get(name) for name in needed):
        return JSONResponse({"code": "M0001", "message": "Variables missing"})
    number = world.numbers.id()
    drops = False
    for recipient in str(given["numbers"]).split(","):
        found = behave(world, "msegat", e164(recipient))
        if found.answer in ("rate", "flaky"):
            return Response("", 429 if found.answer == "rate" else 500, headers={"Retry-After": "1"})
        if found.answer in MSEGAT_ERRORS:
            return Response(MSEGAT_ERRORS[found.answer], media_type="text/plain")
        raw = {key: value for key, value in given.items() if key != "apiKey"}
        sender, text = str(given["userSender"]), str(given["msg"])
        message = record(world, "msegat", e164(recipient), sender, text, str(number), raw=raw)
        report_later(world, message, found, None)
        drops = drops or found.answer == "drop"
    return cut(request) if drops else JSONResponse({"code": "M0000", "message": "Success", "id": number})


async def msegat_credits(request: Request) -> Response:
    return Response("120.50", media_type="text/plain")


async def msegat_senders(request: Request) -> Response:
    return JSONResponse({"code": "1", "senders": [{"SenderID": "NOMO-AD", "Status": "Activated"}]})


# Twilio

TWILIO_ERRORS = {
    "bad_recipient": (400, 21211, "Invalid 'To' Phone Number"),
    "opted_out": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "rate": (429, 20429, "Too Many Requests"),
    "flaky": (500, 20500, "Internal Server Error"),
    "balance": (401, 20003, "Authenticate"),
}


def _twilio_error(status: int, code: int, text: str) -> Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    headers = {"Retry-After": "1"} if status == 429 else {}
    return JSONResponse({"code": code, "message": text, "more_info": more, "status": status}, status, headers)


async def twilio(request: Request) -> Response:
    world: World = request.app.state.world
    if not request.headers.get("authorization", "").startswith("Basic "):
        return _twilio_error(401, 20003, "Authenticate")
    given = await read(request)
    to, text = str(given.get("To", "")), str(given.get("Body", ""))
    if not to.startswith("+"):
        return _twilio_error(400, 21211, f"Invalid 'To' Phone Number: {to}")
    if not text or not (given.get("From") or given.get("MessagingServiceSid")):
        return _twilio_error(400, 21602, "Message body and sender are required")
    if len(text) > 1600:
        return _twilio_error(400, 21617, "The concatenated message body exceeds the 1600 character limit")
    found = behave(world, "twilio", to)
    if found.answer in TWILIO_ERRORS:
        return _twilio_error(*TWILIO_ERRORS[found.answer])
    if found.answer == "policy":
        found = Behaviour(reports=((0.3, "sent"), (1.0, "undelivered")))
    sid = f"SM{secrets.token_hex(16)}"
    message = record(world, "twilio", to, str(given.get("From") or given["MessagingServiceSid"]), text, sid, raw=given)
    callback = str(given.get("StatusCallback") or "")
    report_later(world, message, found, _twilio_report(world, request, callback, message) if callback else None)
    if found.answer == "drop":
        return cut(request)
    answer = {
        "sid": sid, "status": "queued", "to": to, "from": message.sender, "body": text,
        "num_segments": str(message.units),
        "price": None, "price_unit": "USD", "error_code": None, "error_message": None,
    }  # fmt: skip
    return JSONResponse(answer, 201)


def _twilio_report(world: World, request: Request, callback: str, message: Message) -> Report:
    account = request.path_params["sid"]

    def make(state: str) -> tuple[str, bytes, dict[str, str]]:
        form = {
            "MessageSid": message.id, "SmsSid": message.id, "AccountSid": account, "From": message.sender,
            "To": message.to, "MessageStatus": state, "SmsStatus": state, "ApiVersion": "2010-04-01",
        }  # fmt: skip
        if state in ("failed", "undelivered"):
            form["ErrorCode"] = "30003" if state == "failed" else "30007"
        signed = callback + "".join(name + form[name] for name in sorted(form))
        mac = hmac.new(world.providers.twilio_token.encode(), signed.encode(), hashlib.sha1)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(mac.digest()).decode(),
        }
        return callback, urlencode(form).encode(), headers

    return make
