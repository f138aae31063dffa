"""What Salla sold of us to a store, what the store may use for it, and the form it filled in at Salla."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.fields import EncryptedTextField
from core.models import Merchant, MerchantOwned
from integrations import plans
from integrations.mirrored import Versioned


class Subscription(Versioned):
    """A trial, a plan or an add-on, as Salla told of it last. One of each `key`: `trial`, or Salla's own number."""

    class Item(models.TextChoices):
        TRIAL = "trial", _("Trial")
        PLAN = "plan", _("Plan")
        ADD_ON = "addon", _("Add-on")

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        EXPIRED = "expired", _("Expired")
        CANCELED = "canceled", _("Canceled")

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="subscriptions", verbose_name=_("store")
    )
    key = models.CharField(_("key"), max_length=100)
    item = models.CharField(_("item"), max_length=8, choices=Item, default=Item.PLAN)  # older bodies name none
    item_slug = models.CharField(_("add-on"), max_length=64, blank=True)
    status = models.CharField(_("status"), max_length=8, choices=Status, blank=True)
    plan_name = models.CharField(_("plan's name at Salla"), max_length=200, blank=True)
    plan_type = models.CharField(_("plan's type at Salla"), max_length=64, blank=True)
    plan_period = models.PositiveIntegerField(_("months"), null=True)
    quantity = models.PositiveIntegerField(_("quantity"), default=1)
    starts_at = models.DateTimeField(_("starts"), null=True)
    ends_at = models.DateTimeField(_("ends"), null=True)

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints = [models.UniqueConstraint(fields=["merchant", "key"], name="integrations_subscription_once")]

    def __str__(self) -> str:
        return f"{self.get_item_display()} · {self.plan_name or self.item_slug or self.key}"

    @property
    def told_at(self) -> datetime:
        """When Salla said its status."""
        stamp = self.field_versions.get("status")
        return datetime.fromisoformat(stamp) if stamp else self.source_updated_at


class Standing(MerchantOwned):
    """What a store may use now, as `integrations.entitlements` judged it last. A store without one is `INSTALLED`."""

    class State(models.TextChoices):
        INSTALLED = "installed", _("Installed, on the free plan")
        TRIAL = "trial", _("On trial")
        ACTIVE = "active", _("Subscribed")
        RESTRICTED = "restricted", _("Restricted")
        UNINSTALLED = "uninstalled", _("Uninstalled")

    class Reason(models.TextChoices):
        """Why a store is restricted, as its cards say it."""

        TRIAL_ENDED = "trial_ended", _("Your trial has ended.")
        EXPIRED = "expired", _("Your subscription has expired.")
        CANCELED = "canceled", _("Your subscription was canceled.")
        OVER_LIMIT = "over_limit", _("Last month brought more orders than your plan is for.")

    merchant = models.OneToOneField(
        Merchant, on_delete=models.CASCADE, related_name="standing", verbose_name=_("store")
    )
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.INSTALLED)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason, blank=True)
    since = models.DateTimeField(_("since"), default=clock.now)
    plan = models.CharField(_("plan"), max_length=16, default=plans.FREE.slug)
    order_limit = models.PositiveIntegerField(
        _("orders a month"), default=plans.FREE.orders, null=True, help_text=_("Empty is without limit.")
    )
    ends_at = models.DateTimeField(_("ends"), null=True)
    gone_at = models.DateTimeField(_("app last removed"), null=True)
    back_at = models.DateTimeField(
        _("app installed again"), null=True, help_text=_("Orders between the two do not count.")
    )
    review_at = models.DateTimeField(_("judged again"), null=True, db_index=True)

    class Meta:
        verbose_name = _("store's plan")
        verbose_name_plural = _("stores' plans")

    def __str__(self) -> str:
        return f"{self.merchant} · {self.get_state_display()}"


class AppSettings(MerchantOwned):
    """What the merchant typed into our form at Salla, as JSON; encrypted, since it may hold anything."""

    merchant = models.OneToOneField(
        Merchant, on_delete=models.CASCADE, related_name="app_settings", verbose_name=_("store")
    )
    values = EncryptedTextField(_("values"), editable=False)
    stated_at = models.DateTimeField(_("saved at Salla"))

    class Meta:
        verbose_name = _("settings at Salla")
        verbose_name_plural = _("settings at Salla")

    def __str__(self) -> str:
        return f"{self.merchant} · {self.stated_at:%Y-%m-%d %H:%M}"
