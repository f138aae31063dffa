"""A real sandbox on a free port, and a receiver for its webhooks; no database and no Redis."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import uvicorn

from scripts.sandbox.app import build
from scripts.sandbox.config import Config
from scripts.sandbox.wire import Wire

OUD, KIDS = 1305146709, 847769313
SECRET = "sandbox-test-secret"


@pytest.fixture(autouse=True)
def _surroundings() -> None:
    """The project's own surroundings (settings, Redis) are not needed here."""


@pytest.fixture(autouse=True)
def _bell() -> None:
    """Nor are its bells."""


@dataclass
class Receiver:
    """An app that keeps every webhook and answers as told."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            self.got.append((headers, body))
            return self.statuses.pop(0) if self.statuses else 200

    def bodies(self, event: str = "") -> list[dict[str, Any]]:
        parsed = [json.loads(body) for _, body in self.got]
        return [body for body in parsed if not event or body.get("event") == event]


@pytest.fixture(scope="session")
def _receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = found.take(dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/webhooks/salla/"
    yield found
    server.shutdown()
    server.server_close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def _config(_receiver: Receiver) -> Config:
    return Config(
        port=free_port(), smtp_port=free_port(),
        app_url=_receiver.url.removesuffix("/webhooks/salla/"), speed=100_000, seed=11,
        app_id="1480412374", client_id="client", client_secret="client-secret", webhook_secret=SECRET,
        callback_url="http://localhost:8000/callback", customers=40, history_days=20,
    )  # fmt: skip


@pytest.fixture(scope="session")
def _server(_config: Config) -> Iterator[None]:
    options = uvicorn.Config(build(_config), port=_config.port, http=Wire, log_level="warning", ws="none")
    server = uvicorn.Server(options)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    assert server.started
    yield
    server.should_exit = True
    thread.join(10)


@dataclass
class World:
    """The running sandbox as a test sees it."""

    config: Config
    receiver: Receiver
    http: requests.Session

    @property
    def base(self) -> str:
        return self.config.base

    def get(self, path: str, **kwargs: Any) -> requests.Response:
        return self.http.get(self.base + path, timeout=10, **kwargs)

    def post(self, path: str, data: Any = None, **kwargs: Any) -> requests.Response:
        return self.http.post(self.base + path, json=data or {}, timeout=10, **kwargs)

    def act(self, name: str, **fields: Any) -> dict[str, Any]:
        answer = self.post(f"/console/api/{name}", fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settle(self) -> None:
        assert self.get("/_settle").json()["settled"]

    def events(self, event: str) -> list[dict[str, Any]]:
        self.settle()
        return self.receiver.bodies(event)

    def state(self) -> dict[str, Any]:
        return self.get("/_state").json()

    def token(self, **fields: str) -> requests.Response:
        form = {"client_id": "client", "client_secret": "client-secret", **fields}
        return requests.post(f"{self.base}/oauth2/token", data=form, timeout=10)

    def installed(self, store: int = OUD) -> "Api":
        """Installed in Easy mode; the tokens are the webhook's."""
        self.act("install", store=store)
        data = self.events("app.store.authorize")[-1]["data"]
        return Api(self, store, data["access_token"], data["refresh_token"])


@dataclass
class Api:
    """The Merchant API with one store's token."""

    world: World
    store: int
    access: str
    refresh: str

    def call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.access}", **kwargs.pop("headers", {})}
        url = f"{self.world.base}/admin/v2{path}"
        return self.world.http.request(method, url, headers=headers, timeout=10, **kwargs)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params)

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def dear(self) -> int:
        """The id of the dearest product: a cart with it is good for every coupon."""
        return int(max(self.data("/products"), key=lambda product: product["price"]["amount"])["id"])


@pytest.fixture
def world(_server: None, _config: Config, _receiver: Receiver) -> Iterator[World]:
    """The sandbox at its beginning."""
    with requests.Session() as http:
        found = World(_config, _receiver, http)
        assert found.post("/_reset").status_code == 200
        found.settle()
        _receiver.got.clear()
        _receiver.statuses.clear()
        yield found


@pytest.fixture
def api(world: World) -> Api:
    return world.installed()


@pytest.fixture
def raises_cut() -> Callable[[Callable[[], Any]], None]:
    """The connection is cut instead of an answer."""

    def check(call: Callable[[], Any]) -> None:
        with pytest.raises(requests.ConnectionError):
            call()

    return check
