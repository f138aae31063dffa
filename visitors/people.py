"""Who is one person: visitors, customers and contacts of a store, each with the name that all of one person share.

Somebody whom Salla knows is named by the number there; a visitor whom nobody knows by the key of the browser; a contact
of neither by its own number. The names are for putting sets together, inside one query, and go nowhere else.
"""

from typing import Any

from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Coalesce, Concat

from core.models import Merchant

PERSON = "person"
# A set of people: rows of one column, to be joined with others.
People = QuerySet[Any, Any]


def visitors(merchant: Merchant) -> QuerySet[Any]:
    """Each with its `person`; signed in at the store, or joined by an address that was given in the browser."""
    customer = Coalesce("customer_salla_id", _given(merchant, "key"))
    rows = merchant.visitors.annotate(_customer=customer)
    return rows.annotate(
        person=Case(
            When(_customer__isnull=False, then=_of_customer("_customer")),
            default=Concat(Value("v"), F("key")),
            output_field=CharField(),
        )
    )


def customers(merchant: Merchant) -> QuerySet[Any]:
    """Those that were not erased."""
    return merchant.customers.filter(erased_at=None).annotate(person=_of_customer("salla_id"))


def contacts(merchant: Merchant) -> QuerySet[Any]:
    """Those that were not erased."""
    signed_in = merchant.visitors.filter(key=OuterRef("visitor_key"), customer_salla_id__isnull=False)
    customer = Coalesce(
        "customer_salla_id", Subquery(signed_in.values("customer_salla_id")[:1]), _given(merchant, "visitor_key")
    )
    return merchant.contacts.filter(erased_at=None).annotate(
        _customer=customer,
        person=Case(
            When(_customer__isnull=False, then=_of_customer("_customer")),
            When(~Q(visitor_key=""), then=Concat(Value("v"), F("visitor_key"))),
            default=Concat(Value("k"), Cast("pk", CharField())),
            output_field=CharField(),
        ),
    )


def named(rows: QuerySet[Any]) -> People:
    """Each person once."""
    return rows.order_by().values(PERSON).distinct()


def by_person(rows: QuerySet[Any]) -> QuerySet[Any]:
    """To be counted or added up for each."""
    return rows.order_by().values(PERSON)


def everybody(merchant: Merchant) -> People:
    return named(visitors(merchant)).union(named(customers(merchant)), named(contacts(merchant)))


def nobody(merchant: Merchant) -> People:
    return named(customers(merchant).none())


def among(rows: QuerySet[Any], people: People) -> QuerySet[Any]:
    """Those of the rows that are of these people."""
    return rows.filter(person__in=people)


def _given(merchant: Merchant, key: str) -> Subquery:
    """The customer who has an address that was given in the browser with this key."""
    rows = merchant.contacts.filter(visitor_key=OuterRef(key), customer_salla_id__isnull=False, erased_at=None)
    return Subquery(rows.exclude(visitor_key="").order_by("pk").values("customer_salla_id")[:1])


def _of_customer(name: str) -> Concat:
    return Concat(Value("c"), Cast(name, CharField()))
