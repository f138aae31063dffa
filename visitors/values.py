"""What a person typed as an address or a number, in the one form in which it is kept."""

from disposable_email_domains import blocklist

from core.contact_values import email_of, phone_of
from visitors.contact_models import Contact

GMAIL = {"gmail.com", "googlemail.com"}


def normalised(kind: str, value: str) -> str | None:
    """None for what is neither."""
    return email_of(value) if kind == Contact.Kind.EMAIL else phone_of(value)


def is_disposable(email: str) -> bool:
    """Of a domain, or below one, that gives addresses away for minutes."""
    labels = email.rpartition("@")[2].split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def mailbox_of(value: str) -> str:
    """Whose box a normal address ends in: what stands behind a plus, and Gmail's dots, name the same one."""
    local, at, domain = value.partition("@")
    if not at:
        return value
    local = local.partition("+")[0] or local
    if domain in GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"
