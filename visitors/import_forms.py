"""Forms of bringing people in: the file, and what its columns are."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from visitors.contact_models import LONGEST_TEXT
from visitors.import_columns import Role
from visitors.import_files import MAX_BYTES
from visitors.import_models import ContactImport
from visitors.import_rows import Declared
from visitors.models import Channel

# By what a channel reaches.
REACHED_BY = {Role.EMAIL: {Channel.EMAIL}, Role.PHONE: {Channel.SMS, Channel.WHATSAPP}}
UNSTATED = _("Say it here for all of them, or choose a column that says it for each.")
STATED = {Role.WHERE: "where", Role.WHEN: "when", Role.WORDS: "words"}


class UploadForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("Who is in the file"), choices=ContactImport.Kind.choices, initial="contacts", widget=forms.RadioSelect
    )
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV or Excel (.xlsx), at most 5 MB and 50,000 rows."),
        widget=forms.FileInput({"accept": ".csv,.txt,.tsv,.xlsx"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(_("The file is too big: at most 5 MB."))
        return file


class ColumnsForm(forms.Form):
    """A choice for each column; for people who agreed also where, when and in which words, unless columns say it."""

    where = forms.CharField(
        label=_("Where they agreed"),
        max_length=150,
        help_text=_("Such as: the newsletter form of our old shop."),
    )
    when = forms.CharField(label=_("When they agreed"), max_length=100, help_text=_("A day, or from when to when."))
    words = forms.CharField(label=_("In which words they agreed"), max_length=LONGEST_TEXT, widget=forms.Textarea)
    channels = forms.MultipleChoiceField(
        label=_("To which messages they agreed"),
        required=False,
        choices=Channel.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    is_true = forms.BooleanField(
        label=_("This is true, and I can show it if somebody asks."),
        error_messages={"required": _("Without this nobody is brought in.")},
    )

    def __init__(self, row: ContactImport, data: Any = None) -> None:
        self.is_about_consent = row.kind == ContactImport.Kind.CONTACTS
        reached = {channel for role, channels in REACHED_BY.items() if role in row.roles for channel in channels}
        super().__init__(data, initial={**row.declared, "channels": row.channels or [Channel.EMAIL, Channel.SMS]})
        if not self.is_about_consent:
            for name in ("where", "when", "words", "channels", "is_true"):
                del self.fields[name]
        elif not row.channels:
            self.initial["channels"] = [each for each in (Channel.EMAIL, Channel.SMS) if each in reached]
        for role, name in STATED.items():
            if name in self.fields:
                self.fields[name].required = role not in self._chosen(row)
                self.fields[name].error_messages["required"] = UNSTATED
        offered = Role.choices if self.is_about_consent else [(each.value, each.label) for each in list(Role)[:3]]
        self.columns = [f"column_{place}" for place in range(len(row.roles))]
        for name, role in zip(self.columns, row.roles, strict=True):
            self.fields[name] = forms.ChoiceField(label=name, choices=offered, required=False, initial=role)

    def _chosen(self, row: ContactImport) -> list[str]:
        """The roles as they were posted, else as they were guessed."""
        if not self.is_bound:
            return list(row.roles)
        return [str(self.data.get(f"column_{place}", "")) for place in range(len(row.roles))]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        chosen = [role for role in self.roles if role]
        if len(set(chosen)) < len(chosen):
            raise ValidationError(_("Two columns cannot be the same: leave one of them out."))
        if not {Role.EMAIL, Role.PHONE} & set(chosen):
            raise ValidationError(_("Choose the column with the e-mail addresses or the phone numbers."))
        if self.is_about_consent:
            self._check_consent(set(chosen), data)
        return data

    def _check_consent(self, chosen: set[str], data: dict[str, Any]) -> None:
        for role, channels in REACHED_BY.items():
            if role in chosen and not channels & set(data.get("channels", [])):
                message = _("Tick a kind of message for the phone numbers too, or leave that column out.")
                if role == Role.EMAIL:
                    message = _("Tick e-mail too, or leave the column with the addresses out.")
                self.add_error("channels", message)

    @property
    def roles(self) -> list[str]:
        return [self.cleaned_data.get(name, "") for name in self.columns]

    @property
    def declared(self) -> Declared:
        return Declared(**{name: self.cleaned_data.get(name, "") for name in STATED.values()})
