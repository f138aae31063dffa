"""Addresses of what a person wants by e-mail."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("stores/<uuid:store>/e-mails/", views.choices, name="choices"),
    path("mail/unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
]
