"""What a process remembers for some seconds, so that many who ask for the same cost one look; the oldest fall out."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_memories: "WeakSet[Memory[Any, Any]]" = WeakSet()


class Memory(Generic[K, V]):
    """At most `most` values, each for `seconds`. None is no value."""

    def __init__(self, *, seconds: float, most: int) -> None:
        self.seconds, self.most = seconds, most
        self._lock = threading.Lock()
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        _memories.add(self)

    def get(self, key: K) -> V | None:
        """Without a lock: hot paths ask."""
        found = self._values.get(key)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def stale(self, key: K) -> V | None:
        """Also what is too old, as long as it has not fallen out."""
        found = self._values.get(key)
        return found[1] if found is not None else None

    def put(self, key: K, value: V) -> V:
        with self._lock:
            self._values.pop(key, None)  # to the end, so that the oldest stand first
            self._values[key] = (time.monotonic() + self.seconds, value)
            if len(self._values) > self.most:
                self._values.popitem(last=False)
        return value

    def drop(self, key: K) -> None:
        with self._lock:
            self._values.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()


def forget() -> None:
    """As if the process had just started."""
    for memory in list(_memories):
        memory.clear()
