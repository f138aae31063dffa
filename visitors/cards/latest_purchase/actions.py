"""What the widget may ask: the latest purchases, with nothing in the answer that is not shown."""

import json
from datetime import date, timedelta
from typing import Any

from django.utils.crypto import salted_hmac

from core import addresses
from core.memory import Memory
from core.models import Merchant
from features.registry import Asker
from integrations.models import Product
from visitors.cards.latest_purchase.purchases import Purchase, survey
from visitors.cards.latest_purchase.settings import Settings

# Minutes that the age of an order younger than an hour is rounded down to; 0 is told as "just now".
STEPS = (0, 5, 10, 15, 20, 30, 45)
# How long a process may go on with an answer that an order or the settings have changed.
MEMORY_SECONDS = 5.0
ANSWERS_REMEMBERED = 1_000
KEY_LETTERS = 12
# More than a page shows, since the widget skips what this shopper bought himself or has already seen.
SPARE = 5

# By store, language and settings.
_answers: Memory[tuple[int, str, str], dict[str, Any]] = Memory(seconds=MEMORY_SECONDS, most=ANSWERS_REMEMBERED)


def recent(merchant: Merchant, *, settings: Settings, data: Any, asker: Asker) -> dict[str, Any]:
    """What a page may show and a few more, newest first, their places in the shopper's language."""
    language = "ar" if not isinstance(data, dict) or data.get("lang", "ar") == "ar" else "en"
    key = (merchant.pk, language, json.dumps(settings.dump(), sort_keys=True))
    return _answers.get(key) or _answers.put(key, answer(merchant, settings, language))


def answer(merchant: Merchant, settings: Settings, language: str) -> dict[str, Any]:
    purchases = survey(merchant, settings).purchases[: settings.max_items + SPARE]
    day = merchant.today
    return {"purchases": [told(each, settings, language, day) for each in purchases]}


def told(purchase: Purchase, settings: Settings, language: str, day: date) -> dict[str, Any]:
    """One purchase as a shopper sees it."""
    return line(
        purchase.product,
        key=_key(purchase, settings, day),
        who=_first_name(purchase) if settings.show_first_name else "",
        place=_place(purchase, language) if settings.show_place else "",
        age=purchase.age,
    )


def line(product: Product, *, key: str, who: str, place: str, age: timedelta) -> dict[str, Any]:
    """What the widget gets of one purchase. A name never stands beside a place."""
    return {
        "key": key,
        "id": product.salla_id,
        "product": product.name,
        "url": product.url,
        "image": addresses.web(product.image_url),
        "place": "" if who else place,
        "who": who,
        "age": rounded(age),
    }


def _key(purchase: Purchase, settings: Settings, day: date) -> str:
    """It only tells one purchase from another: nobody can make an order's number of it.

    Another one each day, so that nobody can follow an order; a visit that goes on past midnight may see one again.
    Another one for each choice of name and place, so that the two cannot be joined by it when the merchant changes it.
    """
    order = purchase.order
    text = f"{order.merchant_id}:{order.salla_id}:{day}:{settings.show_first_name}:{settings.show_place}"
    return salted_hmac("latest_purchase", text, algorithm="sha256").hexdigest()[:KEY_LETTERS]


def rounded(age: timedelta) -> dict[str, Any]:
    """Down to one of STEPS, then to whole hours, then days: no answer tells the exact moment, it is the shopper's own.

    An order is not held back, so whoever asks all the time still learns when it first came.
    """
    minutes = int(age.total_seconds() // 60)
    if minutes < 60:
        return {"unit": "minute", "count": max(step for step in STEPS if step <= minutes)}
    hours = minutes // 60
    return {"unit": "hour", "count": hours} if hours < 24 else {"unit": "day", "count": hours // 24}


def _place(purchase: Purchase, language: str) -> str:
    """A city only in a crowd; its region else."""
    if purchase.city is None:
        return ""
    return (purchase.city.names if purchase.is_city_shown else purchase.city.region)[language]


def _first_name(purchase: Purchase) -> str:
    """The first word of a name, if it is one."""
    customer = purchase.order.customer
    first = (customer.name if customer else "").split(" ")[0]
    return first if 2 <= len(first) <= 20 and first.isalpha() else ""
