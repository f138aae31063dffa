"""The staff's pages for files of contacts: how far each is and why it failed, never what stands in it."""

from django.contrib import admin

from core.admin import WorkAdmin
from visitors.models import ContactImport


@admin.register(ContactImport)
class ContactImportAdmin(WorkAdmin):
    """Replaying writes nothing twice: a file that was brought in has no content any more."""

    list_display = ["file_name", "merchant", "kind", "step", "state", "shown_reason", "attempts", "created_at"]
    list_filter = ["kind", "step", "state", "created_at"]
    search_fields = ["=merchant__salla_id", "merchant__name", "=by__email"]
    list_select_related = ["merchant", "by"]
    fields = [
        "merchant", "by", "kind", "step", "file_name", "encoding", "rows_count", "roles", "channels", "counts",
        "state", "shown_reason", "attempts", "due_at", "created_at", "ran_at", "undone_at",
    ]  # fmt: skip
    readonly_fields = ["shown_reason"]
    ordering = ["-pk"]
