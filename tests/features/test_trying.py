"""«Try my store»: the merchant's own link, what it tells, and that nobody else is told anything."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as project
from django.core import signing
from django.test import Client

from core import clock
from core.models import Merchant
from features import services, trying
from features.registry import Card
from features.rules import TRIGGERS
from integrations import lifecycle
from integrations.billing import Standing
from tests.cards import Settings, a_card, only
from tests.features.conftest import ROLES, STORE, address, person, text_of


@pytest.fixture(autouse=True)
def _with_widget(monkeypatch: pytest.MonkeyPatch, card: Card[Settings]) -> None:
    monkeypatch.setattr("features.storefront.widget_url", lambda slug: f"/static/cards/{slug}/widget.js")


@pytest.fixture
def shop(merchant: Merchant) -> Merchant:
    merchant.domain = "https://salla.sa/najd"
    merchant.locale = "en"
    merchant.save()
    return merchant


def token_of(merchant: Merchant) -> str:
    link = trying.link(merchant)
    assert link is not None
    [token] = parse_qs(urlsplit(link).query)["nomo_try"]
    return token


def ask(client: Client, data: object, store: int = STORE) -> Any:
    return client.post(f"/sf/{store}/try", json.dumps(data), content_type="text/plain")


def whys(client: Client, merchant: Merchant) -> dict[str, str]:
    response = ask(client, {"token": token_of(merchant)})
    assert response.status_code == 200
    return {each["slug"]: each["why"] for each in response.json()["cards"]}


# The link


@pytest.mark.parametrize(
    ("domain", "begins"),
    [
        ("https://salla.sa/najd", "https://salla.sa/najd?nomo_try="),
        ("najd.example", "https://najd.example?nomo_try="),
        ("https://najd.example/?a=1#b", "https://najd.example/?nomo_try="),
        ("http://127.0.0.1:8001/store/1", "http://127.0.0.1:8001/store/1?nomo_try="),
    ],
)
def test_it_leads_to_the_merchants_own_domain(merchant: Merchant, domain: str, begins: str) -> None:
    merchant.domain = domain
    assert (trying.link(merchant) or "").startswith(begins)


@pytest.mark.parametrize("domain", ["", "javascript://alert(1)", "https://", "http://["])
def test_without_an_address_there_is_no_link(page: Client, merchant: Merchant, domain: str) -> None:
    Merchant.objects.filter(pk=merchant.pk).update(domain=domain)
    response = page.post(f"/stores/{merchant.public_id}/try/", follow=True)
    assert response.redirect_chain == [(address(merchant, ""), 302)]
    assert "We do not know your store&#x27;s address yet." in text_of(response)


def test_an_editor_gets_it_and_a_viewer_does_not(client: Client, shop: Merchant) -> None:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    client.force_login(person(shop, ROLES.EDITOR))
    for end in ("", "test_card/"):
        assert f"/stores/{shop.public_id}/try/" in text_of(client.get(address(shop, end)))
    response = client.post(f"/stores/{shop.public_id}/try/")
    assert response.status_code == 200
    assert 'href="https://salla.sa/najd?nomo_try=' in text_of(response)
    assert 'target="_blank" rel="noopener noreferrer"' in text_of(response)
    again = client.get(f"/stores/{shop.public_id}/try/")
    assert again.status_code == 200
    assert 'href="https://salla.sa/najd?nomo_try=' in text_of(again)
    assert f'name="next" value="/stores/{shop.public_id}/try/"' in text_of(again)
    client.force_login(person(shop, ROLES.VIEWER))
    for end in ("", "test_card/"):
        assert "/try/" not in text_of(client.get(address(shop, end)))
    for method in (client.get, client.post):
        assert method(f"/stores/{shop.public_id}/try/").status_code == 403


# What it tells


def test_the_strip_speaks_the_stores_language(client: Client, shop: Merchant) -> None:
    body = ask(client, {"token": token_of(shop)}).json()
    assert (body["lang"], body["dir"], body["words"][""]) == ("en", "ltr", "Shown.")
    assert body["module"] == "/static/js/storefront/try.js"
    Merchant.objects.filter(pk=shop.pk).update(locale="ar")
    body = ask(client, {"token": token_of(shop)}).json()
    assert (body["lang"], body["dir"], body["words"][""]) == ("ar", "rtl", "ظاهرة.")
    assert body["title"] == "متجرك كما تجرّبه"
    [row] = [row for row in body["cards"] if row["slug"] == "test_card"]
    assert row == {"slug": "test_card", "name": "الطلبات", "why": "متوقّفة. يمكن تفعيلها من «أدواتي»."}


def test_why_a_card_is_not_there(client: Client, shop: Merchant, settings: Any, card: Card[Settings]) -> None:
    assert whys(client, shop)["test_card"] == "Off. Turn it on in “My tools”."
    services.switch(shop, card=card, is_on=True)
    assert whys(client, shop)["test_card"] == ""
    with only(a_card(missing=lambda _: "Connect a channel first.")):
        assert whys(client, shop) == {"test_card": "Connect a channel first."}
    Standing.unscoped.create(merchant=shop, state=Standing.State.RESTRICTED, reason=Standing.Reason.TRIAL_ENDED)
    assert whys(client, shop)["test_card"] == Standing.Reason.TRIAL_ENDED.label
    settings.STOREFRONT_OFF = True
    assert whys(client, shop)["test_card"] == "Nomo Flow is paused in all stores just now."


def test_every_reason_of_the_browser_has_words() -> None:
    """In «Try my store» nobody is held back for a comparison."""
    scripts = Path(project.BASE_DIR, "static", "js")
    rules, loader = (scripts / "storefront" / "rules.js").read_text(), (scripts / "loader.js").read_text()
    refusals = rules[rules.index("export const refusal") : rules.index("const cartOf")]
    said = re.findall(r'(?:return|\?) "([a-z_]+)"(?:;| : null)', refusals)
    said += re.findall(r'note\(slug, "(\w+)"', rules + loader)
    moments = set(TRIGGERS) - {"now"}
    assert set(said) | moments | {"", "unread"} == trying.WORDS.keys() | {"holdout_percent"}
    assert all(f"\n    {moment}" in rules for moment in moments)


# Nobody else


@pytest.mark.parametrize("data", [{}, {"token": ""}, {"token": "x"}, {"token": 5}, [], "x", {"token": "a:b:c"}])
def test_a_made_up_link_is_told_nothing(client: Client, shop: Merchant, data: object) -> None:
    response = ask(client, data)
    assert (response.status_code, response.content) == (204, b"")


def test_a_link_is_of_one_store_and_of_two_hours(
    client: Client, shop: Merchant, other_merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(shop)
    assert ask(client, {"token": token}, other_merchant.salla_id).status_code == 204
    assert ask(client, {"token": signing.dumps(STORE, salt="another")}).status_code == 204
    now = clock.now()
    monkeypatch.setattr("django.core.signing.time.time", lambda: (now + timedelta(hours=2, seconds=-5)).timestamp())
    assert ask(client, {"token": token}).status_code == 200
    monkeypatch.setattr("django.core.signing.time.time", lambda: (now + timedelta(hours=2, seconds=5)).timestamp())
    assert ask(client, {"token": token}).status_code == 204


def test_an_uninstalled_store_is_told_nothing(client: Client, shop: Merchant) -> None:
    token = token_of(shop)
    lifecycle.uninstall(STORE, at=clock.now())
    assert ask(client, {"token": token}).status_code == 204


def test_any_page_may_ask_and_nobody_keeps_the_answer(client: Client, shop: Merchant) -> None:
    response = ask(client, {"token": token_of(shop)})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Cache-Control"] == "no-store"
    assert client.options(f"/sf/{STORE}/try").status_code == 204
    assert client.post(f"/sf/{STORE}/try", b"x" * 9000, content_type="text/plain").status_code == 413
    assert client.post(f"/sf/{STORE}/try", b"{", content_type="text/plain").status_code == 400
