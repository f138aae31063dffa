"""The plans that Nomo Flow is sold in, declared here only: names, prices, and the orders a month that each is for.

Salla alone bills them. It tells a plan by the text that the portal has, so that text must be among `called`.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import pgettext_lazy

from core.schema_errors import Text


@dataclass(frozen=True)
class Plan:
    """`price` is in riyals a month, before tax. `orders` is what a month may bring; None is without limit."""

    slug: str
    name: Text
    price: Decimal
    orders: int | None
    called: frozenset[str]  # by Salla, in small letters


FREE = Plan(
    "free", pgettext_lazy("plan", "Free"), Decimal(0), 50, frozenset({"free", "basic", "المجانية", "مجانية", "مجاني"})
)
GROWTH = Plan("growth", pgettext_lazy("plan", "Growth"), Decimal(99), 500, frozenset({"growth", "النمو", "نمو"}))
PROFESSIONAL = Plan(
    "professional",
    pgettext_lazy("plan", "Professional"),
    Decimal(199),
    None,
    frozenset({"professional", "pro", "الاحترافية", "احترافية", "احترافي"}),
)
PLANS = (FREE, GROWTH, PROFESSIONAL)
# Orders a month that one piece of an add-on brings, by its slug at Salla.
ADD_ONS = {"extra-orders": 500}

_by_slug = {plan.slug: plan for plan in PLANS}
_by_name = {name: plan for plan in PLANS for name in plan.called}


def plan_of(slug: str) -> Plan:
    """The plan that we named so; raises `KeyError`."""
    return _by_slug[slug]


def is_known(name: str) -> bool:
    """Whether a plan of ours is called so at Salla."""
    return name.strip().casefold() in _by_name


def plan_called(name: str, *, plan_type: str = "") -> Plan:
    """The plan that Salla means. A paid one whose name says nothing is the largest: the doubt is ours to bear."""
    if (found := _by_name.get(name.strip().casefold())) is not None:
        return found
    return FREE if plan_type == "free" else PROFESSIONAL
