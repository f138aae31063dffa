"""The app inside Salla's dashboard, as its tests open it: tokens of the sandbox, and a frame's cookies."""

from collections.abc import Iterator
from typing import Any

from django.test import Client

from core import redis
from core.models import Merchant
from tests.outside import CLIENT, Outside

OUD = 1305146709
DASHBOARD = "https://s.salla.example"


def point_at(settings: Any, sandbox: Outside) -> None:
    settings.SALLA_ACCOUNTS_URL = settings.SALLA_API_URL = sandbox.url
    settings.SALLA_DASHBOARD_URL = DASHBOARD
    settings.PUBLIC_URL = "http://testserver"
    for name, value in CLIENT.items():
        setattr(settings, name, value)


def a_sandbox() -> Iterator[Outside]:
    sandbox = Outside()
    yield sandbox
    sandbox.stop()


def introspections(sandbox: Outside) -> int:
    return int(sandbox.state()["counters"].get("introspect.calls", 0))


def token(sandbox: Outside, who: str = "owner", store: int = OUD) -> str:
    return str(sandbox.act("embedded_token", store=store, who=who)["token"])


def number_of(sandbox: Outside, who: str = "owner", store: int = OUD) -> int:
    """The person's number at Salla."""
    return int(sandbox.act("embedded_token", store=store, who=who)["user"])


def enter(client: Client, given: str, **query: str) -> Any:
    """What Salla's frame asks for first; the answer leads on without the token, or refuses."""
    return client.get("/embedded/", {"token": given, **query}, headers={"sec-fetch-dest": "iframe"})


def open_app(client: Client, sandbox: Outside, who: str = "owner", **query: str) -> Any:
    """All the way to the store's first page."""
    return client.get(enter(client, token(sandbox, who), **query).headers["Location"], follow=True)


def framed(merchant: Merchant, path: str = "") -> str:
    return f"/embedded/stores/{merchant.public_id}/{path}"


def forget_limits() -> None:
    for key in redis.client().scan_iter(redis.key("limit", "*")):
        redis.client().delete(key)
