"""What `benchmarks.war_room` looks at: an incident with ten thousand lines, a run, and something of every noun."""

import json
import sys

import django

django.setup()

from django.db import connection, transaction  # noqa: E402  (Django comes first)
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from accounts.grants.services import bootstrap  # noqa: E402
from accounts.models import User  # noqa: E402
from incidents.addresses.services import put  # noqa: E402
from incidents.incidents.models import Incident  # noqa: E402
from incidents.incidents.services import open_incident, start_playbook, take_command  # noqa: E402
from incidents.roles.models import Role  # noqa: E402
from incidents.roles.services import assign  # noqa: E402
from incidents.todo.services import open_task  # noqa: E402
from incidents.updates.services import add_note, add_update, edit  # noqa: E402
from integrations.chain.models import Chain  # noqa: E402
from ledger import record  # noqa: E402
from runbooks.playbooks.services import save_version  # noqa: E402

BOOK = """\
playbook: bench-war-room
title: Look, then look again
summary: Eight steps by hand.
steps:
""" + "".join(f"  - {{id: s{n}, title: Step {n}, manual: {{instruction: Look., evidence: none}}}}\n" for n in range(8))
OTHERS = (("monitor.breached", "monitor:bench"), ("message.sent", "system:notify"), ("step.answered", "user:1"))
BATCH = 500


def person(name: str) -> User:
    user = User.objects.create_user(username=name, email=f"{name}@bench.example")
    bootstrap(user=user, levels=["commander"], actor="system:bench")
    return user


def fill(incident: Incident, count: int, actor: str) -> None:
    """Every third line is a text that somebody wrote, and every hundredth of those was put right since."""
    for start in range(0, count, BATCH):
        with transaction.atomic():
            for number in range(start, start + BATCH):
                if number % 3 == 0:
                    note = add_note(incident=incident, text=f"Line {number} of the record.", actor=actor)
                    if number % 100 == 0:
                        edit(update=note, words={"text": f"Line {number}, put right."}, actor=actor)
                    continue
                verb, who = OTHERS[number % len(OTHERS)]
                record(verb, actor=who, scope=incident.scope, after={"block": number, "title": "x"})


def queries(user: User, path: str) -> int:
    client = Client(HTTP_HOST="localhost")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path)
    assert answer.status_code == 200, answer
    return len(asked)


def main(count: int) -> None:
    Chain.objects.get_or_create(chain_id=731337, defaults={"name": "bench", "short_name": "bench", "kind": "devnet"})
    ana, ben = person("bench-ana"), person("bench-ben")
    incident = open_incident(title="A long one", severity="SEV1", actor=ana.actor, tell=False)
    take_command(incident=incident, user=ana)
    start_playbook(incident=incident, playbook=save_version(yaml=BOOK, actor=ana.actor), inputs={}, actor=ana.actor)
    path = f"/incidents/{incident.pk}/"
    for role in Role.values:
        assign(incident=incident, role=role, user=ben, actor=ana.actor)
    for number in range(20):
        open_task(incident=incident, title=f"Task {number}", assignee=ben, actor=ana.actor)
        put(incident=incident, address=f"0x{number:040x}", chain_id=1, label=f"Address {number}", actor=ana.actor)
    add_update(incident=incident, text="We look.", actor=ana.actor)
    few = queries(ana, path)
    fill(incident, count, ana.actor)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(HTTP_HOST="localhost")
    client.force_login(ana, backend="allauth.account.auth_backends.AuthenticationBackend")
    cookie = client.cookies["sessionid"].value
    print(json.dumps({"path": path, "cookie": cookie, "few": few, "queries": queries(ana, path)}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
