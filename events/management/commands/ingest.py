"""`manage.py ingest`: writes down what the storefront's streams bring, until it is told to end."""

import gc
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from events import ingest


class Command(BaseCommand):
    help = "Write down what the storefront's streams bring, until told to end. Any number may run."

    def handle(self, *args: Any, **options: Any) -> None:
        end = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: end.set())
        gc.freeze()  # what the app is made of is no garbage: looking it through again took a tenth of the time
        ingest.run(end)
