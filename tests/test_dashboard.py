"""What every page of a store keeps: few queries, one policy, honest states; and what a card's change leaves behind."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import django
import pytest
from babel.messages.pofile import read_po
from django.conf import settings as django_settings
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from redis import RedisError

from core import clock, redis
from core.middleware import LONGEST_SESSION, SIGNED_IN_ON
from core.models import Membership, Merchant, User
from features import services
from features.registry import Card
from features.services import NotReadyError
from integrations.models import Connection
from tests.cards import Settings, a_card, registered
from visitors.cards.live_counter.card import CARD as LIVE_COUNTER

MOST_QUERIES = 15
DASHBOARD = "https://s.salla.example"


@pytest.fixture
def owner(merchant: Merchant) -> User:
    user = User.objects.create_user("sara@example.com", name="سارة")
    Membership.objects.create(user=user, merchant=merchant, role=Membership.Role.OWNER)
    return user


@pytest.fixture
def browser(owner: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(owner)
    return client


@pytest.fixture
def card() -> Iterator[Card[Settings]]:
    with registered(a_card()) as one:
        yield one


@pytest.fixture
def lacking() -> Iterator[Card[Settings]]:
    with registered(a_card(slug="lacking", missing=lambda merchant: _("city"))) as one:
        yield one


def at(merchant: Merchant, end: str = "") -> str:
    return f"/stores/{merchant.public_id}/{end}"


def plain(text: str) -> str:
    """Without the isolates around names."""
    return re.sub("[\u2068\u2069]", "", text)


def lines(browser: Client, merchant: Merchant) -> list[str]:
    return [plain(line["text"]) for line in browser.get(at(merchant, "activity/")).context["lines"]]


# Every page


def test_every_page_costs_few_queries(
    browser: Client, merchant: Merchant, owner: User, card: Card[Settings], django_assert_max_num_queries: Any
) -> None:
    now = clock.now()
    for number in range(30):
        services.save(merchant, card=card, raw={"delay_seconds": number}, by=owner)
        user = User.objects.create_user(f"person{number}@example.com")
        Membership.objects.create(user=user, merchant=merchant)
        merchant.orders.create(
            salla_id=number, source_updated_at=now, placed_at=now, status="completed", total=10, currency="SAR"
        )
    member = merchant.memberships.latest("pk").pk
    pages = ["", "cards/", "cards/test_card/", "team/", f"team/{member}/role/", f"team/{member}/remove/", "activity/"]
    for page in pages:
        with django_assert_max_num_queries(MOST_QUERIES, info=page):
            assert browser.get(at(merchant, page)).status_code == 200
    with django_assert_max_num_queries(MOST_QUERIES):
        browser.get("/stores/")


def test_pages_carry_the_policy_and_may_not_be_framed(
    browser: Client, merchant: Merchant, staff: User, settings: Any
) -> None:
    settings.SALLA_DASHBOARD_URL = DASHBOARD
    of_staff = Client()
    of_staff.force_login(staff)
    pages = [browser.get(at(merchant)), of_staff.get("/admin/")]
    pages += [Client().get(path) for path in ("/", "/sign-in/", "/no-such/")]
    for response in pages:
        assert response.headers["X-Frame-Options"] == "DENY"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self';" in policy
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'none'")


def test_what_shops_ask_for_carries_no_policy(client: Client, merchant: Merchant) -> None:
    assert "Content-Security-Policy" not in client.get(f"/sf/{merchant.salla_id}/config.json").headers


def test_a_session_ends_however_often_it_was_prolonged(browser: Client, merchant: Merchant) -> None:
    def age(days: int) -> int:
        session = browser.session
        session[SIGNED_IN_ON] = (clock.now().date() - timedelta(days=days)).isoformat()
        session["renewed_on"] = "2000-01-01"
        session.save()
        status: int = browser.get(at(merchant)).status_code
        return status

    assert age(LONGEST_SESSION.days) == 200
    assert age(LONGEST_SESSION.days + 1) == 302
    assert browser.get(at(merchant)).status_code == 302


def test_a_page_that_is_everybodys_hands_out_no_cookie(browser: Client, merchant: Merchant) -> None:
    services.switch(merchant, card=LIVE_COUNTER, is_on=True)
    session = browser.session
    session["renewed_on"] = "2000-01-01"
    session.save()
    public = browser.get(f"/live/{merchant.salla_id}/")
    assert (public.status_code, public.headers["Cache-Control"]) == (200, "public, max-age=60")
    assert not public.cookies
    own = browser.get(at(merchant))
    assert "session" in own.cookies
    assert browser.session["renewed_on"] == clock.now().date().isoformat()
    assert "session" not in browser.get(at(merchant)).cookies


# A card that lacks something


def test_what_lacks_something_never_says_on(browser: Client, merchant: Merchant, lacking: Card[Settings]) -> None:
    for page in ("cards/", "cards/lacking/"):
        shown = browser.get(at(merchant, page)).content.decode()
        assert "Needs set-up" in shown
        assert "city" in shown
        assert "lacking/switch/" not in shown
    response = browser.post(at(merchant, "cards/lacking/switch/"), {"is_on": "true"}, follow=True)
    assert "city" in str(next(iter(response.context["messages"])))
    assert merchant.features.count() == merchant.events.count() == merchant.activities.count() == 0


def test_what_comes_to_lack_something_can_be_turned_off(
    browser: Client, merchant: Merchant, card: Card[Settings]
) -> None:
    first = services.switch(merchant, card=card, is_on=True)
    assert first is not None
    broken = a_card(missing=lambda merchant: _("city"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("features.registry._cards", {"test_card": broken})
        shown = browser.get(at(merchant, "cards/")).content.decode()
        assert "Needs set-up" in shown
        assert "Running" not in shown
        browser.post(at(merchant, "cards/test_card/switch/"), {"is_on": "false"})
        assert merchant.features.get().is_on is False
        off = merchant.revisions.latest("pk")
        with pytest.raises(NotReadyError):
            services.revert(merchant, card=broken, revision=off)
        undo = at(merchant, f"cards/test_card/revisions/{off.public_id}/revert/")
        response = browser.post(undo, follow=True)
        assert [str(each) for each in response.context["messages"]] == ["“orders” is off.", "city"]
    assert merchant.features.get().is_on is False


# Switching with htmx, and taking it back


def test_htmx_gets_the_card_alone_with_its_toast(browser: Client, merchant: Merchant, card: Card[Settings]) -> None:
    address = at(merchant, "cards/test_card/switch/")
    response = browser.post(address, {"is_on": "true"}, headers={"HX-Request": "true"})
    html = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in html
    assert html.count("<article") == 1
    assert "Running" in html
    revision = merchant.revisions.get()
    assert f'action="{at(merchant, f"cards/test_card/revisions/{revision.public_id}/revert/")}"' in html
    assert "csrfmiddlewaretoken" in html.split('class="toast success"')[1]
    assert "“orders” is on." not in browser.get(at(merchant, "cards/")).content.decode()  # it was said


def test_htmx_without_a_session_reloads_the_page(merchant: Merchant, card: Card[Settings]) -> None:
    address = at(merchant, "cards/test_card/switch/")
    response = Client().post(address, {"is_on": "true"}, headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Refresh"]) == (401, "true")
    assert merchant.features.count() == 0


@pytest.mark.parametrize(("came_from", "back"), [("", "cards/"), ("?from=card", "cards/test_card/")])
def test_the_toast_takes_it_back_to_where_it_was(
    came_from: str, back: str, browser: Client, merchant: Merchant, card: Card[Settings]
) -> None:
    page = browser.post(at(merchant, f"cards/test_card/switch/{came_from}"), {"is_on": "true"}, follow=True)
    toasts = page.content.decode().split('id="toasts"')[1]
    [undo] = re.findall(r'<form method="post" action="([^"]+/revert/[^"]*)"', toasts)
    response = browser.post(undo, follow=True)
    assert response.redirect_chain == [(at(merchant, back), 302)]
    assert merchant.features.get().is_on is False


# The log of what people did


def test_changes_of_cards_stand_in_the_log(
    browser: Client, merchant: Merchant, owner: User, card: Card[Settings]
) -> None:
    services.switch(merchant, card=card, is_on=True, by=owner)
    saved = services.save(merchant, card=card, raw={"delay_seconds": 9}, by=owner)
    assert saved is not None
    services.revert(merchant, card=card, revision=saved, by=owner)
    services.switch(merchant, card=card, is_on=False, by=owner)
    services.switch(merchant, card=card, is_on=False, by=owner)  # nothing changes
    services.switch(merchant, card=card, is_on=True)  # nobody's doing
    assert lines(browser, merchant) == [
        "سارة turned off “orders”",
        "سارة restored an earlier version of “orders”",
        "سارة changed the settings of “orders”",
        "سارة turned on “orders”",
    ]


def test_a_card_that_is_gone_keeps_its_slug(
    browser: Client, merchant: Merchant, owner: User, card: Card[Settings]
) -> None:
    services.switch(merchant, card=card, is_on=True, by=owner)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("features.registry._cards", {})
        assert lines(browser, merchant) == ["سارة turned on “test_card”"]


def test_a_change_that_fails_is_not_in_the_log(
    merchant: Merchant, owner: User, card: Card[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(services, "_rebuild", fails)
    with pytest.raises(RuntimeError):
        services.switch(merchant, card=card, is_on=True, by=owner)
    assert merchant.activities.count() == 0


# The overview


def test_an_empty_store_is_told_what_comes(browser: Client, merchant: Merchant) -> None:
    shown = browser.get(at(merchant)).content.decode()
    assert "No orders yet" in shown
    assert "Next steps" in shown
    assert "Orders today" not in shown


def test_numbers_say_what_they_count(browser: Client, merchant: Merchant) -> None:
    now = clock.now()
    merchant.time_zone = "Africa/Cairo"
    merchant.save()
    merchant.orders.create(salla_id=7, reference_id=4711, source_updated_at=now, placed_at=now, total=Decimal("10.5"))
    response = browser.get(at(merchant))
    shown = response.content.decode()
    assert "No orders yet" not in shown
    assert "#4711" in shown
    assert shown.count("Cairo time") == 3
    assert shown.count("popover ") == shown.count("popovertarget=") - 5 == 5


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("needs_reinstall", "The connection with Salla is broken"),
        ("uninstalled", "Nomo Flow was removed from this store"),
        ("installed", "Salla has not handed over the keys"),
        ("connected", None),
    ],
)
def test_a_connection_that_is_not_whole_says_what_to_do(
    state: str, said: str | None, browser: Client, merchant: Merchant
) -> None:
    Connection.unscoped.filter(merchant=merchant).update(state=state)
    shown = browser.get(at(merchant)).content.decode()
    assert (said in shown) if said else ('class="notice' not in shown)


def test_a_store_that_left_is_told_when_its_data_goes(browser: Client, merchant: Merchant) -> None:
    Connection.unscoped.filter(merchant=merchant).update(
        state="uninstalled", uninstalled_at=datetime(2026, 11, 1, 22, tzinfo=UTC)
    )
    shown = browser.get(at(merchant)).content.decode()
    assert "On 2 December 2026 we delete the personal data of your customers and your team." in shown


def finish_most(merchant: Merchant) -> None:
    """Every step but the script's."""
    merchant.orders.create(salla_id=1, source_updated_at=clock.now(), placed_at=clock.now())
    merchant.features.create(slug="x", is_on=True)


def test_a_finished_checklist_steps_aside(browser: Client, merchant: Merchant) -> None:
    finish_most(merchant)
    assert "Next steps" in browser.get(at(merchant)).content.decode()
    Client().get(f"/sf/{merchant.salla_id}/config.json", headers={"origin": "https://shop.example"})
    assert "Next steps" not in browser.get(at(merchant)).content.decode()


def test_a_script_that_nobody_knows_of_is_no_step(
    browser: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RedisError

    finish_most(merchant)
    monkeypatch.setattr(redis.client(), "get", refuse)
    assert "Next steps" not in browser.get(at(merchant)).content.decode()


# Django's own words

DJANGO = Path(django.__file__).parent
OURS = Path(django_settings.BASE_DIR) / "locale" / "django" / "ar" / "LC_MESSAGES"
# Django's Arabic of these is no good: it counts beside the singular and the dual, «1 دقيقة» and «2 دقيقتين».
UNITS = ("minute", "hour", "day", "week", "month", "year")
BETTER = {("Enter a number.", None), ("Enter a whole number.", None)}
BETTER |= {((f"%(num)d {unit}", f"%(num)d {unit}s"), None) for unit in UNITS}
SHOWN = {"django": ("conf", "contrib/admin", "contrib/auth"), "djangojs": ("contrib/admin",)}


def words(path: Path) -> dict[Any, Any]:
    """What a catalogue says in Arabic, by message and context; empty where it says nothing."""
    with path.open("rb") as file:
        found = [message for message in read_po(file, locale="ar") if message.id]
    said: Callable[[Any], Any] = lambda text: text if isinstance(text, str) else all(text) and text  # noqa: E731
    return {(message.id, message.context): not message.fuzzy and said(message.string) for message in found}


@pytest.mark.parametrize("domain", SHOWN)
def test_what_django_leaves_in_english_we_say_and_nothing_else(domain: str) -> None:
    gaps = set()
    for package in SHOWN[domain]:
        folder = DJANGO / package / "locale"
        arabic = words(folder / "ar" / "LC_MESSAGES" / f"{domain}.po")
        gaps |= {key for key in words(folder / "en" / "LC_MESSAGES" / f"{domain}.po") if not arabic.get(key)}
    ours = words(OURS / f"{domain}.po")
    assert {key for key, text in ours.items() if not text} == set()
    assert set(ours) == gaps | (BETTER if domain == "django" else set())
    assert len(gaps) > 10


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("minute", ["أقل من دقيقة", "دقيقة", "دقيقتين", "3 دقائق", "11 دقيقة", "100 دقيقة"]),
        ("hour", ["0 ساعة", "ساعة", "ساعتين", "3 ساعات", "11 ساعة", "100 ساعة"]),
        ("day", ["0 يوم", "يوم", "يومين", "3 أيام", "11 يومًا", "100 يوم"]),
        ("week", ["0 أسبوع", "أسبوع", "أسبوعين", "3 أسابيع", "11 أسبوعًا", "100 أسبوع"]),
        ("month", ["0 شهر", "شهر", "شهرين", "3 أشهر", "11 شهرًا", "100 شهر"]),
        ("year", ["0 سنة", "سنة", "سنتين", "3 سنوات", "11 سنة", "100 سنة"]),
    ],
)
def test_how_long_ago_is_counted_as_arabic_counts(unit: str, said: list[str]) -> None:
    with translation.override("ar"):
        words = [ngettext(f"%(num)d {unit}", f"%(num)d {unit}s", num) % {"num": num} for num in (0, 1, 2, 3, 11, 100)]
    assert words == said


def test_a_number_is_asked_for_in_the_products_words() -> None:
    with translation.override("ar"):
        assert (gettext("Enter a number."), gettext("Enter a whole number.")) == (
            "اكتب رقمًا.", "اكتب عددًا صحيحًا بلا كسور.",
        )  # fmt: skip


def test_the_admin_leaves_no_known_english(staff: User, merchant: Merchant) -> None:
    known = [key[0] for domain in SHOWN for key in words(OURS / f"{domain}.po") if isinstance(key[0], str)]
    english = {text for text in known if " " in text}
    client = Client(headers={"accept-language": "ar"})
    client.force_login(staff)
    for address in (f"/admin/core/user/{staff.pk}/change/", "/admin/core/user/add/", "/admin/auth/group/add/"):
        html = client.get(address).content.decode()
        assert [text for text in english if text in html] == []
    spoken = json.dumps("اختيار كل %s")  # as JavaScript writes it
    assert spoken in client.get("/admin/jsi18n/").content.decode()
