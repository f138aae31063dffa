"""What a merchant may say about the visits that are kept."""

from typing import Literal

from django.utils.translation import gettext_lazy as _

from core import schema


class Settings(schema.Settings):
    """Nothing of it reaches shoppers."""

    retention_months: Literal[3, 6, 13] = schema.field(
        13,
        label=_("Keep visits for"),
        help_text=_("Older visits are deleted by themselves. The numbers of the reports stay; they name nobody."),
        choices={3: _("3 months"), 6: _("6 months"), 13: _("13 months, to compare with last year's season")},
    )
