"""Hostile text and hostile bodies: nothing is drawn as markup, nothing breaks, nothing is told twice or swallowed."""

from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from incidents.incidents.services import open_incident
from ledger.models import Event
from notify.models import Message
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run
from tests.audiences import load_audiences
from tests.people import PASSWORD, browser_of, caller, person
from tests.private_world import private_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def audiences(db: None) -> None:
    """Tests that commit have emptied the tables, and with them what the migrations brought."""
    load_audiences("system:test")


MARK = "<script>alert(1)</script><img src=x onerror=alert(2)>"
BOOK = """\
playbook: hostile
title: "{mark}"
summary: "{mark}"
inputs:
  what: {{type: text, title: "{mark}", help: "{mark}", default: "{mark}"}}
steps:
  - id: first
    title: "{mark}"
    text: "{mark}"
    manual: {{instruction: "{mark} ${{{{ inputs.what }}}}", evidence: text}}
"""


@pytest.fixture(autouse=True)
def fresh(db: None) -> None:
    cache.clear()
    load_audiences("system:test")


def pages(*paths: str) -> list[tuple[str, str]]:
    client = browser_of(person("", "commander", "admin"))
    found = []
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        found.append((path, answer.content.decode()))
    return found


def test_no_words_of_a_playbook_are_markup() -> None:
    """A playbook is anybody's file: its help texts stand beside the fields of the form that starts it."""
    save_version(yaml=BOOK.format(mark=MARK), actor="user:1")
    ana = person("ana", "commander")
    incident = open_incident(title="x", severity="SEV3", actor=ana.actor)
    api = caller(ana)
    started = api.post(f"/api/v1/incidents/{incident.pk}/runs/", {"playbook": "hostile"}, format="json")
    assert started.status_code == 201, started.content
    run = started.json()["id"]
    for path, html in pages(
        "/runbooks/",
        "/runbooks/playbooks/hostile/",
        f"/incidents/{incident.pk}/start/hostile/",
        f"/incidents/{incident.pk}/",
        f"/runbooks/runs/{run}/",
        f"/governance/plans/{started.json()['plan']}/",
        "/",
        "/ledger/",
    ):
        assert "<script>alert" not in html and "<img src=x" not in html, path


def test_no_words_of_people_are_markup() -> None:
    ana = person("ana", "commander")
    ana.name = MARK[:80]
    ana.save()
    api = caller(ana)
    opened = api.post("/api/v1/incidents/", {"title": MARK, "summary": MARK}, format="json").json()
    number = opened["id"]
    for verb in ("notes", "updates"):
        assert api.post(f"/api/v1/incidents/{number}/{verb}/", {"text": MARK}, format="json").status_code in (200, 201)
    api.post(f"/api/v1/incidents/{number}/take/", format="json")
    said = {"audience": "responders", "subject": MARK, "body": MARK}
    message = api.post("/api/v1/messages/", said, format="json").json()["id"]
    for path, html in pages(
        f"/incidents/{number}/",
        "/incidents/",
        "/",
        "/ledger/",
        "/notify/",
        f"/notify/messages/{message}/",
        "/accounts/people/",
        f"/accounts/people/{ana.pk}/",
    ):
        assert "<script>alert" not in html and "<img src=x" not in html, path


def test_no_words_of_a_proposal_are_markup() -> None:
    world = private_world()
    type(world.proposal).objects.filter(pk=world.proposal.pk).update(title=MARK, description=MARK)
    type(world.safe).objects.filter(pk=world.safe.pk).update(label=MARK[:80])
    for path, html in pages(
        f"/governance/proposals/{world.proposal.pk}/", "/governance/proposals/", "/governance/safes/", "/governance/"
    ):
        assert "<script>alert" not in html and "<img src=x" not in html, path


@pytest.mark.django_db(transaction=True)  # a refusal rolls back the whole transaction that an opening is
@pytest.mark.parametrize("title", ["Pause\n\nURGENT: sign at https://evil.example", "Pause\u202egnp.exe", "a\x1b[2J"])
def test_a_title_that_would_leave_its_line_is_refused(title: str) -> None:
    api = caller(person("ana", "responder"))
    answer = api.post("/api/v1/incidents/", {"title": title}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "title")
    assert not Event.objects.filter(verb="incident.opened").exists()


# --- said once, and never not at all


def test_every_message_is_its_own_and_the_same_key_is_the_same_message() -> None:
    """Without a key two posts are two messages: none may be answered with another's 201 and then never be sent."""
    api = caller(person("ana", "responder"))
    first, second = (
        api.post("/api/v1/messages/", {"audience": "responders", "subject": text, "body": text}, format="json")
        for text in ("one", "two")
    )
    assert first.json()["id"] != second.json()["id"] and second.json()["subject"] == "two"
    body = {"audience": "responders", "subject": "three", "body": "three"}
    again = [api.post("/api/v1/messages/", body, format="json", HTTP_IDEMPOTENCY_KEY="k" * 200) for _ in range(2)]
    assert again[0].json()["id"] == again[1].json()["id"] and again[1].headers["Idempotency-Replayed"] == "true"
    other = api.post("/api/v1/messages/", {**body, "subject": "x"}, format="json", HTTP_IDEMPOTENCY_KEY="k" * 200)
    assert other.status_code == 422
    assert Message.objects.count() == 3


def test_a_playbook_is_started_once_a_key_and_a_note_written_once() -> None:
    save_version(yaml=BOOK.format(mark="Plain words"), actor="user:1")
    ana = person("ana", "responder")
    incident = open_incident(title="x", severity="SEV3", actor=ana.actor)
    api = caller(ana)
    for path, body in (("runs", {"playbook": "hostile"}), ("notes", {"text": "x"}), ("updates", {"text": "x"})):
        answers = [
            api.post(f"/api/v1/incidents/{incident.pk}/{path}/", body, format="json", HTTP_IDEMPOTENCY_KEY=path)
            for _ in range(2)
        ]
        assert answers[0].status_code == answers[1].status_code in (200, 201)
        assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert Run.objects.count() == 1
    assert Event.objects.filter(verb__in=["incident.note.added", "incident.update.posted"]).count() == 2


# --- forms


def test_a_nul_or_an_endless_reason_in_a_form_is_told_and_changes_nothing() -> None:
    """Also where a page hands a field to its service as it came."""
    world = private_world()
    client, odd = browser_of(person("", "commander", "admin")), "a\x00b"
    fields = dict.fromkeys(("reason", "text", "line", "protocol", "severity", "status"), odd)
    for path in world.verbs:
        with transaction.atomic():
            assert client.post(path, fields).status_code < 500, path
            transaction.set_rollback(True)
    before, run = Event.objects.count(), world.run
    for path in (
        f"/runbooks/runs/{run.pk}/abort/",
        f"/approvals/{world.approval.pk}/refuse/",
        f"/governance/safes/{world.safe.pk}/protocol/",
    ):
        with transaction.atomic():
            answer = client.post(path, fields)
            transaction.set_rollback(True)
        assert answer.status_code == 400 and "NUL" in answer.content.decode(), path
    assert client.post(f"/runbooks/runs/{run.pk}/abort/", {"reason": "x" * 60_000}).status_code == 302
    run.refresh_from_db()
    assert Event.objects.count() == before and run.status != "aborted", "nobody reads so long a reason"


ANSWERS = (
    *("[" * 50_000, "null", "[]", "1", "{", '{"id": {}}', '{"id": "a"}', '{"type": "\\ud800"}'),
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": []}',
    '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": 7, "signature": "x"}}',
    '{"id": "AAAA", "rawId": 1, "type": "public-key", "response": {"authenticatorData": 1}}',
)


def test_no_answer_of_a_device_breaks_a_page() -> None:
    stranger, user = Client(raise_request_exception=False), person("ana", with_password=True)
    member = browser_of(user)
    member.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert member.get("/accounts/2fa/webauthn/add/").status_code == 200
    stranger.get("/accounts/2fa/webauthn/login/")
    for answer in ANSWERS:
        for client, verb in ((stranger, "login"), (member, "add")):
            found = client.post(f"/accounts/2fa/webauthn/{verb}/", {"credential": answer, "name": "x"})
            assert found.status_code < 500, (verb, answer[:60])
    assert not user.authenticator_set.exists()


# --- bodies and queries


BODIES: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b'{"title": "a\\u0000b"}',
    b'{"title": "\\ud800"}',
    b'{"title": "x", "title": "y"}',
    b'{"title": NaN}',
    b'{"title": 1e999}',
    b'{"title": ' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"title": "' + b"x" * 10_000_000 + b'"}',
]


@pytest.mark.parametrize("path", ["incidents/", "runs/", "messages/", "proposals/", "playbooks/", "monitors/"])
def test_no_body_breaks_it(path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(person("ana", "commander"), backend="allauth.account.auth_backends.AuthenticationBackend")
    for body in BODIES:
        answer = client.post(f"/api/v1/{path}", body, content_type="application/json")
        assert answer.status_code in (400, 413), (answer.status_code, body[:40])
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert len(answer.content) < 5_000
    assert client.post(f"/api/v1/{path}", BODIES[-1], content_type="application/json").status_code == 413


KEYS = ("cursor", "limit", "status", "scope", "safe", "verb", "subject", "kind", "enabled", "protocol")


@pytest.mark.parametrize("key", KEYS)
def test_no_query_breaks_a_list(key: str) -> None:
    api = caller(person("ana", "admin"))
    resources: dict[str, Any] = api.get("/api/v1/").json()
    odd = ("%00", "%ff", "9" * 30, "-1", "1e9", "%F0%9F%94%A5", "' OR 1=1--", "x" * 3000)
    for number, name in enumerate(resources, KEYS.index(key)):
        few = odd[number % 4 :: 4]  # each with each would be thousands of requests: every list meets all of them
        for value in few:
            answer = api.get(f"/api/v1/{name}/?{key}={value}")
            assert answer.status_code in (200, 400, 404), (name, key, value, answer.status_code)
            assert "Traceback" not in answer.content.decode()


def test_floats_and_endless_numbers_in_free_objects_are_told_from_what_is_right() -> None:
    save_version(yaml=BOOK.format(mark="Plain words"), actor="user:1")
    api = caller(person("ana", "admin"))
    for value in ("1e999", "1.5", "9" * 400, "[[[[[[1]]]]]]", "null", "true"):
        body = f'{{"playbook": "hostile", "inputs": {{"what": {value}}}}}'
        answer = api.post("/api/v1/runs/", body.encode(), content_type="application/json")
        assert answer.status_code in (201, 400), value
        config = f'{{"name": "n{len(value)}", "config": {{"key": {value}}}}}'
        answer = api.post("/api/v1/inbound-keys/", config.encode(), content_type="application/json")
        assert answer.status_code in (201, 400), value


# --- headers on every answer


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/healthz", "testserver"),
        ("/accounts/login/", "testserver"),
        ("/no-such-page/", "testserver"),
        ("/api/v1/incidents/", "testserver"),
        ("/api/no-such/", "testserver"),
        ("/static/js/sign.js", "testserver"),
        ("/accounts/login/", "evil.example"),
        ("/api/v1/incidents/", "evil.example"),
        ("/static/../manage.py", "testserver"),
    ],
)
def test_every_answer_carries_the_policy(path: str, host: str) -> None:
    answer = Client(raise_request_exception=False).get(path, headers={"host": host})
    policy = answer.headers.get("Content-Security-Policy", "")
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, (path, answer.status_code)
    assert answer.status_code < 500
    assert host == "testserver" or "evil.example" not in answer.content.decode()


def test_a_stranger_cannot_pass_for_many_by_a_header() -> None:
    """The limit for strangers goes by the address that the connection comes from."""
    from django.conf import settings
    from rest_framework.settings import api_settings

    assert api_settings.NUM_PROXIES == 0 and settings.REST_FRAMEWORK["NUM_PROXIES"] == 0
