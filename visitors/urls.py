"""Addresses of `visitors`: what shoppers' browsers tell and ask."""

from django.urls import path

from visitors import views

app_name = "visitors"
urlpatterns = [
    path("sf/<int:store>/e", views.collect, name="collect"),
    path("sf/<int:store>/live", views.live, name="live"),
    path("sf/<int:store>/visitor", views.visitor, name="visitor"),
]
