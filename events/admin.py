"""The staff's pages for facts, reactions, ticks, and what ingest set aside."""

import json

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import DeadLetterAdmin, ReadOnlyAdmin, WorkAdmin, readable, readable_json
from core.fields import DecryptionError
from events.models import BadBatch, DeadReaction, Event, Reaction, Tick

LONGEST_SHOWN = 100_000


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


@admin.register(BadBatch)
class BadBatchAdmin(WorkAdmin):
    list_display = ["position", "shard", "merchant", "state", "shown_reason", "attempts", "set_aside_at"]
    list_filter = ["state", "set_aside_at"]
    search_fields = ["=position", "=merchant__salla_id", "reason"]
    list_select_related = ["merchant"]
    fields = [
        "merchant", "shard", "position", "state", "shown_reason", "attempts", "due_at", "set_aside_at", "shown_body",
    ]  # fmt: skip
    readonly_fields = ["shown_reason", "shown_body"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[BadBatch]:
        return super().get_queryset(request).defer("body")

    @admin.display(description=_("body"))
    def shown_body(self, batch: BadBatch) -> str:
        try:
            body = bytes(batch.body or b"")
        except DecryptionError:
            return gettext("No configured key opens this body.")
        try:
            text = json.dumps(json.loads(body), ensure_ascii=False, indent=2) if body else "—"
        except (ValueError, RecursionError):
            text = body.decode(errors="backslashreplace")
        # Half a surrogate is fine in JSON, and nothing that a page can hold.
        return readable(text[:LONGEST_SHOWN].encode("utf-8", "backslashreplace").decode())
