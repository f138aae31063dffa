"""The mail sink: takes every e-mail, behaves by the recipient's local part."""

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from scripts.sandbox.providers.mailbox import Message
from scripts.sandbox.state import World

REPLIES = {
    "hard": "550 5.1.1 No such mailbox",
    "full": "452 4.2.2 Mailbox full",
    "policy": "550 5.7.1 ActionError by policy",
}


class Sink:
    """The hooks that the mail server calls."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_RCPT(  # noqa: N802  (the server looks for this name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        local = address.partition("@")[0].lower()
        attempt = self._world.mailbox.attempt("smtp", address)
        if local in REPLIES:
            return REPLIES[local]
        if local == "greylist" and attempt == 1:
            return "451 4.7.1 Try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        for address in envelope.rcpt_tos:
            self._world.mailbox.add(record(self._world, parsed, address, str(envelope.mail_from)))
        self._world.counters["provider.smtp"] += 1
        if any(address.partition("@")[0].lower() == "drop" for address in envelope.rcpt_tos):
            server.transport.abort()  # type: ignore[union-attr]
        return "250 2.0.0 Accepted"


def _body(parsed: EmailMessage, kind: str) -> str:
    part = parsed.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeDecodeError):  # an unknown or wrong charset
        return "(unreadable)"


def record(world: World, parsed: EmailMessage, address: str, sender: str) -> Message:
    headers: dict[str, Any] = {name: str(value) for name, value in parsed.items()}
    return Message(
        id=str(parsed.get("Message-ID", f"mail-{world.numbers.id()}")), channel="email", provider="smtp",
        to=address.lower(), sender=str(parsed.get("From", sender)), subject=str(parsed.get("Subject", "")),
        text=_body(parsed, "plain"), html=_body(parsed, "html"), at=world.clock.now(), state="delivered",
        raw={"headers": headers, "envelope_from": sender},
    )  # fmt: skip


@contextlib.asynccontextmanager
async def serve_mail(world: World) -> AsyncIterator[None]:
    """Listen on the mail port as long as the context lasts."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(Sink(world), hostname="sandbox.example", enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(protocol, "127.0.0.1", world.config.mail_port)
    try:
        yield
    finally:
        server.close()
