"""Our own e-mail to merchants and staff; shoppers' messages go through notifications."""

from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.utils import translation


def send(
    *, to: str, template: str, context: dict[str, Any], language: str, connection: BaseEmailBackend | None = None
) -> None:
    """Render `mail/<template>.txt` (first line: the subject) and `.html` in `language`, and send them to one person.

    Over `connection`, or one of its own. Raises `smtplib.SMTPException` or `OSError` when the server does not take it.
    """
    with translation.override(language):
        text = render_to_string(f"mail/{template}.txt", context)
        html = render_to_string(f"mail/{template}.html", context)
    subject, _, body = text.strip().partition("\n")
    message = EmailMultiAlternatives(subject=subject.strip(), body=body.strip() + "\n", to=[to], connection=connection)
    message.attach_alternative(html, "text/html")
    message.send()
