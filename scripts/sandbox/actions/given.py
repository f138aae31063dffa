"""What a console action was given: the store and its things, found by id or chosen."""

from dataclasses import dataclass
from typing import Any

from scripts.sandbox.models import Cart, Customer, Line, Order, Product, Store
from scripts.sandbox.reading import integer, number, truth
from scripts.sandbox.state import World


class ActionError(Exception):
    """The action cannot be done; status and text say why, `name` which field of the page."""

    def __init__(self, status: int, text: str, name: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.name = status, text, name


@dataclass
class Given:
    """The fields of one action."""

    world: World
    fields: dict[str, Any]

    def has(self, name: str) -> bool:
        return self.fields.get(name) not in (None, "")

    def text(self, name: str, default: str = "", most: int = 500) -> str:
        value = str(self.fields[name]).strip() if self.has(name) else default
        if len(value) > most:
            raise ActionError(422, f"{name} is longer than {most} characters")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        if not self.has(name):
            return default
        value = truth(self.fields[name])
        if value is None:
            raise ActionError(422, f"{name} must be true or false")
        return value

    def number(self, name: str, default: float, *, least: float = 0.0, most: float = 1e9) -> float:
        if not self.has(name):
            return default
        value = number(self.fields[name])
        if value is None or not least <= value <= most:
            raise ActionError(422, f"{name} must be a number from {least:g} to {most:g}")
        return value

    def one_of(self, name: str, choices: tuple[str, ...] | list[str], default: str | None = None) -> str:
        value = self.text(name, default or "")
        if value not in choices:
            raise ActionError(422, f"{name} must be one of {', '.join(choices)}")
        return value

    def _id(self, name: str) -> int:
        value = integer(self.fields[name])
        if value is None:
            raise ActionError(422, f"{name} must be a number")
        return value

    @property
    def store(self) -> Store:
        if not self.has("store"):
            raise ActionError(422, "store is missing")
        found = self.world.stores.get(self._id("store"))
        if found is None:
            raise ActionError(404, "There is no such store")
        return found

    def customer(self) -> Customer:
        """The asked one, or anybody who wants messages."""
        people = self.store.customers
        if self.has("customer"):
            found = people.get(self._id("customer"))
            if found is None or found.deleted:
                raise ActionError(404, "There is no such customer")
            return found
        return self.world.random.choice([c for c in people.values() if c.notifications and not c.deleted])

    def order(self) -> Order:
        """The asked one, or the latest."""
        orders = self.store.orders
        if self.has("order"):
            found = orders.get(self._id("order"))
        else:
            found = max((o for o in orders.values() if not o.deleted), key=lambda o: o.created_at, default=None)
        if found is None or found.deleted:
            raise ActionError(404, "There is no such order")
        return found

    def cart(self) -> Cart:
        """The asked one, or the one that was left last."""
        carts = self.store.carts
        if self.has("cart"):
            found = carts.get(self._id("cart"))
        else:
            found = max((c for c in carts.values() if c.status == "active"), key=lambda c: c.updated_at, default=None)
        if found is None:
            raise ActionError(404, "There is no such cart")
        if found.status != "active":
            raise ActionError(422, "That cart was bought already")
        return found

    def product(self) -> Product:
        goods = self.store.products
        if self.has("product"):
            found = goods.get(self._id("product"))
            if found is None:
                raise ActionError(404, "There is no such product")
            return found
        return self.world.random.choice([p for p in goods.values() if p.status == "sale"])

    def lines(self) -> list[Line]:
        """`products: [{id, quantity}]`, one `product`, or one to three that sell."""
        rows = self.fields.get("products")
        if rows:
            return [self._line(row) for row in rows] if isinstance(rows, list) else self._not_a_list()
        if self.has("product"):
            return [self._line({"id": self._id("product"), "quantity": self.fields.get("quantity", 1)})]
        selling = [p for p in self.store.products.values() if p.status == "sale" and p.quantity > 0]
        chosen = self.world.random.sample(selling, min(len(selling), self.world.random.choice((1, 1, 2, 3))))
        if not chosen:
            raise ActionError(422, "Everything is sold out")
        return [Line(self.world.numbers.id(), p.id, 1, p.now_price) for p in chosen]

    def _not_a_list(self) -> list[Line]:
        raise ActionError(422, "products must be a list of {id, quantity}")

    def _line(self, row: Any) -> Line:
        if not isinstance(row, dict):
            self._not_a_list()
        product = self.store.products.get(integer(row.get("id")) or 0)
        quantity = integer(row.get("quantity", 1))
        if product is None:
            raise ActionError(404, "There is no such product")
        if quantity is None or not 1 <= quantity <= 100:
            raise ActionError(422, "quantity must be from 1 to 100")
        return Line(self.world.numbers.id(), product.id, quantity, product.now_price)
