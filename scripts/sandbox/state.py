"""The world in memory: stores, grants, faults, deliveries and messages; `reset` makes it new."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.sandbox.clock import Clock
from scripts.sandbox.config import Config
from scripts.sandbox.faults import Faults
from scripts.sandbox.grants import Grants
from scripts.sandbox.limits import Limits, Patience
from scripts.sandbox.models import Store
from scripts.sandbox.numbers import Numbers
from scripts.sandbox.providers.mailbox import Mailbox, ProviderSettings
from scripts.sandbox.seed.stores import seed_stores

if TYPE_CHECKING:
    from scripts.sandbox.webhooks import Dispatcher


@dataclass
class Session:
    """One shopper's browser in one store."""

    key: str
    store_id: int
    cart_id: int | None = None
    customer_id: int | None = None
    sdk: str = ""
    utm: dict[str, str] = field(default_factory=dict)


class World:
    """Everything outside our app, on one machine."""

    dispatcher: "Dispatcher"

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clock = Clock()
        self.reset()

    def reset(self) -> None:
        """Back to the seeded beginning; the clock's offset too."""
        self.clock.offset, self.clock.rate_speed = 0.0, 1.0
        self.random = random.Random(self.config.seed)
        self.numbers = Numbers(self.random)
        self.counters: Counter[str] = Counter()
        self.faults = Faults(self.config.seed)
        self.limits = Limits(self.clock)
        self.patience = Patience(self.clock)
        self.grants = Grants(self.clock, self.config.app_id)
        self.mailbox = Mailbox(self.clock)
        self.providers = ProviderSettings(whatsapp_callback=f"{self.config.reports_to}/whatsapp")
        self.sessions: dict[str, Session] = {}
        self.stores: dict[int, Store] = seed_stores(self.config, self.clock, self.random, self.numbers)
        if self.config.new_ids:
            self.numbers.start_anew(random.Random())

    def store(self, store_id: int) -> Store:
        """KeyError when there is no such store."""
        return self.stores[store_id]

    def summary(self) -> dict[str, Any]:
        """What tests ask for: counters, grants, faults, clock."""
        return {
            "seed": self.config.seed,
            "counters": dict(sorted(self.counters.items())),
            "grants": self.grants.summary(),
            "faults": self.faults.listing(),
            "clock_offset": self.clock.offset,
            "deliveries": self.dispatcher.summary(),
            "stores": [self._store_summary(store) for store in self.stores.values()],
        }

    def _store_summary(self, store: Store) -> dict[str, Any]:
        return {
            "id": store.id,
            "name": store.name_en,
            "plan": store.plan,
            "installed": store.installed_at is not None,
            "subscription": store.subscription.plan if store.subscription else None,
            "products": len(store.products),
            "customers": sum(not c.deleted for c in store.customers.values()),
            "orders": sum(not o.deleted for o in store.orders.values()),
            "open_carts": sum(c.status == "active" for c in store.carts.values()),
            "abandoned_carts": sum(c.abandoned_at is not None and c.status == "active" for c in store.carts.values()),
            "coupons": sum(c.status != "deleted" for c in store.coupons.values()),
            "reviews": len(store.reviews),
        }
