"""Where a visit came from, by table: what a browser tells on the left, the words of the report on the right."""

from dataclasses import replace
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from visitors import hosts
from visitors.sources import DIRECT, LONGEST, Channel, Source, cleaned, own_hosts, source_of

OWN = own_hosts("https://najd.example")
C = Channel


def came(referrer: str = "", *, click: str = "", **utm: str) -> Source:
    return source_of(utm=utm, click=click, referrer=referrer, own=OWN)


@pytest.mark.parametrize(
    ("referrer", "channel", "name"),
    [
        ("https://www.google.com/", C.SEARCH, "google"),
        ("https://www.google.com.sa/search", C.SEARCH, "google"),
        ("https://google.co.uk", C.SEARCH, "google"),
        ("android-app://com.google.android.googlequicksearchbox/", C.SEARCH, "google"),
        ("https://www.bing.com/", C.SEARCH, "bing"),
        ("https://search.yahoo.com/", C.SEARCH, "yahoo"),
        ("https://duckduckgo.com/", C.SEARCH, "duckduckgo"),
        ("https://yandex.com.tr/", C.SEARCH, "yandex"),
        ("https://l.instagram.com/", C.SOCIAL, "instagram"),
        ("https://lm.facebook.com/l.php", C.SOCIAL, "facebook"),
        ("https://t.co/abc", C.SOCIAL, "x"),
        ("https://x.com/", C.SOCIAL, "x"),
        ("https://www.tiktok.com/", C.SOCIAL, "tiktok"),
        ("https://www.snapchat.com/", C.SOCIAL, "snapchat"),
        ("https://m.youtube.com/watch", C.SOCIAL, "youtube"),
        ("android-app://com.instagram.android", C.SOCIAL, "instagram"),
        ("https://api.whatsapp.com/", C.MESSAGES, "whatsapp"),
        ("https://l.wl.co/l", C.MESSAGES, "whatsapp"),
        ("https://web.telegram.org/", C.MESSAGES, "telegram"),
        ("https://mail.google.com/mail/u/0/", C.EMAIL, "gmail"),
        ("android-app://com.google.android.gm/", C.EMAIL, "gmail"),
        ("https://outlook.live.com/", C.EMAIL, "outlook"),
        ("https://mail.yahoo.com/", C.EMAIL, "yahoo mail"),
        ("https://chatgpt.com/", C.AI, "chatgpt"),
        ("https://chat.openai.com/", C.AI, "chatgpt"),
        ("https://www.perplexity.ai/search", C.AI, "perplexity"),
        ("https://gemini.google.com/app", C.AI, "gemini"),
        ("https://copilot.microsoft.com/", C.AI, "copilot"),
        ("https://claude.ai/", C.AI, "claude"),
        ("https://chat.deepseek.com/", C.AI, "deepseek"),
        ("https://www.blog.example/best-oud", C.SITE, "blog.example"),
        ("https://google.evil.example/", C.SITE, "google.evil.example"),
        ("https://notgoogle.com/", C.SITE, "notgoogle.com"),
        ("https://acsports.example.com/", C.SITE, "acsports.example.com"),
    ],
)
def test_referrers(referrer: str, channel: Channel, name: str) -> None:
    assert (came(referrer).channel, came(referrer).name) == (channel, name)
    assert came(referrer).is_named


@pytest.mark.parametrize(
    "referrer",
    [
        "",
        "https://najd.example/p1",
        "https://www.najd.example/",
        "https://m.najd.example/",
        "https://salla.sa/najd",
        "https://store.salla.sa/checkout",
        "http://127.0.0.1:8001/store/1305146709/",
        "https://checkout.tabby.ai/",
        "https://checkout.tamara.co/",
        "https://secure.moyasar.com/",
        "https://eu-prod.oppwa.com/",
        "https://checkout.tap.company/",
        "https://secure.paytabs.sa/",
        "https://www.paypal.com/checkoutnow",
        "https://acs.bank.example/",
        "https://acs2.some.bank.example/3ds",
        "https://centinelapi.cardinalcommerce.com/",
        "https://ib.alrajhibank.com.sa/",
        "https://accounts.google.com/signin",
        "https://appleid.apple.com/",
        "https://login.iam.gov.sa/",
        "javascript:alert(1)",
        "https://[broken",
        "ftp://files.example/",
        "not an address",
    ],
)
def test_what_names_no_source(referrer: str) -> None:
    """The store itself, payment, sign-in and nonsense: none of them ever becomes a source."""
    assert replace(came(referrer), is_inside=False) == DIRECT
    assert not came(referrer).is_named


def test_who_was_here_already() -> None:
    """Whoever comes back from a payment goes on with his visit, whatever stands in the address."""
    inside = ["https://najd.example/p1", "https://checkout.tabby.ai/", "https://accounts.google.com/"]
    assert [came(referrer, source="ig").is_inside for referrer in inside] == [True] * 3
    assert [came(referrer, click="tiktok").is_inside for referrer in inside] == [True] * 3
    assert [came(referrer, source="ig").is_inside for referrer in ("", "https://www.instagram.com/")] == [False] * 2


@pytest.mark.parametrize(
    ("utm", "channel", "name"),
    [
        ({"source": "google", "medium": "cpc"}, C.PAID_SEARCH, "google"),
        ({"source": "Google", "medium": "CPC", "campaign": "عود"}, C.PAID_SEARCH, "google"),
        ({"source": "google"}, C.SEARCH, "google"),
        ({"source": "google", "medium": "organic"}, C.SEARCH, "google"),
        ({"source": "ig", "medium": "paid_social"}, C.PAID_SOCIAL, "instagram"),
        ({"source": "fb", "medium": "paid"}, C.PAID_SOCIAL, "facebook"),
        ({"source": "snapchat", "medium": "cpc"}, C.PAID_SOCIAL, "snapchat"),
        ({"source": "twitter"}, C.SOCIAL, "x"),
        ({"source": "instagram", "medium": "story"}, C.SOCIAL, "instagram"),
        ({"source": "l.instagram.com", "medium": "referral"}, C.SITE, "instagram"),
        ({"source": "anybody", "medium": "social"}, C.SOCIAL, "anybody"),
        ({"source": "criteo", "medium": "cpm"}, C.ADS, "criteo"),
        ({"source": "google", "medium": "display"}, C.ADS, "google"),
        ({"source": "criteo", "medium": "cpc"}, C.ADS, "criteo"),
        ({"source": "nomo", "medium": "email"}, C.EMAIL, "nomo"),
        ({"source": "newsletter"}, C.EMAIL, "newsletter"),
        ({"source": "nomo", "medium": "sms"}, C.MESSAGES, "nomo"),
        ({"source": "whatsapp"}, C.MESSAGES, "whatsapp"),
        ({"source": "nomo", "medium": "web_push"}, C.MESSAGES, "nomo"),
        ({"source": "ref", "campaign": "NOURA10"}, C.AFFILIATES, "ref"),
        ({"source": "noura", "medium": "affiliate"}, C.AFFILIATES, "noura"),
        ({"source": "chatgpt.com"}, C.AI, "chatgpt"),
        ({"source": "perplexity"}, C.AI, "perplexity"),
        ({"source": "catalogue-2026"}, C.CAMPAIGN, "catalogue-2026"),
        ({"campaign": "رمضان"}, C.CAMPAIGN, "(not set)"),
    ],
)
def test_campaigns(utm: dict[str, str], channel: Channel, name: str) -> None:
    found = came(**utm)
    assert (found.channel, found.name) == (channel, name)


@pytest.mark.parametrize(
    ("click", "channel", "name"),
    [
        ("google", C.PAID_SEARCH, "google"),
        ("tiktok", C.PAID_SOCIAL, "tiktok"),
        ("snapchat", C.PAID_SOCIAL, "snapchat"),
        ("twitter", C.PAID_SOCIAL, "x"),
        ("facebook", C.SOCIAL, "facebook"),  # its click id stands on every link, not on ads alone
        ("nobody", C.DIRECT, ""),
    ],
)
def test_click_ids(click: str, channel: Channel, name: str) -> None:
    assert (came(click=click).channel, came(click=click).name) == (channel, name)


def test_campaign_before_click_before_referrer() -> None:
    referrer = "https://www.bing.com/"
    assert came(referrer).name == "bing"
    assert came(referrer, click="tiktok") == Source(
        Channel.PAID_SOCIAL, "tiktok", network="tiktok", referrer="bing.com"
    )
    told = {"source": "noura", "medium": "influencer", "campaign": "رمضان", "term": "عود", "content": "أ"}
    assert came(referrer, click="tiktok", **told) == Source(
        Channel.AFFILIATES, "noura", "influencer", "رمضان", "عود", "أ", "tiktok", "bing.com"
    )


def test_sallas_own_utms_of_a_click() -> None:
    """Where a link has a click id alone, Salla's SDK names the network as the source (docs: `s-utms`)."""
    assert came(click="google", source="google", campaign="gad_source").channel == Channel.PAID_SEARCH
    assert came(click="facebook", source="facebook", campaign="fbclid").channel == Channel.SOCIAL


def test_a_campaign_of_another_time_is_not_this_visits() -> None:
    """What Salla still keeps of an Instagram ad says nothing of who comes from Google now."""
    kept = {"source": "ig", "medium": "cpc", "campaign": "رمضان"}
    assert came("https://www.google.com/", **kept) == Source(Channel.SEARCH, "google", referrer="google.com")
    assert came("https://chatgpt.com/", **kept).channel == Channel.AI
    assert came("https://www.google.com/", click="google", **kept).channel == Channel.PAID_SEARCH
    assert came("https://l.facebook.com/", **kept).name == "instagram"
    assert came("https://www.google.com/", source="adwords", medium="cpc").channel == Channel.ADS
    assert came("https://www.google.com/", source="google", medium="cpc").channel == Channel.PAID_SEARCH
    assert came("", **kept).name == "instagram"


def test_payment_never_hides_a_campaign() -> None:
    assert came("https://checkout.tabby.ai/", source="ig", medium="cpc").channel == Channel.PAID_SOCIAL
    assert came("https://checkout.tabby.ai/", source="ig").referrer == ""


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  رمضان \n 2026 ", "رمضان 2026"),
        ("a\u202eb\u2066c", "a b c"),
        ("x" * 500, "x" * LONGEST),
        ("\x00", ""),
    ],
)
def test_texts_are_cleaned(text: str, clean: str) -> None:
    assert cleaned(text) == clean


@given(
    st.text(max_size=300),
    st.text(max_size=30),
    st.dictionaries(st.sampled_from(["source", "medium", "campaign", "term", "content"]), st.text(max_size=120)),
)
def test_nothing_breaks_it(referrer: str, click: str, utm: dict[str, str]) -> None:
    found: Any = source_of(utm=utm, click=click, referrer=f"https://{referrer}", own=OWN)
    assert found.channel in Channel
    texts = (found.name, found.medium, found.campaign, found.term, found.content, found.referrer)
    assert all(len(text) <= LONGEST and "\x00" not in text for text in texts)
    assert found.is_named == bool(found.name)


@pytest.mark.parametrize("domain", ["https://najd.example", "najd.example", "https://www.najd.example/ar", ""])
def test_a_stores_hosts(domain: str) -> None:
    assert own_hosts(domain) == (frozenset({"najd.example"}) if domain else frozenset())


def test_every_channel_has_an_arabic_name() -> None:
    with translation.override("ar"):
        names = [str(channel.label) for channel in Channel]
    assert len(set(names)) == len(names)
    assert not [name for name in names if name.isascii()]


def test_a_domain_stands_once() -> None:
    domains = [each for sites in hosts._SITES.values() for listed in sites.values() for each in listed.split()]
    assert sorted(domains) == sorted(set(domains))


def test_letters_that_grow_in_small_stay_as_short_as_the_column() -> None:
    source = came(source="İ" * 100, medium="İ" * 100)
    assert (len(source.name), len(source.medium)) == (100, 100)
