"""The staff's pages for what teams and shoppers were told, and why not."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnlyAdmin, WorkAdmin, readable_json
from core.contact_values import masked
from notifications.models import Alert, AlertMail, Message
from notifications.reasons import in_words


@admin.register(Alert)
class AlertAdmin(WorkAdmin):
    list_display = ["kind", "merchant", "state", "shown_reason", "attempts", "created_at"]
    list_filter = ["kind", "state", "created_at"]
    search_fields = ["=merchant__salla_id", "merchant__name", "=key"]
    list_select_related = ["merchant"]
    fields = ["merchant", "kind", "key", "state", "shown_reason", "attempts", "due_at", "created_at", "shown_data"]
    readonly_fields = ["shown_reason", "shown_data"]

    @admin.display(description=_("data"))
    def shown_data(self, alert: Alert) -> str:
        return readable_json(alert.data)


@admin.register(AlertMail)
class AlertMailAdmin(WorkAdmin):
    """Replaying never sends twice: what was sent ends at once, and what may have been sent stays so."""

    list_display = ["kind", "merchant", "user", "language", "state", "shown_reason", "attempts", "sent_at"]
    list_filter = ["state", "sent_at"]
    search_fields = ["=merchant__salla_id", "merchant__name", "=user__email"]
    list_select_related = ["merchant", "alert", "user"]
    fields = [
        "alert", "merchant", "user", "language", "state", "shown_reason", "attempts", "due_at", "started_at", "sent_at",
    ]  # fmt: skip
    readonly_fields = ["shown_reason"]

    @admin.display(description=_("kind"), ordering="alert__kind")
    def kind(self, mail: AlertMail) -> str:
        return mail.alert.get_kind_display()


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """To whom, in part only; nothing here is sent again."""

    list_display = [
        "template",
        "merchant",
        "shown_contact",
        "channel",
        "purpose",
        "state",
        "shown_reason",
        "created_at",
    ]
    list_filter = ["state", "channel", "purpose", "template", "created_at"]
    search_fields = ["=public_id", "=key", "=provider_id", "=merchant__salla_id", "=contact__value"]
    list_select_related = ["merchant", "contact"]
    ordering = ["-pk"]
    exclude = ["contact", "reason", "data"]
    readonly_fields = ["shown_contact", "shown_reason", "shown_data"]

    @admin.display(description=_("contact"))
    def shown_contact(self, message: Message) -> str:
        return masked(message.contact.value) or "—" if message.contact else "—"

    @admin.display(description=_("reason"), ordering="reason")
    def shown_reason(self, message: Message) -> str:
        return in_words(message.reason) or "—"

    @admin.display(description=_("data"))
    def shown_data(self, message: Message) -> str:
        return readable_json(message.data)
