"""What the merchant sees of the card: a preview on his own products, and why shoppers see what they see."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from core.models import Merchant
from features.registry import Sample
from integrations.models import Product
from visitors.cards.latest_purchase import actions, purchases
from visitors.cards.latest_purchase.purchases import Reason
from visitors.cards.latest_purchase.settings import Settings

EXAMPLE_MINUTES = 10
PRODUCTS_READ = 50
KEPT_BACK: dict[Reason, Any] = {
    Reason.UNPAID: ngettext_lazy("%(count)s is not paid yet.", "%(count)s are not paid yet.", "count"),
    Reason.GONE: ngettext_lazy(
        "%(count)s was cancelled, refunded or deleted.", "%(count)s were cancelled, refunded or deleted.", "count"
    ),
    Reason.EXCLUDED: ngettext_lazy(
        "%(count)s has only products that are never shown.",
        "%(count)s have only products that are never shown.",
        "count",
    ),
    Reason.UNAVAILABLE: ngettext_lazy(
        "%(count)s has no product that can still be bought.",
        "%(count)s have no product that can still be bought.",
        "count",
    ),
}


def sample(merchant: Merchant, settings: Settings, language: str) -> Sample:
    """What shoppers get now; where that is nothing, an example with a product of his."""
    now = actions.answer(merchant, settings, language)
    if now["purchases"]:
        return Sample({"recent": now})
    product = _a_product(merchant, settings)
    return Sample({"recent": {"purchases": [_example(product, settings, language)] if product else []}}, True)


def _a_product(merchant: Merchant, settings: Settings) -> Product | None:
    rows = merchant.products.filter(status=Product.Status.SALE, is_deleted=False).order_by("-source_updated_at")
    fitting = (
        product
        for product in rows[:PRODUCTS_READ]
        if purchases.is_for_sale(merchant, product) and not purchases.is_excluded(settings, product)
    )
    return next(fitting, None)


def _example(product: Product, settings: Settings, language: str) -> dict[str, Any]:
    names, places = {"ar": "نورة", "en": "Noura"}, {"ar": "القصيم", "en": "Qassim"}
    return actions.line(
        product,
        key="example",
        who=names[language] if settings.show_first_name else "",
        place=places[language] if settings.show_place else "",
        age=timedelta(minutes=EXAMPLE_MINUTES),
    )


def health(merchant: Merchant, settings: Settings) -> list[str]:
    """How many purchases shoppers may see, and what keeps the others back."""
    found = purchases.survey(merchant, settings)
    shown, window = len(found.purchases), _hours(settings.window_hours)
    if shown:
        text = ngettext(
            "%(count)s order of the last %(window)s is shown.",
            "%(count)s orders of the last %(window)s are shown.",
            shown,
        )
        return [text % {"count": shown, "window": window}, *_kept_back(found)]
    if not found.reasons:
        return [_("Nothing is shown: there was no order in the last %(window)s.") % {"window": window}]
    return [_("No order of the last %(window)s may be shown.") % {"window": window}, *_kept_back(found)]


def _hours(count: int) -> str:
    return ngettext("%(count)s hour", "%(count)s hours", count) % {"count": count}


def _kept_back(found: purchases.Survey) -> Iterator[str]:
    for reason, words in KEPT_BACK.items():
        if count := found.reasons[reason]:
            yield words % {"count": count}
