"""The sandbox as tests start and steer it."""

import json
import os
import subprocess
import sys
from typing import Any

import requests

from scripts import servers
from tests.processes import SECRET, until

OUD = 1305146709  # one of its stores
CLIENT = {"SALLA_APP_ID": "1", "SALLA_CLIENT_ID": "client", "SALLA_CLIENT_SECRET": "secret"}


class Outside:
    """One sandbox process; its webhooks go to `app_url`."""

    def __init__(self, app_url: str = "http://localhost:9", *options: str) -> None:
        self.port = servers.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        env = {**os.environ, **CLIENT, "SALLA_WEBHOOK_SECRETS": SECRET}
        command = [sys.executable, "-m", "scripts.sandbox", "--port", str(self.port), "--app-url", app_url]
        self.mail_port = servers.free_port()
        command += ["--smtp-port", str(self.mail_port), *options]
        self.process = subprocess.Popen(
            command,
            env=env,
            cwd=servers.PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, "the sandbox", 20)

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/_state", timeout=5).ok
        except requests.RequestException:
            return False

    def state(self) -> dict[str, Any]:
        return self._json(requests.get(f"{self.url}/_state", timeout=10))

    def act(self, action: str, **fields: Any) -> dict[str, Any]:
        """Press a button of the console."""
        return self._json(requests.post(f"{self.url}/console/api/{action}", json=fields, timeout=20))

    def fault(self, **fault: Any) -> None:
        self._json(requests.post(f"{self.url}/_faults", json=fault, timeout=10))

    def move_clock(self, offset: float) -> None:
        """So many seconds ahead of the real time."""
        self._json(requests.post(f"{self.url}/_clock", json={"offset": offset}, timeout=10))

    def hurry(self, speed: float) -> None:
        """Let the time of the rate limits run so much faster."""
        self._json(requests.post(f"{self.url}/_clock", json={"rate_speed": speed}, timeout=10))

    def switch(self, **switches: Any) -> None:
        """How well webhooks are delivered."""
        self._json(requests.post(f"{self.url}/_webhooks", json=switches, timeout=10))

    def settle(self) -> dict[str, Any]:
        """Wait until no webhook is on its way; returns how many there are of each state."""
        settled = self._json(requests.post(f"{self.url}/_settle", params={"seconds": 110}, timeout=120))
        assert settled["settled"]
        return settled

    def bodies(self, event: str) -> list[bytes]:
        """What was sent, or tried, as raw bytes."""
        rows = self._json(requests.get(f"{self.url}/_webhooks", params={"event": event}, timeout=10))["deliveries"]
        return [row["body"].encode() for row in rows]

    @staticmethod
    def read(body: bytes) -> dict[str, Any]:
        """A sent body as its receiver reads it."""
        read: dict[str, Any] = json.loads(body)
        return read

    def stop(self) -> None:
        self.process.kill()  # a hanging answer would make it wait
        self.process.wait(10)

    @staticmethod
    def _json(answer: requests.Response) -> dict[str, Any]:
        assert answer.ok, answer.text
        body: dict[str, Any] = answer.json()
        return body
