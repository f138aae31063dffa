"""A store's past, told again: what a newly installed app would have heard, had it been there."""

from scripts.sandbox.actions.orders import lens
from scripts.sandbox.models import Store
from scripts.sandbox.shapes import carts, goods, order_events, people
from scripts.sandbox.state import World


def resend(world: World, store: Store) -> int:
    """Every product, customer, order and abandoned cart as one webhook each, as it stands now; how many."""
    view, send = lens(world, store), world.dispatcher.send
    told = 0
    for product in store.products.values():
        told += len(send(store, "product.created", goods.event(view, product)))
    for customer in store.customers.values():
        told += len(send(store, "customer.created", people.event(view, customer)))
    for order in store.orders.values():
        told += len(send(store, "order.created", order_events.body(view, order)))
    for cart in store.carts.values():
        if cart.abandoned_at is not None and cart.status == "active":
            told += len(send(store, "abandoned.cart", carts.abandoned(view, cart)))
    return told
