"""Ingest in a process of its own, for `benchmarks.ingest`: does what each line says, and answers what that took."""

import gc
import json
import sys
import time

import django

django.setup()

from core import redis  # noqa: E402 - Django comes first
from events import bus, ingest, stream  # noqa: E402


def clear() -> int:
    """Forget what waits."""
    return sum(redis.client().delete(stream.stream_key(shard)) for shard in range(stream.SHARDS))


def alone() -> int:
    """Rows and tallies, and nobody else's part."""
    kept, bus._consumers = bus._consumers, {}
    try:
        return ingest.drain()
    finally:
        bus._consumers = kept


DOES = {"clear": clear, "alone": alone, "whole": ingest.drain}

gc.freeze()  # as `manage.py ingest` does
for line in sys.stdin:
    began = time.perf_counter()
    count = DOES[line.strip()]()
    print(json.dumps([count, time.perf_counter() - began]), flush=True)
