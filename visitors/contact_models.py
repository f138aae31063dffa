"""Whom a store may write to, where that stands written, and whom nobody may write to."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.fields import EncryptedBytesField
from core.models import Merchant, MerchantOwned

LONGEST_TEXT = 2_000


class Channel(models.TextChoices):
    """How a message goes out. An address has one; a number has several, each with a consent of its own."""

    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    WHATSAPP = "whatsapp", _("WhatsApp")


class Purpose(models.TextChoices):
    """What a message is for. The first two need consent; the others were asked for, or belong to an order."""

    MARKETING = "marketing", _("Offers and news")
    REMINDERS = "reminders", _("Reminders")
    SERVICE = "service", _("About an order")
    CONFIRMATION = "confirmation", _("Confirmation")


PROMOTIONAL = (Purpose.MARKETING, Purpose.REMINDERS)


class Contact(MerchantOwned):
    """An e-mail address or a phone number, in its one form. Erased, it keeps its number here and nothing else."""

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")

    class Pace(models.TextChoices):
        ANY = "any", _("As they come")
        WEEKLY = "weekly", _("At most one a week")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="contacts", verbose_name=_("store"))
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    value = models.CharField(_("address or number"), max_length=254, blank=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    # When its reader said himself that it is his.
    verified_at = models.DateTimeField(_("verified"), null=True)
    customer_salla_id = models.BigIntegerField(_("customer's number at Salla"), null=True)
    visitor_key = models.CharField(_("visitor"), max_length=64, blank=True)
    # What came together, as one row of a file or in one form, is one person's (`pairs`).
    pair = models.UUIDField(_("came together"), null=True, editable=False)
    pace = models.CharField(_("how often"), max_length=10, choices=Pace, default=Pace.ANY)
    language = models.CharField(_("language"), max_length=10, blank=True)
    source = models.CharField(_("source"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("created"), default=clock.now)
    erased_at = models.DateTimeField(_("erased"), null=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        indexes = [
            models.Index(fields=["merchant", "customer_salla_id"], name="visitors_contact_by_customer"),
            models.Index(fields=["merchant", "-created_at"], name="visitors_contact_newest"),
            models.Index(
                fields=["merchant", "visitor_key"],
                condition=~models.Q(visitor_key=""),
                name="visitors_contact_by_visitor",
            ),
            models.Index(
                fields=["merchant", "pair"], condition=models.Q(pair__isnull=False), name="visitors_contact_by_pair"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "value"],
                condition=models.Q(erased_at=None),
                name="visitors_contact_once",
            ),
            models.UniqueConstraint(fields=["merchant", "id"], name="visitors_contact_of_merchant"),
            models.CheckConstraint(
                condition=models.Q(erased_at=None) ^ models.Q(value=""), name="visitors_contact_has_value"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def channels(self) -> tuple[Channel, ...]:
        """How a message can reach it."""
        is_email = self.kind == self.Kind.EMAIL
        return (Channel.EMAIL,) if is_email else (Channel.SMS, Channel.WHATSAPP)


class Consent(MerchantOwned):
    """One line of the ledger: what somebody agreed to or ended, in which words. Lines are added and never changed.

    It names the contact by its number, so that the proof outlives the address.
    """

    class State(models.TextChoices):
        GIVEN = "given", _("Given")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        DECLARED = "declared_by_merchant", _("Declared by the merchant")

    class Source(models.TextChoices):
        FORM = "form", _("Form in the store")
        IMPORT = "import", _("Import")
        CENTRE = "preference_centre", _("The person's own page")
        SALLA = "salla", _("Salla")
        UNSUBSCRIBE = "unsubscribe", _("Unsubscribe button")
        MERCHANT = "merchant", _("The store's team")
        ERASURE = "erasure", _("Erasure")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="consents", verbose_name=_("store"))
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents", verbose_name=_("contact"))
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    state = models.CharField(_("state"), max_length=20, choices=State)
    source = models.CharField(_("source"), max_length=20, choices=Source)
    # Exactly as it was shown, or as the merchant says that it was.
    text = models.TextField(_("words shown"), max_length=LONGEST_TEXT, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    page = models.CharField(_("page"), max_length=300, blank=True)
    network = models.CharField(_("network, truncated"), max_length=43, blank=True)
    at = models.DateTimeField(_("at"), default=clock.now)

    class Meta:
        verbose_name = _("line of the consent ledger")
        verbose_name_plural = _("consent ledger")
        indexes = [models.Index(fields=["merchant", "contact", "-at"], name="visitors_consent_newest")]
        constraints = [SameMerchant(field="contact", name="visitors_consent_same_merchant")]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.purpose} {self.channel} {self.state}"


class OptIn(MerchantOwned):
    """Somebody asked for messages at a contact; nothing but this question is sent there before its reader says yes."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for an answer")
        CONFIRMED = "confirmed", _("Confirmed")
        EXPIRED = "expired", _("Expired")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="opt_ins", verbose_name=_("store"))
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="opt_ins", verbose_name=_("contact"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PENDING)
    purposes = models.JSONField(_("purposes"), default=list)
    channels = models.JSONField(_("channels"), default=list)
    name = models.CharField(_("name"), max_length=200, blank=True)
    text = models.TextField(_("words shown"), max_length=LONGEST_TEXT)
    language = models.CharField(_("language"), max_length=10, blank=True)
    page = models.CharField(_("page"), max_length=300, blank=True)
    source = models.CharField(_("source"), max_length=20, choices=Consent.Source)
    network = models.CharField(_("network, truncated"), max_length=43, blank=True)
    visitor_key = models.CharField(_("visitor"), max_length=64, blank=True)
    asked_at = models.DateTimeField(_("asked"), default=clock.now)
    asked_again_at = models.DateTimeField(_("asked again"), null=True)
    expires_at = models.DateTimeField(_("expires"))
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)

    class Meta:
        verbose_name = _("opt-in")
        verbose_name_plural = _("opt-ins")
        indexes = [
            models.Index(fields=["asked_at"], condition=models.Q(state="pending"), name="visitors_optin_pending")
        ]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "id"], name="visitors_optin_of_merchant"),
            SameMerchant(field="contact", name="visitors_optin_same_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} {self.state}"

    @property
    def is_open(self) -> bool:
        """Waits for an answer, and may still get one."""
        return self.state == self.State.PENDING and self.expires_at > clock.now() and self.contact.erased_at is None

    @property
    def is_answerable(self) -> bool:
        """Answering changes something, or has done so."""
        return self.is_open or (self.state == self.State.CONFIRMED and self.contact.erased_at is None)


class Suppression(MerchantOwned):
    """Nobody writes there. Only a keyed hash of the value is kept, so that it outlives the contact's erasure."""

    class Reason(models.TextChoices):
        STOPPED = "stopped", _("Stopped all messages")
        REFUSED = "refused", _("Never asked for messages")
        ERASED = "erased", _("Asked to be erased")
        COMPLAINED = "complained", _("Reported as unwanted")
        BOUNCED = "bounced", _("There is no such address")
        IMPORTED = "imported", _("Brought from another tool")

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="suppressions", verbose_name=_("store")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    value_hash = models.BinaryField(max_length=32, editable=False)
    reason = models.CharField(_("reason"), max_length=12, choices=Reason)
    at = models.DateTimeField(_("at"), default=clock.now)

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "value_hash", "channel", "reason"], name="visitors_suppression_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.reason}"


class SuppressionKey(MerchantOwned):
    """What the hashes of a store are keyed with: two stores' hashes do not meet, and keys are renewed as all others."""

    merchant = models.OneToOneField(
        Merchant, on_delete=models.CASCADE, related_name="suppression_key", verbose_name=_("store")
    )
    key = EncryptedBytesField(editable=False)

    class Meta:
        verbose_name = _("key of suppressions")
        verbose_name_plural = _("keys of suppressions")

    def __str__(self) -> str:
        return str(self.merchant_id)
