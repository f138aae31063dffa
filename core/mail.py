"""Our own e-mail to merchants and staff; shoppers' messages go through notifications."""

from decimal import ROUND_HALF_UP, Decimal
from email.header import Header
from typing import Any
from urllib.parse import urlsplit

from babel.numbers import get_currency_precision
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _


class Letter(EmailMultiAlternatives):
    """A mail whose subject begins on the line of its name: folded without knowing the name, a subject that is not ASCII
    leaves that line empty, and readers show a space before it.
    """

    def message(self, *args: Any, **kwargs: Any) -> Any:
        built = super().message(*args, **kwargs)  # refuses a subject of several lines
        subject = str(self.subject)
        if not subject.isascii():
            built.replace_header("Subject", Header(subject, "utf-8", header_name="Subject"))
        return built


def render(template: str, context: dict[str, Any], *, language: str) -> tuple[str, str, str]:
    """The subject, the text and the HTML of `mail/<template>.txt` (first line: the subject) and `.html`."""
    with translation.override(language):
        text = render_to_string(f"mail/{template}.txt", context)
        html = render_to_string(f"mail/{template}.html", context)
    subject, _end, body = text.strip().partition("\n")
    return subject.strip(), body.strip() + "\n", html


def unsubscribe_headers(address: str) -> dict[str, str]:
    """What gives mail programs their own button (RFC 8058): it posts to `address`, without cookies."""
    return {"List-Unsubscribe": f"<{address}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def message_id(name: str) -> str:
    """Of our own, so that a message is known by it wherever it turns up."""
    return f"<{name}@{urlsplit(settings.PUBLIC_URL).hostname or 'localhost'}>"


def message(
    *, to: str, template: str, context: dict[str, Any], language: str, headers: dict[str, str] | None = None
) -> EmailMultiAlternatives:
    """A message for one person, in `language`.

    Whatever is wrong with the words or the headers raises here, before any server is asked.
    """
    subject, text, html = render(template, context, language=language)
    built = Letter(subject=subject, body=text, to=[to], headers=headers)
    built.attach_alternative(html, "text/html")
    built.message().as_bytes()
    return built


def send(
    *,
    to: str,
    template: str,
    context: dict[str, Any],
    language: str,
    connection: BaseEmailBackend | None = None,
) -> None:
    """Build a message and give it to the server, over `connection` or one of its own.

    Raises `smtplib.SMTPException` or `OSError` when the server does not take it.
    """
    built = message(to=to, template=template, context=context, language=language)
    built.connection = connection
    built.send()


def money(amount: Decimal, currency: str) -> str:
    """In the reader's language, without markup: few mail programs draw the sign for the riyal that pages have."""
    places = get_currency_precision(currency)
    rounded = Decimal(amount).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    number = number_format(rounded, places, use_l10n=True, force_grouping=True)
    return _("SAR %(amount)s") % {"amount": number} if currency == "SAR" else f"{currency} {number}"
