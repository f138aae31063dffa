"""Which days a report is about, as the store counts days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

from core.models import Merchant

DAYS = (7, 28, 90)
USUAL = 28
MOST_DAYS = 400  # a year, and the month before
EARLIEST = date(2000, 1, 1)  # nobody's store is older


@dataclass(frozen=True)
class Span:
    """Whole days, both ends within it; the last may still be going on."""

    merchant: Merchant
    first: date
    last: date

    choices = DAYS

    @property
    def since(self) -> datetime:
        return self.merchant.midnight(self.first)

    @property
    def until(self) -> datetime:
        return self.merchant.midnight(self.last + timedelta(days=1))

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def usual(self) -> int:
        """How many days up to now it is, if that is one of the choices; else 0."""
        length = len(self.days)
        return length if self.last == self.merchant.today and length in DAYS else 0

    @property
    def query(self) -> str:
        """What asks for it."""
        return f"days={self.usual}" if self.usual else f"first={self.first}&last={self.last}"


class SpanForm(forms.Form):
    """Days of one's own; what cannot be is said beside the field, and the usual days are shown."""

    first = forms.DateField(label=_("From"), widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(label=_("To"), widget=forms.DateInput({"type": "date"}))

    def clean(self) -> None:
        super().clean()
        first, last = self.cleaned_data.get("first"), self.cleaned_data.get("last")
        for name in ("first", "last"):
            if (day := self.cleaned_data.get(name)) and day < EARLIEST:
                self.add_error(name, _("No store is as old as that."))
        if first and last and first > last:
            self.add_error("last", _("The end comes before the beginning."))
        elif first and last and (last - first).days >= MOST_DAYS:
            self.add_error("first", _("At most %(days)s days at once.") % {"days": MOST_DAYS})


def asked(merchant: Merchant, query: "dict[str, str]") -> tuple[Span, SpanForm]:
    """The days that an address asks for, the usual ones where it asks for none, or for what cannot be."""
    days = next((each for each in DAYS if str(each) == query.get("days")), USUAL)
    last = merchant.today
    usual = Span(merchant, last - timedelta(days=days - 1), last)
    if not ("first" in query or "last" in query):
        return usual, SpanForm(initial={"first": usual.first, "last": usual.last})
    form = SpanForm(query)
    if not form.is_valid():
        return usual, form
    last = min(form.cleaned_data["last"], last)
    return Span(merchant, min(form.cleaned_data["first"], last), last), form
