"""The staff's pages for facts, reactions and ticks."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.admin import DeadLetterAdmin, ReadOnlyAdmin, WorkAdmin, readable_json
from events.models import DeadReaction, Event, Reaction, Tick


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["name", "merchant", "key", "occurred_at", "recorded_at"]
    list_filter = ["name", "occurred_at"]
    search_fields = ["=key", "=merchant__salla_id", "merchant__name"]
    list_select_related = ["merchant"]
    ordering = ["-pk"]
    exclude = ["data"]
    readonly_fields = ["shown_data"]

    @admin.display(description=_("data"))
    def shown_data(self, event: Event) -> str:
        return readable_json(event.data)


@admin.register(Reaction)
class ReactionAdmin(WorkAdmin):
    list_display = ["event", "handler", "merchant", "state", "attempts", "due_at", "shown_reason"]
    list_filter = ["state", "handler"]
    search_fields = ["=event__key", "=merchant__salla_id", "reason"]
    list_select_related = ["event", "merchant"]


@admin.register(DeadReaction)
class DeadReactionAdmin(DeadLetterAdmin, ReactionAdmin):
    list_filter = ["handler"]


@admin.register(Tick)
class TickAdmin(WorkAdmin):
    list_display = ["job", "period", "state", "attempts", "shown_reason"]
    list_filter = ["state", "job"]
