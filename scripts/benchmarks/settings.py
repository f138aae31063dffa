"""The product's settings with the bench's addresses on top."""

from nomo_flow.settings import *  # noqa: F403

ROOT_URLCONF = "scripts.benchmarks.urls"

# No files were collected; which address a widget has does not matter here.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}  # noqa: F405
