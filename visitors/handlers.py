"""What visitors and contacts do by themselves: with a batch of beacons, when something happens, or time passes."""

from collections.abc import Sequence

from events.bus import every, on, on_batch
from events.facts import CustomerNotificationsChanged, CustomerRegistered
from events.models import Event
from events.stream import Beacon
from visitors import contacts, imports, ingest, segments, visit_services


@on_batch
def keep_visits(beacons: Sequence[Beacon]) -> None:
    ingest.take(beacons)


@on("order.placed", "order.paid")
def link_order(event: Event) -> None:
    """Once more when it is paid: its first body may not have named its cart."""
    visit_services.link_order(event.merchant, order_id=event.data["order_id"])


@on("store.purged")
def forget_visitors(event: Event) -> None:
    visit_services.forget_all(event.merchant)
    imports.forget_all(event.merchant)


@every(hours=24)
def count_segments() -> None:
    segments.recount_all()


@every(hours=24)
def forget_old_visits() -> None:
    visit_services.forget_old()


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


@on("store.purged")
def forget_people(event: Event) -> None:
    contacts.forget_people(event.merchant)


@every(minutes=15)
def ask_again() -> None:
    contacts.ask_again()


@every(hours=6)
def forget_unanswered() -> None:
    contacts.forget_unanswered()


@every(seconds=30)
def wake_imports() -> None:
    imports.wake()


@every(hours=1)
def forget_old_imports() -> None:
    imports.forget_old()
