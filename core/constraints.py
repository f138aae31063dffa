"""Database constraints of our own."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.utils.translation import gettext_lazy as _


class SameMerchant(models.BaseConstraint):
    """The row that `field` points at belongs to the same store: `(merchant_id, x_id)` references `(merchant_id, id)`.

    The target needs a unique constraint on `(merchant, id)`. Enforced by PostgreSQL, so that bulk inserts and COPY are
    covered too; a null key is not checked.
    """

    default_violation_error_message = _("This belongs to another store.")

    def __init__(self, *, field: str, name: str) -> None:
        super().__init__(name=name)
        self.field = field

    def constraint_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> str:
        assert model is not None  # noqa: S101 - Django always gives both
        assert schema_editor is not None  # noqa: S101
        quote = schema_editor.quote_name
        key: Any = model._meta.get_field(self.field)
        target = key.remote_field.model._meta
        return (
            f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({quote('merchant_id')}, {quote(key.column)}) "
            f"REFERENCES {quote(target.db_table)} ({quote('merchant_id')}, {quote(target.pk.column)}) "
            "DEFERRABLE INITIALLY DEFERRED"
        )

    def create_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        assert model is not None  # noqa: S101
        assert schema_editor is not None  # noqa: S101
        return Statement(
            "ALTER TABLE %(table)s ADD %(constraint)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            constraint=self.constraint_sql(model, schema_editor),
        )

    def remove_sql(self, model: type[models.Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        assert model is not None  # noqa: S101
        assert schema_editor is not None  # noqa: S101
        return Statement(
            "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
        )

    def validate(
        self, model: type[models.Model], instance: models.Model, exclude: Any = None, using: str = "default"
    ) -> None:
        if exclude and (self.field in exclude or "merchant" in exclude):
            return
        related = getattr(instance, self.field)
        if related is not None and related.merchant_id != instance.merchant_id:  # type: ignore[attr-defined]
            raise ValidationError(self.get_violation_error_message(), code=self.violation_error_code)

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        return path, args, {**kwargs, "field": self.field}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SameMerchant):
            return (self.name, self.field) == (other.name, other.field)
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.field))
