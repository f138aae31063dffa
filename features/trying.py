"""«Try my store»: a signed link into the merchant's own shop, and what a strip there says of each of his cards."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core import signing
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Merchant
from core.schema_errors import Text
from features import registry, storefront
from features.registry import Card
from features.selectors import language_of, withheld
from integrations.selectors import is_installed

PARAMETER = "nomo_try"
# As long as somebody looks round his shop. Only the link's holder, and only of this store, is told anything.
LASTS_SECONDS = 2 * 3600
_SALT = "features.trying"

# What keeps a card away in the browser, by the names that static/js/storefront/rules.js and the loader give it.
WORDS: dict[str, Text] = {
    "": gettext_lazy("Shown."),
    "unread": gettext_lazy("Not here yet: load the page again in a minute."),
    "ready": gettext_lazy("Ready: it comes up when it has something to show."),
    "closed": gettext_lazy("Closed in this visit."),
    "away": gettext_lazy("The store's browser policy keeps its file out, or the connection failed."),
    "failed": gettext_lazy("It failed on this page. The store goes on without it."),
    "starts_at": gettext_lazy("Scheduled: its time has not come yet."),
    "ends_at": gettext_lazy("Scheduled: its time is over."),
    "pages": gettext_lazy("Not on this kind of page."),
    "devices": gettext_lazy("Not on this kind of device."),
    "visitors": gettext_lazy("New and returning shoppers: not for this visit."),
    "login": gettext_lazy("Signed in or guest: not for this visit."),
    "utm_source": gettext_lazy("Only for visits from other sources."),
    "frequency_days": gettext_lazy("Closed or used here some days ago, and not yet back."),
    "cart_minimum": gettext_lazy("Waits until the cart is large enough."),
    "cart_maximum": gettext_lazy("Waits until the cart is small enough."),
    "coupon": gettext_lazy("Not for a cart with this coupon, or without one."),
    "time": gettext_lazy("Waits for its seconds on the page."),
    "scroll": gettext_lazy("Waits until enough of the page was scrolled."),
    "exit": gettext_lazy("Waits until the shopper is about to leave."),
    "idle": gettext_lazy("Waits until nothing was touched for a while."),
    "cart": gettext_lazy("Waits until the cart reaches its amount."),
    "product": gettext_lazy("Waits until enough products were viewed."),
    "is_shadow": gettext_lazy("Shadow mode: it would have come up here, and shoppers see nothing."),
}


def link(merchant: Merchant) -> str | None:
    """To the shop's first page, good for LASTS_SECONDS; None for a store whose address we do not know."""
    try:
        address = urlsplit(merchant.address)
    except ValueError:
        return None
    if address.scheme not in {"https", "http"} or not address.hostname:
        return None
    token = signing.dumps(merchant.salla_id, salt=_SALT)
    return address._replace(query=urlencode({PARAMETER: token}), fragment="").geturl()


def told(salla_id: int, *, token: str) -> dict[str, Any] | None:
    """What the strip needs, in the store's language; None for a link that is not this store's, or no longer good."""
    try:
        is_good = signing.loads(token, salt=_SALT, max_age=LASTS_SECONDS) == salla_id
    except signing.BadSignature:
        return None
    merchant = Merchant.objects.filter(salla_id=salla_id).first() if is_good else None
    if merchant is None or not is_installed(merchant):
        return None
    language = language_of(merchant)
    with translation.override(language):
        return {
            "module": storefront.module_url("try"),
            "lang": language,
            "dir": "rtl" if translation.get_language_bidi() else "ltr",
            "title": _("Your store, as you try it"),
            "note": _("Nothing that you do in this browser is counted."),
            "close": _("Close"),
            "words": {name: str(text) for name, text in WORDS.items()},
            "cards": _cards(merchant),
        }


def _cards(merchant: Merchant) -> list[dict[str, str]]:
    """Those that shoppers see; `why` is empty where it is the browser that decides."""
    on = set(merchant.features.filter(is_on=True).values_list("slug", flat=True))
    reason = _("Nomo Flow is paused in all stores just now.") if settings.STOREFRONT_OFF else withheld(merchant)
    shown = [card for card in registry.cards() if storefront.widget_url(card.slug)]
    return [
        {
            "slug": card.slug,
            "name": str(card.name),
            "why": str(reason or _why_not(merchant, card, is_on=card.slug in on)),
        }
        for card in shown
    ]


def _why_not(merchant: Merchant, card: Card[Any], *, is_on: bool) -> Text:
    if missing := card.missing(merchant):
        return missing
    return "" if is_on else _("Off. Turn it on in “My tools”.")
