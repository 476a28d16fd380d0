"""An endpoint's address may hold a provider's key: what is there is sealed, and from here on the field does it."""

from django.db import migrations, models

import integrations.chain.fields


def seal_addresses(apps, schema_editor):
    from integrations.chain.models import mark_of
    from integrations.sealing import seal

    Endpoint = apps.get_model("integrations", "Endpoint")
    for row in Endpoint.objects.all():
        Endpoint.objects.filter(pk=row.pk).update(url=seal(row.url, "endpoint"), mark=mark_of(row.url))


def open_addresses(apps, schema_editor):
    from integrations.sealing import unseal

    Endpoint = apps.get_model("integrations", "Endpoint")
    for row in Endpoint.objects.all():
        Endpoint.objects.filter(pk=row.pk).update(url=unseal(row.url, "endpoint"))


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0002_signers_and_private_submission'),
    ]

    operations = [
        # Here the field is still plain text on either side: what is written is what stands in the column.
        migrations.RunPython(seal_addresses, open_addresses),
        migrations.AlterField(
            model_name='endpoint',
            name='url',
            field=integrations.chain.fields.SealedTextField(purpose='endpoint'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(fields=('chain', 'mark'), name='endpoint_once'),
        ),
    ]
