"""What a merchant sees of a card before his shoppers do: its widget with his own data, and how it fares."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import translation
from django.utils.timesince import timesince
from redis import RedisError

from core import clock, schema
from core.models import Merchant
from features import rule_lines, seen, selectors, storefront
from features.registry import Card, S, Sample
from features.rules import StorefrontSettings

# After a day without a visit the merchant is told to look.
FRESH = timedelta(hours=24)
# Browsers keep the config for a minute, and a process notes a store once a minute: younger means that one is open now.
NOW = timedelta(minutes=1)


@dataclass(frozen=True)
class Shown:
    """What the frame's script needs, and in which language the store speaks."""

    data: dict[str, Any]
    language: str
    is_rtl: bool
    is_example: bool


def shown(merchant: Merchant, card: Card[S], settings: S) -> Shown | None:
    """None for a card without a widget."""
    widget = storefront.widget_url(card.slug)
    if widget is None:
        return None
    language = selectors.language_of(merchant)
    sample = card.sample(merchant, settings, language) if card.sample else Sample({})
    data = {
        "card": {
            "slug": card.slug,
            "widget": widget,
            "settings": settings.dump(public=True),
            "rules": _spoken(settings),
        },
        "answers": dict(sample.answers),
    }
    is_rtl = translation.get_language_info(language)["bidi"]
    return Shown(data, language, is_rtl, sample.is_example)


def _spoken(settings: schema.Settings) -> dict[str, str]:
    """Of the rules, the one that a preview keeps."""
    if isinstance(settings, StorefrontSettings) and settings.language != "auto":
        return {"language": settings.language}
    return {}


@dataclass(frozen=True)
class Health:
    """When the store's pages last asked for us, what the rules come to, and the card's own lines."""

    lines: list[str]
    has_preview: bool
    is_known: bool = True
    seen_ago: str = ""
    is_seen_now: bool = False
    is_fresh: bool = False


def health(merchant: Merchant, card: Card[S], settings: S) -> Health:
    lines = [*rule_lines.lines(merchant, settings), *(card.health(merchant, settings) if card.health else [])]
    has_preview = storefront.widget_url(card.slug) is not None
    try:
        seen_at = seen.last(merchant.salla_id)
    except RedisError:
        return Health(lines, has_preview, is_known=False)
    if seen_at is None:
        return Health(lines, has_preview)
    now = clock.now()
    ago = now - seen_at
    return Health(lines, has_preview, seen_ago=timesince(seen_at, now), is_seen_now=ago < NOW, is_fresh=ago < FRESH)
