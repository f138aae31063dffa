"""What the storefront is told of the cards, and what it may ask of them."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils.translation import gettext_lazy as _

from core import schema
from core.models import Merchant
from features import services, storefront
from features.registry import Card
from integrations import lifecycle
from tests.cards import Settings, a_card, only, registered
from tests.features.conftest import STORE, told

NOTHING = {"version": 0, "listens": False, "modules": {}, "cards": []}


class TestConfig:
    @pytest.fixture(autouse=True)
    def _on(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.save(
            merchant, card=card, raw={"title": "</script>\u2028&", "note": "private", "rows": [{"note": "x"}]}
        )
        services.switch(merchant, card=card, is_on=True)

    def test_it_has_the_public_settings_of_cards_that_are_on(self, client: Client) -> None:
        config = told(client)
        assert config["version"] > 0
        assert config["cards"] == [
            {
                "slug": "test_card",
                "widget": None,
                "settings": {
                    "title": "</script>\u2028&",
                    "delay_seconds": 5,
                    "is_bold": False,
                    "position": "end",
                    "rows": [{"title": ""}],
                },
            }
        ]

    def test_it_may_stand_in_a_script(self, client: Client) -> None:
        body = client.get(f"/sf/{STORE}/config.json").content
        assert not any(unsafe in body for unsafe in (b"<", b">", b"&", "\u2028".encode(), "\u2029".encode()))

    def test_off_means_gone(self, client: Client, merchant: Merchant, card: Card[Settings]) -> None:
        services.switch(merchant, card=card, is_on=False)
        assert told(client)["cards"] == []

    def test_a_card_with_nothing_for_shoppers_is_not_named(self, client: Client, merchant: Merchant) -> None:
        class Quiet(schema.Settings):
            note: str = schema.field("", label=_("reason"))

        with registered(a_card(slug="quiet", settings=Quiet)) as quiet:
            services.switch(merchant, card=quiet, is_on=True)
            assert [each["slug"] for each in told(client)["cards"]] == ["test_card"]

    def test_the_version_moves_with_the_content_only(
        self, client: Client, merchant: Merchant, card: Card[Settings]
    ) -> None:
        before = told(client)
        services.save(merchant, card=card, raw=services.settings_of(merchant, card).dump() | {"note": "still private"})
        services.rebuild_storefront_config(merchant)
        assert told(client) == before
        services.save(merchant, card=card, raw={"delay_seconds": 9})
        assert told(client)["version"] == before["version"] + 1

    @pytest.mark.parametrize("store", [0, 1, 847769313, 2**63, 10**30])
    def test_a_store_that_is_unknown_gets_nothing(self, client: Client, store: int) -> None:
        assert told(client, store) == NOTHING

    def test_an_uninstalled_store_gets_nothing(self, client: Client) -> None:
        lifecycle.uninstall(STORE, at=datetime(2026, 12, 1, tzinfo=UTC))
        assert told(client) == NOTHING

    def test_a_hit_asks_the_database_nothing(self, client: Client, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            client.get(f"/sf/{STORE}/config.json")
            client.get(f"/sf/{STORE}/config.json")
        with django_assert_num_queries(1):
            client.get("/sf/5/config.json")
            client.get("/sf/5/config.json")

    def test_another_process_sees_a_change_within_five_seconds(
        self, client: Client, merchant: Merchant, card: Card[Settings], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert storefront.MEMORY_SECONDS <= 5
        clock = [1000.0]
        monkeypatch.setattr("core.memory.time.monotonic", lambda: clock[0])
        before = client.get(f"/sf/{STORE}/config.json").content
        services.switch(merchant, card=card, is_on=False)  # its commit, which would forget, does not come in a test
        clock[0] += storefront.MEMORY_SECONDS - 0.01
        assert client.get(f"/sf/{STORE}/config.json").content == before
        clock[0] += 0.02
        assert json.loads(client.get(f"/sf/{STORE}/config.json").content)["cards"] == []

    def test_this_process_sees_a_change_at_once(
        self, client: Client, merchant: Merchant, card: Card[Settings], django_capture_on_commit_callbacks: Any
    ) -> None:
        client.get(f"/sf/{STORE}/config.json")
        with django_capture_on_commit_callbacks(execute=True):
            services.switch(merchant, card=card, is_on=False)
        assert json.loads(client.get(f"/sf/{STORE}/config.json").content)["cards"] == []

    def test_caches_may_keep_it_and_ask_again(self, client: Client) -> None:
        response = client.get(f"/sf/{STORE}/config.json", headers={"origin": "https://shop.example"})
        etag = response.headers["ETag"]
        assert etag.startswith('"')
        assert response.headers["Cache-Control"] == "public, max-age=60, stale-while-revalidate=60"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
        assert response.headers["Content-Type"] == "application/json"
        assert response.cookies == {}
        assert "Vary" not in response.headers
        for asked in (etag, f"W/{etag}", f'"other", {etag}'):
            again = client.get(f"/sf/{STORE}/config.json", headers={"if-none-match": asked})
            assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
            assert again.headers["Access-Control-Allow-Origin"] == "*"
        assert client.get(f"/sf/{STORE}/config.json", headers={"if-none-match": '"other"'}).status_code == 200

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    def test_it_is_only_read(self, client: Client, method: str) -> None:
        assert getattr(client, method)(f"/sf/{STORE}/config.json").status_code == 405

    def test_new_declarations_make_it_again(self, client: Client, merchant: Merchant) -> None:
        class Newer(Settings):
            colour: str = schema.field("red", label=_("status"), public=True)

        with only(a_card(settings=Newer)):
            assert told(client)["cards"][0]["settings"]["colour"] == "red"
            assert merchant.features.count() == 1

    def test_a_card_that_is_no_longer_there_is_gone(self, client: Client) -> None:
        with only():
            assert told(client)["cards"] == []

    def test_without_a_database_shoppers_get_what_they_had(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = client.get(f"/sf/{STORE}/config.json").content
        monkeypatch.setattr("features.services._read", gone)
        later = time.monotonic() + storefront.MEMORY_SECONDS
        monkeypatch.setattr("core.memory.time.monotonic", lambda: later)
        response = client.get(f"/sf/{STORE}/config.json")
        assert (response.status_code, response.content) == (200, before)
        strange = client.get("/sf/5/config.json")
        assert (strange.status_code, strange.headers["Cache-Control"]) == (200, "no-store")
        assert json.loads(strange.content)["cards"] == []

    def test_memory_is_bounded_and_strangers_crowd_out_no_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("features.storefront.STORES_REMEMBERED", 3)
        monkeypatch.setattr("features.storefront.UNKNOWN_REMEMBERED", 5)
        configs = storefront.Configs()
        for store in range(10):
            configs.put(store, storefront.EMPTY, is_known=True)
            configs.put(1000 + store, storefront.EMPTY, is_known=False)
        assert [store for store in range(10) if configs.get(store)] == [7, 8, 9]
        assert [store for store in range(1000, 1010) if configs.get(store)] == [1005, 1006, 1007, 1008, 1009]


def gone(*_: object) -> None:
    raise OperationalError("the server closed the connection unexpectedly")


class TestActions:
    @pytest.fixture(autouse=True)
    def _on(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.switch(merchant, card=card, is_on=True)

    @pytest.fixture
    def ask(self, client: Client) -> Callable[..., Any]:
        def post(data: object = None, *, end: str = "test_card/echo", store: int = STORE, **headers: str) -> Any:
            body = data if isinstance(data, bytes) else json.dumps(data).encode()
            kind = headers.pop("kind", "text/plain")
            return client.post(f"/sf/{store}/cards/{end}", body, content_type=kind, headers=headers)

        return post

    @pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/json"])
    def test_the_card_answers(self, ask: Callable[..., Any], kind: str) -> None:
        response = ask({"page": "</script>"}, kind=kind)
        assert response.status_code == 200
        assert json.loads(response.content) == {"store": STORE, "title": "الطلبات", "data": {"page": "</script>"}}
        assert b"<" not in response.content
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.cookies == {}

    def test_nothing_said_is_an_empty_group(self, ask: Callable[..., Any]) -> None:
        assert json.loads(ask(b"").content)["data"] == {}

    @pytest.mark.parametrize("end", ["test_card/no_such", "no_such/echo"])
    def test_what_is_not_declared_is_not_there(self, ask: Callable[..., Any], end: str) -> None:
        assert ask({}, end=end).status_code == 404

    @pytest.mark.parametrize("store", [1, 847769313, 2**63])
    def test_an_unknown_store_gets_nothing(self, ask: Callable[..., Any], store: int) -> None:
        assert (ask({}, store=store).status_code, ask({}, store=store).content) == (204, b"")

    def test_a_card_that_is_off_or_uninstalled_says_nothing(
        self, ask: Callable[..., Any], merchant: Merchant, card: Card[Settings]
    ) -> None:
        services.switch(merchant, card=card, is_on=False)
        assert ask({}).status_code == 204
        services.switch(merchant, card=card, is_on=True)
        assert ask({}).status_code == 200
        lifecycle.uninstall(STORE, at=datetime(2026, 12, 1, tzinfo=UTC))
        assert ask({}).status_code == 204

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"{", 400), (b"\xff", 400), (b'{"a": 1, "a": 2}', 400), (b"[" * 5000, 400), (b"9" * 5000, 400),
            ("nonsense", 400), ("nothing", 204), ("trouble", 204), (b"x" * 8193, 413),
        ],
    )  # fmt: skip
    def test_bad_input_is_refused_and_our_mistakes_are_silence(
        self, ask: Callable[..., Any], data: object, status: int
    ) -> None:
        assert ask(data).status_code == status

    @pytest.mark.parametrize(("length", "status"), [("-1", 411), ("x", 411), ("9" * 30, 413), ("٣", 411), ("", 204)])
    def test_a_strange_length_is_refused(self, client: Client, length: str, status: int) -> None:
        response = client.post("/sf/1/cards/test_card/echo", b"{}", content_type="text/plain", CONTENT_LENGTH=length)
        assert response.status_code == status

    def test_a_chunked_body_is_refused(self, ask: Callable[..., Any]) -> None:
        assert ask({}, **{"transfer-encoding": "chunked"}).status_code == 411

    def test_browsers_may_ask_beforehand(self, client: Client) -> None:
        response = client.options(f"/sf/{STORE}/cards/test_card/echo")
        assert (response.status_code, response.headers["Access-Control-Allow-Methods"]) == (204, "POST")

    def test_a_database_that_is_away_is_silence(self, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("features.services.active_settings", gone)
        assert ask({}).status_code == 204
