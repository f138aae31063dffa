"""A store's own Salla client."""

from core.models import Merchant
from core.salla_client import MAX_WAIT_SECONDS, SallaClient
from integrations.tokens import MerchantTokens


def salla_for(merchant: Merchant, *, patience: float = MAX_WAIT_SECONDS) -> SallaClient:
    """The client that speaks for this store, with its tokens and its share of the rate limit."""
    return SallaClient(merchant.salla_id, merchant.plan, MerchantTokens(merchant), patience=patience)
