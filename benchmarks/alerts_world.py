"""What `benchmarks.alerts` needs in the instance that is measured, and what it finds there afterwards.

python -m benchmarks.alerts_world begin 8     so many senders with a key each, and responders who are told: the keys
python -m benchmarks.alerts_world stored      how often alerts were seen, how many there are, how many incidents
python -m benchmarks.alerts_world told        by alert: when its first copy was written, and when that turn ended
"""

import json
import sys
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402  (Django comes first)
from django.db.models import Sum  # noqa: E402

from accounts.grants.services import bootstrap  # noqa: E402
from accounts.models import User  # noqa: E402
from incidents.alerts.models import Alert  # noqa: E402
from incidents.inbound.models import InboundPayload  # noqa: E402
from incidents.inbound.services import create_key  # noqa: E402
from incidents.incidents.models import Incident  # noqa: E402
from notify.models import Audience  # noqa: E402

ACTOR = "system:bench"


def begin(senders: str) -> list[str]:
    Audience.objects.get_or_create(
        slug="responders", defaults={"name": "Responders", "kind": "inside", "level": "responder"}
    )
    for name in ("ana", "ben"):
        user = User.objects.create_user(username=name, email=f"{name}@example.org")
        bootstrap(user=user, levels=["commander"], actor=ACTOR)
    made = [create_key(name=f"sender {n}", format="alertmanager", actor=ACTOR) for n in range(int(senders))]
    return [secret for _, secret in made]


def stored() -> dict[str, Any]:
    return {
        "seen": Alert.objects.aggregate(total=Sum("times"))["total"] or 0,
        "alerts": Alert.objects.count(),
        "incidents": Incident.objects.count(),
        "payloads": InboundPayload.objects.aggregate(total=Sum("times"))["total"] or 0,
    }


TOLD = """
SELECT split_part(a.title, ' ', 2), extract(epoch FROM first.at), extract(epoch FROM COALESCE(t.ended_at, first.at))
FROM incidents_alert a JOIN incidents_incident i ON i.id = a.incident_id
CROSS JOIN LATERAL (
  SELECT min(d.created_at) AS at FROM notify_message m JOIN notify_delivery d ON d.message_id = m.id
  WHERE m.scope_id = i.scope_id
) first
LEFT JOIN work_work w ON w.kind = 'incidents.tell' AND w.key = 'incident:' || i.id
LEFT JOIN work_attempt t ON t.work_id = w.id AND t.outcome = 'done'
WHERE first.at IS NOT NULL
"""


def told() -> dict[str, tuple[float, float]]:
    with connection.cursor() as cursor:
        cursor.execute(TOLD)
        return {name: (float(written), float(ended)) for name, written, ended in cursor.fetchall()}


if __name__ == "__main__":
    print(json.dumps({"begin": begin, "stored": stored, "told": told}[sys.argv[1]](*sys.argv[2:])))
