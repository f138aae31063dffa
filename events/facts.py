"""Our vocabulary: what can happen, as frozen types. Ids and amounts only; a test refuses any freer field.

A fact is named `noun.past`. Money is a Decimal beside its currency; ids are Salla's unless the name says otherwise.
"""

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[int, Field(gt=0, lt=2**63)]
Money = Annotated[Decimal, Field(max_digits=14, decimal_places=2)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
# Salla's own machine words: status slugs, payment methods, sources, plan types.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.-]{0,64}$")]
# A coupon code as the merchant wrote it.
Code = Annotated[str, StringConstraints(min_length=1, max_length=64)]

_facts: dict[str, type["Fact"]] = {}


class Fact(BaseModel):
    """Base of every fact; a subclass with a `name` enters the vocabulary."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        if "name" in cls.__dict__:
            if cls.name in _facts:
                raise ValueError(f"the fact {cls.name} is declared twice")
            _facts[cls.name] = cls


def read(name: str, data: dict[str, Any]) -> Fact:
    """The typed fact of a stored row; raises `KeyError` for a name nobody declared."""
    return _facts[name].model_validate(data)


def names() -> frozenset[str]:
    """Every declared fact."""
    return frozenset(_facts)


# The app in a store


class StoreFact(Fact):
    store_type: Slug = ""


class StoreInstalled(StoreFact):
    name = "store.installed"


class StoreConnected(Fact):
    """Tokens arrived."""

    name = "store.connected"
    expires_at: AwareDatetime | None = None


class StoreUpgraded(StoreFact):
    """The merchant took a new version of the app."""

    name = "store.upgraded"


class StoreUninstalled(StoreFact):
    name = "store.uninstalled"


class StorePurged(Fact):
    """The personal data of a store that left is deleted here: whoever holds more of it deletes that too."""

    name = "store.purged"


class StoreDisconnected(Fact):
    """Our tokens are dead and nothing but a new installation brings others."""

    name = "store.disconnected"


class StoreRestricted(Fact):
    """Its cards stopped for shoppers, and why (`integrations.models.Standing.Reason`)."""

    name = "store.restricted"
    reason: Slug


class StoreRestored(Fact):
    """Its cards work again, set as they were."""

    name = "store.restored"


class LimitNeared(Fact):
    """A month has most of the orders that the plan is for."""

    name = "limit.neared"
    orders: int
    limit: int


class LimitExceeded(Fact):
    """A month has more orders than the plan is for; everything goes on to the month's end."""

    name = "limit.exceeded"
    orders: int
    limit: int


class SettingsUpdated(Fact):
    """The merchant saved the app's settings form at Salla, which also activates the app."""

    name = "settings.updated"


class FeedbackGiven(Fact):
    name = "feedback.given"
    rating: int | None = Field(default=None, ge=0, le=5)


class TrialFact(StoreFact):
    plan_type: Slug = ""
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class TrialStarted(TrialFact):
    name = "trial.started"


class TrialExpired(TrialFact):
    name = "trial.expired"


class TrialCanceled(TrialFact):
    name = "trial.canceled"


class SubscriptionFact(TrialFact):
    subscription_id: Id | None = None
    item_type: Slug = ""
    item_slug: Slug = ""
    quantity: int = 1
    total: Money | None = None


class SubscriptionStarted(SubscriptionFact):
    name = "subscription.started"


class SubscriptionRenewed(SubscriptionFact):
    name = "subscription.renewed"


class SubscriptionExpired(SubscriptionFact):
    name = "subscription.expired"


class SubscriptionCanceled(SubscriptionFact):
    name = "subscription.canceled"


# Orders


class OrderFact(Fact):
    order_id: Id
    customer_id: Id | None = None
    status: Slug = ""
    payment_method: Slug = ""
    total: Money | None = None
    currency: Currency | None = None


class OrderPlaced(OrderFact):
    """First sight of an order, whichever of its events came first."""

    name = "order.placed"
    source: Slug = ""
    coupon_codes: tuple[Code, ...] = ()
    product_ids: tuple[Id, ...] = ()


class OrderStatusChanged(OrderFact):
    name = "order.status_changed"


class OrderPaid(OrderFact):
    """Money is certain: paid online, or cash on delivery that was delivered."""

    name = "order.paid"


class OrderCanceled(OrderFact):
    name = "order.canceled"


class OrderRefunded(OrderFact):
    name = "order.refunded"


class OrderDeleted(Fact):
    name = "order.deleted"
    order_id: Id


# Carts and coupons


class CartFact(Fact):
    cart_id: Id
    customer_id: Id | None = None
    total: Money | None = None
    currency: Currency | None = None


class CartAbandoned(CartFact):
    name = "cart.abandoned"
    product_ids: tuple[Id, ...] = ()


class CartReopened(Fact):
    """Active again after it was left."""

    name = "cart.reopened"
    cart_id: Id


class CartPurchased(Fact):
    """Bought after all. The event that brings it may name no amounts: those stand in the mirror."""

    name = "cart.purchased"
    cart_id: Id


class CouponApplied(CartFact):
    """Put into a cart: a use, not yet a sale."""

    name = "coupon.applied"
    coupon_id: Id | None = None
    code: Code


# Customers, products, reviews, offers


class CustomerRegistered(Fact):
    """First sight of a customer."""

    name = "customer.registered"
    customer_id: Id


class CustomerLoggedIn(Fact):
    name = "customer.logged_in"
    customer_id: Id


class CustomerNotificationsChanged(Fact):
    """Salla's notification flag of a customer changed; false forbids marketing, true alone proves nothing."""

    name = "customer.notifications_changed"
    customer_id: Id
    is_enabled: bool


class ProductChanged(Fact):
    name = "product.changed"
    product_id: Id


class ProductDeleted(Fact):
    name = "product.deleted"
    product_id: Id


class ReviewAdded(Fact):
    name = "review.added"
    product_id: Id | None = None
    customer_id: Id | None = None
    order_id: Id | None = None
    rating: int | None = Field(default=None, ge=0, le=5)


class SpecialOfferChanged(Fact):
    """A special offer of Salla's own; coupons may not stack with it."""

    name = "special_offer.changed"
    offer_id: Id
    status: Slug = ""


# Contacts. `contact_id` and `optin_id` are ours.


class OptInRequested(Fact):
    """Somebody wants messages at an address or a number: whether it is his, only a message there can tell.

    Once when he asks, and once more a day later if he has not answered.
    """

    name = "optin.requested"
    contact_id: Id
    optin_id: Id


class ContactVerified(Fact):
    """Who reads that address or number says so himself."""

    name = "contact.verified"
    contact_id: Id


class ContactsImported(Fact):
    """A file of the merchant's, whose people count as one fact; `count` of them are new or newly declared."""

    name = "contacts.imported"
    import_id: Id
    count: int


class ConsentFact(Fact):
    contact_id: Id
    purpose: Slug
    channel: Slug


class ConsentGiven(ConsentFact):
    name = "consent.given"
    is_declared: bool = False  # by the merchant, not by the person


class ConsentWithdrawn(ConsentFact):
    name = "consent.withdrawn"


# Cards


class FeatureChanged(Fact):
    """A merchant switched, saved or restored a card."""

    name = "feature.changed"
    slug: Slug
    is_on: bool
