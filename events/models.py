"""Facts, the reactions they wake, and the ticks of periodic jobs."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.models import Merchant, MerchantOwned
from core.work import Work
from events import facts


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
