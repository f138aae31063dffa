"""What contacts do by themselves when something happens at Salla, or time passes."""

from events.bus import every, on
from events.facts import CustomerNotificationsChanged, CustomerRegistered
from events.models import Event
from visitors import contacts


@on("customer.notifications_changed")
def hear_salla(event: Event) -> None:
    fact = event.fact
    if isinstance(fact, CustomerNotificationsChanged):
        contacts.hear_salla(event.merchant, fact.customer_id, is_enabled=fact.is_enabled)


@on("customer.registered")
def join_contacts(event: Event) -> None:
    fact = event.fact
    if isinstance(fact, CustomerRegistered):
        contacts.join_contacts(event.merchant, fact.customer_id)


@every(minutes=15)
def ask_again() -> None:
    contacts.ask_again()


@every(hours=6)
def forget_unanswered() -> None:
    contacts.forget_unanswered()
