"""Addresses that Salla calls, those that it sends browsers to, and those of how a store is read."""

from django.urls import path

from integrations import views

app_name = "integrations"
urlpatterns = [
    path("webhooks/salla/", views.salla_webhook, name="webhook"),
    path("webhooks/salla/settings/", views.salla_settings, name="settings-check"),
    # Written into the portal without the slash they must not answer with a redirect, which Salla takes for a failure.
    path("webhooks/salla", views.salla_webhook, name="webhook-without-slash"),
    path("webhooks/salla/settings", views.salla_settings, name="settings-check-without-slash"),
    path("salla/connect/", views.connect, name="connect"),
    path("salla/callback/", views.callback, name="callback"),
    path("stores/<uuid:store>/readings/", views.readings, name="readings"),
    path("stores/<uuid:store>/check/", views.check, name="check"),
]
