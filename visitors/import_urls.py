"""Addresses of bringing contacts in and taking them out."""

from django.urls import path

from visitors import import_views

app_name = "imports"
urlpatterns = [
    path("stores/<uuid:store>/contacts/import/", import_views.start, name="start"),
    path("stores/<uuid:store>/contacts/import/<uuid:file>/", import_views.file, name="file"),
    path("stores/<uuid:store>/contacts/import/<uuid:file>/report/", import_views.report, name="report"),
    path("stores/<uuid:store>/contacts/import/<uuid:file>/undo/", import_views.undo, name="undo"),
    path("stores/<uuid:store>/contacts/import/<uuid:file>/<slug:move>/", import_views.move, name="move"),
    path("stores/<uuid:store>/contacts/export/", import_views.contacts, name="contacts"),
]
