"""Ids that are unique over all kinds and stores, and look like Salla's."""

import random
import string

LETTERS = string.ascii_letters + string.digits


class Numbers:
    """Deterministic for one seed; nothing is given out twice."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._taken: set[int] = {1305146709, 847769313}
        self._reference = 40_000_000 + source.randrange(1_000_000)

    def start_anew(self, source: random.Random) -> None:
        """Draw from `source` from now on, so that an app that remembers an earlier run meets no id again."""
        self._source = source
        self._reference += source.randrange(1_000_000, 50_000_000)

    def id(self) -> int:
        """Nine or ten digits, below 2^31."""
        while True:
            number = self._source.randrange(100_000_000, 2_147_000_000)
            if number not in self._taken:
                self._taken.add(number)
                return number

    def reference(self) -> int:
        """The order number that people see."""
        self._reference += self._source.randrange(1, 9)
        return self._reference

    def activity(self) -> int:
        """History entries have 64-bit ids."""
        return self.id() * 1_000_000_007 + self._source.randrange(1_000_000_000)

    def token(self, length: int = 32) -> str:
        return "".join(self._source.choices(LETTERS, k=length))
