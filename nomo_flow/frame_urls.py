"""Every address of the app once more, for Salla's dashboard; `core.frame` says which of them answer there."""

from typing import Any

from django.urls import URLPattern, URLResolver, include, path

from integrations import views
from nomo_flow import urls

doors: list[URLPattern | URLResolver] = [
    path("", views.entrance, name="overview"),
    path("sign-in/", views.ended, name="ended"),
    path("arrived/<str:token>/", views.arrived, name="arrived"),
]
both: Any = [*doors, *urls.urlpatterns]
urlpatterns = [path("embedded/", include(both))]
