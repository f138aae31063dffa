"""The two seeded stores: who they are, what they sell, who buys."""

import json
import random
from pathlib import Path
from typing import Any

from scripts.sandbox.clock import DAY, Clock, day
from scripts.sandbox.config import Config
from scripts.sandbox.models import Coupon, Customer, Offer, Product, Store
from scripts.sandbox.numbers import Numbers
from scripts.sandbox.seed.trade import trade

HERE = Path(__file__).resolve().parent
OUD, KIDS = 1305146709, 847769313
STATUS_SLUGS = (
    "payment_pending", "under_review", "in_progress", "completed", "delivering", "delivered", "shipped", "canceled",
    "restored", "restoring",
)  # fmt: skip
PROFILES: list[dict[str, Any]] = [
    {
        "id": OUD, "username": "nafahat-najd", "name_ar": "نفحات نجد", "name_en": "Nafahat Najd",
        "about_ar": "عود وعطور وبخور من قلب الرياض.", "about_en": "Oud, perfume and incense from Riyadh.",
        "city": "الرياض", "plan": "pro", "kind": "perfumes", "colour": "#5b3a1e", "tint": "#f6efe6",
        "owner": "سعد الدوسري", "email": "owner@nafahat-najd.example", "mobile": "+966500000911", "people": "riyadh",
        "female": 0.5, "rate": 7,
    },
    {
        "id": KIDS, "username": "ghaima-kids", "name_ar": "غيمة صغيرة", "name_en": "Little Cloud",
        "about_ar": "ملابس أطفال قطنية تصل إلى باب بيتك في جدة.", "about_en": "Cotton children's clothes from Jeddah.",
        "city": "جدة", "plan": "plus", "kind": "children", "colour": "#1f6f8b", "tint": "#eaf6fa",
        "owner": "هند باوزير", "email": "owner@ghaima-kids.example", "mobile": "+966500000922", "people": "jeddah",
        "female": 0.8, "rate": 5,
    },
]  # fmt: skip


def seed_stores(config: Config, clock: Clock, source: random.Random, numbers: Numbers) -> dict[int, Store]:
    people = json.loads((HERE / "people.json").read_text("utf-8"))
    return {row["id"]: _store(row, people, config, clock, source, numbers) for row in PROFILES}


def catalogue(kind: str) -> dict[str, Any]:
    """The goods, categories and review texts of one kind of store."""
    loaded: dict[str, Any] = json.loads((HERE / f"{kind}.json").read_text("utf-8"))
    return loaded


def _store(
    row: dict[str, Any],
    people: dict[str, Any],
    config: Config,
    clock: Clock,
    source: random.Random,
    numbers: Numbers,
) -> Store:
    names = ("people", "female", "rate")
    now = clock.now()
    store = Store(owner_id=numbers.id(), created_at=now - 700 * DAY, **{k: v for k, v in row.items() if k not in names})
    store.status_ids = {slug: numbers.id() for slug in STATUS_SLUGS}
    goods = catalogue(store.kind)
    for index, entry in enumerate(goods["products"]):
        product = _product(entry, index, store, now, numbers)
        store.products[product.id] = product
    for index in range(config.customers):
        customer = _customer(index, row, people, now, source, numbers, config.history_days)
        store.customers[customer.id] = customer
    _marketing(store, now, numbers)
    trade(store, goods["reviews"], row["rate"], config, now, source, numbers)
    return store


def _product(entry: list[Any], index: int, store: Store, now: float, numbers: Numbers) -> Product:
    name_ar, name_en, category, shape, price, sale, cost, quantity, about_ar, about_en = entry
    return Product(
        id=numbers.id(), sku=f"{'NN' if store.kind == 'perfumes' else 'LC'}-{index + 1:03d}", name_ar=name_ar,
        name_en=name_en, about_ar=about_ar, about_en=about_en, category=category, shape=shape, price=float(price),
        sale_price=float(sale), cost=float(cost), quantity=quantity, weight=0.25 + (index % 5) * 0.15,
        updated_at=now - (90 - index) * DAY,
    )  # fmt: skip


def _customer(
    index: int,
    row: dict[str, Any],
    people: dict[str, Any],
    now: float,
    source: random.Random,
    numbers: Numbers,
    days: int,
) -> Customer:
    gender = "female" if source.random() < row["female"] else "male"
    first, first_en = source.choice(people[gender])
    last, last_en = source.choice(people["family"])
    cities, weights = zip(*people["cities"][row["people"]], strict=True)
    created = now - source.uniform(2, days + 240) * DAY
    store_digit = 1 if row["kind"] == "perfumes" else 2
    return Customer(
        id=numbers.id(), first_name=first, last_name=last,
        # 5 0 0 and the store's digit: invented numbers that are easy to tell apart on the phone page
        mobile=f"500{store_digit}{index:03d}{index % 8 + 20:02d}",
        email=f"{first_en}.{last_en}{index + 1}@{'mail' if index % 3 else 'bareed'}.example",
        gender=gender, city=source.choices(cities, weights)[0], location=source.choice(people["districts"]),
        created_at=created, updated_at=created, notifications=source.random() < 0.72,
        birthday=now - source.uniform(20, 55) * 365 * DAY if source.random() < 0.5 else None,
        language="en" if source.random() < 0.08 else "ar",
    )  # fmt: skip


def _marketing(store: Store, now: float, numbers: Numbers) -> None:
    rows = [("WELCOME10", "percentage", 10.0, 30.0), ("EID25", "fixed", 25.0, 0.0)]
    for code, kind, amount, most in rows:
        coupon = Coupon(
            id=numbers.id(), code=code, type=kind, amount=amount, maximum_amount=most, minimum_amount=100.0,
            expiry_date=_day_text(now + 90 * DAY), start_date=_day_text(now - 60 * DAY),
            created_at=now - 50 * DAY, updated_at=now - 50 * DAY,
        )  # fmt: skip
        store.coupons[coupon.id] = coupon
    for name, percent, least in (("شحن أوفر لطلبات الجملة", 5.0, 600.0), ("خصم نهاية الأسبوع", 10.0, 400.0)):
        offer = Offer(
            numbers.id(), name, "احصل على خصم {offer_percent}", percent, least, now - 20 * DAY, now + 40 * DAY
        )
        store.offers[offer.id] = offer


def _day_text(at: float) -> str:
    return f"{day(at)} 00:00:00"
