"""What templates of every app draw with: icons, numbers, money, moments, charts. Markup is in templates/components/."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any, Literal

from babel.numbers import get_currency_precision
from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.forms import BoundField
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from hijridate import Gregorian, Hijri

from core import frame

register = template.Library()

SDK = "vendor/salla/embedded-sdk.js"
FONTS = "vendor/fonts/fonts.css"
PRELOADED = "vendor/fonts/arabic-400.woff2"
HIJRI_YEAR = 1447  # any that the calendar knows
CHART_WIDTH, CHART_HEIGHT, GAP = 300, 100, 0.25


@register.simple_tag
@cache
def font_addresses() -> dict[str, str]:
    """Of the fonts that npm brought; nothing where it did not, and the reader's own Arabic font serves."""
    try:
        return {
            name: staticfiles_storage.url(path)
            for name, path in (("sheet", FONTS), ("preloaded", PRELOADED))
            if finders.find(path)
        }
    except ValueError:  # they came after `collectstatic`
        return {}


@register.simple_tag
def in_frame() -> bool:
    """Whether the page stands in Salla's dashboard."""
    return frame.is_being_framed()


@register.filter
def frame_theme(request: HttpRequest | str) -> str:
    """The dashboard's; nothing for an error page, which has no request."""
    return frame.theme_of(request) if isinstance(request, HttpRequest) else ""


@register.simple_tag
def app_in_salla() -> str:
    """Where a merchant opens the app: an address of Salla's dashboard."""
    return f"{settings.SALLA_DASHBOARD_URL}/embedded/app/{settings.SALLA_APP_ID}/"


@register.simple_tag
@cache
def embedded_sdk() -> str:
    """Of the SDK that npm brought; nothing where it did not, and the page keeps to itself."""
    try:
        return staticfiles_storage.url(SDK) if finders.find(SDK) else ""
    except ValueError:  # it came after `collectstatic`
        return ""


@register.simple_tag
def icon(name: str, *, mirrors: bool = False) -> SafeString:
    """An ornament: the words beside it say the same. One that shows a direction `mirrors` in Arabic."""
    return SafeString(render_to_string(f"components/icons/{name}.svg", {"mirrors": mirrors}).strip())


@register.filter
def number(value: Decimal | float | None) -> SafeString | str:
    """Grouped, in Latin digits, kept whole between Arabic words."""
    if value is None:
        return "—"
    return format_html('<bdi dir="ltr">{}</bdi>', number_format(value, use_l10n=True, force_grouping=True))


@register.filter
def percent(value: float | None) -> SafeString | str:
    """One decimal below ten, none above; a dash for no share of nothing."""
    if value is None:
        return "—"
    places = 1 if 0 < value < 10 else 0
    return format_html('<bdi dir="ltr">{}%</bdi>', number_format(round(value, places), places, use_l10n=True))


@register.filter
def moment(value: datetime) -> SafeString:
    """In the zone of the page, readable by machines too."""
    local = timezone.localtime(value)
    return format_html(
        '<time datetime="{}"><bdi>{}</bdi></time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "DATETIME_FORMAT"),
    )


@register.filter
def hijri(day: date | str | None) -> str:
    """The day as Umm al-Qura has it, in words; empty for none, and for what that calendar does not reach."""
    try:
        known = date.fromisoformat(day[:10]) if isinstance(day, str) else day
        if known is None:
            return ""
        found = Gregorian(known.year, known.month, known.day).to_hijri()
    except (ValueError, OverflowError):
        return ""
    language = _hijri_language()
    return f"{found.day} {found.month_name(language)} {found.year} {found.notation(language)}"


@register.simple_tag
def hijri_months() -> str:
    """Their names, for who writes the day anew while it is being chosen."""
    return ",".join(Hijri(HIJRI_YEAR, month, 1).month_name(_hijri_language()) for month in range(1, 13))


def _hijri_language() -> Literal["ar", "en"]:
    return "ar" if (translation.get_language() or "").startswith("ar") else "en"


@register.filter
def without_scheme(address: str) -> str:
    """As people write an address: `store.example/shop`."""
    return address.removeprefix("https://").removeprefix("http://").rstrip("/")


@register.filter
def as_switch(field: BoundField) -> SafeString:
    """A checkbox that says it switches something on and off."""
    return field.as_widget(attrs={"role": "switch"})


@register.inclusion_tag("components/money.html")
def money(amount: Decimal, currency: str = "SAR") -> dict[str, Any]:
    """The riyal sign left of the number in every language; other currencies by their code."""
    places = get_currency_precision(currency)
    rounded = Decimal(amount).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return {"number": number_format(rounded, places, use_l10n=True, force_grouping=True), "currency": currency}


@register.inclusion_tag("components/chart.html")
def bar_chart(title: str, points: Sequence[tuple[str, int]], slots: int = 0, end: str = "") -> dict[str, Any]:
    """Bars, the highest number and their table. Time runs from left to right in Arabic too, as in Salla's reports.

    With more `slots` than points it leaves room for what is to come until `end`.
    """
    highest = max((value for _label, value in points), default=0)
    top = highest or 1
    step = CHART_WIDTH / max(len(points), slots, 1)
    bars = [
        {
            "label": label,
            "value": value,
            "x": f"{step * (place + GAP / 2):.2f}",
            "y": f"{CHART_HEIGHT * (1 - value / top):.2f}",
            "wide": f"{step * (1 - GAP):.2f}",
            "high": f"{CHART_HEIGHT * value / top:.2f}",
        }
        for place, (label, value) in enumerate(points)
    ]
    end = end or (points[-1][0] if points else "")
    sizes = {"width": CHART_WIDTH, "height": CHART_HEIGHT}
    return {"title": title, "bars": bars, "end": end, "highest": highest, **sizes}
