"""The audiences that the desk itself relies on; what is outside differs with every installation."""

from typing import Any

from django.db import migrations

INSIDE = (
    ("responders", "Responders", "responder", "Everybody on this desk who acts"),
    ("commanders", "Commanders", "commander", "Those who may take command and approve"),
    ("auditors", "Auditors", "auditor", "Told where the record's head is anchored"),
)


def add(apps: Any, _editor: Any) -> None:
    audiences = apps.get_model("notify", "Audience").objects
    for slug, name, level, purpose in INSIDE:
        audiences.get_or_create(
            slug=slug, defaults={"name": name, "kind": "inside", "level": level, "purpose": purpose}
        )


class Migration(migrations.Migration):
    dependencies = [("notify", "0001_initial")]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
