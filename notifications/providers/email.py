"""E-mail, through Django's mail API: whichever server or vendor `EMAIL_URL` names."""

import re
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from core import mail
from notifications.providers.contract import Kind, ProviderError, Receipt, Rendered, UnknownOutcomeError

# Enhanced codes (RFC 3463) that say that there is no such mailbox; a full one or a policy is no reason to give it up.
NO_MAILBOX = re.compile(r"\b5\.1\.(1|2|3|6|10)\b|\b5\.2\.1\b")
CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
UNSAFE = re.compile(r"[\x00-\x1f\x7f<>\"@,;:\\]+")
LONGEST_NAME = 78


class EmailProvider:
    """One recipient for each message, and one message for each line."""

    slug = "email"

    def make(self, to: str, rendered: Rendered) -> EmailMultiAlternatives:
        headers = {**rendered.headers, "Message-ID": mail.message_id(rendered.reference)}
        message = mail.Letter(
            subject=rendered.subject,
            body=rendered.text,
            from_email=sender(rendered.sender),
            to=[to],
            reply_to=[rendered.reply_to] if rendered.reply_to else None,
            headers=headers,
        )
        message.attach_alternative(rendered.html, "text/html")
        try:
            message.message().as_bytes()
        except ValueError as error:  # a header that is none
            raise ProviderError(Kind.PERMANENT_CONTENT, type(error).__name__) from error
        return message

    @contextmanager
    def opened(self) -> Iterator["Line"]:
        connection = get_connection()
        try:
            connection.open()
        except smtplib.SMTPAuthenticationError as error:
            raise ProviderError(Kind.ACCOUNT, _short(error.smtp_code, error.smtp_error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ProviderError(Kind.RETRY_LATER, type(error).__name__) from error
        try:
            yield Line(connection)
        finally:
            connection.close()


@dataclass(frozen=True)
class Line:
    """A connection to the mail server."""

    connection: BaseEmailBackend

    def give(self, message: EmailMultiAlternatives) -> Receipt:
        message.connection = self.connection
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()), (550, b""))
            raise ProviderError(_kind(code, words, is_recipient=True), _short(code, words)) from error
        except smtplib.SMTPResponseException as error:
            kind = _kind_of_sender(error) or _kind(error.smtp_code, error.smtp_error)
            raise ProviderError(kind, _short(error.smtp_code, error.smtp_error)) from error
        except smtplib.SMTPNotSupportedError as error:
            raise ProviderError(Kind.ACCOUNT, type(error).__name__) from error
        except (smtplib.SMTPException, OSError) as error:
            raise UnknownOutcomeError(type(error).__name__) from error
        return Receipt(str(message.extra_headers["Message-ID"]))


def sender(name: str) -> str:
    """The store's name before our address, which is the one that our domain signs for."""
    _ours, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    shown = " ".join(UNSAFE.sub(" ", name).split())[:LONGEST_NAME]
    return formataddr((shown, address)) if shown else address


def _kind_of_sender(error: smtplib.SMTPResponseException) -> Kind | None:
    """Who is refused as the sender, or let in no more, needs other settings."""
    if not isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPAuthenticationError):
        return None
    return Kind.RETRY_LATER if 400 <= error.smtp_code < 500 else Kind.ACCOUNT


def _kind(code: int, words: bytes | str, *, is_recipient: bool = False) -> Kind:
    if 400 <= code < 500:
        return Kind.RETRY_LATER
    if code < 500 or code >= 600:
        return Kind.ACCOUNT
    text = _text(words)
    enhanced = CODE.search(text)
    if enhanced is None:
        return Kind.PERMANENT_RECIPIENT if is_recipient else Kind.PERMANENT_CONTENT
    if NO_MAILBOX.search(text):
        return Kind.PERMANENT_RECIPIENT
    return Kind.RETRY_LATER if enhanced[0].startswith(("5.2.2", "5.4.")) else Kind.PERMANENT_CONTENT


def _short(code: int, words: bytes | str) -> str:
    """The codes alone: servers quote addresses in their words."""
    enhanced = CODE.search(_text(words))
    return f"{code} {enhanced[0]}" if enhanced else str(code)


def _text(words: bytes | str) -> str:
    return words.decode(errors="replace") if isinstance(words, bytes) else words
