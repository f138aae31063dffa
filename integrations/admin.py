"""The staff's pages for connections, deliveries and the mirror."""

import json
import re
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.admin import DeadLetterAdmin, ReadOnlyAdmin, WorkAdmin, readable, readable_json
from core.fields import DecryptionError
from integrations import lifecycle, services
from integrations.models import (
    Cart,
    Connection,
    Customer,
    DeadDelivery,
    DeadPurge,
    DeadSync,
    Delivery,
    Order,
    Product,
    Purge,
    Standing,
    Subscription,
    Sync,
)

# Never shown, to nobody.
SECRET_KEYS = {"access_token", "refresh_token", "token", "code", "password", "secret"}
LONG_WORD = re.compile(rb"[\w.+/=-]{12,}")
LONGEST_SHOWN = 100_000


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: "•••" if key.lower() in SECRET_KEYS else _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value


@admin.register(Delivery)
class DeliveryAdmin(WorkAdmin):
    list_display = [
        "event_name",
        "merchant",
        "store_id",
        "state",
        "shown_reason",
        "attempts",
        "received_at",
        "sent_at",
    ]
    list_filter = ["state", "received_at", "event"]
    search_fields = ["=store_id", "=event", "reason", "merchant__name"]
    list_select_related = ["merchant"]
    fields = [
        "event", "merchant", "store_id", "state", "shown_reason", "attempts", "due_at", "received_at", "sent_at",
        "size", "sha256", "shown_body",
    ]  # fmt: skip
    readonly_fields = ["shown_reason", "sha256", "shown_body"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("body")

    @admin.display(description=_("event"), ordering="event")
    def event_name(self, delivery: Delivery) -> str:
        return delivery.event or "—"

    @admin.display(description="SHA-256")
    def sha256(self, delivery: Delivery) -> str:
        return bytes(delivery.body_sha256).hex()

    @admin.display(description=_("body, secrets masked"))
    def shown_body(self, delivery: Delivery) -> str:
        return readable(self._body_text(delivery))

    def _body_text(self, delivery: Delivery) -> str:
        try:
            body = delivery.body
        except DecryptionError:
            return str(_("No configured key opens this body."))
        if body is None:
            return str(_("Dropped after 30 days."))
        try:
            text = json.dumps(_masked(json.loads(bytes(body))), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            # Unreadable, so its keys can't be masked: show its beginning, without anything long enough to be a secret.
            return repr(LONG_WORD.sub(b"...", bytes(body[:200])))
        # Half a surrogate is fine in JSON, and nothing that a page can hold.
        return text[:LONGEST_SHOWN].encode("utf-8", "backslashreplace").decode()


@admin.register(DeadDelivery)
class DeadDeliveryAdmin(DeadLetterAdmin, DeliveryAdmin):
    list_filter = ["received_at", "event"]


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ["merchant", "state", "expires_at", "authorized_at", "store_read_at", "uninstalled_at"]
    list_filter = ["state"]
    search_fields = ["=merchant__salla_id", "merchant__name"]
    list_select_related = ["merchant"]
    fields = [
        "merchant",
        "state",
        "scopes",
        "expires_at",
        "refresh_started_at",
        "installed_at",
        "authorized_at",
        "store_read_at",
        "uninstalled_at",
        "purge_date",
    ]
    readonly_fields = ["purge_date"]

    @admin.display(description=_("personal data is deleted"))
    def purge_date(self, connection: Connection) -> str:
        date = lifecycle.purge_date(connection)
        return "—" if date is None else date_format(timezone.localtime(date), "DATETIME_FORMAT")

    actions = ["check_selected"]

    @admin.action(description=_("Compare the last 60 days with Salla"), permissions=["check"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        connected = list(queryset.filter(state=Connection.State.CONNECTED).select_related("merchant"))
        for connection in connected:
            services.check(connection.merchant, window=services.HISTORY)
        text = ngettext("%(count)d store will be compared.", "%(count)d stores will be compared.", len(connected))
        self.message_user(request, text % {"count": len(connected)})

    def has_check_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("integrations.change_connection")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """One pair that no key opens must not take the page away."""
        return super().get_queryset(request).defer("access_token", "refresh_token")


@admin.register(Sync)
class SyncAdmin(WorkAdmin):
    list_display = [
        "__str__", "merchant", "purpose", "state", "shown_reason", "since", "read", "total", "missing", "repaired",
        "changed", "attempts", "due_at", "finished_at",
    ]  # fmt: skip
    list_filter = ["state", "purpose", "kind"]
    search_fields = ["=merchant__salla_id", "merchant__name", "detail"]
    list_select_related = ["merchant"]
    fields = [
        "merchant", "kind", "purpose", "subject", "state", "shown_reason", "detail", "since", "page", "pages", "read",
        "total", "missing", "repaired", "changed", "attempts", "due_at", "created_at", "finished_at",
    ]  # fmt: skip
    readonly_fields = ["shown_reason"]
    anew = {
        "page": 1, "pages": 0, "pending": [], "total": None, "read": 0, "missing": 0, "repaired": 0, "changed": 0,
        "detail": "", "finished_at": None,
    }  # fmt: skip


@admin.register(DeadSync)
class DeadSyncAdmin(DeadLetterAdmin, SyncAdmin):
    list_filter = ["purpose", "kind"]


@admin.register(Purge)
class PurgeAdmin(WorkAdmin):
    list_display = ["merchant", "planned_at", "state", "shown_reason", "finished_at", "attempts"]
    list_filter = ["state", "planned_at"]
    search_fields = ["=merchant__salla_id", "merchant__name"]
    list_select_related = ["merchant"]
    fields = ["merchant", "planned_at", "state", "shown_reason", "attempts", "due_at", "finished_at", "shown_counts"]
    readonly_fields = ["shown_reason", "shown_counts"]

    @admin.display(description=_("counts"))
    def shown_counts(self, purge: Purge) -> str:
        return readable_json(purge.counts)


@admin.register(DeadPurge)
class DeadPurgeAdmin(DeadLetterAdmin, PurgeAdmin):
    list_filter = ["planned_at"]


@admin.register(Standing)
class StandingAdmin(ReadOnlyAdmin):
    list_display = ["merchant", "state", "reason", "plan", "order_limit", "ends_at", "since"]
    list_filter = ["state", "reason", "plan"]
    search_fields = ["=merchant__salla_id", "merchant__name"]
    list_select_related = ["merchant"]
    ordering = ["-since"]
    fields = [
        "merchant",
        "state",
        "reason",
        "plan",
        "order_limit",
        "ends_at",
        "since",
        "gone_at",
        "back_at",
        "review_at",
    ]


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "merchant", "item", "status", "plan_type", "starts_at", "ends_at", "source_updated_at"]
    list_filter = ["item", "status", "plan_type"]
    search_fields = ["=merchant__salla_id", "merchant__name", "plan_name", "=key"]
    list_select_related = ["merchant"]
    ordering = ["-source_updated_at"]
    exclude = ["field_versions"]


class MirrorAdmin(ReadOnlyAdmin):
    search_fields = ["=salla_id", "=merchant__salla_id"]
    list_select_related = ["merchant"]
    ordering = ["-source_updated_at"]
    exclude = ["items", "field_versions"]

    @admin.display(description=_("items"))
    def shown_items(self, row: Order | Cart) -> str:
        return readable_json(row.items)


@admin.register(Order)
class OrderAdmin(MirrorAdmin):
    list_display = [
        "__str__",
        "merchant",
        "status",
        "payment_method",
        "total",
        "currency",
        "city",
        "placed_at",
    ]
    list_filter = ["status", "payment_method", "is_refunded"]
    readonly_fields = ["shown_items"]
    search_fields = ["=salla_id", "=reference_id", "=merchant__salla_id"]


@admin.register(Cart)
class CartAdmin(MirrorAdmin):
    list_display = ["__str__", "merchant", "status", "total", "currency", "coupon_code", "source_updated_at"]
    list_filter = ["status"]
    readonly_fields = ["shown_items"]


@admin.register(Customer)
class CustomerAdmin(MirrorAdmin):
    list_display = ["__str__", "merchant", "city", "is_notifications_enabled", "source_updated_at"]
    list_filter = ["is_notifications_enabled"]
    search_fields = ["=salla_id", "=phone", "=email", "=merchant__salla_id"]


@admin.register(Product)
class ProductAdmin(MirrorAdmin):
    list_display = [
        "__str__",
        "merchant",
        "sku",
        "status",
        "price",
        "sale_price",
        "currency",
        "source_updated_at",
    ]
    list_filter = ["status", "is_deleted"]
    search_fields = ["=salla_id", "=sku", "name", "=merchant__salla_id"]
