"""The Celery app; tasks are found in each app's `tasks.py`."""

import os
from logging.config import dictConfig

from celery import Celery, Task  # noqa: TID251 - here it is made
from celery.signals import setup_logging, task_postrun, task_prerun
from django.conf import settings

from core import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nomo_flow.settings")

app = Celery("nomo_flow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _set_up_logging(**_: object) -> None:
    """Celery would put handlers of its own, which do not mask, in the place of ours."""
    dictConfig(settings.LOGGING)


@task_prerun.connect
def _task_begins(task: Task, task_id: str, **_: object) -> None:
    logs.begin(task=task.name, task_id=task_id)


@task_postrun.connect
def _task_ended(**_: object) -> None:
    logs.begin()
