"""Groups of a store's people that its team keeps by rules; who belongs to one is asked anew each time."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.models import Merchant, MerchantOwned

LONGEST_NAME = 80


class Segment(MerchantOwned):
    """Rules, and what they came to when they were counted last. `visitors.segment_rules` says what rules may be."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="segments", verbose_name=_("store"))
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    rules = models.JSONField(_("rules"), default=dict)
    people_count = models.PositiveIntegerField(_("people"), null=True)
    writable_count = models.PositiveIntegerField(_("can be written to"), null=True)
    counted_at = models.DateTimeField(_("counted"), null=True)
    created_at = models.DateTimeField(_("created"), default=clock.now)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="visitors_segment_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="visitors_segment_of_merchant"),
        ]

    def __str__(self) -> str:
        return self.name
