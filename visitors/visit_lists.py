"""The visits of some days, as a list that can be narrowed and taken along as a file; and who is there now."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from core import clock
from core.export import Table
from core.models import Merchant
from events import tallies
from integrations.models import Order
from visitors import words
from visitors.beacons import PRODUCT_PAGE
from visitors.counting import UNKNOWN, VISITS
from visitors.devices import Device
from visitors.models import Visit
from visitors.sessions import SILENCE
from visitors.sources import LONGEST, Channel
from visitors.spans import Span

COUNTRIES_OFFERED = 40
# Who was heard of so lately is there.
NOW = timedelta(minutes=5)
MOST_NOW = 100
AT_ONCE = 500
_CODE = re.compile(r"[A-Z]{2}|\?")


class Filters(forms.Form):
    """Each narrows the list; what is not filled in does not."""

    who = forms.ChoiceField(
        label=_("Who"),
        required=False,
        choices=[
            ("", _("People")), ("known", _("People who agreed to be known again")),
            ("again", _("People who came again")), ("bots", _("Bots")),
        ],
    )  # fmt: skip
    channel = forms.ChoiceField(label=_("Channel"), required=False, choices=[("", _("All")), *Channel.choices])
    source = forms.CharField(label=_("Source"), required=False, max_length=LONGEST)
    device = forms.ChoiceField(label=_("Device"), required=False, choices=[("", _("All")), *Device.choices])
    country = forms.ChoiceField(label=_("Country"), required=False)
    outcome = forms.ChoiceField(
        label=_("What came of it"),
        required=False,
        choices=[
            ("", _("All")), ("product", _("Looked at a product")), ("cart", _("Has a cart")),
            ("order", _("Has an order")), ("left", _("Has a cart and no order")),
        ],
    )  # fmt: skip

    def __init__(self, merchant: Merchant, span: Span, data: Any) -> None:
        super().__init__(data)
        rows = tallies.top(
            merchant, VISITS, kind="country", since=span.since, until=span.until, limit=COUNTRIES_OFFERED
        )
        codes = [row.word for row in rows]
        if _CODE.fullmatch(asked := self.data.get("country", "")) and asked not in codes:
            codes.append(asked)
        country: Any = self.fields["country"]
        country.choices = [("", _("All")), *((code, words.country(code)) for code in codes)]

    @property
    def chosen(self) -> dict[str, str]:
        if not self.is_valid():
            return {}
        return {name: value for name, value in self.cleaned_data.items() if value}


_WHO = {
    "": Q(is_bot=False),
    "known": Q(is_bot=False, visitor__isnull=False),
    "again": Q(is_bot=False, is_returning=True),
    "bots": Q(is_bot=True),
}
_OUTCOMES = {
    "product": ~Q(products=[]),
    "cart": Q(has_cart=True),
    "order": Q(orders_count__gt=0),
}


def found(merchant: Merchant, span: Span, filters: Filters) -> QuerySet[Visit]:
    """The newest first."""
    chosen = filters.chosen
    rows = merchant.visits.filter(_WHO[chosen.get("who", "")], started_at__gte=span.since, started_at__lt=span.until)
    for name in ("channel", "device"):
        if name in chosen:
            rows = rows.filter(**{name: chosen[name]})
    if "source" in chosen:
        rows = rows.filter(source__iexact=chosen["source"])
    if "country" in chosen:
        rows = rows.filter(country="" if chosen["country"] == UNKNOWN else chosen["country"])
    if chosen.get("outcome") == "left":
        rows = rows.filter(has_cart=True, orders_count=0, last_seen_at__lt=clock.now() - SILENCE)
    elif "outcome" in chosen:
        rows = rows.filter(_OUTCOMES[chosen["outcome"]])
    return rows.select_related("visitor").order_by("-started_at", "-pk")


@dataclass(frozen=True)
class Line:
    """A visit in the list, and what it brought."""

    visit: Visit
    minutes: int
    orders: list[Order]

    @property
    def is_going_on(self) -> bool:
        """Somebody may still come back to it."""
        return self.visit.last_seen_at >= clock.now() - SILENCE

    @property
    def source(self) -> str:
        return words.source(self.visit.source, self.visit.channel)

    @property
    def country(self) -> str:
        return words.country(self.visit.country)

    @property
    def landing(self) -> str:
        return words.page(self.visit.landing_slug)

    @property
    def exit(self) -> str:
        return words.page(self.visit.exit_slug)


def lines(merchant: Merchant, visits: list[Visit]) -> list[Line]:
    """At most two queries."""
    orders = orders_of(merchant, visits)
    return [Line(visit, minutes(visit.started_at, visit.last_seen_at), orders.get(visit.pk, [])) for visit in visits]


# As a file


def table(merchant: Merchant, span: Span, rows: QuerySet[Visit]) -> Table:
    headers = [
        _("Began"), _("Minutes"), _("Pages"), _("First page"), _("Last page"), _("Channel"), _("Source"), _("Medium"),
        _("Campaign"), _("Referring site"), _("Device"), _("Browser"), _("System"), _("Country"), _("Visitor"),
        _("Returning"), _("Products"), _("Cart"), _("Orders"), _("Paid"), _("Currency"),
    ]  # fmt: skip
    return Table(f"{_('Visits')} {span.first} {span.last}", headers, _lines(merchant, rows), merchant.zone)


def _lines(merchant: Merchant, rows: QuerySet[Visit]) -> Iterator[list[Any]]:
    each = rows.iterator(chunk_size=AT_ONCE)
    while visits := list(islice(each, AT_ONCE)):
        orders = orders_of(merchant, visits)
        for visit in visits:
            yield _line(merchant, visit, orders.get(visit.pk, []))


def _line(merchant: Merchant, visit: Visit, orders: list[Order]) -> list[Any]:
    paid = [order for order in orders if order.is_paid and order.total is not None]
    return [
        visit.started_at,
        minutes(visit.started_at, visit.last_seen_at),
        visit.pages,
        visit.landing,
        visit.exit,
        words.channel_name(visit.channel),
        words.source(visit.source),
        visit.medium,
        visit.campaign,
        visit.referrer,
        words.device(visit.device),
        visit.browser,
        visit.system,
        words.country(visit.country),
        str(visit.visitor.public_id) if visit.visitor else "",
        visit.is_returning,
        len(visit.products),
        visit.has_cart,
        ", ".join(str(order) for order in orders),
        sum(order.total for order in paid if order.total is not None) if paid else None,
        paid[0].currency or merchant.currency if paid else "",
    ]


def orders_of(merchant: Merchant, visits: list[Visit]) -> dict[int, list[Order]]:
    """By visit, the mirror's orders; two queries, none where no visit has one."""
    having = [visit.pk for visit in visits if visit.orders_count]
    if not having:
        return {}
    links = list(merchant.visit_orders.filter(visit__in=having).values_list("visit", "order_salla_id"))
    numbers = [number for _visit, number in links]
    held = {order.salla_id: order for order in merchant.orders.filter(salla_id__in=numbers).defer("items")}
    orders: dict[int, list[Order]] = {}
    for visit, number in links:
        if number in held:
            orders.setdefault(visit, []).append(held[number])
    return orders


def minutes(began: datetime, ended: datetime) -> int:
    return round((ended - began).total_seconds() / 60)


# Now


@dataclass(frozen=True)
class Here(Line):
    """A visit that goes on; `minutes` are up to now."""

    product: str = ""


def going_on(merchant: Merchant) -> QuerySet[Visit]:
    """Of people whom something was heard of in the last minutes, the latest first."""
    rows = merchant.visits.filter(is_bot=False, last_seen_at__gte=clock.now() - NOW)
    return rows.order_by("-last_seen_at", "-pk")


def here(merchant: Merchant) -> list[Here]:
    """The latest that go on; at most two queries."""
    now = clock.now()
    visits = list(going_on(merchant).select_related("visitor")[:MOST_NOW])
    looked_at = {visit.pk: visit.products[-1] for visit in visits if visit.products and visit.exit_slug == PRODUCT_PAGE}
    names: dict[int, str] = {}
    if looked_at:
        held = merchant.products.filter(salla_id__in=set(looked_at.values()))
        names = dict(held.values_list("salla_id", "name"))
    return [
        Here(visit, max(0, minutes(visit.started_at, now)), [], names.get(looked_at.get(visit.pk, 0), ""))
        for visit in visits
    ]
