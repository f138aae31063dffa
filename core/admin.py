"""The staff's pages for people and stores, and the bases of other apps' pages."""

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import work
from core.forms import AdminSignInForm
from core.models import Membership, Merchant, User

admin.site.site_header = _("Nomo Flow for staff")
admin.site.site_title = _("Nomo Flow")
admin.site.index_title = _("What happens")
admin.site.login_form = AdminSignInForm


def readable(text: str) -> SafeString:
    """A block of data, in its own direction also on an Arabic page."""
    return format_html('<pre class="readable-body" dir="ltr">{}</pre>', text)


def readable_json(value: Any) -> SafeString:
    return readable(json.dumps(value, ensure_ascii=False, indent=2))


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that the product writes: staff look, and never edit."""

    actions_on_bottom = True
    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class WorkAdmin(ReadOnlyAdmin):
    """Work rows: filter by state, and replay one or many."""

    change_form_template = "admin/core/work/change_form.html"
    actions = ["replay_selected"]
    ordering = ["-pk"]
    # Columns as a new row has them, from which what was processed is replayed.
    anew: Mapping[str, Any] = {}

    @admin.display(description=_("reason"), ordering="reason")
    def shown_reason(self, row: work.Work) -> str:
        return gettext(row.reason) if row.reason else "—"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Replaying is the one change staff make here; it asks for the model's own change permission."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")

    @admin.action(description=_("Replay the selected rows"), permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        self._tell(request, work.replay(queryset, self.anew))

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_replay"
        view = self.admin_site.admin_view(self.replay_one)
        return [path("<int:pk>/replay/", view, name=name), *super().get_urls()]

    def replay_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a row's page."""
        if request.method != "POST" or not self.has_replay_permission(request):
            return HttpResponse(status=405 if request.method != "POST" else 403)
        rows = self.get_queryset(request).filter(pk=pk)
        self._tell(request, work.replay(rows, self.anew))
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        return HttpResponseRedirect(reverse(name))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        context["can_replay"] = self.has_replay_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def _tell(self, request: HttpRequest, count: int) -> None:
        text = ngettext(
            "%(count)d row will run again within 15 seconds.", "%(count)d rows will run again within 15 seconds.", count
        )
        messages.success(request, text % {"count": count})


class DeadLetterAdmin(WorkAdmin):
    """Only the rows that were given up."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).filter(state=work.Work.State.DEAD)


@admin.register(User)
class PersonAdmin(UserAdmin):
    ordering = ["email"]
    list_display = ["email", "name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "password", "name"]}),
        (
            _("Permissions"),
            {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]},
        ),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"classes": ["wide"], "fields": ["email", "usable_password", "password1", "password2"]})]


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Merchant)
class MerchantAdmin(admin.ModelAdmin):
    list_display = ["__str__", "salla_id", "domain", "plan", "store_type", "created_at"]
    list_filter = ["plan", "store_type"]
    search_fields = ["name", "domain", "salla_id"]
    readonly_fields = [
        "salla_id",
        "public_id",
        "name",
        "domain",
        "plan",
        "store_type",
        "currency",
        "created_at",
    ]
    inlines = [MembershipInline]
    ordering = ["-created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Merchant | None = None) -> bool:
        return False
