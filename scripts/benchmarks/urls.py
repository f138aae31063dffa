"""The product's addresses, and the variants under a prefix that the same middleware lets through."""

from django.urls import include, path

from scripts.benchmarks import views

urlpatterns = [
    path("webhooks/bench/bare/", views.bare),
    path("webhooks/bench/verify/", views.verify),
    path("webhooks/bench/insert-plain/", views.insert_plain),
    path("webhooks/bench/insert/", views.insert),
    path("webhooks/bench/delay/", views.delay),
    path("webhooks/bench/bare-read/", views.bare_read),
    path("webhooks/bench/store/", views.store),
    path("", include("nomo_flow.urls")),
]
