"""The page on which a segment is built: a row for each rule, added and taken away by buttons, without script."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from core.models import Merchant, User
from core.schema import SettingError, SettingsError, SettingsForm
from core.schema_errors import Text
from visitors import segments
from visitors.models import Segment
from visitors.segment_definition import MOST_RULES, Definition, Match
from visitors.segment_models import LONGEST_NAME
from visitors.segment_rules import KINDS, Rule

# To begin with: a name, and rules as they would be stored.
STARTS: dict[str, tuple[Text, list[dict[str, Any]]]] = {
    "lost": (_("Customers who stay away"), [{"about": "last_order", "when": "before", "days": 60}]),
    "best": (_("Best customers"), [{"about": "spent", "amount": "at_least", "total": "1000"}]),
    "curious": (
        _("Visitors who have not bought"),
        [
            {"about": "visits", "amount": "at_least", "count": 3, "days": 30},
            {"about": "orders", "amount": "at_most", "count": 0},
        ],
    ),
    "search": (_("Found you by searching"), [{"about": "source", "channel": "search", "days": 90}]),
}


class HeadForm(forms.Form):
    """What a segment is called, and whether one rule is enough."""

    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME)
    match = forms.ChoiceField(label=_("Who belongs to it"), choices=Match.choices)


@dataclass(frozen=True)
class Row:
    """A rule on the page; its fields' names begin with `token`."""

    token: str
    kind: type[Rule]
    form: SettingsForm[Any]

    @property
    def written(self) -> str:
        return f"{self.token}.{self.kind.about}"


class Editor:
    """`posted` came from the page; `do` says by which of its buttons."""

    def __init__(
        self, merchant: Merchant, segment: Segment | None = None, posted: QueryDict | None = None, start: str = ""
    ) -> None:
        self.merchant, self.segment = merchant, segment
        self.do = posted.get("do", "save") if posted is not None else ""
        self.errors: list[SettingError] = []
        self.counted: tuple[int, int] | None = None
        self.saved: Segment | None = None
        if posted is None:
            self._show_stored(start)
        else:
            self.head = HeadForm(posted)
            self.rows = self._posted_rows(posted)
            self._hold_back()

    kinds = KINDS

    @property
    def is_full(self) -> bool:
        return len(self.rows) >= MOST_RULES

    def _show_stored(self, start: str) -> None:
        name, rows, match = "", [], Match.ALL.value
        if self.segment is not None:
            name, rules = self.segment.name, self.segment.rules
            rows, match = rules.get("rules", []), rules.get("match", match)
        elif start in STARTS:
            name, rows = str(STARTS[start][0]), STARTS[start][1]
        self.head = HeadForm(initial={"name": name, "match": match})
        self.rows = [row for number, each in enumerate(rows) if (row := _stored_row(f"r{number}", each))]

    def _posted_rows(self, posted: QueryDict) -> list[Row]:
        rows = []
        for written in posted.getlist("rule")[:MOST_RULES]:
            token, _dot, about = written.partition(".")
            if about in KINDS and self.do != f"remove:{token}":
                rows.append(Row(token, KINDS[about], KINDS[about].form(posted, prefix=token)))
        kind = KINDS.get(posted.get("kind", ""))
        if self.do == "add" and kind is not None and len(rows) < MOST_RULES:
            taken = {row.token for row in rows}
            token = next(name for name in (f"r{number}" for number in range(MOST_RULES * 2)) if name not in taken)
            rows.append(Row(token, kind, _focused(kind.form(prefix=token))))
        return rows

    def _hold_back(self) -> None:
        """What is missing is said once it matters: in the rules when they are counted, everywhere when it is saved."""
        if self.do != "save":
            self.head.errors.clear()
        if self.do not in {"save", "count"}:
            for row in self.rows:
                row.form.errors.clear()

    def accept(self, by: User) -> bool:
        """Whether it was saved. Counting says how many it would be; adding and taking away only show the page anew."""
        if self.do not in {"save", "count"}:
            return False
        definition = self._definition()
        if definition is None:
            return False
        try:
            if self.do == "count":
                self._count(definition)
            elif self.head.is_valid():
                self.saved = segments.save(
                    self.merchant,
                    name=self.head.cleaned_data["name"],
                    definition=definition,
                    segment=self.segment,
                    by=by,
                )
        except SettingsError as refusal:
            self._refuse(refusal.errors)
        except segments.TooManyError:
            text = _("At most %(count)s segments. Delete one that you no longer need.")
            self.errors.append(SettingError((), text % {"count": segments.MOST_SEGMENTS}))
        return self.saved is not None

    def _count(self, definition: Definition) -> None:
        if problems := list(definition.problems(self.merchant)):
            raise SettingsError(problems)
        self.counted = segments.count(self.merchant, definition)

    def _definition(self) -> Definition | None:
        self.head.is_valid()
        if not self.rows:
            self.errors.append(SettingError((), _("Add a rule first.")))
            return None
        are_valid = [row.form.is_valid() for row in self.rows]  # each, so that each says what is wrong
        if not all(are_valid):
            return None
        match = self.head.cleaned_data.get("match") or Match.ALL
        return Definition(Match(match), tuple(row.form.settings for row in self.rows))

    def _refuse(self, errors: list[SettingError]) -> None:
        """Beside what each is about."""
        for error in errors:
            match error.loc:
                case ("rules", int(number), str(name)) if name in self.rows[number].form.fields:
                    self.rows[number].form.add_error(name, error.message)
                case ("name",):
                    self.head.add_error("name", error.message)
                case _other:
                    self.errors.append(error)


def _focused(form: SettingsForm[Any]) -> SettingsForm[Any]:
    """Whoever added a rule goes on in its first field."""
    first = next(iter(form.fields.values()), None)
    if first is not None:
        first.widget.attrs["data-focus"] = True
    return form


def _stored_row(token: str, stored: Mapping[str, Any]) -> Row | None:
    """A rule whose kind is no more is left out; what no longer fits in another falls to its default."""
    kind = KINDS.get(str(stored.get("about")))
    if kind is None:
        return None
    rule = kind.load({name: value for name, value in stored.items() if name != "about"})
    return Row(token, kind, kind.form(initial=rule, prefix=token))
