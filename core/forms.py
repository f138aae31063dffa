"""Forms of signing in and of the team."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core import signin
from core.http import client_network
from core.limiter import Limit
from core.models import NUMBERS_DOMAIN, Membership

# Counted before the password is looked at and forgotten when it was right. Open without Redis: staff must get in to
# see what is wrong, and hashing makes each guess slow.
ADMIN_TRIES = Limit("admin:tries", 5, 900, is_open_without_redis=True)


def wait_text(seconds: float) -> str:
    """How long to wait, in whole minutes."""
    minutes = max(1, int(-(-seconds // 60)))
    text = ngettext("Please try again in %(count)d minute.", "Please try again in %(count)d minutes.", minutes)
    return text % {"count": minutes}


class Email(forms.EmailField):
    """An e-mail address as `User` keeps it."""

    def clean(self, value: Any) -> str:
        return str(super().clean(value)).lower()


def email_field() -> Email:
    attributes = {"autocomplete": "email", "dir": "ltr", "inputmode": "email"}
    return Email(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs=attributes))


class SignInForm(forms.Form):
    email = email_field()
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_next(self) -> str:
        return signin.safe_path(self.cleaned_data["next"])


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=Membership.Role.choices)


class InviteForm(RoleForm):
    email = email_field()
    field_order = ["email", "role"]

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email.endswith(f"@{NUMBERS_DOMAIN}"):
            raise ValidationError(_("Enter a valid email address."), code="invalid")
        return email


class AdminSignInForm(AdminAuthenticationForm):
    """The staff's password form, with a limit for each account and sender."""

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if not username or self.request is None:
            return super().clean()
        key = f"{username.strip().lower()} {client_network(self.request)}"
        if wait := ADMIN_TRIES.take(key):
            raise ValidationError(wait_text(wait), code="wait")
        cleaned = super().clean()
        ADMIN_TRIES.forget(key)
        return cleaned
