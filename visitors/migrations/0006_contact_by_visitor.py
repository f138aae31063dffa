"""Made beside running writes: it may take a while, and nothing waits for it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("visitors", "0005_segments")]

    operations = [
        AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("visitor_key", ""), _negated=True),
                fields=["merchant", "visitor_key"],
                name="visitors_contact_by_visitor",
            ),
        ),
    ]
