"""Imports: the contracts of pyproject.toml, each with a proof that it sees a planted violation."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

from tests.laws import CONTRACTS, OURS, PROJECT, ROOT_PACKAGES

PLANTS = [
    ("storeys", "events/planted.py", "from integrations import models"),
    ("storeys", "core/planted.py", "import visitors"),
    ("storeys", "events/planted.py", "from nomo_flow.celery import app"),
    ("rooms", "events/bus.py", "import events.services"),
    ("rooms", "integrations/models.py", "from integrations import lifecycle"),
    ("rooms", "integrations/tasks.py", "from integrations import handlers"),
    ("mirror-json", "features/planted.py", "from core import webhooks"),
    ("mirror-json", "events/planted.py", "from core.salla_values import id_of"),
    ("mirror-json", "coupons/planted.py", "from integrations.payloads import Order"),
    ("scripts", "core/planted.py", "from scripts import servers"),
    ("scripts", "nomo_flow/planted.py", "import scripts.sandbox"),
    ("sandbox", "scripts/sandbox/planted.py", "from core import clock"),
]
LAWFUL = [
    ("features/planted.py", "from integrations import services"),
    ("visitors/planted.py", "from core import schema"),
    ("notifications/planted.py", "from coupons import apps"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what import-linter reads."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ROOT_PACKAGES:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(PROJECT / "pyproject.toml", copy)
    return copy


def broken_contracts(tree: Path) -> set[str]:
    """Names of the contracts that import-linter finds broken there."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run(
        [sys.executable, "-c", program, "--config", "pyproject.toml", "--no-logo", "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)", result.stdout, re.MULTILINE))
    assert set(verdicts) == {contract["name"] for contract in CONTRACTS.values()}, result.stdout + result.stderr
    assert (result.returncode == 0) == ("BROKEN" not in verdicts.values())
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def broken_by(tree: Path, path: str, line: str) -> set[str]:
    """What one more line in one file breaks."""
    file = tree / path
    before = file.read_text() if file.exists() else None
    try:
        file.write_text(f"{before or ''}\n{line}\n")
        return broken_contracts(tree)
    finally:
        file.unlink() if before is None else file.write_text(before)


def test_import_contracts_are_kept(tree: Path) -> None:
    assert broken_contracts(tree) == set()


@pytest.mark.parametrize(("contract", "path", "line"), PLANTS)
def test_a_planted_import_is_caught(tree: Path, contract: str, path: str, line: str) -> None:
    assert CONTRACTS[contract]["name"] in broken_by(tree, path, line)


@pytest.mark.parametrize(("path", "line"), LAWFUL)
def test_a_lawful_import_is_not(tree: Path, path: str, line: str) -> None:
    assert broken_by(tree, path, line) == set()


def test_every_contract_has_a_plant() -> None:
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)


def test_every_app_stands_in_the_contracts() -> None:
    installed = {config.name for config in apps.get_app_configs() if Path(config.path).parent == PROJECT}
    folders = {path.parent.name for path in PROJECT.glob("*/apps.py")}
    assert installed == folders == set(OURS) - {"nomo_flow"}
    assert CONTRACTS["storeys"]["layers"] == OURS
    assert CONTRACTS["rooms"]["containers"] == OURS[1:]
