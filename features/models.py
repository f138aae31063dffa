"""Which cards a store has on and how they are set, every change of that, and what its storefront is told."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.models import Merchant, MerchantOwned


class Feature(MerchantOwned):
    """One card in one store. A row appears with the first change; until then the card is off, with its defaults."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="features", verbose_name=_("store"))
    slug = models.CharField(_("card"), max_length=64)
    is_on = models.BooleanField(_("on"), default=False)
    settings = models.JSONField(_("settings"), default=dict)  # read through services.settings_of: it may be older
    # How often its comparison group was begun: each time other shoppers are held back (features.holdout).
    groups_dealt = models.PositiveIntegerField(_("comparison groups"), default=0, db_default=0)

    class Meta:
        verbose_name = _("card of a store")
        verbose_name_plural = _("cards of stores")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "slug"], name="features_feature_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="features_feature_of_merchant"),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def state(self) -> dict[str, Any]:
        """What a revision keeps."""
        return {"is_on": self.is_on, "settings": self.settings}


class Revision(MerchantOwned):
    """One change of one card: who, when, what, and the state on either side of it."""

    class What(models.TextChoices):
        SWITCHED_ON = "switched_on", _("Turned on")
        SWITCHED_OFF = "switched_off", _("Turned off")
        SAVED = "saved", _("Settings saved")
        REVERTED = "reverted", _("Earlier version restored")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="revisions", verbose_name=_("store"))
    feature = models.ForeignKey(Feature, on_delete=models.CASCADE, related_name="revisions", verbose_name=_("card"))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    at = models.DateTimeField(_("time"), default=clock.now)
    what = models.CharField(_("change"), max_length=12, choices=What)
    before = models.JSONField(_("before"))
    after = models.JSONField(_("after"))

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        constraints = [SameMerchant(field="feature", name="features_revision_same_merchant")]

    def __str__(self) -> str:
        return f"{self.feature} · {self.get_what_display()} · {self.at:%Y-%m-%d %H:%M:%S}"


class StorefrontConfig(MerchantOwned):
    """What a store's shoppers' browsers are told: the bytes that leave, made when a card changes."""

    merchant = models.OneToOneField(
        Merchant, on_delete=models.CASCADE, related_name="storefront_config", verbose_name=_("store")
    )
    body = models.BinaryField(editable=False)
    etag = models.CharField(_("ETag"), max_length=70)
    version = models.PositiveIntegerField(_("version"), default=0)
    # Of the declarations it was made from; another one after a deployment means that it must be made again.
    fingerprint = models.CharField(_("fingerprint"), max_length=64)

    class Meta:
        verbose_name = _("storefront configuration")
        verbose_name_plural = _("storefront configurations")

    def __str__(self) -> str:
        return f"{self.merchant} · {self.version}"
