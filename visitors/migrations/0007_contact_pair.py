from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("visitors", "0006_contact_by_visitor")]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="pair",
            field=models.UUIDField(editable=False, null=True, verbose_name="came together"),
        ),
    ]
