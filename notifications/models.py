"""What is told to a store's team by e-mail: each occurrence, each message of it, and who wants what; the outbox."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.models import Merchant, MerchantOwned
from core.work import Work
from notifications.message_models import Message

__all__ = ["Alert", "AlertMail", "MailChoice", "Message"]


class Alert(Work, MerchantOwned):
    """Something that a store's team should know, once. As work: whether it still holds, and whom it goes to."""

    class Kind(models.TextChoices):
        DISCONNECTED = "disconnected", _("Connection broken")
        SCRIPT_UNSEEN = "script_unseen", _("Script not seen")
        FIRST_SALE = "first_sale", _("First sale")
        LIMIT_NEARED = "limit_neared", _("Near the plan's limit")
        LIMIT_EXCEEDED = "limit_exceeded", _("Over the plan's limit")
        RESTRICTED = "restricted", _("Tools paused")
        DIGEST = "digest", _("Weekly digest")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="alerts", verbose_name=_("store"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    key = models.CharField(_("idempotency key"), max_length=200)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)  # ids, slugs and dates only
    created_at = models.DateTimeField(_("created"), default=clock.now)

    class Meta(Work.Meta):
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "key"], name="notifications_alert_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="notifications_alert_of_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.merchant_id}"


class AlertMail(Work, MerchantOwned):
    """An alert on its way to one person, or to the contact of the app's form. The address is read when it is sent."""

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="alert_mails", verbose_name=_("store")
    )
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="mails", verbose_name=_("alert"))
    user = models.ForeignKey(  # None: whoever reads the address in the app's form
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="alert_mails", verbose_name=_("person")
    )
    created_at = models.DateTimeField(_("created"), default=clock.now)
    language = models.CharField(_("language"), max_length=10, blank=True)
    # Written before the mail server is asked to take it: who finds it does not know what came of that.
    started_at = models.DateTimeField(_("started"), null=True)
    sent_at = models.DateTimeField(_("sent"), null=True)

    class Meta(Work.Meta):
        verbose_name = _("e-mail to a team")
        verbose_name_plural = _("e-mails to teams")
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "alert", "user"], nulls_distinct=False, name="notifications_alertmail_once"
            ),
            SameMerchant(field="alert", name="notifications_alertmail_same_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.alert} · {self.user_id or '-'}"


class MailChoice(MerchantOwned):
    """What one person of a team wants by e-mail. Without a row: the digest, in the store's language."""

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="mail_choices", verbose_name=_("store")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mail_choices", verbose_name=_("person")
    )
    wants_digest = models.BooleanField(_("weekly digest"), default=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    changed_at = models.DateTimeField(_("changed"), default=clock.now)

    class Meta:
        verbose_name = _("choice of e-mails")
        verbose_name_plural = _("choices of e-mails")
        constraints = [models.UniqueConstraint(fields=["merchant", "user"], name="notifications_mailchoice_once")]

    def __str__(self) -> str:
        return f"{self.merchant_id} · {self.user_id}"
