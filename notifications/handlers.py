"""What a store's team and its shoppers are told of by themselves."""

from events.bus import every, on
from events.models import Event
from notifications import outbox, services


@on("store.disconnected")
def tell_disconnected(event: Event) -> None:
    services.tell_disconnected(event)


@on("limit.neared", "limit.exceeded", "store.restricted")
def tell_of_plan(event: Event) -> None:
    services.tell_of_plan(event)


@on("order.paid")
def tell_first_sale(event: Event) -> None:
    services.tell_first_sale(event)


@on("store.purged")
def forget_people(event: Event) -> None:
    services.forget_people(event.merchant)


@every(hours=1)
def watch_scripts() -> None:
    services.watch_scripts()


@every(minutes=15)
def raise_digests() -> None:
    services.raise_digests()


@every(seconds=30)
def wake_alerts() -> None:
    services.wake_alerts()


@on("optin.requested")
def ask(event: Event) -> None:
    outbox.ask(event)


@every(seconds=15)
def wake_messages() -> None:
    outbox.wake()
