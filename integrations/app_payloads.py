"""Salla's shapes of the app in a store: tokens, store information and the `app.*` events (Salla OAuth, app events)."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from core.models import Membership, Merchant
from core.salla_values import id_of
from integrations.payload_fields import (
    Amount,
    Count,
    Currency,
    Moment,
    Name,
    OptionalId,
    Payload,
    Slug,
    Stars,
    Whole,
    known,
    one_object,
    only_texts,
    text,
)

LEAST_MOMENT = 10**9
LAST_MOMENT = 4102444800  # the year 2100


class Tokens(Payload):
    """`app.store.authorize`, and the answer of the token endpoint (Salla OAuth, tokens)."""

    access_token: str = Field(min_length=1, max_length=4000)
    refresh_token: str | None = Field(default=None, max_length=4000)
    expires: Whole = None
    expires_in: Whole = None
    scope: Annotated[str | None, text(4000)] = None

    def expires_at(self, received_at: datetime) -> datetime | None:
        """`expires` is a moment in webhooks and a duration in the documented answers: small numbers are durations."""
        number = self.expires_in if self.expires_in is not None else self.expires
        if number is None or number <= 0:
            return None
        if number < LEAST_MOMENT:
            return received_at + timedelta(seconds=number)
        return datetime.fromtimestamp(min(number, LAST_MOMENT), tz=UTC)

    def life(self, received_at: datetime) -> timedelta | None:
        """How long the access token lives from now on."""
        expires_at = self.expires_at(received_at)
        return None if expires_at is None else max(expires_at - received_at, timedelta(0))


class StoreInfo(Payload):
    """`GET /store/info`."""

    name: Name = None
    domain: Annotated[str | None, text(255)] = None
    currency: Currency = None
    plan: Slug = None
    type: Slug = None

    def stated(self) -> dict[str, Any]:
        """Columns of `core.models.Merchant`."""
        return known(
            {
                "name": self.name,
                "domain": self.domain,
                "currency": self.currency,
                "plan": self.plan if self.plan in Merchant.Plan.values else None,
                "store_type": self.type if self.type in Merchant.StoreType.values else None,
            }
        )


class EmbeddedClaims(Payload):
    """What a token of Salla's dashboard stands for (Salla OAuth, embedded app). Any of them may be missing."""

    merchant_id: OptionalId = None
    user_id: OptionalId = None
    exp: Moment = None


class Installer(Payload):
    """The person of the `user/info` answer (Salla OAuth, user info)."""

    id: OptionalId = None
    name: Annotated[str | None, text(150)] = None
    email: Annotated[str | None, text(254)] = None
    role: Slug = None
    merchant: Annotated[dict[str, Any] | None, BeforeValidator(one_object)] = None
    store: Annotated[dict[str, Any] | None, BeforeValidator(one_object)] = None

    @property
    def store_id(self) -> int | None:
        """Older answers call the block `store`."""
        return id_of((self.merchant or self.store or {}).get("id"))

    @property
    def membership_role(self) -> Membership.Role:
        """Salla says `user` for the owner and `team` for an employee; whatever else is no owner."""
        return Membership.Role.OWNER if self.role == "user" else Membership.Role.EDITOR


class App(Payload):
    """Every other `app.*` event."""

    store_type: Slug = None
    app_scopes: Annotated[list[str], BeforeValidator(only_texts)] = Field(default_factory=list)
    stars: Stars = Field(default=None, alias="rating")
    subscription_id: OptionalId = None
    item_type: Slug = None
    item_slug: Slug = None
    quantity: Count = None
    plan_type: Slug = None
    plan_name: Name = None
    plan_period: Count = None
    start_date: Moment = None
    end_date: Moment = None
    total: Amount = None
    settings: Annotated[dict[str, Any] | None, BeforeValidator(one_object)] = None
