"""What a person wants by e-mail."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class ChoicesForm(forms.Form):
    wants_digest = forms.BooleanField(
        label=_("Weekly digest"),
        required=False,
        help_text=_("On Sunday mornings, when there was something in the week."),
    )
    language = forms.ChoiceField(
        label=_("Language of e-mails"), required=False, choices=[("", _("The store's language")), *settings.LANGUAGES]
    )
