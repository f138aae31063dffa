"""Addresses of signing in, of a person's stores and of a store's team."""

from django.urls import path

from core import views

app_name = "core"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/<str:token>/", views.sign_in_link, name="sign-in-link"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("stores/", views.stores, name="stores"),
    path("stores/<uuid:store>/team/", views.team, name="team"),
    path("stores/<uuid:store>/team/<int:member>/role/", views.member_role, name="member-role"),
    path("stores/<uuid:store>/team/<int:member>/remove/", views.member_remove, name="member-remove"),
    path("stores/<uuid:store>/window/", views.window, name="window"),
    path("stores/<uuid:store>/activity/", views.activity_log, name="activity"),
]
