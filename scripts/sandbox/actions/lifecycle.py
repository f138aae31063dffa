"""The app's life in a store: installed, authorised, on trial, subscribed, uninstalled."""

from typing import Any

from scripts.sandbox.clock import DAY, day, plain, zulu
from scripts.sandbox.grants import Chain
from scripts.sandbox.models import Store, Subscription
from scripts.sandbox.shapes.common import plain_number
from scripts.sandbox.state import World

PLANS = {"Basic": 0.0, "Growth": 99.0, "Pro": 199.0}
ADD_ON, ADD_ON_PRICE = "extra-orders", 29.0
SUBSCRIPTION_EVENTS = ("started", "renewed", "expired", "canceled")
TRIAL_EVENTS = ("started", "expired", "canceled")
DESCRIPTION = "تطبيق تسويق لمتاجر سلة"


def _app(world: World, described: str = "description") -> dict[str, Any]:
    return {
        "id": int(world.config.app_id),
        "app_name": world.config.app_name,
        described: DESCRIPTION,
        "app_type": "app",
    }


def scopes(world: World) -> frozenset[str]:
    return frozenset(world.config.scopes.split())


def install(world: World, store: Store, *, trial: bool = True) -> Chain:
    """Easy mode: app.installed, app.store.authorize and perhaps app.trial.started, in no promised order."""
    store.installed_at = world.clock.now()
    store.settings = {}
    world.dispatcher.send(
        store,
        "app.installed",
        {
            **_app(world),
            "app_scopes": world.config.scopes.split(),
            "installation_date": plain(store.installed_at),
            "store_type": store.type,
        },
    )
    chain = authorize(world, store)
    if trial:
        trial_event(world, store, "started")
    return chain


def authorize(world: World, store: Store) -> Chain:
    """New tokens by webhook; `expires` is an absolute time here."""
    if store.installed_at is None:
        store.installed_at = world.clock.now()
    chain = world.grants.open(store.id, scopes(world))
    world.dispatcher.send(
        store,
        "app.store.authorize",
        {
            "access_token": chain.access,
            "expires": int(chain.expires_at),
            "refresh_token": chain.refresh,
            "scope": world.config.scopes,
            "token_type": "bearer",
        },
    )
    return chain


def update(world: World, store: Store) -> Chain:
    """A new version of the app: app.updated without tokens, then app.store.authorize."""
    world.dispatcher.send(
        store,
        "app.updated",
        {
            **_app(world),
            "categories": ["Marketing"],
            "app_scopes": world.config.scopes.split(),
            "installation_date": plain(store.installed_at or world.clock.now()),
            "update_date": plain(world.clock.now()),
            "store_type": store.type,
        },
    )
    return authorize(world, store)


def uninstall(world: World, store: Store) -> None:
    """Tokens die at once; the last event comes with the old secret."""
    installed_at, store.installed_at = store.installed_at, None
    store.subscription = store.add_on = None
    store.hooks.clear()
    world.grants.revoke_store(store.id, "uninstalled")
    world.dispatcher.send(
        store,
        "app.uninstalled",
        {
            **_app(world, "app_description"),
            "categories": ["Marketing"],
            "installation_date": plain(installed_at or world.clock.now()),
            "uninstallation_date": plain(world.clock.now()),
            "refunded": False,
            "store_type": store.type,
        },
    )


def trial_event(world: World, store: Store, kind: str) -> None:
    now = world.clock.now()
    described = "description" if kind == "expired" else "app_description"
    data: dict[str, Any] = {
        **_app(world, described),
        "categories": ["Marketing"],
        "plan_name": "Pro",
        "plan_type": "recurring",
        "start_date": zulu(now - 14 * DAY) if kind == "expired" else day(now),
        "end_date": zulu(now) if kind == "expired" else day(now + 14 * DAY),
        "store_type": store.type,
    }
    if kind != "expired":
        data |= {"created_at": plain(now), "features": []}
    if kind == "canceled":
        data["subscription_at"] = plain(now - DAY)
    world.dispatcher.send(store, f"app.trial.{kind}", data)


def subscribe(world: World, store: Store, kind: str, plan: str) -> Subscription:
    """The store's plan: one of the four subscription events."""
    now, current = world.clock.now(), store.subscription
    if kind == "started" or current is None:
        current = Subscription(world.numbers.id(), plan, PLANS[plan], now, now + 30 * DAY)
    store.subscription = current
    return _sell(world, store, kind, current)


def add_on(world: World, store: Store, kind: str, quantity: int) -> Subscription:
    """The store's add-on, beside its plan: one of the same events."""
    now, current = world.clock.now(), store.add_on
    if kind == "started" or current is None:
        price = ADD_ON_PRICE * quantity
        current = Subscription(
            world.numbers.id(), "Orders", price, now, now + 30 * DAY, item_slug=ADD_ON, quantity=quantity
        )
    store.add_on = current
    return _sell(world, store, kind, current)


def _sell(world: World, store: Store, kind: str, current: Subscription) -> Subscription:
    """Prices are text, the balance is the text "null"."""
    now = world.clock.now()
    if kind == "renewed":
        current.ends_at += 30 * DAY
    current.status = "active" if kind in ("started", "renewed") else kind
    price = current.price
    data: dict[str, Any] = {
        **_app(world),
        "subscription_id": current.id,
        "item_type": current.item_type,
        "item_slug": current.item_slug,
        "quantity": current.quantity,
        "categories": ["Marketing"],
        "plan_type": "recurring" if price else "free",
        "plan_name": current.plan,
        "plan_period": "1",
        "start_date": zulu(current.started_at),
        "end_date": zulu(current.ends_at),
        "coupon": None,
        "initialization_cost": 0,
        "price_before_discount": plain_number(price),
        "price": f"{price:.2f}",
        "tax": "0.15",
        "tax_value": f"{price * 0.15:.2f}",
        "total": f"{price * 1.15:.2f}",
        "subscription_balance": "null",
        "features": [{"key": "messages", "quantity": 1}],
        "store_type": store.type,
    }
    if kind == "renewed":
        data["renew_date"] = zulu(now)
    world.dispatcher.send(store, f"app.subscription.{kind}", data)
    return current


def settings_updated(world: World, store: Store) -> None:
    world.dispatcher.send(
        store, "app.settings.updated", {**_app(world, "app_description"), "settings": store.settings or {}}
    )


def feedback(world: World, store: Store, rating: int, comment: str) -> None:
    data = {"categories": ["Marketing"], "rating": str(rating), "rated_by": store.owner, "comment": comment}
    world.dispatcher.send(store, "app.feedback.created", {**_app(world), **data})
