"""Every address of the app."""

from django.contrib import admin
from django.urls import include, path

from nomo_flow import health, views

urlpatterns = [
    path("", include("visitors.urls")),  # first: shoppers ask most, and Django tries addresses in order
    path("", include("features.urls")),
    path("", views.overview, name="overview"),
    path("design/", views.design, name="design"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("stores/<uuid:store>/", views.store_overview, name="store-overview"),
    path("admin/", admin.site.urls),
    path("", include("core.urls")),
    path("", include("integrations.urls")),
    path("", include("notifications.urls")),
    path("", include("visitors.contact_urls")),
    path("", include("visitors.import_urls")),
    path("webhooks/sandbox/clock/", views.sandbox_clock, name="sandbox-clock"),
]
