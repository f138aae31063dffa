"""Misbehaviour on demand of the API, the token endpoint and the storefront API."""

import random
from dataclasses import asdict, dataclass
from typing import Any

from scripts.sandbox.reading import integer, number

KINDS = (
    "500", "503", "429", "timeout", "slow", "drop", "answer_lost", "revoked_scope", "user_deleted", "user_inactive",
    "garbage",
)  # fmt: skip
TARGETS = ("api", "token", "introspect", "all")
LONGEST = 600


class FaultError(ValueError):
    """A fault that nobody could mean; the text says why, `name` which field."""

    def __init__(self, text: str, name: str = "") -> None:
        super().__init__(text)
        self.name = name


@dataclass
class Fault:
    """One switched-on fault; `count` uses, for ever when None; it spoils `share` percent of the calls that it fits."""

    kind: str
    target: str = "api"
    count: int | None = None
    path: str = ""
    store: int | None = None
    seconds: float = 30.0
    scope: str = ""
    share: float = 100.0

    def fits(self, target: str, path: str, store: int | None) -> bool:
        return (
            self.target in (target, "all")
            and path.startswith(self.path)
            and (self.store is None or self.store == store)
            and self.count != 0
        )


class Faults:
    """The switched-on faults, first fitting one wins."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._rules: list[Fault] = []

    def add(self, given: dict[str, Any]) -> Fault:
        fault = parse(given)
        self._rules.append(fault)
        return fault

    def clear(self) -> None:
        self._rules.clear()

    def take(self, target: str, path: str, store: int | None = None) -> Fault | None:
        """The fault for this call, used up once; missing scopes are asked for with `lost_scopes`."""
        for fault in self._rules:
            if fault.kind == "revoked_scope" or not fault.fits(target, path, store):
                continue
            if fault.share == 100 or self._random.random() * 100 < fault.share:
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None

    def lost_scopes(self, path: str, store: int) -> set[str]:
        return {f.scope for f in self._rules if f.kind == "revoked_scope" and f.fits("api", path, store)}

    def listing(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._rules if fault.count != 0]


def parse(given: dict[str, Any]) -> Fault:
    kind, target = str(given.get("kind", "")), str(given.get("target") or "api")
    if kind not in KINDS:
        raise FaultError(f"kind must be one of {', '.join(KINDS)}")
    if target not in TARGETS:
        raise FaultError(f"target must be one of {', '.join(TARGETS)}")
    if kind == "revoked_scope" and not given.get("scope"):
        raise FaultError("revoked_scope needs a scope, such as orders.read", "scope")
    count = _whole(given, "count", 1)
    seconds = number(given.get("seconds") or 30)
    if seconds is None or not 0 < seconds <= LONGEST:
        raise FaultError(f"seconds must be a number above 0 and up to {LONGEST}", "seconds")
    share = number(given.get("share") or 100)
    if share is None or not 0 < share <= 100:
        raise FaultError("share must be a number above 0 and up to 100", "share")
    path, scope = str(given.get("path") or ""), str(given.get("scope") or "")
    return Fault(kind, target, count, path, _whole(given, "store", 1), seconds, scope, share)


def _whole(given: dict[str, Any], name: str, least: int) -> int | None:
    """A whole number from `least` on; None when it was left out."""
    if given.get(name) in (None, ""):
        return None
    found = integer(given[name])
    if found is None or found < least:
        raise FaultError(f"{name} must be a whole number from {least} on", name)
    return found
