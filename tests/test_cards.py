"""What every card must do, tested by its being there; and that one folder makes a card, as docs/new-card.md says."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core import schema
from core.models import Membership, Merchant, User
from core.schema_form import look_of
from features import registry, selectors, services
from features.registry import Card, Category
from tests.cards import Settings, a_card, only, registered

PROJECT = Path(settings.BASE_DIR)
WIDGET_BYTES = 3_072  # as browsers get it
ARABIC = re.compile("[\u0600-\u06ff]")
CARDS = [*registry.cards(), a_card()]


@pytest.fixture(params=CARDS, ids=lambda card: card.slug)
def card(request: pytest.FixtureRequest) -> Iterator[Card[Any]]:
    if registry.get(request.param.slug) is request.param:
        yield request.param
    else:
        with registered(request.param) as one:
            yield one


def folder_of(card: Card[Any]) -> Path | None:
    return next((folder for folder in settings.CARD_FOLDERS if folder.name == card.slug), None)


def looks(declaration: type[schema.Settings]) -> Iterator[Any]:
    """Of its fields and of the groups inside them."""
    for info in declaration.model_fields.values():
        yield look_of(info)
    for inner in groups_in(declaration):
        yield from looks(inner)


def groups_in(declaration: type[schema.Settings]) -> set[type[schema.Settings]]:
    kinds = [part for info in declaration.model_fields.values() for part in parts_of(info.annotation)]
    return {kind for kind in kinds if isinstance(kind, type) and issubclass(kind, schema.Settings)}


def parts_of(kind: Any) -> list[Any]:
    inner = [part for each in getattr(kind, "__args__", ()) for part in parts_of(each)]
    return [kind, *inner]


def posted(form: schema.SettingsForm[Any]) -> dict[str, Any]:
    """What a browser sends when the form is submitted as it stands."""
    data: dict[str, Any] = {}
    for bound in form:
        widget, value = bound.field.widget, bound.value()
        if isinstance(widget, forms.CheckboxInput):
            data |= {bound.name: "on"} if value else {}
        elif isinstance(widget, forms.CheckboxSelectMultiple):
            data[bound.name] = widget.format_value(value)
        elif isinstance(widget, forms.Select):
            data[bound.name] = widget.format_value(value)[0]
        else:
            data[bound.name] = (widget.format_value(value) or "").replace("\n", "\r\n")
    return data


def config_of(client: Client, merchant: Merchant) -> dict[str, Any]:
    """The settings that shoppers get, by card."""
    services._memory.clear()
    body = client.get(f"/sf/{merchant.salla_id}/config.json").content
    assert not any(unsafe in body.decode() for unsafe in "<>&\u2028\u2029")
    return {each["slug"]: each["settings"] for each in json.loads(body)["cards"]}


def public_only(declaration: type[schema.Settings], values: dict[str, Any]) -> dict[str, Any]:
    """Worked out by hand, to hold `dump(public=True)` to it."""
    kept = {}
    for name, info in declaration.model_fields.items():
        if look_of(info).public:
            inner = next(iter({k for k in parts_of(info.annotation) if k in groups_in(declaration)}), None)
            kept[name] = pruned(inner, values[name]) if inner else values[name]
    return kept


def pruned(declaration: type[schema.Settings], value: Any) -> Any:
    if isinstance(value, list):
        return [pruned(declaration, each) for each in value]
    return value if value is None else public_only(declaration, value)


# Each card


def test_it_speaks_both_languages(card: Card[Any]) -> None:
    texts = [card.name, card.summary]
    for look in looks(card.settings):
        texts += [look.label, *([look.help_text] if look.help_text else []), *look.choices.values()]
    for text in texts:
        with translation.override("ar"):
            assert ARABIC.search(str(text)), f"{text} has no Arabic"
        with translation.override("en"):
            assert str(text)
            assert not ARABIC.search(str(text)), text


def test_it_is_well_declared(card: Card[Any]) -> None:
    assert card.category in Category
    assert 1 <= len(card.icon) <= 12
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", fact) for fact in card.facts)
    assert all(callable(action) for action in card.actions.values())


def test_its_defaults_are_valid_and_survive(card: Card[Any]) -> None:
    for language in ("ar", "en"):
        with translation.override(language):
            defaults = card.settings()
            assert card.settings.parse({}) == defaults
            assert card.settings.parse(defaults.dump()) == card.settings.load(defaults.dump()) == defaults
            assert card.settings.parse(json.dumps(defaults.dump())) == defaults


def test_its_form_gives_back_what_it_shows(card: Card[Any]) -> None:
    stored = card.settings()
    form = card.settings.form(posted(card.settings.form(initial=stored)), initial=stored)
    assert form.is_valid(), form.errors
    assert form.settings == stored


def test_it_goes_on_and_off_and_tells_shoppers_only_what_is_public(
    card: Card[Any], client: Client, merchant: Merchant
) -> None:
    assert card.slug not in config_of(client, merchant)
    services.switch(merchant, card=card, is_on=True)
    told, stored = config_of(client, merchant), services.settings_of(merchant, card)
    if card.slug in told:
        assert told[card.slug] == stored.dump(public=True) == public_only(card.settings, stored.dump())
    else:
        assert stored.dump(public=True) == {}
    services.switch(merchant, card=card, is_on=False)
    assert card.slug not in config_of(client, merchant)


def test_its_page_is_its_own_stores(card: Card[Any], client: Client, merchant: Merchant) -> None:
    address = f"/stores/{merchant.public_id}/cards/{card.slug}/"
    stranger, owner = User.objects.create_user("stranger@example.com"), User.objects.create_user("owner@example.com")
    Membership.objects.create(user=owner, merchant=merchant, role=Membership.Role.OWNER)
    assert client.get(address).status_code == 302
    client.force_login(stranger)
    for path in (address, f"{address}switch/"):
        assert (client.get(path).status_code, client.post(path, {"is_on": "true"}).status_code) == (404, 404)
    client.force_login(owner)
    for language in ("ar", "en"):
        with translation.override(language):
            name = str(card.name)
        page = client.get(address, headers={"accept-language": language})
        assert page.status_code == 200
        assert name in page.content.decode()
        grid = client.get(f"/stores/{merchant.public_id}/cards/", headers={"accept-language": language})
        assert address in grid.content.decode()


def test_its_actions_never_break_the_shop(card: Card[Any], client: Client, merchant: Merchant) -> None:
    services.switch(merchant, card=card, is_on=True)
    for action in card.actions:
        for body in (b"", b"{}", b"[]", b'"x"', b'{"__proto__": {"a": 1}}', b"\xff", b"5"):
            with transaction.atomic():
                path = f"/sf/{merchant.salla_id}/cards/{card.slug}/{action}"
                assert client.post(path, body, content_type="text/plain").status_code in {200, 204, 400}


def test_its_folder_is_in_order(card: Card[Any]) -> None:
    folder = folder_of(card)
    if folder is None:
        pytest.skip("a card of the tests")
    assert (folder / f"test_{card.slug}.py").exists()
    widget, templates = folder / "static" / "widget.js", folder / "templates"
    if widget.exists():
        assert len(gzip.compress(widget.read_bytes(), 9)) <= WIDGET_BYTES
        assert "export default function mount(root, settings, api)" in widget.read_text()
        assert "innerHTML" not in widget.read_text()
    strays = [path for path in templates.rglob("*.html") if templates / "cards" / card.slug not in path.parents]
    assert strays == []


# Hostile settings: a thousand through form, JSON and config

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
        "__proto__": st.just({"title": "polluted"}),
        "constructor": TEXT,
    },
)


def test_a_thousand_hostile_settings(client: Client, merchant: Merchant) -> None:
    """Each ends as equal data or as a refusal; only public keys leave, and nothing that ends a script."""
    outcomes = {"saved": 0, "refused": 0}

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
                assert stored == expected(raw, way)
            told = config_of(client, merchant)
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


def expected(raw: dict[str, Any], way: str) -> Settings:
    """What was written, as far as writing it keeps it: outer spaces go, and a form's lines end as JSON's do."""
    known = {name: value for name, value in raw.items() if name in Settings.model_fields}
    if way == "form":
        known = {**known, "title": known["title"].replace("\r\n", "\n"), "note": known["note"].replace("\r\n", "\n")}
    with translation.override("ar"):
        return Settings.parse(known)


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


# One folder is a card

DOC = PROJECT / "docs" / "new-card.md"
FILES = re.compile(r"^```\w+\n(?:#|//) (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LEFT_OUT = ("__pycache__", ".venv", ".git", "node_modules", "var", "staticfiles", ".*_cache", ".hypothesis")


def test_a_new_card_is_one_folder(tmp_path: Path) -> None:
    """Does what the document says in a copy of the project, and runs the card's test and the suite there."""
    copy = tmp_path / "project"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    written = dict(FILES.findall(DOC.read_text()))
    folder = Path("visitors/cards/greeting")
    assert {Path(name).relative_to(folder).parts[0] for name in written} == {
        "__init__.py", "card.py", "actions.py", "handlers.py", "static", "locale", "test_greeting.py",
    }  # fmt: skip
    assert sum(text.count("\n") for text in written.values()) <= 150
    for name, text in written.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text(text)
    compile_words(copy, folder)
    (copy / "tests" / "test_probe.py").write_text(PROBE)
    suite = [f"{folder}/test_greeting.py", "tests/test_cards.py", "tests/test_probe.py"]
    result = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "greeting or probe", *suite)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "skipped" not in result.stdout
    for check in (["-m", "ruff", "check", str(folder)], ["-m", "ruff", "format", "--check", str(folder)]):
        result = run(copy, *check)
        assert result.returncode == 0, result.stdout + result.stderr
    result = run(copy, "scripts/catalogue.py", "check")
    assert f"{folder}: " not in result.stdout


PROBE = '''"""The new card as the product sees it."""

from events import bus
from features import registry, services, storefront
from tests.test_cards import config_of


def test_probe(client, merchant):
    card = registry.get("greeting")
    assert card is not None
    assert "visitors.cards.greeting.handlers.note_greeting" in bus.handlers_of("feature.changed")
    assert storefront.widget_url("greeting") == "/static/cards/greeting/widget.js"
    assert services.switch(merchant, card=card, is_on=True) is not None
    assert config_of(client, merchant) == {"greeting": {"text": "أهلًا بك في متجرنا", "position": "top"}}
    assert [r.handler for r in merchant.reactions.all()] == ["visitors.cards.greeting.handlers.note_greeting"]
'''


def run(copy: Path, *arguments: str) -> Any:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "nomo_flow.settings"}
    for name in [name for name in environment if name.startswith(("PYTEST_", "COV_"))]:
        del environment[name]
    return subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )


def compile_words(copy: Path, folder: Path) -> None:
    """What `make` does."""
    file = folder / "locale" / "ar" / "LC_MESSAGES" / "django.po"
    compiled = ["-i", str(file), "-o", str(file.with_suffix(".mo"))]
    result = run(copy, "-m", "babel.messages.frontend", "compile", *compiled)
    assert result.returncode == 0, result.stderr


def test_every_card_is_in_the_grid_of_its_group(merchant: Merchant) -> None:
    tiles = [tile.card for _, tiles in selectors.grid(merchant) for tile in tiles]
    assert tiles == registry.cards()
