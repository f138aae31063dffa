"""Whom a store may write to, and who is there: the rooms in which each kind is declared, under one name."""

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
from visitors.import_models import ContactImport
from visitors.segment_models import Segment
from visitors.visit_models import Visit, Visitor, VisitOrder

__all__ = [
    "PROMOTIONAL",
    "Channel",
    "Consent",
    "Contact",
    "ContactImport",
    "OptIn",
    "Purpose",
    "Segment",
    "Suppression",
    "SuppressionKey",
    "Visit",
    "VisitOrder",
    "Visitor",
]
