"""What every storefront card has in common: its validators speak, and only what is unusual leaves."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from core.models import Merchant
from core.schema import SettingsError
from features import services
from features.registry import Card
from features.rules import COMMON, StorefrontSettings
from tests.cards import Settings
from tests.features.conftest import told

USUAL = StorefrontSettings()


@pytest.mark.parametrize(
    ("raw", "rules"),
    [
        ({}, {}),
        ({"starts_at": "2026-12-01T09:00:00+03:00"}, {"starts_at": 1796104800}),
        ({"ends_at": "2026-12-01T06:00:00Z"}, {"ends_at": 1796104800}),
        ({"pages": ["cart"]}, {"pages": ["cart"]}),
        ({"devices": ["phone"]}, {"devices": ["phone"]}),
        ({"visitors": "returning"}, {"visitors": "returning"}),
        ({"login": "guest"}, {"login": "guest"}),
        ({"utm_source": " Instagram,snapchat , "}, {"utm_source": ["instagram", "snapchat"]}),
        ({"cart_minimum": "199.50"}, {"cart_minimum": 199.5}),
        ({"cart_minimum": 10, "cart_maximum": 10}, {"cart_minimum": 10.0, "cart_maximum": 10.0}),
        ({"coupon": "without"}, {"coupon": "without"}),
        ({"trigger": "scroll"}, {"trigger": "scroll", "trigger_value": 50}),
        ({"trigger": "scroll", "trigger_value": 80}, {"trigger": "scroll", "trigger_value": 80}),
        ({"trigger": "exit"}, {"trigger": "exit"}),
        ({"frequency_days": 7}, {"frequency_days": 7}),
        ({"language": "ar"}, {"language": "ar"}),
        ({"holdout_percent": 10}, {"holdout_percent": 10}),
        ({"is_shadow": True}, {"is_shadow": True}),
    ],
    ids=str,
)
def test_only_what_is_unusual_leaves(raw: dict[str, Any], rules: dict[str, Any]) -> None:
    assert Settings.parse(raw).rules() == rules


@pytest.mark.parametrize(
    ("raw", "path", "arabic"),
    [
        (
            {"starts_at": "2026-12-02T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"},
            "ends_at",
            "يجب أن يكون بعد وقت البداية.",
        ),
        ({"cart_minimum": 20, "cart_maximum": 10}, "cart_maximum", "يجب ألّا يقل عن الحد الأدنى."),
        ({"pages": []}, "pages", "يلزم اختيار واحد على الأقل. لإخفائها من كل مكان أوقف الأداة."),
        ({"trigger_value": 5}, "trigger_value", "هذا التوقيت لا قيمة له: اترك الخانة فارغة."),
        ({"trigger": "scroll", "trigger_value": 101}, "trigger_value", "لهذا التوقيت: من 1 إلى 100."),
        ({"holdout_percent": 51}, "holdout_percent", None),
        ({"frequency_days": -1}, "frequency_days", None),
        ({"starts_at": "2026-12-02T00:00:00"}, "starts_at", None),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_beside_it(raw: dict[str, Any], path: str, arabic: str | None) -> None:
    with pytest.raises(SettingsError) as refusal:
        Settings.parse(raw)
    assert [error.path for error in refusal.value.errors] == [path]
    with translation.override("ar"):
        assert arabic in {None, str(refusal.value.errors[0].message)}


def test_the_cards_own_settings_come_first() -> None:
    names = list(Settings().dump())
    assert names[-len(COMMON) :] == list(COMMON)
    assert names[0] == "title"


def test_none_of_it_is_a_setting_of_the_widget() -> None:
    assert not set(Settings().dump(public=True)) & set(COMMON)


def test_settings_of_before_still_load() -> None:
    stored = {"title": "x", "cart_minimum": "12.00", "pages": ["home", "no such page"], "trigger": "no such moment"}
    loaded = Settings.load(stored)
    assert (loaded.title, loaded.cart_minimum, loaded.pages) == ("x", Decimal("12.00"), ["home"])
    assert loaded.trigger == USUAL.trigger


def test_shoppers_are_told_rules_beside_settings(client: Client, merchant: Merchant, card: Card[Settings]) -> None:
    services.switch(merchant, card=card, is_on=True)
    config = told(client)
    assert config["listens"] is True
    modules = {name: f"/static/js/storefront/{name}.js" for name in ("beacons", "vitals", "rules")}
    assert config["modules"] == {name: modules[name] for name in ("beacons", "vitals")}
    assert "rules" not in config["cards"][0]
    raw = {"holdout_percent": 10, "ends_at": datetime(2027, 1, 1, tzinfo=UTC).isoformat()}
    services.save(merchant, card=card, raw=raw)
    config = told(client)
    assert config["modules"] == modules
    assert config["cards"][0]["rules"] == {"holdout_percent": 10, "ends_at": 1798761600}
    assert config["cards"][0]["salt"] == "1"
    assert "holdout_percent" not in config["cards"][0]["settings"]


def test_each_new_start_holds_other_shoppers(client: Client, merchant: Merchant, card: Card[Settings]) -> None:
    services.switch(merchant, card=card, is_on=True)
    salts = []
    for percent in (10, 20, 0, 10):
        services.save(merchant, card=card, raw={"holdout_percent": percent})
        salts.append(told(client)["cards"][0].get("salt"))
    assert salts == ["1", "1", None, "2"]
    latest = merchant.revisions.latest("pk")
    services.revert(merchant, card=card, revision=latest)
    services.revert(merchant, card=card, revision=latest)
    assert merchant.features.get().groups_dealt == 2


def test_the_kill_switch_empties_every_storefront(
    client: Client, merchant: Merchant, card: Card[Settings], settings: Any
) -> None:
    services.switch(merchant, card=card, is_on=True)
    act = f"/sf/{merchant.salla_id}/cards/test_card/echo"
    assert client.post(act, "{}", content_type="text/plain").status_code == 200
    etag = client.get(f"/sf/{merchant.salla_id}/config.json").headers["ETag"]
    settings.STOREFRONT_OFF = True
    response = client.get(f"/sf/{merchant.salla_id}/config.json", headers={"if-none-match": etag})
    assert response.json() == {"version": 0, "listens": False, "modules": {}, "cards": []}
    served = services.storefront_config(merchant.salla_id)
    assert (served.is_store, served.is_listening) == (True, False)
    assert client.post(act, "{}", content_type="text/plain").status_code == 204
    settings.STOREFRONT_OFF = False
    assert client.get(f"/sf/{merchant.salla_id}/config.json", headers={"if-none-match": etag}).status_code == 304
