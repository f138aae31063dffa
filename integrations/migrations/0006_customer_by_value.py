"""Customers are found by an address or a phone; made beside the running writes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("integrations", "0005_erasure")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(fields=["merchant", "email"], name="integrations_customer_by_email"),
        ),
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(fields=["merchant", "phone"], name="integrations_customer_by_phone"),
        ),
    ]
