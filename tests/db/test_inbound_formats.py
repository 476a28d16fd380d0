"""Each sender's documented payload, through HTTP, to the right incident: once, again, acknowledged, resolved."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from incidents.alerts.models import Alert
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.inbound.services import create_key
from incidents.incidents.models import Incident
from incidents.incidents.services import TELL
from integrations.inbound import INBOUND
from ledger.models import Event
from notify.models import Message
from tests.audiences import load_audiences
from tests.drain import settle
from tests.inbound_senders import SIGNING, STORIES, Sender, public_key
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db
SPEAKING = [name for name, story in STORIES.items() if "trigger" in story]


def sender_of(name: str, **more: Any) -> tuple[InboundKey, Sender]:
    config = json.loads(json.dumps(STORIES[name]["config"]).replace("PUBLIC_KEY", public_key()))
    key, secret = create_key(name=name, format=name, config=config, actor="user:1", severity="SEV2", **more)
    return key, Sender(name, config, secret)


@pytest.mark.parametrize("name", SPEAKING)
def test_a_documented_payload_becomes_its_alerts_once_and_follows_its_sender(name: str) -> None:
    load_audiences("system:test")
    story, (key, sender) = STORIES[name], sender_of(name)
    for case in story["bad"]:
        answer = sender.send({"routing_key": "ROUTING_KEY", **case["body"]} if name == "pagerduty" else case["body"])
        assert answer.status_code == 400, answer.content
        told = answer.json()["errors"]
        fields = [one.partition(":")[0] for one in told] if name == "pagerduty" else [one["field"] for one in told]
        assert fields == [case["field"]]
    assert not Alert.objects.exists() and not InboundPayload.objects.exists()

    first = sender.send(story["trigger"])
    assert first.status_code == story.get("status", 202), first.content
    alerts = list(Alert.objects.order_by("pk"))
    expected = {(f"{key.subject}:{one['key']}", one["title"], one["severity"]) for one in story["alerts"]}
    assert {(one.key, one.title, one.severity) for one in alerts} == expected
    assert Incident.objects.count() == story["incidents"]
    for alert in alerts:
        assert alert.source == key.subject and (alert.incident is None) == (alert.severity > "SEV2")

    again = sender.send(story["trigger"])
    assert again.status_code == first.status_code
    assert set(Alert.objects.values_list("times", flat=True)) == {2} and Incident.objects.count() == story["incidents"]
    assert Event.objects.filter(verb="alert.raised").count() == len(alerts)
    settle((TELL,))
    opened = Message.objects.filter(key__startswith="incident:")
    assert opened.count() == story["incidents"], "the responders are told of each"
    assert again.json().get("alerts", []) == first.json().get("alerts", [])
    if "answer" in story:
        assert first.json() == story["answer"]
    assert sender.key not in json.dumps([one.body for one in InboundPayload.objects.all()])

    if "acknowledge" in story:
        assert sender.send(story["acknowledge"]).status_code == first.status_code
        assert Alert.objects.filter(status="firing", acked_by=key.subject).count() == len(alerts)
    for quiet in story.get("silent", ()):
        assert sender.send(quiet).status_code == first.status_code
    assert Alert.objects.count() == len(alerts)
    for other in story.get("others", ()):
        assert sender.send(other).status_code == first.status_code
    assert Alert.objects.count() == len(alerts) + len(story.get("others", ())), "each is an alert of its own"

    resolve(sender, story, alerts)
    assert set(Alert.objects.filter(pk__in=[one.pk for one in alerts]).values_list("status", flat=True)) == {"cleared"}
    assert Incident.objects.exclude(status="triage").count() == 0, "people end incidents"


def resolve(sender: Sender, story: dict[str, Any], alerts: list[Alert]) -> None:
    """As the sender tells it; who never tells an end is cleared by hand."""
    if "resolve" in story:
        assert sender.send(story["resolve"]).status_code == story.get("status", 202)
        return
    ana = caller(person("ana", "responder"))
    for alert in alerts:
        assert ana.post(f"/api/v1/alerts/{alert.pk}/clear/", {"reason": "looked at"}, format="json").status_code == 200


@pytest.mark.parametrize("name", SIGNING)
def test_an_unsigned_old_or_repeated_request_does_nothing(name: str) -> None:
    load_audiences("system:test")
    story, (_, sender) = STORIES[name], sender_of(name)
    raw, headers = sender.sign(story["trigger"])
    spoilt = raw.replace(b"High", b"Info") if name == "hypernative" else raw + b" "
    refused = [
        sender.post(json.dumps(story["trigger"]).encode(), {}),
        sender.post(spoilt, headers),
        sender.send(story["trigger"], late=timedelta(minutes=61)),
        sender.send(story["trigger"], late=timedelta(minutes=-7)),
    ]
    assert [one.status_code for one in refused] == [403] * 4, [one.content for one in refused]
    assert not Alert.objects.exists() and not InboundPayload.objects.exists()
    assert sender.post(raw, headers).status_code in (200, 202)
    replayed = sender.post(raw, headers)
    assert (replayed.status_code, replayed.json()["type"]) == (409, "urn:breakglass:problem:replayed")
    assert InboundPayload.objects.get().times == 1 and set(Alert.objects.values_list("times", flat=True)) == {1}


def test_hypernatives_own_signature_is_known() -> None:
    """A message that Hypernative signed, with the public key that it publishes."""
    story = STORIES["hypernative"]
    _, secret = create_key(name="hn", format="hypernative", config=story["valid"][1], actor="user:1")
    vendor = story["vendor"]
    with time_machine.travel(datetime.fromisoformat(vendor["at"]), tick=False):
        answer = Client().post(f"/api/v1/inbound/{secret}/", vendor["body"], content_type="application/json")
    assert answer.status_code == 202, answer.content
    assert InboundPayload.objects.exists() and not Alert.objects.exists(), "it is a test of the channel"


def test_a_summary_of_several_lines_or_too_many_words_is_no_reason_to_lose_an_alert() -> None:
    payload = {"summary": "Disk full\n\ton\r\nhost " + "x" * 2000, "source": "a", "severity": "critical"}
    event = {"event_action": "trigger", "dedup_key": "k", "payload": payload}
    [one] = INBOUND["pagerduty"].read(None, event)
    assert one.title.startswith("Disk full on host xxx") and len(one.title) == 200


# Bodies that no format takes, signed or not: by whom it is said differs, that nothing comes of it does not.
BODIES = (
    *(b"", b"{", b"[]", b"null", b'"x"', b"1", b"{}", b"\xff\xfe", b'{"a": NaN}', b'{"a": 1e999, "a": 2}'),
    *(b"[" * 100_000, b'{"a":' * 50_000, b'{"a": ' + b"9" * 5_000 + b"}", b'{"a": "\\ud800\\u0000"}'),
    b'{"alerts": [[]], "data": [], "event": 1, "payload": "x", "monitor": {}, "transaction": 7, "status": []}',
    b'{"title": "' + b"x" * 2_000_000 + b'"}',
    b'{"title": "' + b"x" * 10_000_000 + b'"}',
)


@pytest.mark.parametrize("name", sorted(set(STORIES) - {"heartbeat"}))
def test_no_body_that_means_nothing_is_stored_or_breaks_anything(name: str) -> None:
    _, sender = sender_of(name)
    client = Client(raise_request_exception=False)
    for body in BODIES:
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x"):
            answer = client.post(sender.address, body, content_type=kind)
            assert answer.status_code in (400, 403, 404, 413), (answer.status_code, body[:40], kind)
            assert len(answer.content) < 5_000
        if name in SIGNING and len(body) < 100_000 and name != "hypernative":  # its signature is within the body
            raw, headers = SIGNING[name](sender.secret, body, datetime.now(UTC))
            signed = client.post(sender.address, raw, content_type="application/json", headers=headers)
            assert signed.status_code == 400, (signed.status_code, body[:40])
    assert not Alert.objects.exists() and not InboundPayload.objects.exists() and not Incident.objects.exists()


def test_script_in_an_alert_is_text_wherever_it_is_shown() -> None:
    mark = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    _, sender = sender_of("generic")
    body = STORIES["generic"]["trigger"]
    body = {name: f"{value} {mark}" if isinstance(value, str) else value for name, value in body.items()} | {mark: mark}
    client = Client(raise_request_exception=False)
    answer = client.post(sender.address, json.dumps(body), content_type="application/json")
    assert answer.status_code in (202, 400), answer.content
    plain = {"key": mark, "title": mark, "severity": "SEV1", "status": "firing", "summary": mark, mark: [mark]}
    _, secret = create_key(name="plain", actor="user:1", severity="SEV1")
    assert (
        client.post(f"/api/v1/inbound/{secret}/", json.dumps(plain), content_type="application/json").status_code == 202
    )
    incident = Alert.objects.get(title=mark).incident
    assert incident is not None
    reader = browser_of(person("", "admin", "commander"))
    pages = [f"/incidents/{incident.pk}/", "/incidents/", "/", "/ledger/", "/incidents/inbound/", "/notify/pages/"]
    pages += [f"/incidents/inbound/{pk}/" for pk in InboundKey.objects.values_list("pk", flat=True)]
    for page in (*pages, "/incidents/search/?q=script", f"/incidents/{incident.pk}/postmortem/"):
        found = reader.get(page)
        html = found.content.decode()
        assert found.status_code == 200 and "<script>alert" not in html and "<img src=x" not in html, page
