"""Addresses that Salla calls."""

from django.urls import path

from integrations import views

app_name = "integrations"
urlpatterns = [
    path("webhooks/salla/", views.salla_webhook, name="webhook"),
    # Written into the portal without the slash it must not answer with a redirect, which Salla takes for a failure.
    path("webhooks/salla/settings/", views.salla_settings, name="settings-check"),
    path("webhooks/salla/settings", views.salla_settings, name="settings-check-without-slash"),
    path("webhooks/salla", views.salla_webhook, name="webhook-without-slash"),
]
