"""The roof: settings, addresses, the Celery app and the overview page."""

from nomo_flow.celery import app as celery_app

__all__ = ["celery_app"]
