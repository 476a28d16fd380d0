"""Each address gets a lane; what is in the outbox already joins its own."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

FILL = """
INSERT INTO notify_lane (channel, address, failures)
SELECT DISTINCT channel, lower(address), 0 FROM notify_delivery;
UPDATE notify_delivery d SET lane_id = l.id, queued_at = d.created_at
FROM notify_lane l WHERE l.channel = d.channel AND l.address = lower(d.address);
"""


class Migration(migrations.Migration):
    dependencies = [("notify", "0002_inside_audiences")]

    operations = [
        migrations.CreateModel(
            name="Lane",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(max_length=32)),
                ("address", models.CharField(max_length=254)),
                ("free_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("busy_until", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("holder", models.BigIntegerField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("channel", "address"), name="notify_lane_once")],
            },
        ),
        migrations.AddField(
            model_name="destination",
            name="pause",
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="carrier",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="carried", to="notify.delivery"
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="lane",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="notify.lane"
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="queued_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED"),
        migrations.AlterField(
            model_name="delivery",
            name="lane",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="notify.lane"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "queued")), fields=["lane", "id"], name="notify_lane_queue"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "queued")), fields=["message"], name="notify_message_queue"
            ),
        ),
    ]
