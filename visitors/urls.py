"""Addresses of `visitors`: what shoppers' browsers tell and ask, what shoppers may read, and the dashboard's pages."""

from django.urls import path

from visitors import segment_views, views, visit_views

app_name = "visitors"
urlpatterns = [
    path("sf/<int:store>/e", views.collect, name="collect"),
    path("sf/<int:store>/live", views.live, name="live"),
    path("sf/<int:store>/visitor", views.visitor, name="visitor"),
    path("live/<int:store>/", views.live_page, name="live-page"),
    path("stores/<uuid:store>/visitors/", visit_views.overview, name="overview"),
    path("stores/<uuid:store>/visitors/visits/", visit_views.visits, name="visits"),
    path("stores/<uuid:store>/visitors/visits/<uuid:visit>/", visit_views.visit, name="visit"),
    path("stores/<uuid:store>/visitors/now/", visit_views.now, name="now"),
    path("stores/<uuid:store>/visitors/<uuid:visitor>/", visit_views.visitor, name="profile"),
    path("stores/<uuid:store>/visitors/<uuid:visitor>/file/", visit_views.visitor_file, name="file"),
    path("stores/<uuid:store>/visitors/<uuid:visitor>/erase/", visit_views.erase, name="erase"),
    path("stores/<uuid:store>/segments/", segment_views.listed, name="segments"),
    path("stores/<uuid:store>/segments/new/", segment_views.new, name="segment-new"),
    path("stores/<uuid:store>/segments/<uuid:segment>/", segment_views.segment, name="segment"),
    path("stores/<uuid:store>/segments/<uuid:segment>/delete/", segment_views.delete, name="segment-delete"),
]
