"""Workers of visitors and contacts."""

from celery import shared_task

from core import doorbell, work
from visitors import importing
from visitors.import_models import ContactImport


# A file of 50,000 rows is written in one transaction, which takes half a minute on a slow machine.
@shared_task(soft_time_limit=240, time_limit=270)
def import_contacts() -> None:
    """Check the files that wait for it, and bring in those that were checked."""
    # Each run opens its own content: one that no key opens is that row's failure and stops no other.
    if not work.drain(ContactImport.unscoped.select_related("merchant", "by").defer("content"), importing.run):
        doorbell.ring(import_contacts)
