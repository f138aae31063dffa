"""A store's contacts as a list that can be searched and narrowed, and one of them with what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from core.contact_values import email_of, masked, phone_of
from core.models import Merchant
from visitors import consents, suppressions
from visitors.consents import Standing
from visitors.models import PROMOTIONAL, Channel, Consent, Contact, OptIn, Purpose, Suppression

State, Source = Consent.State, Consent.Source


class SearchForm(forms.Form):
    """Each narrows the list; what is not filled in does not."""

    q = forms.CharField(
        label=_("Find a contact"),
        required=False,
        max_length=254,
        help_text=_("A whole address or number, or how a name begins."),
    )
    source = forms.ChoiceField(
        label=_("Came by"),
        required=False,
        choices=[
            ("", _("All")), (Source.FORM.value, Source.FORM.label), (Source.IMPORT.value, Source.IMPORT.label),
            (Source.MERCHANT.value, _("Added by hand")), (Source.SALLA.value, _("Customer of the store at Salla")),
        ],
    )  # fmt: skip
    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("All")), *Contact.Kind.choices])
    state = forms.ChoiceField(
        label=_("Offers and news"),
        required=False,
        choices=[
            ("", _("All")), ("agreed", _("Agreed")), ("ended", _("Unsubscribed")), ("waiting", _("Not confirmed yet")),
            ("none", _("Never asked")),
        ],
    )  # fmt: skip

    @property
    def chosen(self) -> dict[str, str]:
        if not self.is_valid():
            return {}
        return {name: value for name, value in self.cleaned_data.items() if value}


def found(merchant: Merchant, form: SearchForm, *, is_whole: bool = True) -> QuerySet[Contact]:
    """The newest first; names are searched for whom they are shown to."""
    rows = merchant.contacts.filter(erased_at=None)
    chosen = form.chosen
    if kind := chosen.get("kind"):
        rows = rows.filter(kind=kind)
    if source := chosen.get("source"):
        rows = rows.filter(_came_by(merchant, source))
    if words := chosen.get("q"):
        rows = rows.filter(_valued(words) | Q(name__istartswith=words.strip()) if is_whole else _valued(words))
    if state := chosen.get("state"):
        rows = _in_state(merchant, rows, state)
    return rows.order_by("-created_at", "-pk")


def _valued(words: str) -> Q:
    return Q(value__in={value for value in (email_of(words), phone_of(words)) if value})


def _came_by(merchant: Merchant, source: str) -> Q:
    """Also who was known before and then came this way too, as by the form."""
    if source == Source.SALLA:
        return Q(customer_salla_id__isnull=False)
    asked = merchant.opt_ins.filter(contact=OuterRef("pk"), source=source)
    agreed = merchant.consents.filter(contact=OuterRef("pk"), source=source).exclude(state=State.WITHDRAWN)
    return Q(source=source) | Exists(asked) | Exists(agreed)


def _in_state(merchant: Merchant, rows: QuerySet[Contact], state: str) -> QuerySet[Contact]:
    lines = merchant.consents.filter(contact=OuterRef("pk"), purpose=Purpose.MARKETING)
    if state == "agreed":
        return rows.filter(pk__in=_agreed(merchant))
    if state == "ended":
        ended = Exists(lines.filter(state=State.WITHDRAWN))
        return rows.filter(ended).exclude(pk__in=_agreed(merchant))
    pending = Exists(merchant.opt_ins.filter(contact=OuterRef("pk"), state=OptIn.State.PENDING))
    return rows.filter(~Exists(lines), pending if state == "waiting" else ~pending)


def _agreed(merchant: Merchant) -> QuerySet[Any, Any]:
    """`consents.come_to` in SQL: whoever agreed on some channel, and nobody ended it after that."""
    lines = merchant.consents.filter(purpose=Purpose.MARKETING).values("contact", "channel").order_by()
    own = Q(state=State.WITHDRAWN, source__in=consents.BY_THE_PERSON)

    def newest(condition: Q) -> Coalesce:
        return Coalesce(Max("pk", filter=condition), Value(0))

    newest_of = lines.annotate(
        given=newest(Q(state=State.GIVEN)),
        declared=newest(Q(state=State.DECLARED)),
        own_end=newest(own),
        other_end=newest(Q(state=State.WITHDRAWN) & ~own),
    )
    stands = Q(own_end__lte=F("given")) & Q(other_end__lt=Greatest(F("given"), F("declared")))
    return newest_of.filter(stands).values("contact")


@dataclass(frozen=True)
class Row:
    """One contact of the list. A viewer is shown no whole address."""

    contact: Contact
    shown: str
    name: str
    badges: list["Badge"]


@dataclass(frozen=True)
class Badge:
    text: str
    kind: str = ""  # of the design: success, warning, danger


def rows(merchant: Merchant, page: Sequence[Contact], *, is_whole: bool) -> list[Row]:
    """Three queries for a page, however many."""
    standings = consents.standings(merchant, page)
    pending = merchant.opt_ins.filter(contact__in=page, state=OptIn.State.PENDING)
    waiting = set(pending.values_list("contact", flat=True))
    suppressed = suppressions.channels_by_value(merchant, [contact.value for contact in page])
    return [
        Row(
            contact,
            shown=contact.value if is_whole else masked(contact.value),
            name=contact.name if is_whole else "",
            badges=badges(
                contact,
                standings.get(contact.pk, Standing()),
                is_waiting=contact.pk in waiting,
                suppressed=suppressed.get(contact.value, set()),
            ),
        )
        for contact in page
    ]


def badges(contact: Contact, held: Standing, *, is_waiting: bool, suppressed: set[str]) -> list[Badge]:
    """What may be sent there, in a few words."""
    if set(contact.channels) <= suppressed:
        return [Badge(str(_("Nobody writes there")), "danger")]
    found = [
        Badge(f"{purpose.label} · {channel.label}", "success")
        for purpose in PROMOTIONAL
        for channel in contact.channels
        if held.allows(purpose, channel) and channel not in suppressed
    ]
    if found:
        return found
    if State.WITHDRAWN in held.states.values():
        return [Badge(str(_("Unsubscribed")), "warning")]
    return [Badge(str(_("Not confirmed yet") if is_waiting else _("No consent")))]


@dataclass(frozen=True)
class Whole:
    """One contact's page."""

    row: Row
    lines: QuerySet[Consent]
    reasons: list[str]
    is_refused_at_salla: bool


def whole(merchant: Merchant, contact: Contact, *, is_whole: bool) -> Whole:
    """`is_whole`: the reader may see the address."""
    held = {
        reason
        for channel in contact.channels
        for reason in suppressions.reasons(merchant, value=contact.value, channel=channel)
    }
    return Whole(
        row=rows(merchant, [contact], is_whole=is_whole)[0],
        lines=merchant.consents.filter(contact=contact).order_by("-at", "-pk"),
        reasons=[str(Suppression.Reason(reason).label) for reason in sorted(held)],
        is_refused_at_salla=consents.is_refused_at_salla(merchant, contact),
    )


class NewForm(forms.Form):
    """A contact that the store's team adds; nothing is sent there before a consent is added too."""

    value = forms.CharField(label=_("E-mail or mobile number"), max_length=254)
    name = forms.CharField(label=_("Name"), required=False, max_length=200)

    def clean_value(self) -> tuple[Contact.Kind, str]:
        text = self.cleaned_data["value"]
        if email := email_of(text):
            return Contact.Kind.EMAIL, email
        if phone := phone_of(text):
            return Contact.Kind.PHONE, phone
        raise forms.ValidationError(_("Enter an e-mail address or a mobile number, such as 0501234567."))


class ConsentForm(forms.Form):
    """What somebody agreed to outside of Nomo Flow, as the merchant declares it; or ended."""

    purposes = forms.MultipleChoiceField(
        label=_("What for"),
        choices=[(each.value, each.label) for each in PROMOTIONAL],
        widget=forms.CheckboxSelectMultiple,
        initial=[Purpose.MARKETING.value],
    )
    channels = forms.MultipleChoiceField(label=_("By"), widget=forms.CheckboxSelectMultiple)
    text = forms.CharField(
        label=_("Words that this person agreed to"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Word for word. They stay in the ledger as declared by the store."),
    )
    page = forms.CharField(
        label=_("Where"), max_length=300, help_text=_("Such as: at the counter in Riyadh, or on the checkout page.")
    )
    reason = forms.CharField(label=_("Reason"), max_length=200, help_text=_("Why you add it by hand."))

    def __init__(self, contact: Contact, data: Any = None) -> None:
        super().__init__(data, prefix="add", initial={"channels": [each.value for each in contact.channels]})
        channels: Any = self.fields["channels"]
        channels.choices = [(each.value, each.label) for each in contact.channels]

    def places(self) -> tuple[list[Purpose], list[Channel]]:
        chosen = self.cleaned_data
        return [Purpose(each) for each in chosen["purposes"]], [Channel(each) for each in chosen["channels"]]


class EndForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=200, help_text=_("Such as: asked us by phone to be left alone.")
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, prefix="end")
