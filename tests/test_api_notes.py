"""docs/API-notes.md names every address of Salla's that the client calls, and no other."""

import ast
import re
from pathlib import Path

from django.conf import settings

PROJECT = Path(settings.BASE_DIR)
SCOPES = r"none|`[a-z]+\.read(_write)?`"


def called(source: str) -> set[str]:
    """Addresses in a module: texts that begin with a slash, `{id}` for whatever is put in."""
    tree = ast.parse(source)
    inside = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{id}" for part in node.values]
            found.add("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside:
            found.add(node.value)
    accounts = {text.replace("{id}", "accounts", 1) for text in found if re.fullmatch(r"\{id\}/oauth2/[a-z/]+", text)}
    others = {
        text.removeprefix("{id}") for text in found if re.fullmatch(r"\{id\}/exchange-authority/[a-z0-9/]+", text)
    }
    return {text for text in found if re.fullmatch(r"/[a-z]+(/[a-z{}]+)*", text)} | accounts | others


def rows() -> list[list[str]]:
    text = (PROJECT / "docs" / "API-notes.md").read_text().split("## Salla: what we call")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]


def test_the_table_and_the_client_name_the_same_addresses() -> None:
    files = [PROJECT / "core" / "salla_client.py", PROJECT / "core" / "salla_accounts.py"]
    ours = set.union(*(called(file.read_text()) for file in files))
    assert len(ours) >= 20
    assert {row[0].strip("`").split(" ", 1)[1] for row in rows()} == ours


def test_every_row_has_a_method_a_scope_and_a_moment() -> None:
    for call, scope, when, _why in rows():
        assert re.fullmatch(r"`(GET|POST|PUT|DELETE) \S+`", call)
        assert re.fullmatch(SCOPES, scope)
        assert when


def test_a_planted_address_is_seen() -> None:
    source = 'def f(self, n):\n    self._page("/planted", 1)\n    self._object(f"/planted/{n}/codes")\n'
    assert called(source) == {"/planted", "/planted/{id}/codes"}
