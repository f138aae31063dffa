"""How the dashboard calls sources, pages and what a visitor did, in the reader's language."""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from features import registry
from visitors import countries
from visitors.devices import Device
from visitors.sources import NOT_SET, Channel
from visitors.vocabulary import OTHER

UNKNOWN = "?"
Words = str | Promise

# As they write themselves; others as they came.
_NAMES = {
    "chatgpt": "ChatGPT", "perplexity": "Perplexity", "gemini": "Gemini", "copilot": "Copilot", "claude": "Claude",
    "grok": "Grok", "deepseek": "DeepSeek", "meta ai": "Meta AI", "mistral": "Mistral", "qwen": "Qwen", "kimi": "Kimi",
    "poe": "Poe", "phind": "Phind", "humain": "HUMAIN", "google": "Google", "bing": "Bing", "yahoo": "Yahoo",
    "duckduckgo": "DuckDuckGo", "yandex": "Yandex", "brave": "Brave", "ecosia": "Ecosia", "startpage": "Startpage",
    "qwant": "Qwant", "baidu": "Baidu", "naver": "Naver", "petal": "Petal", "ask": "Ask", "aol": "AOL",
    "instagram": "Instagram", "facebook": "Facebook", "snapchat": "Snapchat", "tiktok": "TikTok", "x": "X",
    "youtube": "YouTube", "threads": "Threads", "linkedin": "LinkedIn", "pinterest": "Pinterest", "reddit": "Reddit",
    "quora": "Quora", "tumblr": "Tumblr", "bluesky": "Bluesky", "linktree": "Linktree", "twitch": "Twitch", "vk": "VK",
    "whatsapp": "WhatsApp", "telegram": "Telegram", "messenger": "Messenger", "discord": "Discord", "slack": "Slack",
    "teams": "Teams", "viber": "Viber", "signal": "Signal", "gmail": "Gmail", "outlook": "Outlook",
    "yahoo mail": "Yahoo Mail", "icloud": "iCloud", "proton": "Proton", "zoho": "Zoho", "yandex mail": "Yandex Mail",
    "aol mail": "AOL Mail",
}  # fmt: skip
# Salla's words for kinds of pages, the longer before what they begin with.
_PAGES: dict[str, Words] = {
    "index": gettext_lazy("Home page"),
    "product.single": gettext_lazy("Product page"),
    "product.index.search": gettext_lazy("Search results"),
    "product.index.offers": gettext_lazy("Offers"),
    "product.index": gettext_lazy("Category or list"),
    "cart": gettext_lazy("Cart"),
    "thank-you": gettext_lazy("Page of thanks"),
    "customer.orders": gettext_lazy("Customer's orders"),
    "customer.wishlist": gettext_lazy("Wish list"),
    "customer": gettext_lazy("Customer's account"),
    "blog": gettext_lazy("Blog"),
    "brands": gettext_lazy("Brands"),
    "page-single": gettext_lazy("Information page"),
    "landing-page": gettext_lazy("Landing page"),
    "loyalty": gettext_lazy("Loyalty programme"),
    "testimonials": gettext_lazy("Reviews"),
}
# What a visitor did; what is not here is of no interest to read.
_EVENTS: dict[str, Words] = {
    "page.viewed": gettext_lazy("Opened a page"),
    "product.viewed": gettext_lazy("Looked at a product"),
    "product.added": gettext_lazy("Put into the cart"),
    "product.removed": gettext_lazy("Taken out of the cart"),
    "cart.updated": gettext_lazy("The cart changed"),
    "products.searched": gettext_lazy("Searched"),
    "checkout.started": gettext_lazy("Began to check out"),
    "order.completed": gettext_lazy("Saw the page of thanks"),
    "coupon.applied": gettext_lazy("Applied a coupon"),
    "coupon.denied": gettext_lazy("A coupon was refused"),
    "coupon.removed": gettext_lazy("Took a coupon away"),
    "signed.in": gettext_lazy("Signed in"),
    "card.shown": gettext_lazy("A tool was shown"),
    "card.clicked": gettext_lazy("Followed a tool"),
    "card.closed": gettext_lazy("Closed a tool"),
}
EVENTS_TOLD = tuple(_EVENTS)


def source(name: str, channel: str = "") -> str:
    """The name of a source; of one without a name its channel's."""
    if name == OTHER:
        return _("Others")
    if name == NOT_SET:
        return _("Campaign without a source")
    return _NAMES.get(name, name) or channel_name(channel)


def counted_source(name: str) -> str:
    """Of a visit; one that nothing is known to have brought came directly."""
    return source(name, Channel.DIRECT)


def channel_name(channel: str) -> str:
    return str(Channel(channel).label) if channel in Channel.values else channel


def device(name: str) -> str:
    return str(Device(name).label) if name in Device.values else name


def country(code: str) -> str:
    return _("Unknown") if code in {"", UNKNOWN} else countries.name_of(code)


def page(slug: str) -> str:
    if slug == OTHER:
        return _("Others")
    found = next((words for start, words in _PAGES.items() if slug == start or slug.startswith(f"{start}.")), slug)
    return str(found)


def known(word: str) -> str:
    return {"new": _("New"), "again": _("Returning"), "no": _("Not known")}.get(word, word)


def event(name: str) -> str:
    return str(_EVENTS.get(name, name))


def tool(slug: object) -> str:
    """The name of a card; of one that is no more nothing."""
    card = registry.get(slug) if isinstance(slug, str) else None
    return str(card.name) if card else ""


def plain(text: str) -> str:
    return _("Others") if text == OTHER else text


OF_KIND: dict[str, Any] = {
    "channel": channel_name,
    "source": counted_source,
    "device": device,
    "country": country,
    "page": page,
    "known": known,
    "path": plain,
}
