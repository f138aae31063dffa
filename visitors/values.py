"""What a person typed as an address or a number, in the one form in which it is kept."""

from disposable_email_domains import blocklist

from core.contact_values import email_of, phone_of
from visitors.contact_models import Contact


def normalised(kind: str, value: str) -> str | None:
    """None for what is neither."""
    return email_of(value) if kind == Contact.Kind.EMAIL else phone_of(value)


def is_disposable(email: str) -> bool:
    """Of a domain, or below one, that gives addresses away for minutes."""
    labels = email.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))
