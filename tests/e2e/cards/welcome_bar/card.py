"""Every kind of control, five of them at once and the others behind "Advanced options"."""

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _

from core import schema
from features.registry import Card, Category, register


class Settings(schema.Settings):
    text: str = schema.field(
        _("Free delivery for orders above 200 riyals"),
        label=_("Text of the bar"),
        help_text=_("One line is read by more people than two."),
        min_length=1,
        max_length=80,
        public=True,
    )
    position: Literal["top", "bottom"] = schema.field(
        "top", label=_("Position"), choices={"top": _("Above the page"), "bottom": _("Below the page")}, public=True
    )
    color: schema.Color = schema.field("#004d5b", label=_("Colour"), public=True)
    delay_seconds: int = schema.field(5, label=_("Seconds until it appears"), ge=5, le=600, public=True)
    is_closable: bool = schema.field(True, label=_("Shoppers can close it"), public=True)
    link: schema.HttpsUrl | None = schema.field(None, label=_("Leads to"), public=True)
    pages: list[Literal["home", "product", "cart"]] = schema.field(
        ["home"],
        label=_("Pages"),
        choices={"home": _("Home page"), "product": _("Product pages"), "cart": _("Cart")},
        public=True,
    )
    note: str = schema.field("", label=_("Note for the team"), max_length=200, widget=forms.Textarea)


CARD = register(
    Card(
        slug="welcome_bar",
        name=_("Announcement bar"),
        summary=_("One line above every page of the shop."),
        icon="★",
        category=Category.IN_STORE,
        settings=Settings,
    )
)
