"""Visits to a store, the visitors who agreed to be known again, and the orders that visits led to.

Nothing here says who a person is: no name, address or network. What a browser claimed (cart, customer, order, money) is
a hint, and only tells which row of the mirror to look at.
"""

import uuid
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.constraints import SameMerchant
from core.models import Merchant, MerchantOwned
from visitors.devices import Device
from visitors.sources import Channel

# The card that makes visits be kept: its slug.
VISITOR_DATA = "visitor_data"
# What a browser told late was received so long after it happened, at most.
LATE = timedelta(hours=2)
LONGEST_KEY = 64
LONGEST_TEXT = 100
LONGEST_PATH = 300
MOST_PRODUCTS = 30  # of one visit, the first that were looked at


class Visitor(MerchantOwned):
    """A browser that agreed to be known again. Whose it is only the store's own login says, as a hint."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="visitors", verbose_name=_("store"))
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(_("key"), max_length=LONGEST_KEY)
    customer_salla_id = models.BigIntegerField(_("customer"), null=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    visits_count = models.PositiveIntegerField(_("visits"), default=0)
    # How it came the first time.
    channel = models.CharField(_("channel"), max_length=16, choices=Channel, default=Channel.DIRECT)
    source = models.CharField(_("source"), max_length=LONGEST_TEXT, blank=True)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        indexes = [
            models.Index(fields=["merchant", "last_seen_at"], name="visitors_visitor_latest"),
            models.Index(
                fields=["merchant", "customer_salla_id"],
                condition=models.Q(customer_salla_id__isnull=False),
                name="visitors_visitor_customer",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "key"], name="visitors_visitor_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="visitors_visitor_of_merchant"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class Visit(MerchantOwned):
    """One stay in a store: it ends after half an hour of silence, or where another source brings the visitor anew.

    Without a visitor it is of somebody who did not agree to be known: his key is a new one every day, so that no visit
    of his outlives its day and none is tied to another day's.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="visits", verbose_name=_("store"))
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    visit_key = models.CharField(_("key"), max_length=LONGEST_KEY)
    visitor = models.ForeignKey(
        Visitor, on_delete=models.CASCADE, null=True, related_name="visits", verbose_name=_("visitor")
    )
    visitor_key = models.CharField(_("visitor's key"), max_length=LONGEST_KEY, blank=True)
    is_bot = models.BooleanField(_("bot"), default=False)
    is_returning = models.BooleanField(_("returning"), default=False)
    started_at = models.DateTimeField(_("started"))
    last_seen_at = models.DateTimeField(_("last seen"))

    pages = models.PositiveIntegerField(_("pages"), default=0)
    landing = models.CharField(_("first page"), max_length=LONGEST_PATH, blank=True)
    landing_slug = models.CharField(_("kind of the first page"), max_length=64, blank=True)
    exit = models.CharField(_("last page"), max_length=LONGEST_PATH, blank=True)
    exit_slug = models.CharField(_("kind of the last page"), max_length=64, blank=True)
    products = ArrayField(models.BigIntegerField(), verbose_name=_("products"), default=list)

    channel = models.CharField(_("channel"), max_length=16, choices=Channel, default=Channel.DIRECT)
    source = models.CharField(_("source"), max_length=LONGEST_TEXT, blank=True)
    medium = models.CharField(_("medium"), max_length=LONGEST_TEXT, blank=True)
    campaign = models.CharField(_("campaign"), max_length=LONGEST_TEXT, blank=True)
    term = models.CharField(_("term"), max_length=LONGEST_TEXT, blank=True)
    content = models.CharField(_("content"), max_length=LONGEST_TEXT, blank=True)
    click_network = models.CharField(_("click id of"), max_length=16, blank=True)
    referrer = models.CharField(_("referring site"), max_length=LONGEST_TEXT, blank=True)

    device = models.CharField(_("device"), max_length=8, choices=Device, default=Device.UNKNOWN)
    browser = models.CharField(_("browser"), max_length=40, blank=True)
    system = models.CharField(_("system"), max_length=40, blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)

    has_cart = models.BooleanField(_("has a cart"), default=False)
    cart_id = models.BigIntegerField(_("cart"), null=True)
    cart_total = models.DecimalField(_("cart, as the browser told"), max_digits=14, decimal_places=2, null=True)
    cart_currency = models.CharField(_("currency"), max_length=3, blank=True)
    customer_salla_id = models.BigIntegerField(_("customer"), null=True)
    order_hint = models.BigIntegerField(_("order, as the browser told"), null=True)
    orders_count = models.PositiveSmallIntegerField(_("orders"), default=0)

    class Meta:
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        indexes = [
            models.Index(fields=["merchant", "-started_at"], name="visitors_visit_newest"),
            models.Index(fields=["merchant", "last_seen_at"], name="visitors_visit_latest"),
            models.Index(fields=["merchant", "visitor_key", "last_seen_at"], name="visitors_visit_open"),
            *(
                models.Index(
                    fields=["merchant", name],
                    condition=models.Q(**{f"{name}__isnull": False}),
                    name=f"visitors_visit_{index}",
                )
                for name, index in (("cart_id", "cart"), ("order_hint", "order"), ("customer_salla_id", "customer"))
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "visit_key"], name="visitors_visit_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="visitors_visit_of_merchant"),
            SameMerchant(field="visitor", name="visitors_visit_same_merchant"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class VisitOrder(MerchantOwned):
    """An order of the mirror, and the one visit that it was made in. What it is worth stands in the mirror alone."""

    class Sign(models.TextChoices):
        """By what the two were put together, the surest first."""

        CART = "cart", _("The same cart")
        PAGE = "page", _("The page of thanks")
        CUSTOMER = "customer", _("The same customer")

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="visit_orders", verbose_name=_("store")
    )
    visit = models.ForeignKey(Visit, on_delete=models.CASCADE, related_name="orders", verbose_name=_("visit"))
    order_salla_id = models.BigIntegerField(_("order"))
    sign = models.CharField(_("sign"), max_length=8, choices=Sign)

    class Meta:
        verbose_name = _("order of a visit")
        verbose_name_plural = _("orders of visits")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "order_salla_id"], name="visitors_visit_order_once"),
            SameMerchant(field="visit", name="visitors_visit_order_same_merchant"),
        ]

    def __str__(self) -> str:
        return str(self.order_salla_id)
