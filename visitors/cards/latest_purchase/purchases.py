"""Which purchases may be shown, with which place, and why the others may not. True, recent, and nobody's secret.

Whether an order is certain is `Order.is_confirmed`'s rule.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from urllib.parse import urlsplit

from core import clock
from core.models import Merchant
from integrations.models import Order, Product
from visitors.cards.latest_purchase import places, sensitive
from visitors.cards.latest_purchase.places import City
from visitors.cards.latest_purchase.settings import Settings

# The newest of the window; a city's count is of these, so that it is never too high.
ORDERS_READ = 500
SALLA_HOST = "salla.sa"


class Reason(Enum):
    """Why an order is not shown."""

    UNPAID = "unpaid"
    GONE = "gone"
    EXCLUDED = "excluded"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Purchase:
    """One order, by the one product of it that is shown."""

    order: Order
    product: Product
    age: timedelta
    city: City | None
    is_city_shown: bool


@dataclass(frozen=True)
class Survey:
    """The orders of the window, newest first, judged."""

    purchases: list[Purchase]
    reasons: Counter[Reason]


def survey(merchant: Merchant, settings: Settings) -> Survey:
    """Two queries."""
    now = clock.now()
    since = now - timedelta(hours=settings.window_hours)
    rows = merchant.orders.filter(placed_at__gt=since, placed_at__lte=now).select_related("customer")
    orders = list(rows.order_by("-placed_at", "-pk")[:ORDERS_READ])
    products = _products(merchant, orders)
    cities = {order.pk: places.find(order.city, order.country) for order in orders if order.is_confirmed}
    counts = Counter(city for city in cities.values() if city is not None)
    purchases, reasons = [], Counter[Reason]()
    for order in orders:
        found = _judge(merchant, settings, order, products)
        if isinstance(found, Reason):
            reasons[found] += 1
            continue
        city = cities[order.pk]
        is_city_shown = city is not None and counts[city] >= settings.city_minimum
        purchases.append(Purchase(order, found, now - (order.placed_at or now), city, is_city_shown))
    return Survey(purchases, reasons)


def _products(merchant: Merchant, orders: Iterable[Order]) -> dict[int, Product]:
    ids = {item["product_id"] for order in orders for item in order.items if "product_id" in item}
    return {product.salla_id: product for product in merchant.products.filter(salla_id__in=ids)}


def _judge(merchant: Merchant, settings: Settings, order: Order, products: dict[int, Product]) -> Product | Reason:
    """The first product of the order that may be seen, or why there is none."""
    if order.is_deleted or order.is_draft or order.is_refunded or order.is_canceled:
        return Reason.GONE
    if not order.is_confirmed:
        return Reason.UNPAID
    reason = Reason.UNAVAILABLE
    for item in order.items:
        product = products.get(item.get("product_id", 0))
        if product is None or not is_for_sale(merchant, product):
            continue
        if not is_excluded(settings, product):
            return product
        reason = Reason.EXCLUDED
    return reason


def is_for_sale(merchant: Merchant, product: Product) -> bool:
    """It can be bought now, at its own address in this store."""
    return (
        product.status == Product.Status.SALE
        and not product.is_deleted
        and product.is_available is not False
        and product.quantity != 0
        and bool(product.name)
        and _is_own_address(merchant, product.url)
    )


def is_excluded(settings: Settings, product: Product) -> bool:
    """By the words of this product or by its numbers; the merchant's words are added to ours."""
    texts = [product.name, *product.category_names]
    wishes = settings.excluded_words
    if {product.sku.casefold(), str(product.salla_id)} & {wish.casefold() for wish in wishes}:
        return True
    return sensitive.is_sensitive(texts) or sensitive.names_any(texts, wishes)


def _is_own_address(merchant: Merchant, url: str) -> bool:
    """At the store's domain, or at Salla's before it had one."""
    host = _host(url)
    if host is None or urlsplit(url).scheme not in {"https", "http"}:
        return False
    is_at_salla = host == SALLA_HOST or host.endswith(f".{SALLA_HOST}")
    return is_at_salla or host == _host(merchant.address)


def _host(address: str) -> str | None:
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host else None
