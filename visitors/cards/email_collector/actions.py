"""What the form sends. Addresses that we know and those that we do not get the same answer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pydantic
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from core.models import Merchant
from core.schema_data import faults
from core.schema_errors import Text
from features.registry import Asker, BadRequestError
from features.selectors import language_of
from visitors import contacts, identity, pairs
from visitors.cards.email_collector.numbers import ASKED, CHANGED, REFUSED, ROBOT, SLUG, count
from visitors.cards.email_collector.settings import Settings
from visitors.contact_models import LONGEST_TEXT
from visitors.contacts import Outcome
from visitors.models import Contact
from visitors.values import normalised

# Nobody fills it in faster; the widget waits as long before it sends.
LEAST_SECONDS = 2
# How old the form may be whose words a shopper agreed to: pages stay open, and browsers keep a config for a while.
WORDS_HELD = timedelta(days=1)
# Said where nothing was typed, by what the form asks for.
EMPTY: dict[str, Text] = {
    "email": gettext_lazy("Type your e-mail address."),
    "phone": gettext_lazy("Type your mobile number, such as 0501234567."),
    "both": gettext_lazy("Type your e-mail address or your mobile number."),
}


class Sent(pydantic.BaseModel):
    """All that a widget of ours sends."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    email: str = pydantic.Field("", max_length=320)
    phone: str = pydantic.Field("", max_length=64)
    name: str = pydantic.Field("", max_length=254)
    website: str = pydantic.Field("", max_length=2_000)  # nobody sees it; what fills it in is a program
    agreed: str = pydantic.Field("", max_length=10)
    text: str = pydantic.Field("", max_length=LONGEST_TEXT)
    seconds: int = pydantic.Field(0, ge=0, le=10**9)
    lang: str = pydantic.Field("ar", max_length=10)
    page: str = pydantic.Field("", max_length=300)
    key: str = pydantic.Field("", max_length=200)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _is_storable(cls, value: Any) -> Any:
        if any(faults(value)):
            raise ValueError
        return value


def subscribe(merchant: Merchant, *, settings: Settings, data: Any, asker: Asker) -> dict[str, Any]:
    """Nothing for whom it was taken, whatever became of it; else what is wrong, by field, in his language."""
    try:
        sent = Sent.model_validate(data)
    except pydantic.ValidationError:
        raise BadRequestError from None
    if sent.website or sent.seconds < LEAST_SECONDS:
        count(merchant, REFUSED, ROBOT)
        return {}
    with translation.override("ar" if sent.lang == "ar" else "en"):
        errors = _faults(merchant, settings, sent) or _ask(merchant, settings, sent, asker)
    return {"errors": errors} if errors else {}


def _faults(merchant: Merchant, settings: Settings, sent: Sent) -> dict[str, str]:
    """All that keeps the form from being taken, at once: nobody is told of one fault after another."""
    given = dict(_given(settings, sent))
    errors = {kind: _bad(kind) for kind, value in given.items() if normalised(kind, value) is None}
    if not given:
        errors["phone" if settings.asks == "phone" else "email"] = str(EMPTY[settings.asks])
    if not sent.agreed:
        errors["agreed"] = _("Please tick the box to agree.")
    elif not errors and not _was_shown(merchant, settings, sent.text):
        count(merchant, REFUSED, CHANGED)
        errors[""] = _("The text has changed meanwhile. Please load the page again.")
    return errors


def _given(settings: Settings, sent: Sent) -> Iterator[tuple[str, str]]:
    """What was asked for and is there."""
    for kind, value in ((Contact.Kind.EMAIL, sent.email), (Contact.Kind.PHONE, sent.phone)):
        if value and settings.asks in {kind, "both"}:
            yield kind.value, value


def _bad(kind: str) -> str:
    return _bad_phone() if kind == Contact.Kind.PHONE else str(Outcome.INVALID.label)


def _bad_phone() -> str:
    return _("This is no mobile number, such as 0501234567.")


def _was_shown(merchant: Merchant, settings: Settings, text: str) -> bool:
    """Whether these are the merchant's words, of now or of a form that may still be open somewhere."""
    if text in settings.consent_texts:
        return True
    since = clock.now() - WORDS_HELD
    rows = merchant.revisions.filter(feature__slug=SLUG, at__gte=since).values_list("before", flat=True)
    with translation.override(language_of(merchant)):  # of what the merchant left alone
        return any(text in Settings.load(before.get("settings")).consent_texts for before in rows)


def _ask(merchant: Merchant, settings: Settings, sent: Sent, asker: Asker) -> dict[str, str]:
    errors: dict[str, str] = {}
    for kind, value in _given(settings, sent):
        outcome = contacts.subscribe(
            merchant,
            kind=kind,
            value=value,
            text=sent.text,
            page=sent.page,
            network=asker.network,
            language=sent.lang,
            name=sent.name if settings.asks_name else "",
            visitor_key=identity.known(merchant.salla_id, sent.key),
        )
        if outcome != Outcome.ASKED:
            errors["" if outcome == Outcome.BUSY else kind] = str(outcome.label)
            count(merchant, REFUSED, f"reason:{outcome.value}")
    if not errors:
        _join(merchant, settings, sent)
        count(merchant, ASKED)
    return errors


def _join(merchant: Merchant, settings: Settings, sent: Sent) -> None:
    """Who gave both is one person."""
    match [(kind, value) for kind, typed in _given(settings, sent) if (value := normalised(kind, typed))]:
        case [email, phone]:
            pairs.join(merchant, [(email, phone)], is_declared=False)
