"""Why a message was not sent, or not yet: one word in the row, and what it says to people."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.schema_errors import Text
from visitors.consents import Reason


class Why(models.TextChoices):
    """Beside `visitors.consents.Reason`, which says why nobody may write to a contact."""

    STORE_GONE = "store_gone", _("the app was removed from the store")
    STORE_PAUSED = "store_paused", _("the store's tools are paused")
    NOT_NEEDED = "not_needed", _("it is not needed any more")
    NO_PROVIDER = "no_provider", _("the store has no account for this channel")
    SERVER_AWAY = "server_away", _("the provider did not answer")
    LATER = "later", _("the provider asked to try later")
    NO_RECIPIENT = "no_recipient", _("the provider knows no such recipient")
    BAD_CONTENT = "bad_content", _("the provider refused the message's content")
    ACCOUNT = "account", _("the provider refused the account")
    UNKNOWN = "unknown", _("not known whether it was sent; it is not sent twice")
    BROKEN = "broken", _("it could not be made")


_labels: dict[str, Text] = {**dict(Reason.choices), **dict(Why.choices)}


def in_words(reason: str) -> str:
    """In the reader's language; the bare word for one that an older version wrote."""
    return str(_labels.get(reason, reason))
