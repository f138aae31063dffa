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
import rjsmin
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.utils import translation

from core import schema
from core.models import Membership, Merchant, User
from core.schema_form import look_of
from features import registry, report, selectors, services
from features.registry import Card, Category
from tests.cards import a_card, config_of, groups_in, posted, public_only, registered

PROJECT = Path(settings.BASE_DIR)
WIDGET_BYTES = 3_072  # as browsers get it
ARABIC = re.compile("[\u0600-\u06ff]")
CARDS = [*registry.cards(), a_card()]


@pytest.fixture(params=CARDS, ids=lambda card: card.slug)
def card(request: pytest.FixtureRequest) -> Iterator[Card[Any]]:
    declared: Card[Any] = request.param
    if registry.get(declared.slug) is declared:
        yield declared
    else:
        with registered(declared) as one:
            yield one


def folder_of(card: Card[Any]) -> Path | None:
    return next((folder for folder in settings.CARD_FOLDERS if folder.name == card.slug), None)


def looks(declaration: type[schema.Settings]) -> Iterator[Any]:
    """Of its fields and of the groups inside them."""
    for info in declaration.model_fields.values():
        yield look_of(info)
    for inner in groups_in(declaration):
        yield from looks(inner)


# Each card


def test_it_speaks_both_languages(card: Card[Any]) -> None:
    texts = [card.name, card.summary]
    for measure in report.measures_of(card):
        texts += [measure.label, measure.definition]
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


def test_its_page_is_its_own_stores(
    card: Card[Any], client: Client, merchant: Merchant, other_merchant: Merchant
) -> None:
    address = f"/stores/{merchant.public_id}/cards/{card.slug}/"
    stranger, owner = User.objects.create_user("stranger@example.com"), User.objects.create_user("owner@example.com")
    Membership.objects.create(user=owner, merchant=merchant, role=Membership.Role.OWNER)
    Membership.objects.create(user=stranger, merchant=other_merchant, role=Membership.Role.OWNER)
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


def test_its_actions_never_break_the_shop(
    card: Card[Any], client: Client, merchant: Merchant, caplog: pytest.LogCaptureFixture
) -> None:
    services.switch(merchant, card=card, is_on=True)
    for action in card.actions:
        for body in (b"", b"{}", b"[]", b'"x"', b'{"__proto__": {"a": 1}}', b"\xff", b"5"):
            with transaction.atomic():
                path = f"/sf/{merchant.salla_id}/cards/{card.slug}/{action}"
                assert client.post(path, body, content_type="text/plain").status_code in {200, 204, 400}
    assert "failed for store" not in caplog.text  # what a card throws is silence to shoppers, and a mistake


def test_its_folder_is_in_order(card: Card[Any]) -> None:
    folder = folder_of(card)
    if folder is None:
        pytest.skip("a card of the tests")
    assert (folder / f"test_{card.slug}.py").exists()
    widget, templates = folder / "static" / "widget.js", folder / "templates"
    if widget.exists():
        assert len(gzip.compress(rjsmin.jsmin(widget.read_text()).encode(), 9)) <= WIDGET_BYTES
        assert "export default function mount(root, settings, api)" in widget.read_text()
        assert "innerHTML" not in widget.read_text()
    strays = [path for path in templates.rglob("*.html") if templates / "cards" / card.slug not in path.parents]
    assert strays == []


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
        "__init__.py", "settings.py", "card.py", "actions.py", "handlers.py", "static", "locale", "test_greeting.py",
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
