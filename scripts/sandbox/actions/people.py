"""Customers, reviews and products: created, changed, logged in."""

from scripts.sandbox.models import Customer, Order, Product, Review, Store
from scripts.sandbox.shapes import goods
from scripts.sandbox.shapes import people as shapes
from scripts.sandbox.shapes.common import Lens
from scripts.sandbox.state import World

CONSENT = {"on": True, "off": False}


def lens(world: World, store: Store) -> Lens:
    return Lens(store, world.config.base, world.clock.now())


class TakenError(Exception):
    """Salla: "Customer's email and mobile number are unique"; `field` says which one is not."""

    def __init__(self, field: str, value: str) -> None:
        super().__init__(f"There is a customer with the {field} {value} already")
        self.field = field


def free_number(world: World, store: Store) -> int:
    """Five digits at the end of a mobile number that nobody in the store has."""
    taken = {customer.mobile[-5:] for customer in store.customers.values()}
    while f"{(found := world.random.randrange(10**5)):05d}" in taken:
        pass
    return found


def create(world: World, store: Store, *, name: str, mobile: str, email: str, city: str, consent: bool) -> Customer:
    """A new customer; the number is given without its country code. TakenError: it or the address is another's."""
    for field, value in (("mobile", mobile), ("email", email)):
        if any(getattr(other, field) == value for other in store.customers.values() if not other.deleted):
            raise TakenError(field, value)
    first, _, last = name.strip().partition(" ")
    now = world.clock.now()
    customer = Customer(
        id=world.numbers.id(), first_name=first, last_name=last, mobile=mobile, email=email, gender="female",
        city=city or store.city, location="", created_at=now, updated_at=now, notifications=consent,
    )  # fmt: skip
    store.customers[customer.id] = customer
    world.dispatcher.send(store, "customer.created", shapes.event(lens(world, store), customer))
    return customer


def change(world: World, store: Store, customer: Customer, *, consent: bool) -> None:
    customer.notifications = consent
    customer.updated_at = max(world.clock.now(), customer.updated_at + 1)
    world.dispatcher.send(store, "customer.updated", shapes.event(lens(world, store), customer))


def login(world: World, store: Store, customer: Customer, device: str = "mobile") -> None:
    customer.last_login = world.clock.now()
    world.dispatcher.send(store, "customer.login", shapes.event(lens(world, store), customer, device))


def review(world: World, store: Store, order: Order, rating: int, text: str) -> Review:
    product = store.products[order.lines[0].product_id]
    product.rating_total += rating
    product.rating_count += 1
    given = Review(world.numbers.id(), product.id, order.id, order.customer_id, rating, text, world.clock.now())
    store.reviews[given.id] = given
    world.dispatcher.send(store, "review.added", shapes.review_event(lens(world, store), given))
    return given


def reprice(world: World, store: Store, product: Product, price: float, sale_price: float) -> None:
    product.price, product.sale_price = price, sale_price
    product.updated_at = world.clock.now()
    world.dispatcher.send(store, "product.price.updated", goods.price_event(product))
    world.dispatcher.send(store, "product.updated", goods.event(lens(world, store), product))


def set_availability(world: World, store: Store, product: Product, status: str) -> None:
    product.status = status
    product.updated_at = world.clock.now()
    world.dispatcher.send(store, "product.status.updated", goods.status_event(product))
