"""The rules by which people are grouped: what each may say, its sentence, and whom it means.

A kind of rule is a class; its form, its strict JSON and its query come of it. A stored rule names its kind as `about`.
"""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from django import forms
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, TextChoices
from django.utils.functional import lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock, schema
from core.models import Merchant
from core.schema import SettingError
from core.schema_errors import Text
from core.schema_form import LTR, Control
from integrations.models import Product
from integrations.selectors import counted_orders, paid
from visitors import countries, people, reach
from visitors.contact_models import Channel, Contact
from visitors.devices import Device
from visitors.people import People
from visitors.sources import Channel as Way

MOST_DAYS = 400
MOST_PRODUCTS = 5  # of one SKU
_named = lazy(countries.name_of, str)


class Country(TextChoices):
    """Offered to choose from; the store's own neighbours first."""

    SA = "SA", _named("SA")
    AE = "AE", _named("AE")
    KW = "KW", _named("KW")
    QA = "QA", _named("QA")
    BH = "BH", _named("BH")
    OM = "OM", _named("OM")
    YE = "YE", _named("YE")
    JO = "JO", _named("JO")
    EG = "EG", _named("EG")
    IQ = "IQ", _named("IQ")
    LB = "LB", _named("LB")
    SY = "SY", _named("SY")
    PS = "PS", _named("PS")
    SD = "SD", _named("SD")
    LY = "LY", _named("LY")
    TN = "TN", _named("TN")
    DZ = "DZ", _named("DZ")
    MA = "MA", _named("MA")
    TR = "TR", _named("TR")
    PK = "PK", _named("PK")
    IN = "IN", _named("IN")
    ID = "ID", _named("ID")
    MY = "MY", _named("MY")
    US = "US", _named("US")
    GB = "GB", _named("GB")
    DE = "DE", _named("DE")
    FR = "FR", _named("FR")
    CA = "CA", _named("CA")
    AU = "AU", _named("AU")


def _days(default: int) -> Any:
    return schema.field(default, label=_("Days"), ge=1, le=MOST_DAYS)


# A text that a rule says nothing without.
Written = Annotated[str, Control(forms.TextInput(LTR), required=True)]


@dataclass(frozen=True)
class Words:
    """What sentences of a store's rules are made with: its currency, and its products' names by number and SKU."""

    currency: str
    products: Mapping[str, str] = field(default_factory=dict)

    def money(self, amount: Decimal) -> str:
        """As plain text: fonts lack the riyal sign."""
        return f"{amount:,f} {gettext('riyals') if self.currency == 'SAR' else self.currency}"


class Rule(schema.Settings):
    """Its fields are what it says."""

    about: ClassVar[str]
    title: ClassVar[Text]

    @abstractmethod
    def sentence(self, words: "Words") -> str:
        """In the reader's language."""

    @abstractmethod
    def people(self, merchant: Merchant) -> People:
        """Whom it means."""

    def problem(self, merchant: Merchant) -> SettingError | None:
        """What only this store can know to be wrong."""
        return None


def _ago(days: int) -> datetime:
    return clock.now() - timedelta(days=days)


def _in_days(days: int) -> str:
    return ngettext("in the last %(days)s day", "in the last %(days)s days", days) % {"days": days}


class LastVisit(Rule):
    about, title = "last_visit", _("Last visit")
    when: Literal["within", "before"] = schema.field(
        "within", label=_("When"), choices={"within": _("In the last days"), "before": _("Longer ago")}
    )
    days: int = _days(30)

    def sentence(self, words: "Words") -> str:
        text = gettext("Visited %(when)s") if self.when == "within" else gettext("Visited, but not %(when)s")
        return text % {"when": _in_days(self.days)}

    def people(self, merchant: Merchant) -> People:
        rows = people.visitors(merchant)
        recent = people.named(rows.filter(last_seen_at__gte=_ago(self.days)))
        return recent if self.when == "within" else people.named(rows).difference(recent)


class VisitsCount(Rule):
    about, title = "visits", _("Number of visits")
    amount: Literal["at_least", "at_most"] = schema.field(
        "at_least", label=_("How many"), choices={"at_least": _("At least"), "at_most": _("At most")}
    )
    count: int = schema.field(3, label=_("Visits"), ge=0, le=1000)
    days: int = _days(90)

    def sentence(self, words: "Words") -> str:
        text = (
            ngettext("At least %(count)s visit %(when)s", "At least %(count)s visits %(when)s", self.count)
            if self.amount == "at_least"
            else ngettext("At most %(count)s visit %(when)s", "At most %(count)s visits %(when)s", self.count)
        )
        return text % {"count": self.count, "when": _in_days(self.days)}

    def people(self, merchant: Merchant) -> People:
        rows = people.visitors(merchant)
        number = Count("visits", filter=Q(visits__started_at__gte=_ago(self.days), visits__is_bot=False))
        counted = people.by_person(rows).annotate(number=number)
        if self.amount == "at_least":
            return people.named(counted.filter(number__gte=self.count))
        return people.named(rows).difference(people.named(counted.filter(number__gt=self.count)))


class CameFrom(Rule):
    about, title = "source", _("Source of a visit")
    channel: Way = schema.field(Way.SEARCH, label=_("Channel"))
    source: str = schema.field(
        "", label=_("Source"), help_text=_("Such as google or instagram; empty for any."), max_length=100
    )
    days: int = _days(90)

    def sentence(self, words: "Words") -> str:
        name = f"{self.channel.label} ({self.source})" if self.source else str(self.channel.label)
        return gettext("Came by %(source)s %(when)s") % {"source": name, "when": _in_days(self.days)}

    def people(self, merchant: Merchant) -> People:
        visits = merchant.visits.filter(visitor=OuterRef("pk"), channel=self.channel, started_at__gte=_ago(self.days))
        if self.source:
            visits = visits.filter(source__iexact=self.source)
        return people.named(people.visitors(merchant).filter(Exists(visits)))


class Viewed(Rule):
    about, title = "product", _("Product looked at")
    product: Written = schema.field(
        "", label=_("Product"), help_text=_("Its number at Salla or its SKU."), max_length=100
    )
    days: int = _days(90)

    def sentence(self, words: "Words") -> str:
        name = words.products.get(self.product, self.product)
        return gettext("Looked at “%(product)s” %(when)s") % {"product": name, "when": _in_days(self.days)}

    def people(self, merchant: Merchant) -> People:
        numbers = [product.salla_id for product in self._products(merchant)]
        visits = merchant.visits.filter(
            visitor=OuterRef("pk"), products__overlap=numbers, started_at__gte=_ago(self.days)
        )
        return people.named(people.visitors(merchant).filter(Exists(visits)))

    def problem(self, merchant: Merchant) -> SettingError | None:
        if self._products(merchant):
            return None
        return SettingError(("product",), _("Your store has no product with this number or SKU."))

    def _products(self, merchant: Merchant) -> list[Product]:
        return list(_products(merchant, [self.product]).order_by("pk")[:MOST_PRODUCTS])


def _products(merchant: Merchant, written: Iterable[str]) -> QuerySet[Product]:
    """Those that a merchant means by a number or a SKU."""
    texts = {text for text in written if text}
    numbers = {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19}
    return merchant.products.filter(Q(salla_id__in=numbers) | Q(sku__in=texts))


def words_for(merchant: Merchant, rules: Iterable[Rule]) -> Words:
    """At most one query, for however many rules."""
    written = {rule.product for rule in rules if isinstance(rule, Viewed)}
    names: dict[str, str] = {}
    for product in _products(merchant, written) if written else ():
        names |= {str(product.salla_id): str(product), product.sku: str(product)}
    return Words(merchant.currency, names)


class FromCountry(Rule):
    about, title = "country", _("Country of a visit")
    country: Country = schema.field(Country.SA, label=_("Country"))
    days: int = _days(90)

    def sentence(self, words: "Words") -> str:
        return gettext("Visited from %(country)s %(when)s") % {
            "country": self.country.label,
            "when": _in_days(self.days),
        }

    def people(self, merchant: Merchant) -> People:
        visits = merchant.visits.filter(visitor=OuterRef("pk"), country=self.country, started_at__gte=_ago(self.days))
        return people.named(people.visitors(merchant).filter(Exists(visits)))


class OnDevice(Rule):
    about, title = "device", _("Device of a visit")
    device: Device = schema.field(Device.PHONE, label=_("Device"))
    days: int = _days(90)

    def sentence(self, words: "Words") -> str:
        return gettext("Visited by %(device)s %(when)s") % {"device": self.device.label, "when": _in_days(self.days)}

    def people(self, merchant: Merchant) -> People:
        visits = merchant.visits.filter(visitor=OuterRef("pk"), device=self.device, started_at__gte=_ago(self.days))
        return people.named(people.visitors(merchant).filter(Exists(visits)))


class OrdersCount(Rule):
    about, title = "orders", _("Number of orders")
    amount: Literal["at_least", "at_most"] = schema.field(
        "at_least", label=_("How many"), choices={"at_least": _("At least"), "at_most": _("At most")}
    )
    count: int = schema.field(
        1, label=_("Orders"), help_text=_("Canceled ones do not count. 0 at most: never ordered."), ge=0, le=1000
    )
    days: int | None = schema.field(None, label=_("Days"), help_text=_("Empty: ever."), ge=1, le=MOST_DAYS)

    def sentence(self, words: "Words") -> str:
        if self.amount == "at_most" and self.count == 0:
            return gettext("Has not ordered %(when)s") % {"when": _in_days(self.days) if self.days else gettext("ever")}
        text = (
            ngettext("At least %(count)s order %(when)s", "At least %(count)s orders %(when)s", self.count)
            if self.amount == "at_least"
            else ngettext("At most %(count)s order %(when)s", "At most %(count)s orders %(when)s", self.count)
        )
        return text % {"count": self.count, "when": _in_days(self.days) if self.days else gettext("ever")}

    def people(self, merchant: Merchant) -> People:
        counts = Q(orders__is_draft=False, orders__is_deleted=False) & ~Q(orders__status="canceled")
        if self.days:
            counts &= Q(orders__placed_at__gte=_ago(self.days))
        counted = people.by_person(people.customers(merchant)).annotate(number=Count("orders", filter=counts))
        if self.amount == "at_least" and self.count:
            return people.named(counted.filter(number__gte=self.count))
        more = people.named(counted.filter(number__gt=self.count))
        return people.everybody(merchant) if self.amount == "at_least" else people.everybody(merchant).difference(more)


class Spent(Rule):
    about, title = "spent", _("Money spent")
    amount: Literal["at_least", "less_than"] = schema.field(
        "at_least", label=_("How much"), choices={"at_least": _("At least"), "less_than": _("Less than")}
    )
    total: Decimal = schema.field(
        Decimal(500),
        label=_("Total"),
        help_text=_("Of paid orders, in the store's currency."),
        gt=0,
        max_digits=12,
        decimal_places=2,
    )
    days: int | None = schema.field(None, label=_("Days"), help_text=_("Empty: ever."), ge=1, le=MOST_DAYS)

    def sentence(self, words: "Words") -> str:
        text = (
            gettext("Paid at least %(total)s %(when)s")
            if self.amount == "at_least"
            else gettext("Paid less than %(total)s %(when)s")
        )
        when = _in_days(self.days) if self.days else gettext("ever")
        return text % {"total": words.money(self.total), "when": when}

    def people(self, merchant: Merchant) -> People:
        orders = paid(counted_orders(merchant)).filter(currency__in=["", merchant.currency])
        if self.days:
            orders = orders.filter(placed_at__gte=_ago(self.days))
        summed = orders.filter(customer__isnull=False).order_by().values("customer").annotate(worth=Sum("total"))
        enough = people.named(
            people.customers(merchant).filter(pk__in=summed.filter(worth__gte=self.total).values("customer"))
        )
        return enough if self.amount == "at_least" else people.everybody(merchant).difference(enough)


class LastOrder(Rule):
    about, title = "last_order", _("Last order")
    when: Literal["within", "before"] = schema.field(
        "before", label=_("When"), choices={"within": _("In the last days"), "before": _("Longer ago")}
    )
    days: int = _days(60)

    def sentence(self, words: "Words") -> str:
        text = gettext("Ordered %(when)s") if self.when == "within" else gettext("Ordered, but not %(when)s")
        return text % {"when": _in_days(self.days)}

    def people(self, merchant: Merchant) -> People:
        orders = counted_orders(merchant).filter(customer=OuterRef("pk")).exclude(status="canceled")
        rows = people.customers(merchant)
        recent = people.named(rows.filter(Exists(orders.filter(placed_at__gte=_ago(self.days)))))
        return recent if self.when == "within" else people.named(rows.filter(Exists(orders))).difference(recent)


class Agreed(Rule):
    about, title = "consent", _("Consent")
    channel: Channel = schema.field(Channel.EMAIL, label=_("Channel"))
    has_agreed: Literal["yes", "no"] = schema.field(
        "yes", label=_("Agreed to offers"), choices={"yes": _("Yes"), "no": _("No")}
    )

    def sentence(self, words: "Words") -> str:
        text = (
            gettext("Agreed to offers by %(channel)s")
            if self.has_agreed == "yes"
            else gettext("Has not agreed to offers by %(channel)s")
        )
        return text % {"channel": self.channel.label}

    def people(self, merchant: Merchant) -> People:
        agreed = people.named(reach.agreed(merchant, people.contacts(merchant), channel=self.channel))
        return agreed if self.has_agreed == "yes" else people.everybody(merchant).difference(agreed)


class HasContact(Rule):
    about, title = "contact", _("Address or number")
    kind: Contact.Kind = schema.field(Contact.Kind.EMAIL, label=_("Kind"))
    has_it: Literal["yes", "no"] = schema.field("yes", label=_("Known"), choices={"yes": _("Yes"), "no": _("No")})

    def sentence(self, words: "Words") -> str:
        text = gettext("%(kind)s is known") if self.has_it == "yes" else gettext("%(kind)s is not known")
        return text % {"kind": self.kind.label}

    def people(self, merchant: Merchant) -> People:
        column = "email" if self.kind == Contact.Kind.EMAIL else "phone"
        known = people.named(people.contacts(merchant).filter(kind=self.kind)).union(
            people.named(people.customers(merchant).exclude(**{column: ""}))
        )
        return known if self.has_it == "yes" else people.everybody(merchant).difference(known)


KINDS: dict[str, type[Rule]] = {
    kind.about: kind
    for kind in (
        LastVisit, VisitsCount, CameFrom, Viewed, FromCountry, OnDevice, OrdersCount, Spent, LastOrder, Agreed,
        HasContact,
    )
}  # fmt: skip
