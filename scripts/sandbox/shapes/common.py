"""What all shapes share: the point of view, money, labels of statuses."""

from dataclasses import dataclass
from typing import Any

from scripts.sandbox.models import Customer, Product, Store

CURRENCY = "SAR"
Json = dict[str, Any]

STATUSES: dict[str, tuple[int, str, str, str]] = {
    "payment_pending": (1473353380, "بإنتظار الدفع", "Payment pending", "#f55157"),
    "under_review": (566146469, "بإنتظار المراجعة", "Under review", "#f5a623"),
    "in_progress": (1939592358, "قيد التنفيذ", "In progress", "#5f9ea0"),
    "completed": (1298199463, "تم التنفيذ", "Completed", "#58C9B9"),
    "delivering": (349994915, "جاري التوصيل", "Out for delivery", "#4a90e2"),
    "delivered": (1723506348, "تم التوصيل", "Delivered", "#58C9B9"),
    "shipped": (814202285, "تم الشحن", "Shipped", "#4a90e2"),
    "canceled": (525144736, "ملغي", "Canceled", "#9b9b9b"),
    "restored": (989286562, "مسترجع", "Restored", "#9b9b9b"),
    "restoring": (1548352431, "قيد الإسترجاع", "Restoring", "#9b9b9b"),
}
CHILDREN = ("delivering", "delivered", "shipped")
METHOD_NAMES: dict[str, tuple[int, str]] = {
    "credit_card": (1473353380, "creditCard"), "paypal": (1939592358, "paypal"), "mada": (1298199463, "mada"),
    "free": (525144736, "free"), "bank": (1764372897, "BankTransfer"), "cod": (989286562, "COD"),
    "apple_pay": (349994915, "ApplePay"), "stc_pay": (1723506348, "StcPay"),
    "tamara_installment": (814202285, "TamaraInstallment"), "tabby_installment": (40688814, "TabbyInstallment"),
}  # fmt: skip


@dataclass(frozen=True)
class Lens:
    """From where a thing is looked at: which store, which host, which language, at what time."""

    store: Store
    base: str
    now: float
    language: str = "ar"

    @property
    def domain(self) -> str:
        return f"{self.base}/store/{self.store.id}"

    @property
    def admin(self) -> str:
        return f"{self.base}/console/store/{self.store.id}"

    def picture(self, product: Product) -> str:
        return f"{self.base}/media/{self.store.id}/{product.id}.svg"

    def product_url(self, product: Product) -> str:
        return f"{self.domain}/p{product.id}"

    def avatar(self, customer: Customer) -> str:
        return f"{self.base}/static/avatar_{customer.gender}.svg"


def plain_number(value: float) -> float:
    """An int where PHP would print one."""
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def money(value: float) -> Json:
    return {"amount": plain_number(value), "currency": CURRENCY}


def maybe_money(value: float | None) -> Json | None:
    return None if value is None else money(value)


def tax(amount: float, percent: str = "15.00") -> Json:
    return {"percent": percent, "amount": money(amount)}


def status_name(slug: str, language: str = "ar") -> str:
    _, arabic, english, _ = STATUSES[slug]
    return english if language == "en" else arabic


def status(lens: Lens, slug: str) -> Json:
    """An order's status with the store's own (customised) one inside."""
    return {
        "id": STATUSES[slug][0],
        "name": status_name(slug, lens.language),
        "slug": slug,
        "customized": {"id": lens.store.status_ids[slug], "name": status_name(slug, lens.language)},
    }


def arabic_weight(kilograms: float) -> str:
    """A label in Arabic digits, as `٠٫٢٥ كجم`."""
    text = f"{plain_number(kilograms)}".translate(str.maketrans("0123456789.", "٠١٢٣٤٥٦٧٨٩٫"))
    return f"{text} كجم"
