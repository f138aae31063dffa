"""Addresses of contacts: what their readers open from mails, and the store's pages about them."""

from django.urls import path

from visitors import contact_views, mailed_views

app_name = "contacts"
urlpatterns = [
    path("stores/<uuid:store>/contacts/", contact_views.contacts, name="list"),
    path("stores/<uuid:store>/contacts/<uuid:contact>/", contact_views.contact, name="contact"),
    path("stores/<uuid:store>/contacts/<uuid:contact>/consent/", contact_views.give, name="give"),
    path("stores/<uuid:store>/contacts/<uuid:contact>/end/", contact_views.end, name="end"),
    path("stores/<uuid:store>/contacts/<uuid:contact>/erase/", contact_views.erase, name="erase"),
    path("stores/<uuid:store>/contacts/<uuid:contact>/file/", contact_views.file, name="file"),
    path("subscribe/<str:token>/", mailed_views.confirm, name="confirm"),
    path("unsubscribe/<str:token>/", mailed_views.unsubscribe, name="unsubscribe"),
    path("preferences/<str:token>/", mailed_views.preferences, name="preferences"),
    path("preferences/<str:token>/data/", mailed_views.data, name="data"),
    path("preferences/<str:token>/erase/", mailed_views.erase, name="erase-me"),
]
