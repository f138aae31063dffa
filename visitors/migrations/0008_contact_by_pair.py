"""Made beside running writes: it may take a while, and nothing waits for it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("visitors", "0007_contact_pair")]

    operations = [
        AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("pair__isnull", False)),
                fields=["merchant", "pair"],
                name="visitors_contact_by_pair",
            ),
        ),
    ]
