"""What Salla accepts as a coupon, and the Arabic words with which it refuses."""

import re
from typing import Any

from scripts.sandbox.clock import DAY, day, parse_store_time
from scripts.sandbox.models import Store
from scripts.sandbox.reading import integer, number, truth
from scripts.sandbox.shapes.coupons import RENAMED

TYPES = {"percentage": "percentage", "p": "percentage", "fixed": "fixed", "f": "fixed"}
METHODS = {
    "all", "apple_pay", "bank", "cod", "credit_card", "knet", "mada", "paypal", "spotii_pay", "stc_pay",
    "tabby_installment", "tamara_installment",
}  # fmt: skip
SUFFIX = re.compile(r"[A-Za-z]{1,5}")
REQUIRED = {
    "code": "كود الكوبون مطلوب",
    "type": "نوع الكوبون مطلوب",
    "amount": "سعر الكوبون مطلوب",
    "free_shipping": "حقل تطبيق الشحن مطلوب.",
    "exclude_sale_products": "حقل استثناء المنتجات المخفضة مطلوب.",
    "expiry_date": "حقل تاريخ نهاية التخفيض مطلوب.",
}
MARKETING = {
    "marketing_name": "يرجى اضافة اسم المسوق للكوبون",
    "marketing_type": " يرجى اضافة نوع كوبون التسويق",
    "marketing_amount": " يرجى اضافة نوع سعر التسويق",
}
OTHER_MARKETING = (
    "marketing_active", "marketing_maximum_amount", "marketing_hide_total_sales", "marketing_show_maximum_amount",
    "marketing_info",
)  # fmt: skip
SAME_CODE = "لقد قمت بتسجيل كوبون بنفس الاسم من قبل"
TOO_EARLY = "يجب أن يقع تاريخ انتهاء الكوبون فيما بعد تاريخ اليوم"
BOOLEANS = ("free_shipping", "exclude_sale_products", "is_apply_with_offer", "show_maximum_amount", "is_group")
MOST_GROUP_CODES = 10_000

Problems = dict[str, list[str]]


class Reader:
    """Reads one request; collects clean values and problems."""

    def __init__(self, given: dict[str, Any], store: Store, now: float, *, coupon_id: int | None) -> None:
        self.given, self.store, self.now, self.coupon_id = given, store, now, coupon_id
        self.clean: dict[str, Any] = {}
        self.problems: Problems = {}

    def problem(self, name: str, text: str) -> None:
        self.problems.setdefault(name, []).append(text)

    def has(self, name: str) -> bool:
        return self.given.get(name) not in (None, "")

    def read(self) -> None:
        if self.coupon_id is None:
            for name, text in REQUIRED.items():
                if not self.has(name):
                    self.problem(name, text)
        elif self.has("type") and not self.has("amount"):
            self.problem("amount", REQUIRED["amount"])
        self._code()
        self._type()
        self._money()
        self._counts()
        self._choices()
        self._dates()
        self._group()
        self._lists()
        self._marketing()

    def _code(self) -> None:
        if not self.has("code"):
            return
        code = str(self.given["code"]).strip()
        other = self.store.coupon_of(code)
        if other and other.id != self.coupon_id:
            self.problem("code", SAME_CODE)
        self.clean["code"] = code

    def _type(self) -> None:
        if not self.has("type"):
            return
        kind = TYPES.get(str(self.given["type"]).lower())
        if kind is None or str(self.given["type"]) in ("PERCENTAGE", "FIXED", "PERCENT"):
            self.problem("type", "نوع الكوبون غير صالح")
            return
        self.clean["type"] = kind
        if kind == "percentage" and self.coupon_id is None and not self.has("maximum_amount"):
            self.problem("maximum_amount", "حقل الحد الأعلى للخصم مطلوب عندما يكون نوع الكوبون نسبة")

    def _money(self) -> None:
        for name in ("amount", "maximum_amount", "minimum_amount"):
            if not self.has(name):
                continue
            value = number(self.given[name])
            if value is None or value < 0:
                self.problem(name, f"يجب أن يكون حقل {name} رقمًا")
            else:
                self.clean[name] = value
        if self.clean.get("type") == "percentage" and self.clean.get("amount", 0) > 100:
            self.problem("amount", "يجب ألا تتجاوز نسبة الخصم 100")

    def _counts(self) -> None:
        for name in ("usage_limit", "usage_limit_per_user", "group_coupons_count"):
            if name not in self.given:
                continue
            value = integer(self.given[name]) if self.has(name) else None
            if self.has(name) and (value is None or value < 0):
                self.problem(name, f"يجب أن يكون حقل {name} عددًا صحيحًا")
            self.clean[name] = value

    def _choices(self) -> None:
        for name in BOOLEANS:
            if not self.has(name):
                continue
            value = truth(self.given[name])
            if value is None:
                self.problem(name, f"يجب أن يكون حقل {name} صحيحًا أو خاطئًا")
            else:
                self.clean[name] = value
        for name, allowed in (("status", ("active", "inactive")), ("applied_in", ("all", "web", "app"))):
            if self.has(name):
                if self.given[name] not in allowed:
                    self.problem(name, f"حقل {name} غير صالحٍ")
                self.clean[name] = self.given[name]
        if "beneficiary_domain" in self.given:
            self.clean["beneficiary_domain"] = self.given["beneficiary_domain"] or None

    def _dates(self) -> None:
        moments: dict[str, float] = {}
        for name in ("start_date", "expiry_date"):
            if not self.has(name):
                continue
            text = str(self.given[name]).strip()
            try:
                moments[name] = parse_store_time(text)
            except ValueError:
                self.problem(name, f"حقل {name} ليس تاريخًا صحيحًا")
                continue
            self.clean[name] = text if len(text) > 10 else f"{text} 00:00:00"
        if "expiry_date" in moments and moments["expiry_date"] < parse_store_time(day(self.now)) + DAY:
            self.problem("expiry_date", TOO_EARLY)
        if len(moments) == 2 and moments["expiry_date"] < moments["start_date"]:
            self.problem("expiry_date", "يجب أن يكون تاريخ نهاية التخفيض بعد تاريخ البداية")

    def _group(self) -> None:
        if not truth(self.given.get("is_group", False)):
            return
        if not self.has("group_name"):
            self.problem("group_name", "اسم المجموعة مطلوب")
        if not 1 <= (self.clean.get("group_coupons_count") or 0) <= MOST_GROUP_CODES:
            self.problem("group_coupons_count", "عدد الكوبونات مطلوب")
        suffix = str(self.given.get("group_suffix") or "")
        if not SUFFIX.fullmatch(suffix):
            self.problem("group_suffix", "كود الكوبون يجب ان لا يتجاوز 5 حرفاً")
        self.clean["group_name"], self.clean["group_suffix"] = self.given.get("group_name"), suffix

    def _lists(self) -> None:
        lists: dict[str, list[str]] = {}
        for name in RENAMED:
            if name not in self.given:
                continue
            value = self.given[name]
            if not isinstance(value, list):
                self.problem(name, f"يجب أن يكون حقل {name} مصفوفة")
                continue
            lists[name] = [str(entry) for entry in value]
        if not set(lists.get("payment_methods", [])) <= METHODS:
            self.problem("payment_methods", "طريقة الدفع غير صالحة")
        if lists:
            self.clean["lists"] = lists

    def _marketing(self) -> None:
        active = truth(self.given.get("marketing_active", False))
        if active:
            for name, text in MARKETING.items():
                if not self.has(name):
                    self.problem(name, text)
        given = {name: self.given[name] for name in (*MARKETING, *OTHER_MARKETING) if name in self.given}
        if given:
            self.clean["marketing"] = {**given, "marketing_active": bool(active)}
            amount = given.get("marketing_amount")
            if amount is not None and number(amount) is None:
                self.problem("marketing_amount", MARKETING["marketing_amount"])
