"""What the merchant sees of the card: the form as it is, and what becomes of those who send it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext_lazy

from core import clock
from core.models import Merchant
from events import tallies
from features.registry import Sample
from visitors.cards.email_collector.numbers import CHANGED, REFUSED, ROBOT
from visitors.cards.email_collector.settings import Settings
from visitors.contacts import Outcome
from visitors.models import Consent, Contact, OptIn

WINDOW = timedelta(days=28)
MAILS: dict[str, Any] = {
    OptIn.State.PENDING: ngettext_lazy(
        "%(count)s address waits for the press on the button in its mail.",
        "%(count)s addresses wait for the press on the button in their mail.",
        "count",
    ),
    OptIn.State.EXPIRED: ngettext_lazy(
        "%(count)s mail was not answered within 7 days.", "%(count)s mails were not answered within 7 days.", "count"
    ),
}
NUMBERS = ngettext_lazy(
    "%(count)s number is unconfirmed: nothing is sent to it until SMS or WhatsApp is connected.",
    "%(count)s numbers are unconfirmed: nothing is sent to them until SMS or WhatsApp is connected.",
    "count",
)
REFUSALS: dict[str, Any] = {
    ROBOT: ngettext_lazy(
        "%(count)s form was filled in by a program, and left aside.",
        "%(count)s forms were filled in by programs, and left aside.",
        "count",
    ),
    f"reason:{Outcome.DISPOSABLE.value}": ngettext_lazy(
        "%(count)s address was refused because it lasts for minutes only.",
        "%(count)s addresses were refused because they last for minutes only.",
        "count",
    ),
    f"reason:{Outcome.BUSY.value}": ngettext_lazy(
        "%(count)s form was refused because too many came from one network.",
        "%(count)s forms were refused because too many came from one network.",
        "count",
    ),
    CHANGED: ngettext_lazy(
        "%(count)s form was refused because its words were older than a day.",
        "%(count)s forms were refused because their words were older than a day.",
        "count",
    ),
}


def sample(merchant: Merchant, settings: Settings, language: str) -> Sample:
    """It takes whatever is typed, and sends nothing."""
    return Sample({"subscribe": {}})


def health(merchant: Merchant, settings: Settings) -> list[str]:
    """What became of the forms of the last weeks, beside what the chart counts."""
    since = clock.now() - WINDOW
    return [*_subscribers(merchant), *_waiting(merchant, since), *_refused(merchant, since)]


def _subscribers(merchant: Merchant) -> Iterator[str]:
    """The way to who came by the form, once somebody did."""
    if merchant.opt_ins.filter(source=Consent.Source.FORM).exists():
        address = f"{reverse('contacts:list', args=[merchant.public_id])}?source={Consent.Source.FORM.value}"
        yield format_html('<a href="{}">{}</a>', address, _("See the subscribers"))


def _waiting(merchant: Merchant, since: Any) -> Iterator[str]:
    rows = merchant.opt_ins.filter(source=Consent.Source.FORM, asked_at__gte=since).order_by()
    counts = {
        (kind, state): number
        for kind, state, number in rows.values_list("contact__kind", "state").annotate(number=Count("pk"))
    }
    for state, words in MAILS.items():
        if number := counts.get((Contact.Kind.EMAIL, state), 0):
            yield words % {"count": number}
    phones = sum(number for (kind, state), number in counts.items() if kind == Contact.Kind.PHONE)
    phones -= counts.get((Contact.Kind.PHONE, OptIn.State.CONFIRMED), 0)
    if phones:
        yield NUMBERS % {"count": phones}


def _refused(merchant: Merchant, since: Any) -> Iterator[str]:
    top = tallies.top(merchant, REFUSED, since=since, until=clock.now(), limit=len(REFUSALS) + 1, kind="reason")
    counts = {each.dimension: each.count for each in top}
    for dimension, words in REFUSALS.items():
        if number := counts.get(dimension, 0):
            yield words % {"count": number}
