"""Webhooks out of Salla: signed, retried three times, and on demand duplicated, shuffled, late or lost."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import requests

from scripts.sandbox import rules
from scripts.sandbox.catalogue import EVENTS, NOT_SUBSCRIBED
from scripts.sandbox.clock import plain, spoken
from scripts.sandbox.models import Store
from scripts.sandbox.reading import integer, number
from scripts.sandbox.state import World

TRIES = 4
RETRY_AFTER = 300.0
SENDERS = 24
KEPT = 4000
SHUFFLED_AT = 5
STRATEGIES = ("signature", "token", "none")
MOST = {"duplicate": 20, "delay": 600, "drop": 100, "timeout": 600}


class SwitchError(ValueError):
    """A switch that is not, or a value that it cannot have; `name` is the switch's."""

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name


@dataclass
class Switches:
    """How well the deliveries behave."""

    duplicate: int = 0
    shuffle: bool = False
    delay: float = 0.0
    drop: float = 0.0
    retries: bool = True
    timeout: float = 30.0
    strategy: str = "signature"
    wrong_signature: bool = False
    merchant_as_text: bool = False
    thin_status: bool = False


@dataclass
class Attempt:
    at: str
    status: int | None
    milliseconds: int
    error: str = ""


@dataclass
class Delivery:
    id: int
    event: str
    merchant: int
    url: str
    body: bytes
    headers: dict[str, str]
    state: str = "queued"
    attempts: list[Attempt] = field(default_factory=list)

    def row(self, *, body: bool = True) -> dict[str, Any]:
        shown = {"id": self.id, "event": self.event, "merchant": self.merchant, "url": self.url, "state": self.state}
        attempts = [asdict(attempt) for attempt in self.attempts]
        return {
            **shown,
            "attempts": attempts,
            **({"body": self.body.decode(), "headers": self.headers} if body else {}),
        }


def encode(value: Any) -> bytes:
    """JSON as PHP writes it: letters beyond ASCII and slashes are escaped."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode()


def sign(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _switched(name: str, value: Any, kind: type) -> Any:
    if kind is bool:
        return str(value).lower() in ("true", "1", "on", "yes")
    if name == "strategy":
        if value not in STRATEGIES:
            raise SwitchError(f"strategy is one of {', '.join(STRATEGIES)}", name)
        return value
    found = integer(value) if kind is int else number(value)
    if found is None or not 0 <= found <= MOST[name]:
        raise SwitchError(f"{name} must be a number from 0 to {MOST[name]}", name)
    return kind(found)


class Dispatcher:
    """Everything that was sent, and the tasks that are still sending."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._local = threading.local()
        self._tasks: set[asyncio.Task[None]] = set()
        self.reset()

    def reset(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self.switches = Switches()
        self.log: deque[Delivery] = deque(maxlen=KEPT)
        self._held: list[Delivery] = []
        self._count = 0

    def close(self) -> None:
        self.reset()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def send(self, store: Store, event: str, data: Any, **outside: Any) -> list[int]:
        """Deliver to the app's portal address and to every webhook of this store; returns the delivery ids."""
        now = self._world.clock.now()
        app_event = event.startswith("app.")
        if not app_event and store.installed_at is None:
            return []
        written = plain(now) if app_event else spoken(now)
        merchant: Any = str(store.id) if self.switches.merchant_as_text else store.id
        body = encode({"event": event, "merchant": merchant, "created_at": written, "data": data, **outside})
        made = []
        if app_event or (event in EVENTS and event not in NOT_SUBSCRIBED):
            made.append(self._portal(store, event, body))
        asked = [hook for hook in store.hooks.values() if hook.event == event and rules.holds(hook.rule, data)]
        made += [self._own(store, hook.id, event, body) for hook in asked]
        for delivery in made:
            self._launch(delivery)
        return [delivery.id for delivery in made]

    def _new(self, store: Store, event: str, url: str, body: bytes, headers: dict[str, str]) -> Delivery:
        self._count += 1
        headers = {"Content-Type": "application/json", "User-Agent": "Salla/Webhook", **headers}
        delivery = Delivery(self._count, event, store.id, url, body, headers)
        self.log.append(delivery)
        return delivery

    def _portal(self, store: Store, event: str, body: bytes) -> Delivery:
        config = self._world.config
        headers = self._security(self.switches.strategy, config.webhook_secret, body)
        return self._new(store, event, config.webhooks_to, body, headers)

    def _own(self, store: Store, hook_id: int, event: str, body: bytes) -> Delivery:
        hook = store.hooks[hook_id]
        secret = hook.secret or self._world.config.webhook_secret
        headers = {**hook.headers, **self._security(hook.strategy or "signature", secret, body)}
        return self._new(store, event, hook.url, body, headers)

    def _security(self, strategy: str, secret: str, body: bytes) -> dict[str, str]:
        if self.switches.wrong_signature:
            secret = f"not {secret}"
        if strategy == "signature":
            return {"X-Salla-Security-Strategy": "Signature", "X-Salla-Signature": sign(secret, body)}
        return {"X-Salla-Security-Strategy": "Token", "Authorization": secret} if strategy == "token" else {}

    def _launch(self, delivery: Delivery) -> None:
        if self._world.random.random() * 100 < self.switches.drop:
            delivery.state = "dropped"
            return
        copies = [delivery]
        for _ in range(self.switches.duplicate):
            self._count += 1
            copies.append(replace(delivery, id=self._count, attempts=[]))
            self.log.append(copies[-1])
        if not self.switches.shuffle:
            for copy in copies:
                self._spawn(self._deliver(copy))
            return
        self._held += copies
        if len(self._held) >= SHUFFLED_AT:
            self.release()
        else:
            self._spawn(self._release_later())

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _release_later(self) -> None:
        await asyncio.sleep(1 / self._world.config.speed)
        self.release()

    def release(self) -> None:
        """Send what shuffling holds back, in another order than it came."""
        held, self._held = self._held, []
        self._world.random.shuffle(held)
        if held:
            self._spawn(self._deliver_in_order(held))

    async def _deliver_in_order(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if not await self._attempt(delivery):
                self._spawn(self._retry(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        if self.switches.delay:
            await asyncio.sleep(self.switches.delay)
        if not await self._attempt(delivery):
            await self._retry(delivery)

    async def _retry(self, delivery: Delivery) -> None:
        while self.switches.retries and len(delivery.attempts) < TRIES:
            await asyncio.sleep(RETRY_AFTER / self._world.config.speed)
            if await self._attempt(delivery):
                return
        delivery.state = "failed"

    async def _attempt(self, delivery: Delivery) -> bool:
        """One POST; only 200 and 201 count."""
        loop = asyncio.get_running_loop()
        attempt = await loop.run_in_executor(self._pool, self._post, delivery, self.switches.timeout)
        delivery.attempts.append(attempt)
        self._world.counters["webhooks.attempts"] += 1
        delivered = attempt.status in (200, 201)
        delivery.state = "delivered" if delivered else "retrying"
        return delivered

    def _post(self, delivery: Delivery, timeout: float) -> Attempt:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        started, at = time.monotonic(), plain(self._world.clock.now())
        status, error = None, ""
        try:
            with self._local.session.post(
                delivery.url, data=delivery.body, headers=delivery.headers, timeout=timeout, allow_redirects=False
            ) as answer:
                status = answer.status_code
        except requests.RequestException as failure:
            error = type(failure).__name__
        return Attempt(at, status, int((time.monotonic() - started) * 1000), error)

    def later(self, seconds: float, url: str, body: bytes, headers: dict[str, str]) -> None:
        """One POST of a provider's report after a while; nobody retries it."""

        async def report() -> None:
            await asyncio.sleep(seconds / self._world.config.speed)
            delivery = Delivery(0, "report", 0, url, body, headers)
            await asyncio.get_running_loop().run_in_executor(self._pool, self._post, delivery, 10.0)
            self._world.counters["providers.reports"] += 1

        self._spawn(report())

    def tell_clock(self) -> None:
        """Move the app's demo clock to ours."""
        body = json.dumps({"offset": self._world.clock.offset}).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Salla-Signature": sign(self._world.config.webhook_secret, body),
        }
        self.later(0, f"{self._world.config.app_url}/webhooks/sandbox/clock/", body, headers)

    async def settle(self, seconds: float) -> bool:
        """Wait until nothing is being sent; False when that takes longer."""
        deadline = time.monotonic() + seconds
        while self._tasks:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.wait(set(self._tasks), timeout=left)
        return True

    def set(self, given: dict[str, Any]) -> None:
        """Change switches by name; SwitchError says what is wrong, and then nothing has changed."""
        known = asdict(self.switches)
        for name, value in given.items():
            if name not in known:
                raise SwitchError(f"no such switch: {name}; there are {', '.join(known)}")
            known[name] = _switched(name, value, type(known[name]))
        self.switches = Switches(**known)

    def replay(self, delivery_id: int) -> bool:
        found = next((d for d in self.log if d.id == delivery_id), None)
        if found:
            self._count += 1
            copy = replace(found, id=self._count, attempts=[], state="queued")
            self.log.append(copy)
            self._spawn(self._deliver(copy))
        return found is not None

    def summary(self) -> dict[str, Any]:
        states = Counter(delivery.state for delivery in self.log)
        return {"states": dict(states), "switches": asdict(self.switches)}
