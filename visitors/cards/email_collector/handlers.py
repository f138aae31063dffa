"""What the card does when somebody has confirmed his address."""

from events.bus import on
from events.facts import ContactVerified
from events.models import Event
from visitors.cards.email_collector.numbers import CONFIRMED, count
from visitors.models import Consent, OptIn


@on("contact.verified")
def count_confirmed(event: Event) -> None:
    """Those that came by the form; who was confirmed elsewhere is none of its."""
    fact = event.fact
    if isinstance(fact, ContactVerified):
        confirmed = event.merchant.opt_ins.filter(contact_id=fact.contact_id, state=OptIn.State.CONFIRMED)
        if confirmed.filter(source=Consent.Source.FORM).exists():
            count(event.merchant, CONFIRMED)
