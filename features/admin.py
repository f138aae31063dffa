"""The staff's pages for cards: what each store has on, every change, and what its storefront is told."""

import json
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from core.admin import ReadOnlyAdmin, readable_json
from features.models import Feature, Revision, StorefrontConfig


class CardsAdmin(ReadOnlyAdmin):
    """Rows of one store; found by the store."""

    list_select_related = ["merchant"]
    search_fields = ["merchant__name", "merchant__salla_id"]
    ordering = ["-pk"]

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        return self.readonly_fields


@admin.register(Feature)
class FeatureAdmin(CardsAdmin):
    list_display = ["slug", "merchant", "is_on"]
    list_filter = ["is_on", "slug"]
    search_fields = ["slug", *CardsAdmin.search_fields]
    readonly_fields = ["merchant", "slug", "is_on", "shown_settings"]

    @admin.display(description=_("settings"))
    def shown_settings(self, row: Feature) -> SafeString:
        return readable_json(row.settings)


@admin.register(Revision)
class RevisionAdmin(CardsAdmin):
    list_display = ["at", "merchant", "feature", "what", "by"]
    list_filter = ["what", "at"]
    list_select_related = ["merchant", "feature", "by"]
    search_fields = ["feature__slug", "by__email", *CardsAdmin.search_fields]
    readonly_fields = ["merchant", "feature", "what", "by", "at", "shown_before", "shown_after"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Revision]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    @admin.display(description=_("before"))
    def shown_before(self, row: Revision) -> SafeString:
        return readable_json(row.before)

    @admin.display(description=_("after"))
    def shown_after(self, row: Revision) -> SafeString:
        return readable_json(row.after)


@admin.register(StorefrontConfig)
class StorefrontConfigAdmin(CardsAdmin):
    list_display = ["merchant", "version", "served"]
    readonly_fields = ["merchant", "version", "etag", "fingerprint", "served", "shown_body"]

    @admin.display(description=_("as shoppers get it"))
    def served(self, row: StorefrontConfig) -> SafeString:
        address = reverse("features:config", kwargs={"store": row.merchant.salla_id})
        return format_html('<a href="{}" dir="ltr">{}</a>', address, address)

    @admin.display(description=_("content"))
    def shown_body(self, row: StorefrontConfig) -> SafeString:
        return readable_json(json.loads(bytes(row.body)))
