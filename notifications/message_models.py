"""The outbox: every message to a shopper, whether it went out or not, and why."""

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.models import Merchant, MerchantOwned
from visitors.models import Channel, Contact, Purpose


class Message(MerchantOwned):
    """One message to one contact. It keeps no address and no words: both are read when it goes out."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        DEFERRED = "deferred", _("Deferred")
        SENDING = "sending", _("Being sent")
        ACCEPTED = "accepted", _("Accepted by the provider")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Not known whether it was sent")
        SKIPPED = "skipped", _("Not sent")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="messages", verbose_name=_("store"))
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(_("idempotency key"), max_length=200)
    contact = models.ForeignKey(
        Contact, on_delete=models.SET_NULL, null=True, related_name="messages", verbose_name=_("contact")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    template = models.CharField(_("template"), max_length=64)
    language = models.CharField(_("language"), max_length=10)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)  # ids only
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=40, blank=True)  # `notifications.reasons`
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=clock.now)
    due_at = models.DateTimeField(_("due"), default=clock.now)
    # Committed before the provider is asked to take it: who finds it does not know what came of that.
    started_at = models.DateTimeField(_("started"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    provider = models.CharField(_("provider"), max_length=20, blank=True)
    provider_id = models.CharField(_("number at the provider"), max_length=200, blank=True)
    answer = models.CharField(_("provider's answer"), max_length=300, blank=True)  # without addresses

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=["queued", "deferred"]),
                name="notifications_message_due",
            ),
            models.Index(
                fields=["started_at"], condition=models.Q(state="sending"), name="notifications_message_sending"
            ),
            models.Index(fields=["merchant", "contact", "-created_at"], name="notifications_message_to"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "key"], name="notifications_message_once"),
            SameMerchant(field="contact", name="notifications_message_same_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.template} · {self.merchant_id} · {self.pk}"
