"""The one editor of every card: a form made from its settings class, and the same settings as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from django.forms import BoundField

from core.models import Merchant, User
from core.schema import SettingError, SettingsError, SettingsForm
from features import services
from features.models import Revision
from features.registry import Card
from features.rules import COMMON, StorefrontSettings

# The first of a card's own fields; the others lie behind "Advanced options", and what all cards have after them.
QUESTIONS = 5


class Editor:
    """`posted` came from one of the page's two forms: the settings' fields, or the expert view's `json`.

    What was typed stays until it is accepted.
    """

    def __init__(self, merchant: Merchant, card: Card[Any], posted: Mapping[str, Any] | None = None) -> None:
        self.merchant, self.card = merchant, card
        self.stored = services.settings_of(merchant, card)
        self.typed_json: str | None = posted.get("json") if posted is not None else None
        form_data = posted if self.typed_json is None else None
        self.form: SettingsForm[Any] = card.settings.form(form_data, initial=self.stored)
        self.json = self.typed_json
        if self.json is None:
            self.json = json.dumps(self.stored.dump(), ensure_ascii=False, indent=2)
        self.json_errors: list[SettingError] = []
        self.revision: Revision | None = None

    @property
    def questions(self) -> list[BoundField]:
        return self._own[:QUESTIONS]

    @property
    def advanced(self) -> list[BoundField]:
        return self._own[QUESTIONS:] + [field for field in self.form if field.name in self._common]

    @property
    def _own(self) -> list[BoundField]:
        return [field for field in self.form if field.name not in self._common]

    @property
    def _common(self) -> tuple[str, ...]:
        return COMMON if issubclass(self.card.settings, StorefrontSettings) else ()

    @property
    def is_advanced_open(self) -> bool:
        """What is wrong must be seen."""
        return any(field.errors for field in self.advanced)

    def accept(self, by: User) -> bool:
        """Whether the settings were accepted; `revision` is None when nothing changed."""
        if self.typed_json is None and not self.form.is_valid():
            return False
        raw = self.form.settings.dump() if self.typed_json is None else self.typed_json
        try:
            self.revision = services.save(self.merchant, card=self.card, raw=raw, by=by)
        except SettingsError as refusal:
            self._refuse(refusal)
            return False
        return True

    def _refuse(self, refusal: SettingsError) -> None:
        if self.typed_json is not None:
            self.json_errors = refusal.errors
        else:
            for error in refusal.errors:
                self.form.add_error(None, error.described() if error.loc else error.message)
