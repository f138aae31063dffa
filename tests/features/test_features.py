"""The switchboard: cards registered, switched on and off, saved and restored."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connection
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core import schema
from core.models import Merchant, User
from core.schema import SettingsError
from events.models import Event
from features import apps as discovery
from features import registry, selectors, services
from features.models import Feature, Revision
from features.registry import Card, Category
from integrations import lifecycle
from tests.cards import Settings, a_card, registered
from tests.features.conftest import STORE


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

    def test_an_older_change_takes_the_later_ones_with_it(self, merchant: Merchant, card: Card[Settings]) -> None:
        services.switch(merchant, card=card, is_on=True)
        services.save(merchant, card=card, raw={"delay_seconds": 10, "is_bold": True})
        older = services.save(merchant, card=card, raw={"delay_seconds": 20, "is_bold": True})
        services.save(merchant, card=card, raw={"delay_seconds": 20, "is_bold": False})
        services.switch(merchant, card=card, is_on=False)
        assert older is not None
        services.revert(merchant, card=card, revision=older)
        active = services.active_settings(merchant, card)
        assert active is not None
        assert (active.delay_seconds, active.is_bold) == (10, True)

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


def test_rows_say_what_they_are(merchant: Merchant) -> None:
    with registered(a_card()) as card, translation.override("en"):
        services.switch(merchant, card=card, is_on=True)
        assert str(merchant.features.get()) == "test_card"
        assert str(merchant.revisions.get()).startswith("test_card · Turned on · ")
        assert str(merchant.storefront_config) == f"{merchant} · 1"
        assert Feature.unscoped.count() == Event.unscoped.count() == 1
