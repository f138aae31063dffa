"""The switchboard: cards on and off, saved, restored, shown to their own people, and told to the storefront."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, OperationalError, connection
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core import schema
from core.models import Membership, Merchant, User
from core.schema import SettingsError
from events.models import Event
from features import apps as discovery
from features import registry, selectors, services, storefront
from features.models import Feature, Revision
from features.registry import Card, Category
from integrations import lifecycle
from tests.cards import Settings, a_card, only, registered

ROLES = Membership.Role
STORE = 1305146709


@pytest.fixture
def card() -> Iterator[Card[Settings]]:
    with registered(a_card()) as one:
        yield one


def person(merchant: Merchant, role: ROLES = ROLES.OWNER) -> User:
    user = User.objects.create_user(f"{role}-{merchant.salla_id}@example.com", name="سارة")
    Membership.objects.create(user=user, merchant=merchant, role=role)
    return user


@pytest.fixture
def owner(merchant: Merchant) -> User:
    return person(merchant)


@pytest.fixture
def page(owner: User) -> Client:
    """The owner's browser, in English."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(owner)
    return client


def address(merchant: Merchant, end: str = "test_card/") -> str:
    return f"/stores/{merchant.public_id}/cards/{end}"


def text_of(response: Any) -> str:
    return str(response.content.decode())


def told(client: Client, store: int = STORE) -> dict[str, Any]:
    """What a browser that has nothing gets, in a process that remembers nothing."""
    services._memory.clear()
    response = client.get(f"/sf/{store}/config.json")
    assert response.status_code == 200
    return dict(json.loads(response.content))


def test_the_room_has_its_name() -> None:
    name = apps.get_app_config("features").verbose_name
    with translation.override("en"):
        assert str(name) == "Cards"
    with translation.override("ar"):
        assert str(name) == "الأدوات"


class TestRegistry:
    def test_a_card_is_found_by_its_slug(self, card: Card[Settings]) -> None:
        assert registry.get("test_card") is card
        assert registry.get("no_such_card") is None
        assert card in registry.cards()

    def test_a_slug_is_taken_once(self, card: Card[Settings]) -> None:
        with pytest.raises(ValueError, match="test_card is registered twice"):
            registry.register(card)

    def test_groups_stand_in_their_order_and_none_is_empty(self) -> None:
        with registered(a_card(slug="z", category=Category.NUMBERS)), registered(a_card(slug="a")):
            groups = dict(registry.groups())
            assert list(groups) == [each for each in Category if each in groups]
            assert all(groups.values())
            assert "a" in [each.slug for each in groups[Category.IN_STORE]]
            assert "z" in [each.slug for each in groups[Category.NUMBERS]]

    @pytest.mark.parametrize("slug", ["", "Big", "with-dash", "1st", "../up", "أداة", "x" * 65])
    def test_a_slug_is_plain(self, slug: str) -> None:
        with pytest.raises(ValueError, match="small letters"):
            a_card(slug=slug)
        with pytest.raises(ValueError, match="small letters"):
            a_card(actions={slug: print})

    def test_a_card_keeps_no_secrets(self) -> None:
        class Secretive(schema.Settings):
            key: str = schema.field("", label=_("name"), widget=schema.Secret)

        with pytest.raises(TypeError, match=r"test_card\.key: a card keeps no secrets"):
            a_card(settings=Secretive)

    def test_a_folder_must_register_its_own_name(self, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        monkeypatch.setattr("features.apps.import_module", lambda name: None)
        with pytest.raises(ImproperlyConfigured, match="no card with the slug nameless"):
            discovery.load(settings.BASE_DIR / "visitors" / "cards" / "nameless")


class TestChanging:
    @pytest.fixture(autouse=True)
    def _registered(self, card: Card[Settings]) -> None: ...

    def test_off_with_defaults_until_the_first_change(self, merchant: Merchant, card: Card[Settings]) -> None:
        assert services.settings_of(merchant, card).delay_seconds == 5
        assert services.active_settings(merchant, card) is None
        assert merchant.features.count() == 0

    def test_a_switch_is_a_row_a_revision_and_a_fact(
        self, merchant: Merchant, owner: User, card: Card[Settings]
    ) -> None:
        revision = services.switch(merchant, card=card, is_on=True, by=owner)
        assert revision is not None
        assert (revision.by, revision.what) == (owner, Revision.What.SWITCHED_ON)
        assert (revision.before["is_on"], revision.after["is_on"]) == (False, True)
        assert services.active_settings(merchant, card) == services.settings_of(merchant, card)
        event = merchant.events.get(name="feature.changed")
        assert event.data == {"slug": "test_card", "is_on": True}
        assert event.key == f"feature:{revision.public_id}"

    def test_a_switch_that_changes_nothing_leaves_nothing(self, merchant: Merchant, card: Card[Settings]) -> None:
        assert services.switch(merchant, card=card, is_on=False) is None
        assert services.switch(merchant, card=card, is_on=True) is not None
        assert services.switch(merchant, card=card, is_on=True) is None
        assert (merchant.revisions.count(), merchant.events.count()) == (1, 1)

    @pytest.mark.parametrize("raw", [{"title": "أهلًا"}, '{"title": "أهلًا"}', '{"title": "أهلًا"}'.encode()])
    def test_data_and_json_are_saved_alike(self, merchant: Merchant, card: Card[Settings], raw: object) -> None:
        assert services.save(merchant, card=card, raw=raw) is not None
        assert services.settings_of(merchant, card).title == "أهلًا"
        assert services.save(merchant, card=card, raw=raw) is None
        assert merchant.revisions.count() == 1

    @pytest.mark.parametrize(
        ("raw", "path"),
        [
            ({"delay_seconds": "5"}, "delay_seconds"),
            ({"rows": [{"title": 5}]}, "rows[0].title"),
            ('{"rows": [{}, {"z": 1}]}', "rows[1].z"),
            ('{"title": "a", "title": "b"}', ""),
            ("{", ""),
            ({"__proto__": {}}, "__proto__"),
            ({"note": "ط" * 20_000, "title": "ط" * 20_000}, ""),
        ],
    )
    def test_wrong_settings_are_refused_with_their_place(
        self, merchant: Merchant, card: Card[Settings], raw: object, path: str
    ) -> None:
        with pytest.raises(SettingsError) as caught:
            services.save(merchant, card=card, raw=raw)
        assert [error.path for error in caught.value.errors] == [path]
        assert merchant.features.count() == merchant.revisions.count() == merchant.events.count() == 0

    def test_one_click_restores_what_was_before(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.switch(merchant, card=card, is_on=True)
        services.save(merchant, card=card, raw={"delay_seconds": 10})
        changed = services.save(merchant, card=card, raw={"delay_seconds": 20})
        assert changed is not None
        services.revert(merchant, card=card, revision=changed)
        active = services.active_settings(merchant, card)
        assert active is not None
        assert active.delay_seconds == 10
        assert merchant.revisions.latest("pk").what == Revision.What.REVERTED
        assert services.revert(merchant, card=card, revision=changed) is None

    def test_the_first_change_can_be_undone_too(self, merchant: Merchant, card: Card[Settings]) -> None:
        first = services.switch(merchant, card=card, is_on=True)
        assert first is not None
        services.revert(merchant, card=card, revision=first)
        assert services.active_settings(merchant, card) is None

    def test_a_version_of_an_older_shape_is_restored_as_far_as_it_fits(
        self, merchant: Merchant, card: Card[Settings]
    ) -> None:
        services.save(merchant, card=card, raw={"delay_seconds": 10})
        row = merchant.revisions.get()
        row.before = {"is_on": "yes", "settings": {"delay_seconds": 30, "title": 5, "gone": 1}}
        services.revert(merchant, card=card, revision=row)
        restored = services.settings_of(merchant, card)
        assert (restored.delay_seconds, restored.title) == (30, "الطلبات")
        assert merchant.features.get().is_on is False

    def test_texts_left_alone_are_in_the_stores_language(self, merchant: Merchant, card: Card[Settings]) -> None:
        with translation.override("en"):
            assert services.settings_of(merchant, card).title == "الطلبات"
            merchant.locale = "en"
            assert services.settings_of(merchant, card).title == "orders"
            merchant.locale = "no such"
            assert services.settings_of(merchant, card).title == "الطلبات"

    def test_the_history_names_what_changed(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.save(merchant, card=card, raw={"delay_seconds": 10, "is_bold": True})
        services.switch(merchant, card=card, is_on=True)
        with translation.override("en"):
            found = [change.differences for change in selectors.history(merchant, card)]
            shown = [[(str(each.label), each.before, each.after) for each in differences] for differences in found]
        assert shown == [[], [("total", "5", "10"), ("status", "No", "Yes")]]

    def test_the_history_shows_values_as_the_form_does(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.save(
            merchant, card=card, raw={"title": "ط" * 100, "note": "new", "position": "start", "rows": [{"title": "a"}]}
        )
        with translation.override("en"):
            [change] = selectors.history(merchant, card)
            shown = [(str(each.label), each.before, each.after) for each in change.differences]
        assert shown == [("name", "", ""), ("reason", "—", "new"), ("store", "country", "city"), ("items", "", "")]

    def test_stores_do_not_meet(self, merchant: Merchant, other_merchant: Merchant, card: Card[Settings]) -> None:
        services.switch(merchant, card=card, is_on=True)
        assert services.active_settings(other_merchant, card) is None
        feature = merchant.features.get()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        row = {"what": Revision.What.SAVED, "before": {}, "after": {}}
        with pytest.raises(IntegrityError, match="features_revision_same_merchant"):
            Revision.unscoped.bulk_create([Revision(merchant=other_merchant, feature=feature, **row)])

    def test_an_uninstalled_store_has_nothing_on(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.switch(merchant, card=card, is_on=True)
        lifecycle.uninstall(STORE, at=datetime(2026, 12, 1, tzinfo=UTC))
        assert services.active_settings(merchant, card) is None


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
        assert told(client, store) == {"version": 0, "cards": []}

    def test_an_uninstalled_store_gets_nothing(self, client: Client) -> None:
        lifecycle.uninstall(STORE, at=datetime(2026, 12, 1, tzinfo=UTC))
        assert told(client) == {"version": 0, "cards": []}

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
        monkeypatch.setattr("features.storefront.time.monotonic", lambda: clock[0])
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
        monkeypatch.setattr("features.storefront.MEMORY_SECONDS", 0)
        services._memory.put(STORE, services.storefront_config(STORE), is_known=True)
        monkeypatch.setattr("features.services._read", gone)
        response = client.get(f"/sf/{STORE}/config.json")
        assert (response.status_code, response.content) == (200, before)
        strange = client.get("/sf/5/config.json")
        assert (strange.status_code, strange.headers["Cache-Control"]) == (200, "no-store")
        assert json.loads(strange.content)["cards"] == []

    def test_memory_is_bounded_and_strangers_crowd_out_no_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("features.storefront.STORES_REMEMBERED", 3)
        monkeypatch.setattr("features.storefront.UNKNOWN_REMEMBERED", 5)
        memory = storefront.Memory()
        for store in range(10):
            memory.put(store, storefront.EMPTY, is_known=True)
            memory.put(1000 + store, storefront.EMPTY, is_known=False)
        assert [store for store in range(10) if memory.get(store)] == [7, 8, 9]
        assert [store for store in range(1000, 1010) if memory.get(store)] == [1005, 1006, 1007, 1008, 1009]


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

    @pytest.mark.parametrize("length", ["", "-1", "x", "9" * 30, "٣"])
    def test_a_strange_length_is_refused(self, client: Client, length: str) -> None:
        response = client.post("/sf/1/cards/test_card/echo", b"{}", content_type="text/plain", CONTENT_LENGTH=length)
        assert response.status_code in {204, 411, 413}

    def test_a_chunked_body_is_refused(self, ask: Callable[..., Any]) -> None:
        assert ask({}, **{"transfer-encoding": "chunked"}).status_code == 411

    def test_browsers_may_ask_beforehand(self, client: Client) -> None:
        response = client.options(f"/sf/{STORE}/cards/test_card/echo")
        assert (response.status_code, response.headers["Access-Control-Allow-Methods"]) == (204, "POST")

    def test_a_database_that_is_away_is_silence(self, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("features.services.active_settings", gone)
        assert ask({}).status_code == 204


class TestPages:
    @pytest.fixture(autouse=True)
    def _registered(self, card: Card[Settings]) -> None: ...

    def test_the_grid_shows_every_card_and_its_switch(self, page: Client, merchant: Merchant) -> None:
        shown = text_of(page.get(address(merchant, "")))
        assert "In your store" in shown
        assert address(merchant) in shown
        assert address(merchant, "test_card/switch/") in shown

    def test_switching_needs_no_script(self, page: Client, merchant: Merchant, card: Card[Settings]) -> None:
        response = page.post(address(merchant, "test_card/switch/"), {"is_on": "true"}, follow=True)
        assert response.redirect_chain == [(address(merchant, ""), 302)]
        assert "“orders” is on." in text_of(response)
        assert services.active_settings(merchant, card) is not None
        response = page.post(address(merchant, "test_card/switch/?from=card"), {"is_on": "false"}, follow=True)
        assert response.redirect_chain == [(address(merchant), 302)]
        assert services.active_settings(merchant, card) is None

    def test_five_questions_and_the_rest_behind_a_door(self, page: Client, merchant: Merchant) -> None:
        before, inside = text_of(page.get(address(merchant))).split("Advanced options")
        assert [f'name="{name}"' in before for name in Settings.model_fields] == [True] * 5 + [False] * 2
        assert all(f'name="{name}"' in inside for name in ("rows", "share"))

    def test_the_form_saves_and_says_so(self, page: Client, merchant: Merchant, owner: User) -> None:
        response = page.post(address(merchant), posted(merchant, title="مرحبًا", delay_seconds="١٠"), follow=True)
        assert response.redirect_chain == [(address(merchant), 302)]
        assert "Saved. Shoppers see it once you turn it on." in text_of(response)
        assert services.settings_of(merchant, a_card()).delay_seconds == 10
        assert merchant.revisions.get().by == owner
        response = page.post(address(merchant), posted(merchant, title="مرحبًا", delay_seconds="10"), follow=True)
        assert "Nothing has changed." in text_of(response)
        services.switch(merchant, card=a_card(), is_on=True)
        response = page.post(address(merchant), posted(merchant, title="أهلًا"), follow=True)
        assert "Saved and published." in text_of(response)

    def test_a_wrong_form_keeps_what_was_typed(self, page: Client, merchant: Merchant) -> None:
        response = page.post(address(merchant), posted(merchant, title="typed & kept", delay_seconds="601"))
        assert response.status_code == 422
        shown = text_of(response)
        assert 'value="typed &amp; kept"' in shown
        assert "Must be 600 or less." in shown
        assert '<details class="more">' in shown
        assert merchant.features.count() == 0

    def test_a_mistake_behind_the_door_opens_it(self, page: Client, merchant: Merchant) -> None:
        shown = text_of(page.post(address(merchant), posted(merchant, rows="[5]")))
        assert '<details class="more" open>' in shown
        assert "rows[0]" in shown

    def test_json_saves_through_the_same_validator(self, page: Client, merchant: Merchant) -> None:
        response = page.post(address(merchant), {"json": '{"title": "x",\r\n "delay_seconds": 7}'}, follow=True)
        assert response.redirect_chain == [(address(merchant), 302)]
        assert services.settings_of(merchant, a_card()).delay_seconds == 7
        assert "&quot;delay_seconds&quot;: 7" in text_of(page.get(address(merchant)))

    @pytest.mark.parametrize(
        ("typed", "path", "message"),
        [
            ('{"rows": [{"title": 5}]}', "rows[0].title", "Must be text, in quotation marks."),
            ('{"delay_seconds": 601}', "delay_seconds", "Must be 600 or less."),
            ('{"title": </textarea>', "", "This is not valid JSON: see line 1, column 11."),
            ("", "", "This is not valid JSON: see line 1, column 1."),
        ],
    )
    def test_wrong_json_is_refused_with_its_path_and_stays(
        self, page: Client, merchant: Merchant, typed: str, path: str, message: str
    ) -> None:
        response = page.post(address(merchant), {"json": typed})
        shown = text_of(response)
        assert response.status_code == 422
        assert message in shown
        assert f"<code>{path}</code>" in shown or not path
        assert response.context["editor"].json == typed
        assert "</textarea>" not in shown.split('name="json"')[1].split("</textarea>")[0]
        assert merchant.features.count() == 0

    def test_one_click_undoes_a_change(self, page: Client, merchant: Merchant) -> None:
        page.post(address(merchant), {"json": '{"delay_seconds": 7}'})
        page.post(address(merchant), {"json": '{"delay_seconds": 8}'})
        latest = merchant.revisions.latest("pk")
        undo = address(merchant, f"test_card/revisions/{latest.public_id}/revert/")
        assert undo in text_of(page.get(address(merchant)))
        response = page.post(undo, follow=True)
        assert "The earlier version is back." in text_of(response)
        assert services.settings_of(merchant, a_card()).delay_seconds == 7

    def test_a_viewer_looks_and_changes_nothing(self, client: Client, merchant: Merchant) -> None:
        services.switch(merchant, card=a_card(), is_on=True)
        undo = address(merchant, f"test_card/revisions/{merchant.revisions.get().public_id}/revert/")
        client.force_login(person(merchant, ROLES.VIEWER))
        for path in (address(merchant, ""), address(merchant)):
            shown = client.get(path)
            assert shown.status_code == 200
            assert "/switch/" not in text_of(shown)
        for path in (address(merchant), address(merchant, "test_card/switch/"), undo):
            assert client.post(path, {"json": "{}", "is_on": "false"}).status_code == 403
        assert merchant.revisions.count() == 1

    def test_an_editor_may(self, client: Client, merchant: Merchant) -> None:
        client.force_login(person(merchant, ROLES.EDITOR))
        assert client.post(address(merchant, "test_card/switch/"), {"is_on": "true"}).status_code == 302

    def test_what_is_not_there_is_404(self, page: Client, merchant: Merchant, other_merchant: Merchant) -> None:
        services.switch(other_merchant, card=a_card(), is_on=True)
        theirs = other_merchant.revisions.get().public_id
        assert page.get(address(merchant, "no_such/")).status_code == 404
        assert page.post(address(merchant, "no_such/switch/"), {"is_on": "true"}).status_code == 404
        assert page.post(address(merchant, f"test_card/revisions/{theirs}/revert/")).status_code == 404
        for end in ("", "test_card/"):
            assert page.get(address(other_merchant, end)).status_code == 404
            assert page.post(address(other_merchant, end), {"json": "{}"}).status_code == 404
        assert other_merchant.features.get().is_on

    def test_pages_cost_few_queries(self, page: Client, merchant: Merchant, django_assert_max_num_queries: Any) -> None:
        for number in range(30):
            services.save(merchant, card=a_card(), raw={"delay_seconds": number})
        for path in (address(merchant, ""), address(merchant)):
            with django_assert_max_num_queries(10):
                page.get(path)

    def test_a_grid_without_cards_says_so(self, page: Client, merchant: Merchant) -> None:
        with only():
            assert "No tools yet" in text_of(page.get(address(merchant, "")))


def posted(merchant: Merchant, **changes: str) -> dict[str, str]:
    """What a browser sends from the form as it stands, with some fields typed over."""
    form = Settings.form(initial=services.settings_of(merchant, a_card()))
    data = {"title": form["title"].value(), "note": "", "delay_seconds": "5", "position": "end", "rows": "[]"}
    return {**data, "share": "0.5", **changes}


def test_rows_say_what_they_are(merchant: Merchant) -> None:
    with registered(a_card()) as card, translation.override("en"):
        services.switch(merchant, card=card, is_on=True)
        assert str(merchant.features.get()) == "test_card"
        assert str(merchant.revisions.get()).startswith("test_card · Turned on · ")
        assert str(merchant.storefront_config) == f"{merchant} · 1"
        assert Feature.unscoped.count() == Event.unscoped.count() == 1
