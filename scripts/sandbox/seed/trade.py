"""Sixty days of invented orders, left carts and reviews."""

import random

from scripts.sandbox.clock import DAY
from scripts.sandbox.config import Config
from scripts.sandbox.models import Cart, Customer, Discount, Line, Order, Product, Review, Step, Store
from scripts.sandbox.numbers import Numbers

METHODS = [
    ("mada", 30), ("apple_pay", 26), ("tabby_installment", 11), ("tamara_installment", 9), ("credit_card", 8),
    ("stc_pay", 5), ("cod", 8), ("bank", 3),
]  # fmt: skip
SOURCES = [
    ("direct", None, 46), ("utm_source", "snapchat", 18), ("utm_source", "instagram", 14), ("utm_source", "tiktok", 10),
    ("utm_source", "google", 8), ("utm_source", "whatsapp", 4),
]  # fmt: skip
NOTES = {
    "payment_pending": "في انتظار الدفع", "under_review": "الطلب تحت المراجعة", "in_progress": "الطلب قيد التنفيذ",
    "completed": "تم إرسال تفاصيل الطلب إلى بريد العميل", "delivering": "الطلب مع المندوب",
    "delivered": "تم تسليم الطلب", "shipped": "تم شحن الطلب", "canceled": "تم إلغاء الطلب",
    "restored": "تم استرجاع الطلب", "restoring": "جاري استرجاع الطلب",
}  # fmt: skip
HOURS = [1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 7, 7, 8, 9, 10, 10, 8, 4]


class Trade:
    """The makers of one store's past."""

    def __init__(self, store: Store, source: random.Random, numbers: Numbers, now: float) -> None:
        self.store, self.source, self.numbers, self.now = store, source, numbers, now
        self.people = list(store.customers.values())
        self.goods = list(store.products.values())
        self.popularity = [1 / (rank + 2) for rank in range(len(self.goods))]

    def lines(self) -> list[Line]:
        picked: dict[int, Product] = {}
        for product in self.source.choices(
            self.goods, self.popularity, k=self.source.choices((1, 2, 3), (60, 28, 12))[0]
        ):
            picked[product.id] = product
        return [
            Line(self.numbers.id(), p.id, self.source.choices((1, 2, 3), (80, 15, 5))[0], p.now_price)
            for p in picked.values()
        ]

    def moment(self, days_ago: int) -> float:
        hour = self.source.choices(range(24), HOURS)[0]
        midnight = self.now - self.now % DAY - 3 * 3600
        at = midnight - days_ago * DAY + hour * 3600 + self.source.randrange(3600)
        return min(at, self.now - self.source.randrange(300, 7200))

    def person(self, before: float) -> Customer:
        known = [p for p in self.people if p.created_at < before]
        return self.source.choice(known or self.people)

    def order(self, at: float) -> Order:
        customer, method = self.person(at), self.source.choices(*zip(*METHODS, strict=True))[0]
        kind, value, _ = self.source.choices(SOURCES, [weight for *_, weight in SOURCES])[0]
        order = Order(
            id=self.numbers.id(), reference_id=self.numbers.reference(), checkout_id=self.numbers.id(),
            token=self.numbers.token(), customer_id=customer.id, lines=self.lines(), payment_method=str(method),
            created_at=at, updated_at=at, shipping_cost=25.0, cart_id=self.numbers.id(), read=True,
            source_type=kind, source_value=value, device="desktop" if self.source.random() < 0.18 else "mobile",
            ip=f"192.0.2.{self.source.randrange(1, 250)}", cod_cost=15.0 if method == "cod" else 0.0,
        )  # fmt: skip
        if order.sub_total >= 300:
            order.shipping_cost = 0.0
        self._discount(order, customer)
        self._fate(order)
        customer.updated_at = max(customer.updated_at, order.created_at)
        return order

    def _discount(self, order: Order, customer: Customer) -> None:
        if order.sub_total < 100 or self.source.random() > 0.16:
            return
        coupon = self.source.choice(list(self.store.coupons.values()))
        amount = order.sub_total * coupon.amount / 100 if coupon.type == "percentage" else coupon.amount
        amount = round(min(amount, coupon.maximum_amount or amount), 2)
        order.discounts.append(Discount(f"كوبون {coupon.code}", "normal", coupon.code, amount))
        coupon.used_by.append((coupon.code, customer.id, order.total))

    def _fate(self, order: Order) -> None:
        """The steps an order of this age went through."""
        age = self.now - order.created_at
        roll = self.source.random()
        path = ["under_review", "in_progress", "shipped", "delivering", "delivered", "completed"]
        if roll < 0.07:
            path = ["under_review", "canceled"]
        elif roll < 0.11:
            path = ["under_review", "in_progress", "shipped", "delivered", "restoring", "restored"]
        elif order.payment_method == "bank" and age < 2 * DAY:
            path = ["payment_pending"]
            order.paid, order.pending_until = False, order.created_at + 2 * DAY
        at = order.created_at
        for slug in path:
            if at > self.now:
                break
            order.history.append(Step(self.numbers.activity(), slug, NOTES[slug], at))
            order.status, order.updated_at = slug, at
            at += self.source.uniform(3, 22) * 3600
        if order.payment_method == "cod":
            order.paid = order.status in ("delivered", "completed")

    def cart(self, at: float) -> Cart:
        customer = self.person(at)
        bought = self.source.random() < 0.22
        return Cart(
            id=self.numbers.id(), customer_id=customer.id, lines=self.lines(), created_at=at, updated_at=at + 300,
            abandoned_at=at + 3600, status="purchased" if bought else "active",
            coupon="WELCOME10" if self.source.random() < 0.12 else "",
        )  # fmt: skip

    def review(self, order: Order, text: str) -> Review:
        line = self.source.choice(order.lines)
        rating = self.source.choices((5, 4, 3, 2), (66, 22, 8, 4))[0]
        product = self.store.products[line.product_id]
        product.rating_total += rating
        product.rating_count += 1
        at = min(order.updated_at + self.source.uniform(1, 4) * DAY, self.now - 600)
        return Review(
            self.numbers.id(), product.id, order.id, order.customer_id, rating, text, at,
            is_published=rating > 2,
        )  # fmt: skip


def _share(total: int, part: int, parts: int) -> int:
    """Of `total` spread evenly over `parts`."""
    return total * (part + 1) // parts - total * part // parts


def trade(
    store: Store,
    texts: list[str],
    per_day: int,
    config: Config,
    now: float,
    source: random.Random,
    numbers: Numbers,
) -> None:
    """Fill the store with orders, carts and reviews up to an hour ago."""
    maker = Trade(store, source, numbers, now)
    days = config.history_days
    for days_ago in range(days, -1, -1):
        weekend = 1.4 if int(now // DAY - days_ago) % 7 in (0, 1) else 1.0
        count = round(per_day * weekend * source.uniform(0.6, 1.4))
        if config.orders:
            count = _share(config.orders, days - days_ago, days + 1)
        moments = sorted(maker.moment(days_ago) for _ in range(count))
        for at in moments:
            order = maker.order(at)
            store.orders[order.id] = order
            for line in order.lines:
                store.products[line.product_id].sold += line.quantity
                store.products[line.product_id].views += source.randrange(15, 40)
        for _ in range(source.randrange(1, 4)):
            cart = maker.cart(maker.moment(days_ago))
            store.carts[cart.id] = cart
    finished = [o for o in store.orders.values() if o.status in ("delivered", "completed")]
    for order in source.sample(finished, min(len(finished), 48)):
        review = maker.review(order, source.choice(texts))
        store.reviews[review.id] = review
