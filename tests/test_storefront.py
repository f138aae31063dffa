"""What stands in the shops: the snippet, the loader's size, who is heard there, and the merchant's preview of it."""

import gzip
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rjsmin
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.test import Client
from redis import RedisError

from core import clock, memory, redis
from core.limiter import Limit
from core.models import Membership, Merchant, User
from features import registry, seen, services, snippet, views
from features.registry import Sample
from integrations import lifecycle
from tests.cards import a_card, config_of, registered

SCRIPTS = Path(project.BASE_DIR, "static", "js")
SHOP = "https://najd.example"
STORE = 1305146709
# Bytes: of the snippet as Salla serves it, of the loader as we do.
SNIPPET_BYTES, LOADER_BYTES = 600, 5_000


# Sizes


def test_the_snippet_is_small(settings: Any) -> None:
    settings.PUBLIC_URL = "https://app.nomoflow.example"
    assert len(snippet.FILE.read_bytes()) <= SNIPPET_BYTES
    assert len(snippet.for_portal().encode()) <= SNIPPET_BYTES


def test_the_loader_is_small() -> None:
    served = rjsmin.jsmin((SCRIPTS / "loader.js").read_text()).encode()
    assert len(gzip.compress(served, 9)) <= LOADER_BYTES


@pytest.mark.parametrize("name", ["snippet.js", "loader.js", "preview.js"])
def test_the_scripts_are_scripts(name: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    subprocess.run([node, "--check", SCRIPTS / name], check=True)


# The portal's text


def test_the_portals_text_has_our_address(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.PUBLIC_URL = "https://app.nomoflow.example"
    call_command("snippet")
    text = capsys.readouterr().out
    assert text == snippet.for_portal()
    assert text.endswith('})("https://app.nomoflow.example");\n')
    assert "document.currentScript" not in text
    assert "<" not in text


def test_without_an_address_there_is_no_text(settings: Any) -> None:
    settings.PUBLIC_URL = ""
    with pytest.raises(CommandError, match="PUBLIC_URL is not set"):
        call_command("snippet")


# Whether the script was seen


def ask(client: Client, origin: str | None = SHOP, store: int = STORE) -> None:
    headers = {} if origin is None else {"origin": origin}
    assert client.get(f"/sf/{store}/config.json", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("origin", "is_seen"),
    [
        (SHOP, True),
        (None, False),  # no page of a shop
        ("null", False),
        ("http://[", False),
        ("http://localhost:8000", False),  # ours
    ],
)
def test_a_shops_page_is_seen(client: Client, merchant: Merchant, settings: Any, origin: str, is_seen: bool) -> None:
    settings.PUBLIC_URL = "http://localhost:8000"
    ask(client, origin)
    assert (seen.last(STORE) is not None) == is_seen


def test_only_installed_stores_are_noted(client: Client, merchant: Merchant) -> None:
    ask(client, store=5)
    assert seen.last(5) is None
    lifecycle.uninstall(STORE, at=clock.now())
    memory.forget()
    ask(client)
    assert seen.last(STORE) is None


def test_a_process_notes_once_a_minute(client: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[Any] = []
    monkeypatch.setattr(redis.client(), "set", lambda *given, **options: notes.append((given, options)))
    for _ in range(5):
        ask(client)
    assert len(notes) == 1
    assert notes[0][1] == {"ex": 30 * 86_400}


def test_without_redis_shoppers_notice_nothing(
    client: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Any] = []

    def refuse(*given: Any, **_: Any) -> None:
        tries.append(given)
        raise RedisError

    monkeypatch.setattr(redis.client(), "set", refuse)
    for _ in range(3):
        ask(client)
    assert len(tries) == 1  # the next one is a minute away


def test_a_store_that_changes_its_language_is_spoken_to_in_it(client: Client, merchant: Merchant) -> None:
    with registered(a_card()) as card:
        services.switch(merchant, card=card, is_on=True)
        assert config_of(client, merchant)[card.slug]["title"] == "الطلبات"
        Merchant.objects.filter(pk=merchant.pk).update(locale="en")
        assert config_of(client, merchant)[card.slug]["title"] == "orders"


def test_a_config_in_memory_costs_no_query(client: Client, merchant: Merchant, django_assert_num_queries: Any) -> None:
    ask(client)
    with django_assert_num_queries(0):
        ask(client)
        ask(client)


# How often widgets may ask


@pytest.fixture
def echo(merchant: Merchant) -> Iterator[str]:
    with registered(a_card()) as card:
        services.switch(merchant, card=card, is_on=True)
        yield f"/sf/{STORE}/cards/test_card/echo"


def statuses(client: Client, address: str, times: int, **headers: Any) -> list[int]:
    return [client.post(address, "{}", content_type="text/plain", **headers).status_code for _ in range(times)]


def test_a_sender_asks_so_often_and_no_more(client: Client, echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.views.ACTION_LIMIT", few_of(3))
    assert statuses(client, echo, 3) == [200] * 3
    refused = client.post(echo, "{}", content_type="text/plain")
    assert (refused.status_code, refused.content) == (429, b"")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert statuses(client, echo, 1, REMOTE_ADDR="192.0.2.7") == [200]  # another sender
    assert statuses(client, echo.replace(str(STORE), "847769313"), 1) == [204]  # another store


def test_a_card_hears_from_which_network_it_is_asked(client: Client, echo: str) -> None:
    ask_from = {"REMOTE_ADDR": "2001:db8:1:2:3::4"}
    assert client.post(echo, '"network"', content_type="text/plain", **ask_from).json() == "2001:db8:1:2::/64"


def test_without_redis_widgets_go_on(client: Client, echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.views.ACTION_LIMIT", few_of(1))

    def refuse(*_: Any) -> None:
        raise RedisError

    monkeypatch.setattr(redis.client(), "eval", refuse)
    assert statuses(client, echo, 3) == [200] * 3


def few_of(count: int) -> Limit:
    return replace(views.ACTION_LIMIT, count=count)


# Preview and health


@pytest.fixture
def owner(client: Client, merchant: Merchant) -> Client:
    user = User.objects.create_user("owner@example.com")
    Membership.objects.create(user=user, merchant=merchant, role=Membership.Role.VIEWER)
    client.force_login(user)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client


def page_of(owner: Client, merchant: Merchant, end: str = "", slug: str = "latest_purchase") -> Any:
    return owner.get(f"/stores/{merchant.public_id}/cards/{slug}/{end}")


def test_a_preview_is_framed_by_us_alone_and_speaks_the_stores_language(owner: Client, merchant: Merchant) -> None:
    response = page_of(owner, merchant, "preview/")
    page = response.content.decode()
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    policy = response.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")
    assert "img-src * data:;" in policy
    assert '<html lang="ar" dir="rtl"' in page
    shown = json.loads(page.split('<script id="shown" type="application/json">')[1].split("</script>")[0])
    card = registry.get("latest_purchase")
    assert card is not None
    assert shown["card"]["widget"] == "/static/cards/latest_purchase/widget.js"
    assert shown["card"]["settings"] == services.settings_of(merchant, card).dump(public=True)
    assert shown["answers"] == {"recent": {"purchases": []}}
    assert "Example" in page
    assert "needs JavaScript" in page


def test_a_preview_shows_what_is_typed_and_saves_nothing(owner: Client, merchant: Merchant) -> None:
    """Whoever sees the page may look; the frame's rules are the same."""
    collector = registry.get("email_collector")
    assert collector is not None
    stored = services.settings_of(merchant, collector)
    typed = {name: "" if value is None else value for name, value in stored.dump().items()} | {"title": "A <b>word</b>"}
    address = f"/stores/{merchant.public_id}/cards/email_collector/preview/"
    response = owner.post(address, typed)
    page = response.content.decode()
    assert response.status_code == 200
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert response.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")
    shown = json.loads(page.split('<script id="shown" type="application/json">')[1].split("</script>")[0])
    assert shown["card"]["settings"] == stored.dump(public=True) | {"title": "A <b>word</b>"}
    refused = owner.post(address, typed | {"title": "x" * 81, "asks": "money"})
    assert refused.status_code == 422
    assert refused.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "<li><b>Title</b>: Too long: at most 80.</li>" in refused.content.decode()
    assert services.settings_of(merchant, collector) == stored
    assert merchant.revisions.count() == 0


def test_the_preview_stands_beside_the_settings_before_health_and_numbers(owner: Client, merchant: Merchant) -> None:
    page = page_of(owner, merchant).content.decode()
    places = [page.index(f'id="{name}"') for name in ("settings", "preview", "health", "numbers", "history")]
    assert places == sorted(places)
    assert "With the settings saved last." in page
    assert "Preview before saving" not in page  # a viewer types nothing
    Membership.objects.update(role=Membership.Role.EDITOR)
    address = f"/stores/{merchant.public_id}/cards/latest_purchase/preview/"
    assert (
        f'form="settings-form" type="submit" formaction="{address}" formtarget="preview-frame"'
        in page_of(owner, merchant).content.decode()
    )


def test_a_card_without_a_widget_has_no_preview(owner: Client, merchant: Merchant) -> None:
    with registered(a_card(sample=lambda *_: Sample({}), health=lambda *_: ["<b>three</b> today"])):
        assert page_of(owner, merchant, "preview/", slug="test_card").status_code == 404
        page = page_of(owner, merchant, slug="test_card").content.decode()
    assert "<iframe" not in page
    assert "&lt;b&gt;three&lt;/b&gt; today" in page


def test_health_says_when_the_script_was_seen(
    owner: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "has not been seen" in page_of(owner, merchant).content.decode()
    ask(owner)
    assert "seen just now" in page_of(owner, merchant).content.decode()
    later = clock.now() + timedelta(minutes=3)
    monkeypatch.setattr("core.clock.now", lambda: later)
    assert "last seen 3\xa0minutes ago." in page_of(owner, merchant).content.decode()
    much_later = clock.now() + timedelta(days=2)
    monkeypatch.setattr("core.clock.now", lambda: much_later)
    assert "contact us" in page_of(owner, merchant).content.decode()


def test_health_says_off_only_while_it_is_off(owner: Client, merchant: Merchant) -> None:
    assert "The card is off" in page_of(owner, merchant).content.decode()
    card = registry.get("latest_purchase")
    assert card is not None
    services.switch(merchant, card=card, is_on=True)
    assert "The card is off" not in page_of(owner, merchant).content.decode()


def test_health_without_redis_says_that_nobody_knows(
    owner: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise RedisError

    monkeypatch.setattr(redis.client(), "get", refuse)
    assert "We cannot tell right now" in page_of(owner, merchant).content.decode()
