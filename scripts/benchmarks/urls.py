"""The product's addresses, and the variants under prefixes that the same middleware lets through.

Django tries addresses in order: what is measured stands at the depth at which the product has it, so the bare view is
found as a bare view of the product would be.
"""

from django.urls import include, path

from nomo_flow.urls import urlpatterns as product
from scripts.benchmarks import views

webhooks = [
    path("bare/", views.bare),
    path("verify/", views.verify),
    path("insert-plain/", views.insert_plain),
    path("insert/", views.insert),
    path("delay/", views.delay),
    path("store/", views.store),
    path("stores/", views.stores),
]
storefront = [
    path("<int:store>/config.json", views.bare_read),
    path("<int:store>/e", views.bare_beacon),
    path("<int:store>/live", views.bare_read),
]

urlpatterns = [
    path("sf/bench/", include(storefront)),
    path("webhooks/bench/", include(webhooks)),
    *product,
]
