"""A mail server that does what the test says."""

from collections.abc import Callable
from typing import Any

from django.core.mail.backends.locmem import EmailBackend


class Server(EmailBackend):
    """Does what the test says before it takes a message."""

    before_open: Callable[[], None] | None = None
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None

    def open(self) -> None:
        if Server.before_open:
            Server.before_open()

    def send_messages(self, messages: Any) -> int:
        if Server.before:
            Server.before()
        count: int = super().send_messages(messages)
        if Server.after:
            Server.after()
        return count


def raising(error: BaseException) -> Callable[..., None]:
    def fails(*_: Any) -> None:
        raise error

    return fails


class KilledError(BaseException):
    """Nothing of ours catches it."""
