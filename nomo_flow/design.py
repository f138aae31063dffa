"""What the living page shows: the words of a shop in both languages, and forms in each of their states.

Samples are no text of the product, so they are not in the catalogue.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import override

SAMPLE_TIME = datetime(2026, 11, 22, 13, 5, tzinfo=UTC)
ERROR_PAGES = ("400", "403", "403_csrf", "404", "500")
TOKENS = (
    "bg", "surface", "sunken", "text", "muted", "edge", "primary", "secondary", "tint", "success", "warning", "danger",
)  # fmt: skip


@dataclass(frozen=True)
class Words:
    """One language of the samples."""

    code: str
    direction: str
    texts: dict[str, str]
    steps: tuple[str, ...]
    positions: tuple[str, ...]
    products: tuple[str, ...]
    days: tuple[str, ...]


ARABIC = Words(
    code="ar",
    direction="rtl",
    texts={
        "heading": "آخر المشتريات",
        "body": "يعرض لزائر متجرك آخر طلب حقيقي مدفوع، بلا أسماء، ومن المدينة فقط إن كثرت طلباتها.",
        "save": "حفظ ونشر",
        "preview": "معاينة",
        "remove": "حذف الأداة",
        "more": "خيارات متقدّمة",
        "running": "يعمل",
        "needs_setup": "يحتاج إعدادًا",
        "paused": "أُوقف تلقائيًا",
        "draft": "مسودة",
        "on": "تفعيل آخر المشتريات",
        "off": "تفعيل كوبون خصم",
        "tabs": "أقسام الأداة",
        "settings": "الإعدادات",
        "history": "النسخ السابقة",
        "result": "النتائج",
        "ask": "حذف الأداة من متجرك؟",
        "ask_more": "تختفي من متجرك خلال دقيقة، وتبقى نتائجها في التقارير.",
        "saved": "حُفظت التغييرات، وتظهر في متجرك خلال دقيقة.",
        "token": "لم نتمكن من الوصول إلى واتساب: انتهت صلاحية الربط.",
        "limit": "بقي 12 كودًا في رصيد الأكواد.",
        "told": "آخر ظهور للسكربت قبل دقيقتين.",
        "import": "نقل طلبات آخر 60 يومًا",
        "empty": "لا توجد طلبات بعد",
        "empty_more": "حين يصل أول طلب مدفوع إلى متجرك يظهر هنا.",
        "empty_action": "جرّب متجري",
        "chart": "الطلبات في آخر 7 أيام",
        "orders": "آخر الطلبات",
        "product": "المنتج",
        "code": "الكود",
        "when": "وقت الطلب",
        "total": "المبلغ",
        "visits": "الزيارات",
        "touched": "مبيعات مرتبطة",
        "cost": "التكلفة",
        "form_title": "عنوان النافذة",
        "form_help": "يظهر أعلى النافذة. مثال: «اشترك ووفّر 10٪».",
        "form_delay": "تظهر بعد (ثانية)",
        "form_email": "بريد التنبيهات",
        "form_position": "مكان الظهور",
        "form_shy": "إخفاؤها عن الزوّار العائدين",
        "form_color": "لون الزر",
        "form_note": "نص الموافقة",
        "form_pages": "الصفحات",
        "error_delay": "اكتب رقمًا بين 5 و120.",
        "error_email": "اكتب بريدًا إلكترونيًا صحيحًا.",
        "typed": "خمسة",
    },
    steps=("ربط المتجر", "ظهور السكربت", "تفعيل أول أداة", "ربط أول قناة رسائل"),
    positions=("بداية الصفحة", "نهاية الصفحة"),
    products=("عطر العود الملكي 100 مل", "بخور كمبودي فاخر", "Dior Sauvage عطر"),
    days=("الأحد", "الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت"),
)
ENGLISH = Words(
    code="en",
    direction="ltr",
    texts={
        "heading": "Latest purchase",
        "body": "Shows the latest real, paid order, without names, and with its city only if many come from it.",
        "save": "Save and publish",
        "preview": "Preview",
        "remove": "Remove the card",
        "more": "Advanced options",
        "running": "Running",
        "needs_setup": "Needs set-up",
        "paused": "Auto-paused",
        "draft": "Draft",
        "on": "Turn on Latest purchase",
        "off": "Turn on Discount coupon",
        "tabs": "Parts of the card",
        "settings": "Settings",
        "history": "Versions",
        "result": "Results",
        "ask": "Remove the card from your store?",
        "ask_more": "It is gone from your store within a minute; its results stay in the reports.",
        "saved": "Saved. Your store shows it within a minute.",
        "token": "WhatsApp refused us: the connection has expired.",
        "limit": "12 codes are left in the code pool.",
        "told": "Script last seen 2 minutes ago.",
        "import": "Copying the orders of the last 60 days",
        "empty": "No orders yet",
        "empty_more": "The first paid order of your store will stand here.",
        "empty_action": "Try my store",
        "chart": "Orders in the last 7 days",
        "orders": "Latest orders",
        "product": "Product",
        "code": "Code",
        "when": "Ordered",
        "total": "Total",
        "visits": "Visits",
        "touched": "Touched sales",
        "cost": "Cost",
        "form_title": "Title of the window",
        "form_help": "Stands at its top. For example “Subscribe and save 10%”.",
        "form_delay": "Shown after (seconds)",
        "form_email": "E-mail for alerts",
        "form_position": "Position",
        "form_shy": "Hide it from returning visitors",
        "form_color": "Colour of the button",
        "form_note": "Consent text",
        "form_pages": "Pages",
        "error_delay": "Write a number from 5 to 120.",
        "error_email": "Write a valid e-mail address.",
        "typed": "five",
    },
    steps=("Connect the store", "Script seen", "First card on", "First channel connected"),
    positions=("Start of the page", "End of the page"),
    products=("Royal oud 100 ml", "Cambodian incense", "عطر Dior Sauvage"),
    days=("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"),
)


def sample_form(words: Words, *, is_wrong: bool) -> forms.Form:
    """One field of each kind; `is_wrong` shows it as it comes back to who mistyped."""
    texts, positions = words.texts, [(str(place), name) for place, name in enumerate(words.positions)]
    fields: dict[str, forms.Field] = {
        "title": forms.CharField(label=texts["form_title"], help_text=texts["form_help"]),
        "delay": forms.IntegerField(
            label=texts["form_delay"],
            widget=forms.TextInput({"inputmode": "numeric"}),
            error_messages={"invalid": texts["error_delay"]},
        ),
        "email": forms.EmailField(
            label=texts["form_email"],
            required=False,
            widget=forms.EmailInput({"dir": "ltr", "autocomplete": "email"}),
            error_messages={"invalid": texts["error_email"]},
        ),
        "position": forms.ChoiceField(label=texts["form_position"], choices=positions),
        "shy": forms.BooleanField(label=texts["form_shy"], required=False),
        "color": forms.CharField(label=texts["form_color"], widget=forms.ColorInput()),
        "note": forms.CharField(label=texts["form_note"], required=False, widget=forms.Textarea({"rows": 3})),
        "pages": forms.MultipleChoiceField(
            label=texts["form_pages"],
            required=False,
            choices=list(enumerate(words.products)),
            widget=forms.CheckboxSelectMultiple,
        ),
    }
    kind: Any = type("SampleForm", (forms.Form,), fields)
    values = {"title": texts["heading"], "shy": True, "color": "#004d5b", "note": texts["body"], "pages": ["0"]}
    wrong = {**values, "delay": texts["typed"], "email": "noura@", "position": "0"}
    options = {"auto_id": f"{words.code}_{'wrong' if is_wrong else 'calm'}_%s"}
    form: forms.Form = kind(wrong, **options) if is_wrong else kind(initial={**values, "delay": 15}, **options)
    return form


def sample(words: Words) -> dict[str, Any]:
    amounts = (Decimal("1234.50"), Decimal(89), Decimal("0.75"))
    codes = ("NOMO-7F3K-٢٠", "شتاء2026", "WELCOME10")
    rows = [
        {"product": product, "code": code, "when": SAMPLE_TIME - timedelta(hours=7 * place), "total": total}
        for place, (product, code, total) in enumerate(zip(words.products, codes, amounts, strict=True))
    ]
    steps = [{"label": label, "is_done": place < 2} for place, label in enumerate(words.steps)]
    return {
        "language": words.code,
        "direction": words.direction,
        "t": words.texts,
        "calm": sample_form(words, is_wrong=False),
        "wrong": sample_form(words, is_wrong=True),
        "rows": rows,
        "steps": steps,
        "current": steps[2],
        "points": list(zip(words.days, (12, 18, 9, 24, 31, 14, 22), strict=True)),
        "big": Decimal(1047500),
    }


def design_samples() -> list[dict[str, Any]]:
    return list(_samples())


def _samples() -> Iterator[dict[str, Any]]:
    for words in (ARABIC, ENGLISH):
        with override(words.code):
            yield sample(words)
