"""Sketches: how many different visitors there were, kept in a few bytes that can be merged.

Apache DataSketches' HyperLogLog at 2^14 registers: exact for the small numbers that people can check, with a standard
error of 0.8 % beyond some thousands, and at most 8 kB. The library brings numpy with it, so only who reads or writes a
sketch loads it.
"""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

PRECISION = 14


def merged(sketches: Iterable[bytes | memoryview | None], keys: Iterable[str] = ()) -> bytes:
    """One sketch of all that these hold, and of `keys`."""
    library = _library()
    fresh = library.hll_sketch(PRECISION, library.tgt_hll_type.HLL_4)
    for key in keys:
        fresh.update(key)
    union = library.hll_union(PRECISION)
    union.update(fresh)
    for sketch in sketches:
        if sketch:
            union.update(library.hll_sketch.deserialize(bytes(sketch)))
    serialized: bytes = union.get_result(library.tgt_hll_type.HLL_4).serialize_compact()
    return serialized


def estimate(sketch: bytes | memoryview | None) -> int:
    """How many different keys it has seen."""
    return round(_library().hll_sketch.deserialize(bytes(sketch)).get_estimate()) if sketch else 0


@cache
def _library() -> Any:
    return import_module("datasketches")
