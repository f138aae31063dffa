"""What a merchant may say about the form: its words, what it asks for, and what shoppers agree to by it."""

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _

from core import schema
from features.rules import Page, StorefrontSettings, Trigger, frequency_field, pages_field, trigger_field
from visitors.contact_models import LONGEST_TEXT

ASKS = {"email": _("E-mail"), "phone": _("Mobile number"), "both": _("Either or both")}


class Settings(StorefrontSettings):
    """Shoppers see exactly what the ledger keeps; on pages in English, the texts in English where there are any."""

    shape: Literal["popup", "bar", "inline"] = schema.field(
        "popup",
        label=_("Form"),
        help_text=_("A window comes up at most once in a visit, and never covers a button that buys."),
        choices={
            "popup": _("Window"),
            "bar": _("Bar at the bottom of the screen"),
            "inline": _("At the end of the page"),
        },
        public=True,
    )
    title: str = schema.field(_("Be the first to know"), label=_("Title"), min_length=1, max_length=80, public=True)
    text: str = schema.field(
        _("New arrivals and offers, now and then. You can stop at any time."),
        label=_("Text"),
        max_length=300,
        widget=forms.Textarea,
        public=True,
    )
    button: str = schema.field(_("Subscribe"), label=_("Button"), min_length=1, max_length=30, public=True)
    asks: Literal["email", "phone", "both"] = schema.field(
        "email",
        label=_("What do you ask for?"),
        help_text=_(
            "An address is confirmed by one press in a mail. Nothing is sent to a number yet: it stays unconfirmed, "
            "and is deleted after about five weeks."
        ),
        choices=ASKS,
        public=True,
    )
    consent_text: str = schema.field(
        _("I agree to receive this store's offers and news, and to be recognized on my next visits."),
        label=_("What shoppers agree to"),
        help_text=_(
            "Stands beside a box that is never ticked in advance. The ledger of consent keeps exactly these words. In "
            "words of your own, keep in that they will be recognized: who subscribes is known on later visits."
        ),
        widget=forms.Textarea,
        min_length=10,
        max_length=LONGEST_TEXT,
        public=True,
    )
    asks_name: bool = schema.field(
        False, label=_("Ask for the name too"), help_text=_("Nobody has to give it."), public=True
    )
    thanks: str = schema.field(
        _("Almost done: press the button in the mail that we have just sent you."),
        label=_("After an address was sent"),
        min_length=1,
        max_length=200,
        public=True,
    )
    after_confirming: str = schema.field(
        "",
        label=_("After confirming"),
        help_text=_("Shown to subscribers on the page where they confirm. Write a coupon code of yours here."),
        max_length=200,
        widget=forms.Textarea,
    )
    title_en: str = schema.field(
        "Be the first to know",
        label=_("Title in English"),
        help_text=_("This and the next stand on pages in English. One that is empty is replaced by the one above."),
        max_length=80,
        public=True,
    )
    text_en: str = schema.field(
        "New arrivals and offers, now and then. You can stop at any time.",
        label=_("Text in English"),
        max_length=300,
        widget=forms.Textarea,
        public=True,
    )
    button_en: str = schema.field("Subscribe", label=_("Button in English"), max_length=30, public=True)
    consent_text_en: str = schema.field(
        "I agree to receive this store's offers and news, and to be recognized on my next visits.",
        label=_("What shoppers agree to, in English"),
        help_text=_("The ledger of consent keeps the words that the shopper saw."),
        widget=forms.Textarea,
        max_length=LONGEST_TEXT,
        public=True,
    )
    thanks_en: str = schema.field(
        "Almost done: press the button in the mail that we have just sent you.",
        label=_("After an address was sent, in English"),
        max_length=200,
        public=True,
    )
    pages: list[Page] = pages_field("home", "product", "listing")
    trigger: Trigger = trigger_field("scroll")
    frequency_days: int = frequency_field(14)

    @property
    def consent_texts(self) -> set[str]:
        """Either may stand on a form, by the page's language."""
        return {self.consent_text, self.consent_text_en or self.consent_text}
