"""Workers of the fact log: the pulse of periodic jobs and the reactions to facts."""

from celery import shared_task

from core import clock, doorbell, work
from events import bus
from events.models import Reaction, Tick


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
