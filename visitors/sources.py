"""Where a visit came from, in the words that reports use: UTM, then a click id, then the referrer. Pure.

A referrer of a payment page, of a sign-in or of the store itself says nothing: the visit goes on from where it came.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urlsplit

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from visitors.hosts import KNOWN, Kind, kind_of

LONGEST = 100
_HOST = re.compile(r"[\w.-]+")
# Marks that nobody sees, which would turn the text around them.
_INVISIBLE = re.compile("[\x00-\x1f\x7f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Channel(TextChoices):
    """How people came: the words of the trade (docs/adr/0012)."""

    DIRECT = "direct", _("Direct")
    SEARCH = "search", _("Search")
    PAID_SEARCH = "paid_search", _("Search ads")
    SOCIAL = "social", _("Social media")
    PAID_SOCIAL = "paid_social", _("Social media ads")
    ADS = "ads", _("Other ads")
    AI = "ai", _("AI assistants")
    EMAIL = "email", _("E-mail")
    MESSAGES = "messages", _("Messages")
    AFFILIATES = "affiliates", _("Affiliates")
    SITE = "site", _("Other sites")
    CAMPAIGN = "campaign", _("Other campaigns")


OF_KIND = {
    Kind.SEARCH: Channel.SEARCH,
    Kind.SOCIAL: Channel.SOCIAL,
    Kind.AI: Channel.AI,
    Kind.MAIL: Channel.EMAIL,
    Kind.MESSAGES: Channel.MESSAGES,
    Kind.SITE: Channel.SITE,
}
# Networks whose click ids stand on ads alone; Facebook puts its own on every link.
AD_CLICKS = {
    "google": Channel.PAID_SEARCH,
    "tiktok": Channel.PAID_SOCIAL,
    "twitter": Channel.PAID_SOCIAL,
    "snapchat": Channel.PAID_SOCIAL,
}
CLICKS = {"facebook": Channel.SOCIAL, **AD_CLICKS}

# Words of campaigns, as Google Analytics reads them.
_PAID = re.compile(r"^(.*cp[acmv]|ppc|paid.*|retargeting|ads?)$")
_DISPLAY = re.compile(r"^(display|banner|expandable|interstitial|cpm)$")
_MEDIA = {
    Channel.EMAIL: re.compile(r"^(e[-_ ]?mail|newsletter)$"),
    Channel.MESSAGES: re.compile(r"^(sms|whats?app|telegram|messag(e|es|ing)|.*push|notification)$"),
    Channel.AFFILIATES: re.compile(r"^(affiliates?|influencers?|partners?)$"),
    Channel.SOCIAL: re.compile(r"^(social|social[-_ ]?(network|media)|sm|story|stories|bio|reels?|snap)$"),
    Channel.SEARCH: re.compile(r"^organic([-_ ]search)?$"),
    Channel.AI: re.compile(r"^ai([-_ ](assistant|chat))?$"),
    Channel.SITE: re.compile(r"^(referral|link|blog)$"),
}
_SOURCES = {
    Channel.EMAIL: re.compile(r"^(e[-_ ]?mail|newsletter|mailchimp|klaviyo|brevo)$"),
    Channel.MESSAGES: re.compile(r"^(sms|push|webpush)$"),
    Channel.AFFILIATES: re.compile(r"^(ref|affiliates?)$"),  # `ref` is what Salla's marketer links say
}
NOT_SET = "(not set)"


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of where a visit came from; texts are cleaned and at most LONGEST letters."""

    channel: Channel = Channel.DIRECT
    name: str = ""  # "google", "instagram", a campaign's own word, or the host of a site
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""
    network: str = ""  # whose click id was on the link
    referrer: str = ""  # its host
    # The page before lay in the store, or where a payment or a sign-in is done: the visit was here already.
    is_inside: bool = False

    @property
    def is_named(self) -> bool:
        """Something brought the visit here; otherwise nobody knows."""
        return self.channel != Channel.DIRECT


DIRECT = Source()
UTM = ("source", "medium", "campaign", "term", "content")


def source_of(*, utm: Mapping[str, str], click: str, referrer: str, own: frozenset[str]) -> Source:
    """`own` are the store's hosts. Whatever is unreadable counts as not there."""
    return _source_of(tuple(str(utm.get(name) or "") for name in UTM), str(click), str(referrer), own)


@lru_cache(maxsize=4096)
def _source_of(utm: tuple[str, ...], click: str, referrer: str, own: frozenset[str]) -> Source:
    network = click if click in CLICKS else ""
    host = host_of(referrer)
    kind, known = kind_of(host, own) if host else (Kind.NONE, "")
    is_inside = kind in {Kind.OWN, Kind.PASSAGE}
    shown = "" if is_inside or kind == Kind.NONE else host[:LONGEST]
    if (utm[0] or utm[2]) and not _is_outdated(utm[0], kind, known):
        return replace(_of_campaign(utm, network, known), referrer=shown, is_inside=is_inside)
    if network:
        return Source(CLICKS[network], _named(network), network=network, referrer=shown, is_inside=is_inside)
    if shown:
        return Source(OF_KIND[kind], known or shown, referrer=shown)
    return Source(is_inside=is_inside)


def _is_outdated(word: str, kind: Kind, known: str) -> bool:
    """Salla keeps the last campaign for 90 days. Who comes from a search or an assistant now came by that.

    Nobody finds the links of another network there; a word that is no network may be the ad's own.
    """
    name = _named(word.lower())
    return kind in {Kind.SEARCH, Kind.AI} and name in KNOWN and name != known


def _of_campaign(utm: tuple[str, ...], network: str, known: str) -> Source:
    source, medium, campaign, term, content = (cleaned(text) for text in utm)
    source, medium = (text.lower()[:LONGEST] for text in (source, medium))  # some letters are two in small
    name = _named(source) or _named(network) or known or NOT_SET
    return Source(_channel(name, medium, network), name, medium, campaign, term, content, network)


def _channel(name: str, medium: str, network: str) -> Channel:
    """Of a campaign: its medium decides, then whose click id it has, then what its source is known for."""
    kind = KNOWN.get(name, Kind.NONE)
    if _DISPLAY.match(medium):
        return Channel.ADS
    if _PAID.match(medium):
        return {Kind.SEARCH: Channel.PAID_SEARCH, Kind.SOCIAL: Channel.PAID_SOCIAL}.get(kind, Channel.ADS)
    for channel, words in _MEDIA.items():
        if words.match(medium):
            return channel
    if network in AD_CLICKS:
        return AD_CLICKS[network]
    if kind in OF_KIND:
        return OF_KIND[kind]
    return next((channel for channel, words in _SOURCES.items() if words.match(name)), Channel.CAMPAIGN)


_ALIASES = {
    "ig": "instagram",
    "fb": "facebook",
    "meta": "facebook",
    "snap": "snapchat",
    "twitter": "x",
    "tik tok": "tiktok",
    "tt": "tiktok",
    "yt": "youtube",
    "wa": "whatsapp",
    "tg": "telegram",
    "openai": "chatgpt",
}


def _named(word: str) -> str:
    """One name for each that is known: `ig`, `instagram.com` and `l.instagram.com` are Instagram."""
    if not word:
        return ""
    if word in _ALIASES:
        return _ALIASES[word]
    _kind, known = kind_of(word, frozenset()) if "." in word else (Kind.NONE, "")
    return known or word


def host_of(address: str) -> str:
    """Without `www.`; an app of Android by its package's name; empty for what is no address."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https", "android-app"} or not _HOST.fullmatch(host):
        return ""
    return host.removeprefix("www.")


def own_hosts(domain: str) -> frozenset[str]:
    """A store's, by what Salla says is its domain."""
    host = host_of(domain if "//" in domain else f"https://{domain}")
    return frozenset({host} if host else ())


def cleaned(text: str) -> str:
    """On one line, nothing invisible in it."""
    return " ".join(_INVISIBLE.sub(" ", text).split())[:LONGEST].strip()
