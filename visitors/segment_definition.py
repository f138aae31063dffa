"""What a segment is made of: some rules, and whether one of them is enough. Strict with whoever writes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from core.models import Merchant
from core.schema import SettingError, SettingsError
from core.schema_data import read_json
from visitors.people import People
from visitors.segment_rules import KINDS, Rule, Words

MOST_RULES = 8
_GROUP = _("Must be a group of named values, in braces.")


class Match(TextChoices):
    ALL = "all", _("Every rule")
    ANY = "any", _("One of the rules is enough")


@dataclass(frozen=True)
class Definition:
    """At least one rule, and at most MOST_RULES."""

    match: Match
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, raw: object) -> Self:
        """From JSON, or data of the same shape. Raises `SettingsError` with the place of each fault."""
        data = read_json(raw) if isinstance(raw, str | bytes) else raw
        if not isinstance(data, dict):
            raise SettingsError([SettingError((), _GROUP)])
        errors = [SettingError((str(name),), _("There is no setting with this name.")) for name in data
                  if name not in {"match", "rules"}]  # fmt: skip
        match, rows = data.get("match", Match.ALL), data.get("rules")
        if match not in Match.values:
            errors.append(SettingError(("match",), _("Must be one of: all, any.")))
        if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_RULES:
            errors.append(SettingError(("rules",), _("Must be a list of one to eight rules.")))
            rows = []
        rules = [rule for number, row in enumerate(rows) if (rule := _rule(number, row, errors))]
        if errors:
            raise SettingsError(errors)
        return cls(Match(match), tuple(rules))

    def dump(self) -> dict[str, Any]:
        return {
            "match": self.match.value,
            "rules": [{"about": rule.about, **rule.dump()} for rule in self.rules],
        }

    def problems(self, merchant: Merchant) -> Iterator[SettingError]:
        """What only this store can know to be wrong."""
        for number, rule in enumerate(self.rules):
            if problem := rule.problem(merchant):
                yield SettingError(("rules", number, *problem.loc), problem.message)

    def sentences(self, words: Words) -> list[str]:
        return [rule.sentence(words) for rule in self.rules]

    def people(self, merchant: Merchant) -> People:
        """One query, when it is asked."""
        first, *others = (rule.people(merchant) for rule in self.rules)
        if not others:
            return first
        return first.intersection(*others) if self.match == Match.ALL else first.union(*others)


def _rule(number: int, row: object, errors: list[SettingError]) -> Rule | None:
    if not isinstance(row, dict):
        errors.append(SettingError(("rules", number), _GROUP))
        return None
    kind = KINDS.get(str(row.get("about")))
    if kind is None:
        errors.append(SettingError(("rules", number, "about"), _("There is no such rule.")))
        return None
    try:
        return kind.parse({name: value for name, value in row.items() if name != "about"})
    except SettingsError as refusal:
        errors += [SettingError(("rules", number, *error.loc), error.message) for error in refusal.errors]
        return None
