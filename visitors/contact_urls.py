"""Addresses of contacts: what their readers open from mails, and the store's pages about them."""

from django.urls import path

from visitors import mailed_views

app_name = "contacts"
urlpatterns = [
    path("subscribe/<str:token>/", mailed_views.confirm, name="confirm"),
    path("unsubscribe/<str:token>/", mailed_views.unsubscribe, name="unsubscribe"),
    path("preferences/<str:token>/", mailed_views.preferences, name="preferences"),
    path("preferences/<str:token>/data/", mailed_views.data, name="data"),
    path("preferences/<str:token>/erase/", mailed_views.erase, name="erase-me"),
]
