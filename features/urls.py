"""Addresses of `features`: the dashboard's cards, and what storefronts ask."""

from django.urls import path

from features import views

app_name = "features"
urlpatterns = [
    path("sf/<int:store>/config.json", views.config, name="config"),
    path("sf/<int:store>/cards/<slug:slug>/<slug:action>", views.act, name="act"),
    path("sf/<int:store>/try", views.tried, name="tried"),
    path("stores/<uuid:store>/try/", views.try_store, name="try"),
    path("stores/<uuid:store>/cards/", views.cards, name="cards"),
    path("stores/<uuid:store>/cards/<slug:slug>/", views.card, name="card"),
    path("stores/<uuid:store>/cards/<slug:slug>/preview/", views.card_preview, name="preview"),
    path("stores/<uuid:store>/cards/<slug:slug>/numbers/", views.numbers, name="numbers"),
    path("stores/<uuid:store>/cards/<slug:slug>/switch/", views.switch, name="switch"),
    path("stores/<uuid:store>/cards/<slug:slug>/revisions/<uuid:revision>/revert/", views.revert, name="revert"),
]
