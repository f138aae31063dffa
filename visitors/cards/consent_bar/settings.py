"""What a merchant may say about the question to his visitors."""

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _

from core import schema
from features.rules import StorefrontSettings


class Settings(StorefrontSettings):
    """All of these reach shoppers."""

    text: str = schema.field(
        _("May we recognize you on your next visit? It helps us improve the store. No name and no number is kept."),
        label=_("Question"),
        help_text=_(
            "Say what it is for. For those who change their mind, put a link to #nomo-consent on your privacy page: it "
            "asks them again."
        ),
        min_length=1,
        max_length=200,
        widget=forms.Textarea,
        public=True,
    )
    text_en: str = schema.field(
        "May we recognize you on your next visit? It helps us improve the store. No name and no number is kept.",
        label=_("Question in English"),
        help_text=_("Shown on pages in English. Empty: the question above."),
        max_length=200,
        widget=forms.Textarea,
        public=True,
    )
    position: Literal["start", "end"] = schema.field(
        "start",
        label=_("Position"),
        choices={"start": _("Bottom left (right in Arabic)"), "end": _("Bottom right (left in Arabic)")},
        public=True,
    )
