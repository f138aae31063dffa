"""`manage.py rotate_keys`: put every encrypted value under the first key, so that the old ones can be removed."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction
from django.db.models import BinaryField, Value
from django.db.models.functions import Cast

from core.fields import DecryptionError, EncryptedBytesField, rotate

BATCH = 200


class Command(BaseCommand):
    help = "Re-encrypts every encrypted value with the first key of FIELD_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models():
            for field in model._meta.local_fields:
                if isinstance(field, EncryptedBytesField) and not model._meta.proxy:
                    count = rotate_column(model, field.name)
                    self.stdout.write(f"{model._meta.label}.{field.name}: {count}")
        self.stdout.write("Every value is under the first key: the others can be removed from FIELD_ENCRYPTION_KEYS.")


def rotate_column(model: type[models.Model], name: str) -> int:
    """How many values were rotated. Batches commit one by one, so an interrupted run loses nothing."""
    count, last = 0, 0
    while batch := _rotate_batch(model, name, last):
        count, last = count + len(batch), batch[-1]
    return count


@transaction.atomic
def _rotate_batch(model: type[models.Model], name: str, after: int) -> list[int]:
    """The keys of the next rows, rotated."""
    rows = model._base_manager.filter(pk__gt=after, **{f"{name}__isnull": False}).order_by("pk")
    found = list(rows.select_for_update().annotate(token=Cast(name, BinaryField())).values_list("pk", "token")[:BATCH])
    for pk, token in found:
        try:
            rotated = rotate(bytes(token))
        except DecryptionError as error:
            raise CommandError(
                f"{model._meta.label}.{name} of row {pk}: {error}. Add its key back and run again."
            ) from error
        model._base_manager.filter(pk=pk).update(**{name: Value(rotated, output_field=BinaryField())})
    return [pk for pk, _ in found]
