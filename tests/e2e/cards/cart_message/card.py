"""Always lacks something."""

from django.utils.translation import gettext_lazy as _

from core import schema
from core.models import Merchant
from core.schema_errors import Text
from features.registry import Card, Category, register


class Settings(schema.Settings):
    minutes: int = schema.field(45, label=_("Minutes until the message"), ge=15, le=600)


def missing(merchant: Merchant) -> Text | None:
    return _("Connect a WhatsApp number first.")


CARD = register(
    Card(
        slug="cart_message",
        name=_("Abandoned cart"),
        summary=_("Reminds shoppers of what they left in the cart."),
        icon="✉",
        category=Category.MESSAGES,
        settings=Settings,
        missing=missing,
    )
)
