from django.db import migrations, models

import integrations.chain.fields


def told_by_now(apps, schema_editor):
    """A monitor that is breached has raised its alert; the new field says so."""
    apps.get_model("incidents", "Monitor").objects.filter(breached=True).update(told=True)


class Migration(migrations.Migration):
    dependencies = [("incidents", "0005_alert_key")]

    operations = [
        migrations.AddField("monitor", "muted_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("monitor", "mute_reason", models.CharField(blank=True, default="", max_length=200)),
        migrations.AddField("monitor", "revision", models.PositiveIntegerField(default=1)),
        migrations.AddField("monitor", "told", models.BooleanField(default=False)),
        migrations.AddField("monitor", "changed_hash", integrations.chain.fields.HashField(null=True)),
        migrations.AddField("watchedblock", "parent_hash", integrations.chain.fields.HashField(null=True)),
        migrations.AddField("watchedblock", "readings", models.JSONField(default=dict)),
        migrations.AddField("watchedblock", "kept", models.JSONField(default=dict)),
        migrations.AddField("watchedblock", "on_the_minute", models.BooleanField(default=False)),
        migrations.RunPython(told_by_now, migrations.RunPython.noop),
    ]
