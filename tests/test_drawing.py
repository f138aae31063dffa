"""The drawing of the tables is what the models say."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import erd
from tests.laws import PROJECT, our_models


def run_erd(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process that knows no database and no secrets."""
    env = {"PATH": os.defpath, "DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": ""}
    command = [sys.executable, "scripts/erd.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


def test_the_drawing_is_what_the_models_say() -> None:
    result = run_erd("--check")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_drawing_shows_every_table_key_and_guard() -> None:
    text = erd.document()
    tables = {model._meta.db_table for model in our_models()}
    drawn = set(re.findall(r"^Table (\w+)", text, re.MULTILINE))
    assert drawn == tables | {"core_user_groups", "core_user_user_permissions"}
    ends = "events_reaction.(merchant_id, event_id) > events_event.(merchant_id, id)"
    for line in [
        f"Ref events_reaction_same_merchant: {ends}",
        "  body_sha256 bytea [not null, unique]",
        "Ref: integrations_connection.merchant_id - core_merchant.id",
        "    (merchant_id, key) [unique, name: 'events_event_once']",
        "  Note: 'What a person may do in a store.'",
    ]:
        assert line in text.splitlines()


def test_a_changed_model_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = erd.document().replace("  key varchar(200) [not null]\n", "  key varchar(100) [not null]\n")
    file = tmp_path / "ERD.dbml"
    file.write_text(old)
    monkeypatch.setattr(erd, "FILE", file)
    assert erd.main(["--check"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "docs/ERD.dbml is not what the models say: run `python scripts/erd.py` and commit it."
    assert lines[-2:] == ["-  key varchar(100) [not null]", "+  key varchar(200) [not null]"]
    assert erd.main([]) == 0
    assert erd.main(["--check"]) == 0
    assert file.read_text() == erd.document()
