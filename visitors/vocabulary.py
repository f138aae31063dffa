"""How many different words of browsers a day's tallies keep: beyond that they are counted as one, `OTHER`.

A browser may say anything. The memory is the process's own: a new one begins anew, which costs a few rows more.
"""

from collections import OrderedDict
from datetime import date

from visitors.hosts import KNOWN

OTHER = "(other)"
MOST = {"source": 100, "page": 50, "path": 150, "product": 1000}  # a day of a store
SETS_REMEMBERED = 50_000


class Vocabulary:
    """The words that each store's day knows, by kind."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, date, str], set[str]] = OrderedDict()

    def admit(self, merchant_id: int, day: date, kind: str, word: str) -> str:
        """The word, or `OTHER` where the day has too many of its kind. Those that everybody knows always pass."""
        if kind not in MOST or word in KNOWN:
            return word
        known = self._of(merchant_id, day, kind)
        if word in known:
            return word
        if len(known) >= MOST[kind]:
            return OTHER
        known.add(word)
        return word

    def forget(self) -> None:
        self._known.clear()

    def _of(self, merchant_id: int, day: date, kind: str) -> set[str]:
        key = (merchant_id, day, kind)
        if key not in self._known and len(self._known) >= SETS_REMEMBERED:
            self._known.popitem(last=False)
        return self._known.setdefault(key, set())


vocabulary = Vocabulary()
