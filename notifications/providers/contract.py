"""What every provider does, in our words: a message is made, a way is opened, the message is given once."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from core.logs import masked

LONGEST_ANSWER = 300


class Kind(StrEnum):
    """The four classes of refusal, and only four. A code that nobody knows is `ACCOUNT`: no blind retry, no harm done
    to the recipient.
    """

    RETRY_LATER = "retry_later"
    PERMANENT_RECIPIENT = "permanent_recipient"
    PERMANENT_CONTENT = "permanent_content"
    ACCOUNT = "account"


class ProviderError(Exception):
    """The provider said no, or was not reached before it was given anything: nothing went out."""

    def __init__(self, kind: Kind, answer: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.answer = masked(answer)[:LONGEST_ANSWER]


class UnknownOutcomeError(Exception):
    """It may have been taken: nobody sends it again."""


@dataclass(frozen=True)
class Rendered:
    """A message in words. `reference` is our own name of it; `sender` is who speaks, as the reader knows him."""

    reference: str
    subject: str
    text: str
    html: str
    sender: str
    reply_to: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """The provider took it, which does not mean that it arrived."""

    provider_id: str


class Way(Protocol):
    """An open line to the provider."""

    def give(self, message: Any) -> Receipt:
        """Raises `ProviderError` for a no, and `UnknownOutcomeError` where neither yes nor no was heard."""


class Provider(Protocol):
    slug: str

    def make(self, to: str, rendered: Rendered) -> Any:
        """The message as the provider takes it, whole; raises `ProviderError` for what can never be sent."""

    def opened(self) -> AbstractContextManager[Way]:
        """Raises `ProviderError` where the provider is not reached: it was given nothing."""
