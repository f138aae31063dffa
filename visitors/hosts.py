"""Sites by what they are: search, social media, mail, AI assistants, messages, and those that only pass a visit on."""

import re
from enum import Enum
from functools import lru_cache


class Kind(Enum):
    """What a site is. A passage (payment, sign-in) brings nobody: it gives back who was here already."""

    NONE = "none"
    OWN = "own"
    PASSAGE = "passage"
    SEARCH = "search"
    SOCIAL = "social"
    AI = "ai"
    MAIL = "mail"
    MESSAGES = "messages"
    SITE = "site"


# Name → domains; a domain covers what is below it, and the longest that fits wins. One that ends in a dot covers every
# country (`google.` is google.com, google.com.sa, google.co.uk).
_SITES: dict[Kind, dict[str, str]] = {
    Kind.AI: {
        "chatgpt": "chatgpt.com chat.openai.com openai.com com.openai.chatgpt",
        "perplexity": "perplexity.ai ai.perplexity.app.android",
        "gemini": "gemini.google.com bard.google.com com.google.android.apps.bard",
        "copilot": "copilot.microsoft.com copilot.com edgeservices.bing.com com.microsoft.copilot",
        "claude": "claude.ai com.anthropic.claude",
        "grok": "grok.com x.ai ai.x.grok",
        "deepseek": "deepseek.com com.deepseek.chat",
        "meta ai": "meta.ai",
        "mistral": "mistral.ai",
        "qwen": "chat.qwen.ai",
        "kimi": "kimi.com kimi.ai",
        "poe": "poe.com",
        "you.com": "you.com",
        "phind": "phind.com",
        "humain": "humain.com humain.ai",
    },
    Kind.SEARCH: {
        "google": "google. com.google.android.googlequicksearchbox googleadservices.com googlesyndication.com",
        "bing": "bing.com",
        "yahoo": "search.yahoo.com yahoo.com",
        "duckduckgo": "duckduckgo.com com.duckduckgo.mobile.android",
        "yandex": "yandex. ya.ru",
        "brave": "search.brave.com",
        "ecosia": "ecosia.org",
        "startpage": "startpage.com",
        "qwant": "qwant.com",
        "baidu": "baidu.com",
        "naver": "naver.com",
        "petal": "petalsearch.com",
        "ask": "ask.com",
        "aol": "search.aol.com",
    },
    Kind.SOCIAL: {
        "instagram": "instagram.com com.instagram.android",
        "facebook": "facebook.com fb.com fb.me com.facebook.katana com.facebook.lite",
        "snapchat": "snapchat.com snap.com com.snapchat.android",
        "tiktok": "tiktok.com com.zhiliaoapp.musically",
        "x": "x.com twitter.com t.co com.twitter.android",
        "youtube": "youtube.com youtu.be com.google.android.youtube",
        "threads": "threads.net threads.com",
        "linkedin": "linkedin.com lnkd.in com.linkedin.android",
        "pinterest": "pinterest. pin.it com.pinterest",
        "reddit": "reddit.com com.reddit.frontpage",
        "quora": "quora.com",
        "tumblr": "tumblr.com",
        "bluesky": "bsky.app",
        "linktree": "linktr.ee",
        "twitch": "twitch.tv",
        "vk": "vk.com",
    },
    Kind.MESSAGES: {
        "whatsapp": "whatsapp.com wa.me l.wl.co com.whatsapp com.whatsapp.w4b",
        "telegram": "telegram.org t.me telegram.me org.telegram.messenger",
        "messenger": "messenger.com m.me com.facebook.orca",
        "discord": "discord.com discord.gg com.discord",
        "slack": "slack.com com.slack",
        "teams": "teams.microsoft.com",
        "viber": "viber.com",
        "signal": "signal.org org.thoughtcrime.securesms",
    },
    Kind.MAIL: {
        "gmail": "mail.google.com com.google.android.gm",
        "outlook": "outlook.live.com outlook.office.com outlook.office365.com com.microsoft.office.outlook",
        "yahoo mail": "mail.yahoo.com com.yahoo.mobile.client.android.mail",
        "icloud": "icloud.com",
        "proton": "mail.proton.me protonmail.com",
        "zoho": "mail.zoho.com mail.zoho.sa",
        "yandex mail": "mail.yandex.com mail.yandex.ru",
        "aol mail": "mail.aol.com",
    },
    # Who pays or proves who he is comes back from here.
    Kind.PASSAGE: {
        "payment": (
            "moyasar.com hyperpay.com oppwa.com tap.company gotap.company paytabs.com paytabs.sa checkout.com "
            "cko.com payfort.com tabby.ai tamara.co stcpay.com.sa sadad.com sadad.sa mispay.co "
            "emkanfinance.com.sa madfu.com.sa geidea.net telr.com myfatoorah.com thawani.om kpay.com.kw "
            "knet.com.kw benefit-gateway.bh noonpayments.com urpay.com.sa edfapay.com clickpay.com.sa "
            "neoleap.com.sa paymob.com paypal.com paypalobjects.com stripe.com apple-pay-gateway.apple.com "
            "pay.google.com cybersource.com cardinalcommerce.com arcot.com securesuite.co.uk 3dsecure.io "
            "rsa3dsauth.com mastercard.com visa.com ngenius-payments.com networkinternational.ae "
            "alrajhibank.com.sa alahli.com snb.com.sa riyadbank.com sabb.com anb.com.sa alinma.com "
            "bankaljazira.com banquesaudi.com alfransi.com.sa saib.com.sa albilad.com bankalbilad.com "
            "stcbank.com.sa d360.com quaraholding.com"
        ),
        "sign-in": (
            "accounts.google.com appleid.apple.com login.microsoftonline.com login.live.com iam.gov.sa nafath.sa "
            "absher.sa"
        ),
    },
    # Stores lie at Salla, and so do the pages on which their orders are paid.
    Kind.OWN: {"salla": "salla.sa salla.com salla.group salla.network salla.shop"},
}
# The bank's page on which a card is confirmed; what a domain that covers every country ends in; and one's own machine.
_CARD_PAGE = re.compile(r"^(acs|3ds|3dsecure|secure3d|emv3ds)([-\d].*)?$")
_COUNTRY = re.compile(r"^(com|co|[a-z]{2})(\.[a-z]{2})?$")
_NEAR = {"localhost", "127.0.0.1"}

_DOMAINS = {
    domain: (kind, name)
    for kind, sites in _SITES.items()
    for name, domains in sites.items()
    for domain in domains.split()
}
# The names by which campaigns know them.
KNOWN = {name: kind for kind, sites in _SITES.items() for name in sites if kind not in {Kind.PASSAGE, Kind.OWN}}


@lru_cache(maxsize=4096)
def kind_of(host: str, own: frozenset[str]) -> tuple[Kind, str]:
    """What a site is, and its name where it is known."""
    if host in _NEAR or any(host == each or host.endswith(f".{each}") for each in own):
        return Kind.OWN, ""
    labels = host.split(".")
    for start, label in enumerate(labels):
        if found := _DOMAINS.get(".".join(labels[start:])):
            return found
        if f"{label}." in _DOMAINS and _COUNTRY.match(".".join(labels[start + 1 :])):
            return _DOMAINS[f"{label}."]
    is_card_page = len(labels) > 2 and _CARD_PAGE.match(labels[0])
    return (Kind.PASSAGE, "") if is_card_page else (Kind.SITE, "")
