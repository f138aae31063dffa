"""What the mirror and the received deliveries hold of a person. His orders stay, and name nobody.

A customer who was erased keeps Salla's number and stays empty, whatever Salla says of him later.
"""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import clock
from core.contact_values import national_of
from core.models import Merchant
from core.subjects import Counted, Holder, Subject, hold
from integrations.models import Customer, Delivery

ERASED = gettext_noop("the person was erased")


def _customers(merchant: Merchant, subject: Subject) -> QuerySet[Customer]:
    same = Q(salla_id__in=subject.customers) | Q(email__in=subject.emails) | Q(phone__in=subject.phones)
    return merchant.customers.filter(same).order_by("pk")


def _widen(merchant: Merchant, subject: Subject) -> Subject:
    found = list(_customers(merchant, subject))
    return Subject(
        emails=frozenset(each.email for each in found if each.email),
        phones=frozenset(each.phone for each in found if each.phone),
        customers=frozenset(each.salla_id for each in found),
    )


def _export(merchant: Merchant, subject: Subject) -> list[dict[str, Any]]:
    return [_row(merchant, customer) for customer in _customers(merchant, subject)]


def _row(merchant: Merchant, customer: Customer) -> dict[str, Any]:
    orders = merchant.orders.filter(customer=customer).order_by("pk")
    carts = merchant.carts.filter(customer=customer).order_by("pk")
    return {
        "number_at_salla": customer.salla_id,
        "name": customer.name,
        "email": customer.email,
        "phone": customer.phone,
        "city": customer.city,
        "country": customer.country,
        "language": customer.language,
        "is_notifications_enabled": customer.is_notifications_enabled,
        "orders": list(
            orders.values(
                "salla_id", "reference_id", "placed_at", "status", "payment_method", "total", "currency", "city",
                "country", "coupon_codes", "items",
            )
        ),
        "carts": list(carts.values("salla_id", "started_at", "status", "total", "currency", "coupon_code", "items")),
    }  # fmt: skip


def _count(merchant: Merchant, subject: Subject) -> list[Counted]:
    found = _customers(merchant, subject)
    return [
        (_("Customers of Salla whose copy is emptied"), found.filter(erased_at=None).count()),
        (_("Orders that stay and name nobody any more"), merchant.orders.filter(customer__in=found).count()),
        (_("Carts that stay and name nobody any more"), merchant.carts.filter(customer__in=found).count()),
    ]


def _erase(merchant: Merchant, subject: Subject) -> int:
    found = list(_customers(merchant, subject))
    merchant.carts.filter(customer__in=found).update(checkout_url="")
    empty = dict.fromkeys(Customer.PERSONAL, "")
    merchant.customers.filter(pk__in=[each.pk for each in found]).update(**empty, erased_at=clock.now())
    _drop_bodies(merchant, subject)
    return len(found)


def _drop_bodies(merchant: Merchant, subject: Subject) -> None:
    """What Salla sent of him. A body that waits to be read is left: what it says of him is not taken over."""
    needles = [each.encode() for each in (*subject.emails, *map(national_of, subject.phones))]
    needles += [str(number).encode() for number in subject.customers]
    held = Delivery.objects.filter(Q(merchant=merchant) | Q(store_id=merchant.salla_id), body__isnull=False)
    held = held.exclude(state=Delivery.State.WAITING)
    named = [row.pk for row in held.only("pk", "body").iterator() if _names(bytes(row.body or b""), needles)]
    Delivery.objects.filter(pk__in=named, state=Delivery.State.DEAD).update(reason=ERASED)
    Delivery.objects.filter(pk__in=named).update(body=None)


def _names(body: bytes, needles: list[bytes]) -> bool:
    small = body.lower()
    return any(needle in small for needle in needles)


hold("salla", Holder(_("Customer, orders and carts of Salla"), _export, _erase, _widen, _count))
