"""Addresses of the providers; each base URL is http://127.0.0.1:<port>/<provider>."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.sandbox.merchant_api.gate import json_response
from scripts.sandbox.providers import push, sms, whatsapp
from scripts.sandbox.providers.mailbox import ProviderSettings
from scripts.sandbox.reading import BodyError, read_body
from scripts.sandbox.state import World


async def settings(request: Request) -> Response:
    """GET or POST `/_providers`: where reports go and with which secrets they are signed."""
    world: World = request.app.state.world
    known = asdict(world.providers)
    try:
        given = await read_body(request) if request.method == "POST" else {}
    except BodyError as error:
        return json_response({"error": str(error)}, 400)
    if not set(given) <= set(known):
        return json_response({"error": f"there are only {', '.join(known)}"}, 422)
    world.providers = ProviderSettings(**{**known, **{name: str(value) for name, value in given.items()}})
    return json_response(asdict(world.providers))


async def inbound(request: Request) -> Response:
    """POST `/_reply` {to, text}: the shopper answers on WhatsApp."""
    world: World = request.app.state.world
    try:
        given = await read_body(request)
    except BodyError as error:
        return json_response({"error": str(error)}, 400)
    whatsapp.reply(world, str(given.get("to", "")), str(given.get("text", "")))
    return json_response({"sent": True})


ROUTES = [
    Route("/_providers", settings, methods=["GET", "POST"]),
    Route("/_reply", inbound, methods=["POST"]),
    Route("/unifonic/rest/SMS/messages", sms.unifonic, methods=["POST"]),
    Route("/unifonic/rest/SMS/Messages/GetMessagesDetails", sms.unifonic_details, methods=["POST"]),
    Route("/taqnyat/v1/messages", sms.taqnyat, methods=["POST"]),
    Route("/taqnyat/v1/messages/senders", sms.taqnyat_senders, methods=["GET"]),
    Route("/msegat/gw/sendsms.php", sms.msegat, methods=["POST"]),
    Route("/msegat/gw/Credits.php", sms.msegat_credits, methods=["POST"]),
    Route("/msegat/gw/getSenders.php", sms.msegat_senders, methods=["GET"]),
    Route("/twilio/2010-04-01/Accounts/{sid}/Messages.json", sms.twilio, methods=["POST"]),
    Route("/graph/{version}/{phone_id}/messages", whatsapp.send, methods=["POST"]),
    Route("/graph/{version}/{phone_id}/marketing_messages", whatsapp.send, methods=["POST"]),
    Route("/push/{endpoint}", push.send, methods=["POST"]),
]
