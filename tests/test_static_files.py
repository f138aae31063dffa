"""Static files in production: our scripts lose their comments only, and modules find each other under hashed names."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.test import override_settings

from core.static_files import OURS, served
from scripts import sizes

PROJECT = Path(project.BASE_DIR)
PRODUCTION = {**project.STORAGES, "staticfiles": {"BACKEND": "core.static_files.StaticFiles"}}
SCRIPTS = [*PROJECT.glob("static/js/**/*.js"), *PROJECT.glob("*/cards/*/static/*.js")]


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything, as a deployment collects it, and two modules of which one imports the other."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("static")
    (source / "js").mkdir()
    (source / "js" / "whole.js").write_text(
        'import { part } from "./part.js";\n// a comment\nexport default () => import("./part.js").then(() => part);\n'
    )
    (source / "js" / "part.js").write_text("/** @type {number} */\nexport const part = 1; // one\n")
    dirs = [*project.STATICFILES_DIRS, source]
    with override_settings(STORAGES=PRODUCTION, STATIC_ROOT=folder, STATICFILES_DIRS=dirs, DEBUG=False):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


def hashed(folder: Path) -> dict[str, str]:
    names: dict[str, str] = json.loads((folder / "staticfiles.json").read_text())["paths"]
    return names


def test_ours_are_small_and_hashed(collected: Path) -> None:
    ours = {name: now for name, now in hashed(collected).items() if name.startswith(OURS) and name.endswith(".js")}
    assert {"js/loader.js", "js/storefront/rules.js", "cards/latest_purchase/widget.js"} <= set(ours)
    for name, now in ours.items():
        assert re.fullmatch(r".+\.[0-9a-f]{12}\.js", now)
        text = (collected / now).read_text()
        assert text
        assert "@param" not in text
        assert "@typedef" not in text
        assert name == "js/whole.js" or (collected / name).read_text() == text
        assert served(text) == text


def test_others_leave_as_they_came(collected: Path) -> None:
    vendored = list((PROJECT / "static" / "vendor").rglob("*.js"))
    for path in vendored:
        name = str(path.relative_to(PROJECT / "static"))
        assert (collected / hashed(collected)[name]).read_bytes() == path.read_bytes()
    admin = next(name for name in hashed(collected) if name.startswith("admin/js/") and name.endswith("core.js"))
    assert "//" in (collected / hashed(collected)[admin]).read_text()


def test_modules_import_each_other_by_hashed_names(collected: Path) -> None:
    names = hashed(collected)
    part = names["js/part.js"].removeprefix("js/")
    text = (collected / names["js/whole.js"]).read_text()
    assert re.findall(r'"(\./[^"]+)"', text) == [f"./{part}", f"./{part}"]
    assert "comment" not in text


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_what_is_served_is_the_same_program(path: Path, tmp_path: Path) -> None:
    """Token by token: only comments and white space go."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    text = path.read_text()
    (tmp_path / "served.mjs").write_text(served(text))
    subprocess.run([node, "--check", tmp_path / "served.mjs"], check=True)
    assert squeezed(served(text)) == squeezed(text)


# Texts in quotation marks, templates and regular expressions stay; comments go.
TOKENS = re.compile(
    r"""(?P<kept>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|(?:(?<=[(,=:!&|?{};])|(?<=[(,=:!&|?{};]\s))/(?![*/])(?:\\.|\[(?:\\.|[^\]])*\]|[^/\\\n])+/)"""
    r"""|(?P<gone>//[^\n]*|/\*.*?\*/|\s+)|(?P<other>.)""",
    re.DOTALL,
)


def squeezed(script: str) -> str:
    return "".join(found[0] for found in TOKENS.finditer(script) if not found["gone"])


# Sizes


def test_what_grows_too_large_is_named() -> None:
    scripts = {"js/loader.js": 5_001, "js/storefront/rules.js": 2_000, "js/storefront/vitals.js": 90_000}
    found = sizes.sizes({**scripts, "cards/a/widget.js": 3_073, "cards/b/widget.js": 3_072}, 600)
    assert [size.name for size in found if size.is_too_large] == ["js/loader.js", "cards/a/widget.js"]
    [everything] = [size for size in found if size.name.startswith("everything")]
    assert everything.bytes == 5_001 + 2_000 + 3_073 + 3_072
    assert "too large" in str(found[1])


def test_sizes_are_of_what_is_sent(collected: Path, tmp_path: Path) -> None:
    with override_settings(STORAGES=PRODUCTION, DEBUG=False, STATIC_ROOT=None):
        found = sizes.collected(tmp_path)
    sent: Any = (collected / f"{hashed(collected)['js/loader.js']}.gz").stat().st_size
    assert abs(found["js/loader.js"] - sent) <= 16  # the name stands in it
    assert found["js/loader.js"] <= sizes.LOADER
