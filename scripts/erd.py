"""Writes docs/ERD.dbml from the models; `--check` says whether it still matches. Needs no database."""

import argparse
import difflib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `python scripts/erd.py` finds the apps

import django
from django.apps import apps
from django.db import models
from django.db.backends.postgresql.base import DatabaseWrapper

from core.constraints import SameMerchant

PROJECT = Path(__file__).resolve().parent.parent
FILE = PROJECT / "docs" / "ERD.dbml"
HEAD = "// Written by `python scripts/erd.py` from the models; `make check` compares."
PROJECT_LINE = "Project nomo_flow {\n  database_type: 'PostgreSQL'\n}"
LONGEST_DIFF = 20
POSTGRESQL = DatabaseWrapper({}, "erd")  # knows the column types; never connects

Model = type[models.Model]


def document() -> str:
    """The whole file."""
    tables = _tables()
    refs = "\n".join(ref for model in tables for ref in _refs(model))
    return "\n\n".join([HEAD, PROJECT_LINE, *("\n".join(_table(model)) for model in tables), refs]) + "\n"


def _tables() -> list[Model]:
    """Our apps' tables by name, those between two models too."""
    ours = [
        model
        for model in apps.get_models(include_auto_created=True)
        if _is_ours(model) and model._meta.managed and not model._meta.proxy
    ]
    return sorted(ours, key=lambda model: model._meta.db_table)


def _is_ours(model: Model) -> bool:
    return Path(model._meta.app_config.path).parent == PROJECT


def _table(model: Model) -> Iterator[str]:
    yield f"Table {model._meta.db_table} {{"
    for field in model._meta.local_concrete_fields:
        yield f"  {_column(field)}"
    indexes = list(_indexes(model))
    if indexes:
        yield "  indexes {"
        yield from (f"    {index}" for index in indexes)
        yield "  }"
    # Django writes a docstring of its own, `Cart(id, …)`, where the class has none.
    text = (model.__doc__ or "").strip()
    if text and not text.startswith(f"{model.__name__}("):
        yield f"  Note: {_quoted(text)}"
    yield "}"


def _column(field: Any) -> str:
    marks = ["pk"] if field.primary_key else []
    if isinstance(field, models.AutoField | models.BigAutoField | models.SmallAutoField):
        marks.append("increment")
    if not field.null and not field.primary_key:
        marks.append("not null")
    if field.unique and not field.primary_key:
        marks.append("unique")
    note = ", ".join(str(value) for value, _ in field.flatchoices)
    if field.remote_field and not _is_ours(field.remote_field.model):
        note = f"{field.remote_field.model._meta.db_table}.{field.target_field.column}"
    if note:
        marks.append(f"note: {_quoted(note)}")
    kind = field.db_type(POSTGRESQL)
    kind = f'"{kind}"' if " " in kind else kind
    return f"{field.column} {kind}" + (f" [{', '.join(marks)}]" if marks else "")


def _indexes(model: Model) -> Iterator[str]:
    field: Any
    if isinstance(model._meta.pk, models.CompositePrimaryKey):
        yield f"{_columns(model, model._meta.pk.field_names)} [pk]"
    for field in model._meta.local_concrete_fields:
        if field.db_index and not field.unique:
            yield field.column
    for columns in model._meta.unique_together:
        yield f"{_columns(model, columns)} [unique]"
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            yield _index(model, constraint, "unique")
    for index in model._meta.indexes:
        yield _index(model, index)


def _index(model: Model, index: models.Index | models.UniqueConstraint, *marks: str) -> str:
    columns = _columns(model, index.fields) if index.fields else f"`{index.expressions}`"
    marks += (f"name: {_quoted(index.name)}",)
    if index.condition is not None:
        marks += (f"note: {_quoted(f'where {index.condition}')}",)
    return f"{columns} [{', '.join(marks)}]"


def _refs(model: Model) -> Iterator[str]:
    table = model._meta.db_table
    for field in model._meta.local_concrete_fields:
        if isinstance(field, models.ForeignKey) and _is_ours(field.remote_field.model):
            target = field.remote_field.model._meta.db_table
            sign = "-" if field.unique else ">"
            yield f"Ref: {table}.{field.column} {sign} {target}.{field.target_field.column}"
    for constraint in model._meta.constraints:
        if isinstance(constraint, SameMerchant):
            key: Any = model._meta.get_field(constraint.field)
            other = key.remote_field.model._meta
            ends = f"{table}.(merchant_id, {key.column}) > {other.db_table}.(merchant_id, {other.pk.column})"
            yield f"Ref {constraint.name}: {ends}"


def _columns(model: Model, names: Any) -> str:
    columns = [getattr(model._meta.get_field(name.removeprefix("-")), "column", name) for name in names]
    return columns[0] if len(columns) == 1 else f"({', '.join(columns)})"


def _quoted(text: str) -> str:
    return "'" + " ".join(text.split()).replace("\\", "\\\\").replace("'", "\\'") + "'"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    is_check = parser.parse_args(arguments).check
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nomo_flow.settings")
    django.setup()
    wanted = document()
    if not is_check:
        FILE.write_text(wanted)
        return 0
    held = FILE.read_text() if FILE.exists() else ""
    diff = list(difflib.unified_diff(held.splitlines(), wanted.splitlines(), "committed", "models", lineterm="", n=0))
    if diff:
        print("docs/ERD.dbml is not what the models say: run `python scripts/erd.py` and commit it.", file=sys.stderr)
        print("\n".join(diff[:LONGEST_DIFF]), file=sys.stderr)
    return 1 if diff else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
