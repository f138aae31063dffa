"""The staff's pages for contacts: what was agreed to and what keeps messages away, never an address as a whole."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnlyAdmin
from core.contact_values import email_of, masked, phone_of
from visitors.models import Consent, Contact, OptIn, Suppression


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    """Found by a whole address or number, or by its store."""

    list_display = ["shown_value", "kind", "merchant", "verified_at", "source", "created_at", "erased_at"]
    list_filter = ["kind", "source", "created_at"]
    search_fields = ["=value", "=merchant__salla_id", "=customer_salla_id"]
    list_select_related = ["merchant"]
    ordering = ["-pk"]
    exclude = ["value", "name"]
    readonly_fields = ["shown_value"]

    @admin.display(description=_("address or number"))
    def shown_value(self, contact: Contact) -> str:
        return masked(contact.value) or "—"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        normal = email_of(search_term) or phone_of(search_term) or search_term
        return super().get_search_results(request, queryset, normal)


@admin.register(Consent)
class ConsentAdmin(ReadOnlyAdmin):
    list_display = ["contact", "merchant", "purpose", "channel", "state", "source", "at"]
    list_filter = ["state", "source", "purpose", "channel", "at"]
    search_fields = ["=merchant__salla_id", "=contact__value"]
    list_select_related = ["merchant", "contact"]
    ordering = ["-pk"]


@admin.register(OptIn)
class OptInAdmin(ReadOnlyAdmin):
    list_display = ["contact", "merchant", "state", "source", "asked_at", "asked_again_at", "confirmed_at"]
    list_filter = ["state", "source", "asked_at"]
    search_fields = ["=merchant__salla_id", "=contact__value"]
    list_select_related = ["merchant", "contact"]
    ordering = ["-pk"]
    exclude = ["name"]


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    list_display = ["merchant", "channel", "reason", "at"]
    list_filter = ["reason", "channel", "at"]
    search_fields = ["=merchant__salla_id"]
    list_select_related = ["merchant"]
    ordering = ["-pk"]
