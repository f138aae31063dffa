"""Every message that a provider took or refused, and what reached whose phone."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.sandbox.clock import Clock, plain

KEPT = 5000
SHOWN = ("accepted", "sent", "delivered", "read")


@dataclass
class Message:
    id: str
    channel: str
    provider: str
    to: str
    sender: str
    text: str
    at: float
    state: str = "accepted"
    subject: str = ""
    html: str = ""
    units: int = 1
    correlation: str = ""
    reports: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass
class ProviderSettings:
    """Where providers send their reports, and the secrets that sign them."""

    whatsapp_callback: str = ""
    whatsapp_secret: str = "sandbox-app-secret"  # noqa: S105  (known to all, like everything here)
    unifonic_callback: str = ""
    twilio_token: str = "sandbox-twilio-token"  # noqa: S105  (the same)


class Mailbox:
    """In order of arrival; the oldest fall out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages: deque[Message] = deque(maxlen=KEPT)
        self.attempts: dict[tuple[str, str], int] = {}

    def add(self, message: Message) -> Message:
        self._messages.append(message)
        return message

    def now(self) -> float:
        return self._clock.now()

    def attempt(self, provider: str, to: str) -> int:
        """How often this provider was asked for this recipient, this time included."""
        key = (provider, to)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return self.attempts[key]

    def clear(self) -> None:
        self._messages.clear()
        self.attempts.clear()

    def find(self, message_id: str) -> Message | None:
        return next((m for m in self._messages if m.id == message_id), None)

    def correlated(self, provider: str, correlation: str) -> Message | None:
        if not correlation:
            return None
        return next((m for m in self._messages if m.provider == provider and m.correlation == correlation), None)

    def all(self) -> list[Message]:
        return list(self._messages)

    def seen_by(self, addresses: set[str]) -> list[Message]:
        """What the owner of these addresses can see, oldest first."""
        return [m for m in self._messages if m.to in addresses and m.state in SHOWN]

    def listing(self, **wanted: str) -> list[dict[str, Any]]:
        rows = [m for m in self._messages if all(getattr(m, name) == value for name, value in wanted.items() if value)]
        return [{**asdict(m), "at": plain(m.at)} for m in rows]
