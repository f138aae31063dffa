"""A thousand hostile settings through form, JSON, the config and the loader into a widget."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core import schema
from core.models import Merchant
from features import registry, services
from features.registry import Card
from tests.cards import Settings, a_card, only, posted, public_only, served, settings_in

PROJECT = Path(settings.BASE_DIR)
HOST = PROJECT / "tests" / "loader_in_node.mjs"
WHITE_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
LOADER = PROJECT / "static" / "js" / "loader.js"
NASTY = st.sampled_from(
    ["</script>", "<!--", "\u2028", "\u2029", "__proto__", "constructor", "&amp;", "]]>", "\\u003c", '"', "\\", "${x}",
     "x" * 10**4, "\u202e", "أ" * 10**4, "😀", "\0", "\ud800", "\r\n", " ", ""]
)  # fmt: skip
TEXT = st.lists(NASTY | st.text(max_size=8), max_size=4).map("".join)
ROWS = st.lists(st.fixed_dictionaries({"title": TEXT, "note": TEXT}), max_size=3)
SETTINGS = st.fixed_dictionaries(
    {"title": TEXT, "note": TEXT},
    optional={
        "delay_seconds": st.integers(-1, 601),
        "is_bold": st.booleans() | st.just("no"),
        "position": st.sampled_from(["start", "end", "__proto__"]),
        "rows": ROWS,
        "share": st.floats(0, 1),
        "utm_source": TEXT,
        "pages": st.lists(st.sampled_from(["home", "cart", "__proto__"]), max_size=2),
        "frequency_days": st.integers(-1, 366),
        "holdout_percent": st.integers(0, 51),
        "__proto__": st.just({"title": "polluted"}),
        "constructor": TEXT,
    },
)


def test_a_thousand_hostile_settings(client: Client, merchant: Merchant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each ends as equal data or as a refusal; only public keys leave, and nothing that ends a script."""
    monkeypatch.setattr("features.storefront.widget_url", lambda slug: f"/static/cards/{slug}/widget.js")
    outcomes = {"saved": 0, "refused": 0}
    configs: list[str] = []

    @hypothesis_settings(
        max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
    )
    @given(raw=SETTINGS, way=st.sampled_from(["json", "data", "form"]))
    def hold(raw: dict[str, Any], way: str) -> None:
        with transaction.atomic():
            outcome = save_by(way, merchant, card, raw)
            outcomes[outcome] += 1
            stored = services.settings_of(merchant, card)
            if outcome == "saved":
                assert stored.dump() == expected(raw, way)
            configs.append(served(client, merchant))
            told = settings_in(configs[-1])
            assert told == {"test_card": public_only(Settings, stored.dump())}
            assert set(told["test_card"]) == {"title", "delay_seconds", "is_bold", "position", "rows"}
            assert all(set(row) == {"title"} for row in told["test_card"]["rows"])
            transaction.set_rollback(True)

    with only(a_card()):
        card = registry.cards()[0]
        services.switch(merchant, card=card, is_on=True)
        hold()
    assert sum(outcomes.values()) >= 1000
    assert min(outcomes.values()) > 100
    assert mounted_with(configs) == [given_by(config) for config in configs]


def given_by(config: str) -> list[Any]:
    """A card's rules, if it has any, and its widget's settings."""
    [card] = json.loads(config)["cards"]
    return [*([{"rules": card["rules"]}] if "rules" in card else []), {"settings": card["settings"]}]


def mounted_with(configs: list[str]) -> list[list[Any]]:
    """What the loader gives to the rules and the widgets of each config; JavaScript runs what we serve."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here; form, JSON and config were held")
    command = [node, "--experimental-vm-modules", str(HOST), str(LOADER)]
    lines = "".join(f"{json.dumps(config)}\n" for config in configs)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    assert [line for line in done.stderr.splitlines() if "Nomo Flow" in line] == []
    return [json.loads(line) for line in done.stdout.rstrip("\n").split("\n")]


def expected(raw: dict[str, Any], way: str) -> dict[str, Any]:
    """What was written, as far as writing it keeps it: outer spaces go, and a form's lines end as JSON's do."""
    known = {name: value for name, value in raw.items() if name in Settings.model_fields}
    if way == "form":
        known |= {name: known[name].replace("\r\n", "\n") for name in ("title", "note")}
    with translation.override("ar"):
        return {**Settings().dump(), **{name: trimmed(value) for name, value in known.items()}}


def trimmed(value: Any) -> Any:
    """Python's own `strip` takes more than Unicode's white space."""
    if isinstance(value, list):
        return [trimmed(each) for each in value]
    if isinstance(value, dict):
        return {name: trimmed(each) for name, each in value.items()}
    return value.strip(WHITE_SPACE) if isinstance(value, str) else value


def save_by(way: str, merchant: Merchant, card: Card[Any], raw: dict[str, Any]) -> str:
    """By the doors that people and scripts use; a form has no place for names it does not know."""
    try:
        if way != "form":
            services.save(merchant, card=card, raw=json.dumps(raw) if way == "json" else raw)
            return "saved"
        stored = services.settings_of(merchant, card)
        typed = {name: value for name, value in raw.items() if name in Settings.model_fields}
        typed["rows"] = json.dumps(raw.get("rows", []))
        if typed.get("is_bold") is False:
            del typed["is_bold"]
        if typed.get("is_bold") == "no":  # a browser sends only "on"
            return "refused"
        form = card.settings.form(posted(card.settings.form(initial=stored)) | typed, initial=stored)
        if not form.is_valid():
            return "refused"
        services.save(merchant, card=card, raw=form.settings.dump())
    except schema.SettingsError as refusal:
        return "refused" if all(str(error.message) for error in refusal.errors) else "without a word"
    return "saved"
