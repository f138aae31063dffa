"""Workers of the fact log: periodic jobs, the reactions to facts, and batches that are tried again."""

from celery import shared_task
from django.utils.translation import gettext_noop

from core import clock, doorbell, work
from events import bus, ingest
from events.models import BadBatch, Reaction, Tick


@shared_task
def pulse() -> None:
    """Run each job whose period has come. Beat rings it every 15 seconds."""
    moment = clock.now()
    periods = [Tick(job=job.name, period=job.period_of(moment)) for job in bus.jobs().values()]
    Tick.objects.bulk_create(periods, ignore_conflicts=True)
    work.drain(Tick.objects.all(), _run_job)


@shared_task
def react() -> None:
    """Run the handlers of recorded facts that are due."""
    if not work.drain(Reaction.unscoped.select_related("event__merchant"), _run_handler):
        doorbell.ring(react)


@shared_task
def write_bad_batches() -> None:
    """Write down the batches that were set aside and are to be tried again."""
    # Each run opens its own body: one that no key opens is that row's failure and stops no other.
    if not work.drain(BadBatch.objects.defer("body"), _write_again):
        doorbell.ring(write_bad_batches)


def _run_job(tick: Tick) -> None:
    job = bus.jobs().get(tick.job)
    if job is None:
        raise work.IgnoredError("no such job any more")
    job.run()


def _run_handler(reaction: Reaction) -> None:
    handler = bus.handlers_of(reaction.event.name).get(reaction.handler)
    if handler is None:
        raise work.IgnoredError("no such handler any more")
    handler(reaction.event)


def _write_again(batch: BadBatch) -> None:
    if batch.body is None:
        raise work.HopelessError(gettext_noop("its body was forgotten"))
    try:
        ingest.write_alone(batch.position, bytes(batch.body))
    except (ValueError, ingest.NoStoreError) as error:
        raise work.HopelessError(f"{type(error).__name__}: {error}") from error
    batch.body = None
    batch.save(update_fields=["body"])
