"""The Celery app; tasks are found in each app's `tasks.py`."""

import os

from celery import Celery  # noqa: TID251 - here it is made

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nomo_flow.settings")

app = Celery("nomo_flow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
