"""Whom a store may write to, and who is there."""

from visitors.contact_models import (
    PROMOTIONAL,
    Channel,
    Consent,
    Contact,
    OptIn,
    Purpose,
    Suppression,
    SuppressionKey,
)

__all__ = ["PROMOTIONAL", "Channel", "Consent", "Contact", "OptIn", "Purpose", "Suppression", "SuppressionKey"]
