"""A web-push service: any endpoint under /push/, behaviours by its last two digits."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from scripts.sandbox.providers.mailbox import Message
from scripts.sandbox.reading import integer
from scripts.sandbox.state import World
from scripts.sandbox.wire import cut

LONGEST_TTL = 2_592_000
LARGEST = 4096
REFUSALS = {"03": (404, 102), "04": (410, 106), "05": (429, 201), "06": (503, 202), "09": (401, 109)}
PASSING = {"05": 2, "06": 1}


def _refusal(status: int, errno: int, text: str) -> Response:
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    return JSONResponse({"code": status, "errno": errno, "error": text, "message": text}, status, headers)


async def send(request: Request) -> Response:
    world: World = request.app.state.world
    endpoint, body = request.path_params["endpoint"], await request.body()
    ttl = integer(request.headers.get("ttl"))
    if ttl is None:
        return _refusal(400, 111, "Missing TTL header")
    if not 0 <= ttl <= LONGEST_TTL:
        return _refusal(400, 112, "Bad TTL")
    if not request.headers.get("authorization", "").startswith("vapid "):
        return _refusal(401, 109, "VAPID is missing")
    if len(body) > LARGEST:
        return _refusal(413, 104, "Payload too large")
    digits = endpoint[-2:]
    attempt = world.mailbox.attempt("push", endpoint)
    if digits in REFUSALS and attempt <= PASSING.get(digits, attempt):
        return _refusal(*REFUSALS[digits], "Refused")
    message = Message(
        id=f"push-{world.numbers.id()}", channel="push", provider="push", to=endpoint, sender="", state="sent",
        text=f"({len(body)} bytes)", at=world.clock.now(),
        raw={name: request.headers.get(name, "") for name in ("ttl", "urgency", "topic", "content-encoding")},
    )  # fmt: skip
    world.mailbox.add(message)
    if digits == "07":
        return cut(request)
    return Response("", 201, headers={"Location": f"/push/messages/{message.id}"})
