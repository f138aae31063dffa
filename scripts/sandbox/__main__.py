"""`python -m scripts.sandbox`: start the outside world."""

import argparse
import os
import socket

import uvicorn

from scripts.sandbox.app import build
from scripts.sandbox.config import Config
from scripts.sandbox.wire import Wire


def options() -> Config:
    parser = argparse.ArgumentParser(prog="python -m scripts.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=int(os.environ.get("SANDBOX_PORT") or 8001))
    parser.add_argument("--app-url", default=os.environ.get("PUBLIC_URL") or "http://localhost:8000")
    parser.add_argument("--webhook-url", default="", help="where webhooks go (default: APP_URL/webhooks/salla/)")
    parser.add_argument("--embedded-url", default="", help="the app's page in Salla's dashboard (APP_URL/embedded/)")
    parser.add_argument("--callback-url", default="", help="the only redirect_uri that is accepted (default: any)")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster webhooks are retried")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--smtp-port", type=int, default=0, help="the mail sink's port (default: port + 1000)")
    parser.add_argument("--new-ids", action="store_true", help="what is made from now on has ids of its own each start")
    parser.add_argument("--customers", type=int, default=120, help="so many in each store")
    parser.add_argument("--orders", type=int, default=0, help="so many in each store (default: by its trade)")
    parser.add_argument("--history-days", type=int, default=60, help="how far back the trade goes")
    given = parser.parse_args()
    if given.speed <= 0:
        parser.error("--speed must be above 0")
    if min(given.customers, given.history_days) < 1 or given.orders < 0:
        parser.error("--customers and --history-days must be 1 or more, --orders 0 or more")
    values = {**vars(given), "app_url": given.app_url.rstrip("/")}
    config = Config(**values)
    if not config.app_id.isdigit():
        parser.error("SALLA_APP_ID must be a number, as in Salla's portal")
    return config


def listen(port: int) -> socket.socket:
    """A listening socket of this machine only."""
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SystemExit(f"The sandbox cannot listen on 127.0.0.1:{port}: {error.strerror}") from error
    # Inherited by each connection. asyncio leaves it off for sockets that it is given, and then every answer on a
    # connection that was kept open waits 40 ms for the client's ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def main() -> None:
    config = options()
    print(f"Sandbox on {config.base}/console/ (seed {config.seed}, mail on 127.0.0.1:{config.mail_port})", flush=True)
    server = uvicorn.Server(uvicorn.Config(build(config), http=Wire, log_level="warning", ws="none"))
    server.run(sockets=[listen(config.port), listen(config.port + 1)])


if __name__ == "__main__":
    main()
