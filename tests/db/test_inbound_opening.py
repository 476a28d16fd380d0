"""A lone grave alert is one statement: what it leaves is what the longer way leaves, and where a rule wants more, it
leaves everything to that."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.inbound import receiving
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.inbound.services import change_key, create_key, enable_key
from incidents.incidents.models import Incident
from incidents.windows.services import open_window
from ledger.models import Event, Scope, ScopeClosure
from tests.audiences import load_audiences
from work.models import Work

pytestmark = pytest.mark.django_db
DETAIL = {"first_bad_block": 77, "first_bad_at": "2026-11-20T03:12:08Z", "token": "USDC", "password": "hunter2"}
GRAVE = {"title": " The vault is drained ", "severity": "critical", **DETAIL}


@pytest.fixture(autouse=True)
def responders(db: None) -> None:
    load_audiences("system:test")


def post(secret: str, key: str, **more: Any) -> Any:
    body = json.dumps({**GRAVE, "key": key, **more})
    answer = Client().post(f"/api/v1/inbound/{secret}/", body, content_type="application/json")
    assert answer.status_code == 202, answer.content
    return answer.json()


def written(alert: Alert) -> str:
    """Every column of every row that there is of it, but for numbers and times, in the order in which it was told."""
    rows = [
        InboundPayload.objects.filter(pk=int(alert.detail["payload"].partition(":")[2])),
        Alert.objects.filter(pk=alert.pk),
        Scope.objects.filter(pk=alert.scope_id),
        ScopeClosure.objects.filter(descendant=alert.scope_id),
        Incident.objects.filter(pk=alert.incident_id),
        Event.objects.filter(scope=alert.scope_id).order_by("pk"),
        Work.objects.filter(scope=alert.scope_id).order_by("kind"),
    ]
    text = json.dumps([list(found.values()) for found in rows], default=str, indent=1)
    text = re.sub(r'"(txid|id|\w+_id)": (?!null)\d+|"(digest|salt|request_id)": "[^"]*"', r'"\1\2": N', text)
    text = re.sub(r"(alert|incident|payload|scope):\d+", r"\1:N", text.replace(alert.key, "KEY"))
    text = text.replace(alert.key.rpartition(":")[2], "NAME")
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{6}\+00:00", "NOW", text)


@pytest.mark.parametrize("title", ["A", "x" * 200])
def test_both_ways_leave_the_same(monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    helix = Protocol.objects.create(slug="helix", name="Helix")
    _, secret = create_key(name="s", actor="user:1", protocol=helix)
    with CaptureQueriesContext(connection) as said:
        short = post(secret, "key-one", title=title)
    assert len(said) == 3, "whose key, whether it fires already, and all that it opens"
    with monkeypatch.context() as patched:
        patched.setattr(receiving, "open_at_once", lambda *_: None)
        long = post(secret, "key-two", title=title)
    ways = [written(Alert.objects.get(pk=one["alerts"][0])) for one in (short, long)]
    assert ways[0] == ways[1]
    assert ways[0].count('"verb"') == 3 and ways[0].count('"kind": "incidents.') == 2 and "hunter2" not in ways[0]
    assert post(secret, "key-one", title=title)["alerts"] == short["alerts"] and Incident.objects.count() == 2


def test_where_a_rule_wants_more_the_longer_way_has_it() -> None:
    _, secret = create_key(name="s", actor="user:1")
    window = open_window(
        title="w", pattern="inbound:*:muted*", ends_at=timezone.now() + timedelta(hours=1), actor="user:1"
    )
    muted = Alert.objects.get(pk=post(secret, "muted", severity="SEV2")["alerts"][0])
    assert muted.window == window and not Incident.objects.exists()
    window.ended_at = timezone.now()
    window.save()

    post(secret, "again")
    Alert.objects.filter(status="firing").update(status="cleared")
    joined = Alert.objects.get(pk=post(secret, "again", n=2)["alerts"][0])
    assert joined.incident == Incident.objects.get() and Event.objects.filter(verb="incident.alert.joined").exists()

    for number in range(2):
        post(secret, f"mode{number}", failure_mode="oracle-stale")
    assert Incident.objects.filter(failure_mode="oracle-stale").count() == 1

    slight = post(secret, "slight", severity="low")
    assert post(secret, "slight")["alerts"] == slight["alerts"], "a graver word about what fires already"
    graver = Alert.objects.get(pk=slight["alerts"][0])
    assert (graver.severity, graver.times, graver.incident is not None) == ("SEV1", 2, True)
    assert set(InboundPayload.objects.values_list("times", flat=True)) == {1}


def test_what_is_remembered_of_a_key_never_outlives_a_change_of_it() -> None:
    key, secret = create_key(name="s", actor="user:1", severity="SEV2")
    for name, severity in (("a", "SEV2"), ("b", "SEV1"), ("c", "SEV3")):
        if severity != "SEV2":
            change_key(key=key, actor="user:1", config={}, severity=severity)
        for _ in range(2):
            found = Alert.objects.get(pk=post(secret, name, severity="")["alerts"][0])
            assert found.severity == severity
    assert list(Alert.objects.order_by("pk").values_list("times", flat=True)) == [2, 2, 2]
    enable_key(key=key, enabled=False, actor="user:1")
    for name in ("a", "new"):
        body = json.dumps({**GRAVE, "key": name})
        answer = Client().post(f"/api/v1/inbound/{secret}/", body, content_type="application/json")
        assert answer.status_code == 404
    assert Alert.objects.count() == 3 and InboundKey.objects.count() == 1
