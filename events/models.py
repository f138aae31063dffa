"""Facts, the reactions they wake, and the ticks of periodic jobs."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.fields import EncryptedBytesField
from core.models import Merchant, MerchantOwned
from core.work import Work
from events import facts, sketches
from events.stream import START


class Event(MerchantOwned):
    """Something that happened in a store. Append-only; ids and amounts, never names, phones, e-mails or tokens."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="events", verbose_name=_("store"))
    name = models.CharField(_("name"), max_length=64)
    key = models.CharField(_("idempotency key"), max_length=200)
    visitor_key = models.CharField(_("visitor"), max_length=64, blank=True)
    data = models.JSONField(_("data"), encoder=DjangoJSONEncoder)
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"), default=clock.now)

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        indexes = [models.Index(fields=["merchant", "name", "occurred_at"], name="events_event_by_name")]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "key"], name="events_event_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="events_event_of_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key}"

    @property
    def fact(self) -> facts.Fact:
        """The typed fact; raises `pydantic.ValidationError` if the row was not written by `record`."""
        return facts.read(self.name, self.data)


class Reaction(Work, MerchantOwned):
    """One handler's answer to one fact, so that a failing handler retries alone."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="reactions", verbose_name=_("store"))
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="reactions", verbose_name=_("fact"))
    handler = models.CharField(_("handler"), max_length=120)

    class Meta(Work.Meta):
        verbose_name = _("reaction")
        verbose_name_plural = _("reactions")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "event", "handler"], name="events_reaction_once"),
            SameMerchant(field="event", name="events_reaction_same_merchant"),
        ]

    def __str__(self) -> str:
        return f"{self.handler} ← {self.event}"


class DeadReaction(Reaction):
    """Reactions that were given up, for the admin."""

    class Meta:
        proxy = True
        verbose_name = _("dead reaction")
        verbose_name_plural = _("dead reactions")


class Tick(Work):
    """One period of one job; unique, so that any number of schedulers makes it run once."""

    job = models.CharField(_("job"), max_length=120)
    period = models.DateTimeField(_("period"))

    class Meta(Work.Meta):
        verbose_name = _("tick")
        verbose_name_plural = _("ticks")
        constraints = [models.UniqueConstraint(fields=["job", "period"], name="events_tick_once")]

    def __str__(self) -> str:
        return f"{self.job} {self.period:%Y-%m-%d %H:%M:%S}"


class StorefrontEvent(MerchantOwned):
    """What a visitor did in a shop, as the browser told it; raw, and gone after 60 days.

    The table has a partition for each day of `received_at` (`events.partitions`). Reports read tallies. Rows come by
    COPY, which looks each store up once: the table has no foreign key to check for every row.
    """

    pk = models.CompositePrimaryKey("merchant", "received_at", "number")
    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="storefront_events",
        verbose_name=_("store"),
    )
    received_at = models.DateTimeField(_("received"))
    # Its place in the stream as one number, which grows (`events.ingest`).
    number = models.BigIntegerField(_("number"))
    occurred_at = models.DateTimeField(_("occurred"))
    is_bot = models.BooleanField(_("bot"))
    name = models.CharField(_("name"), max_length=64)
    # Salla's word for the kind of page.
    page = models.CharField(_("page"), max_length=64, blank=True)
    visitor_key = models.CharField(_("visitor"), max_length=64, blank=True)
    data = models.JSONField(_("data"))

    class Meta:
        verbose_name = _("storefront event")
        verbose_name_plural = _("storefront events")

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Tally(MerchantOwned):
    """How often something happened in an hour or a day of a store; all that reports read (`events.tallies`)."""

    class Period(models.TextChoices):
        HOUR = "hour", _("Hour")
        DAY = "day", _("Day")

    pk = models.CompositePrimaryKey("merchant", "period", "name", "dimension", "starts_at")
    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, db_index=False, related_name="tallies", verbose_name=_("store")
    )
    period = models.CharField(_("period"), max_length=4, choices=Period)
    name = models.CharField(_("name"), max_length=64)
    # Of what kind: `source:google`, `product:123`; empty for all of them.
    dimension = models.CharField(_("dimension"), max_length=128, blank=True)
    # In the store's own zone it is the beginning of an hour or of a day.
    starts_at = models.DateTimeField(_("starts"))
    count = models.BigIntegerField(_("count"), default=0)
    amount = models.DecimalField(_("amount"), max_digits=16, decimal_places=2, default=0)
    sketch = models.BinaryField(null=True)

    class Meta:
        verbose_name = _("tally")
        verbose_name_plural = _("tallies")
        indexes = [models.Index(fields=["starts_at"], condition=models.Q(period="hour"), name="events_tally_old_hours")]

    def __str__(self) -> str:
        return f"{self.name} {self.dimension} {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def uniques(self) -> int:
        """How many different keys were counted."""
        return sketches.estimate(self.sketch)


class StreamCursor(models.Model):
    """How far a stream is written down. It moves in the transaction that writes."""

    shard = models.PositiveSmallIntegerField(_("stream"), primary_key=True)
    position = models.CharField(_("position"), max_length=41, default=START)

    class Meta:
        verbose_name = _("place in a stream")
        verbose_name_plural = _("places in streams")

    def __str__(self) -> str:
        return f"{self.shard} {self.position}"


class BadBatch(Work):
    """An entry of the stream that could not be written down: set aside as dead, so that the others go on.

    Its body holds what a browser sent: encrypted, and gone when the entry was replayed, or after 30 days.
    """

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, null=True, related_name="bad_batches", verbose_name=_("store")
    )
    shard = models.PositiveSmallIntegerField(_("stream"))
    position = models.CharField(_("position"), max_length=41)
    body = EncryptedBytesField(null=True, editable=False)
    set_aside_at = models.DateTimeField(_("set aside"), default=clock.now)

    class Meta(Work.Meta):
        verbose_name = _("bad batch")
        verbose_name_plural = _("bad batches")
        constraints = [models.UniqueConstraint(fields=["shard", "position"], name="events_bad_batch_once")]

    def __str__(self) -> str:
        return f"{self.shard} {self.position}"
