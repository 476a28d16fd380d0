"""Incidents: the rule that opens them, who leads, what is private, who may do what."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.alerts.services import clear_alert, raise_alert
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.inbound.services import create_key
from incidents.incidents import services
from incidents.incidents.models import Incident
from ledger import alarm, record
from ledger.errors import Invalid, Refused
from ledger.live.topics import TOPICS
from ledger.models import Event
from ledger.scopes import set_private
from notify.models import Audience, Message
from notify.services import send
from runbooks.playbooks.services import load_library, save_version
from runbooks.runs.models import Run
from tests.audiences import load_audiences
from tests.drain import settle
from tests.people import browser_of, caller, person, program_of
from work import hints

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = {"subject": "Paused for now", "body": "Nothing is needed <b>from you</b>."}
SMALL = """\
playbook: small
title: A small one
summary: Waits for a moment, then it is over.
when: stale-oracle
targets: {safe: 10m}
steps:
  - {id: look, manual: {instruction: Look outside., evidence: none}, marks: contained}
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    load_audiences("system:test")


@pytest.fixture
def helix() -> Protocol:
    return Protocol.objects.create(slug="helix", name="Helix")


def an_alert(helix: Protocol, key: str = "oracle_stale:0xfeed", **kw: Any) -> Alert:
    fields = {
        "severity": "SEV2",
        "title": "Stale oracle: HLX/USD",
        "source": "monitor:x",
        "failure_mode": "stale-oracle",
    }
    return raise_alert(key=key, protocol=helix, **{**fields, **kw})


class TestTheRule:
    def test_an_alert_opens_one_incident_and_more_of_the_same_join_it(self, helix: Protocol) -> None:
        first, again = an_alert(helix), an_alert(helix)
        assert first.pk == again.pk and Alert.objects.get().times == 2
        other = an_alert(helix, key="oracle_stale:0xother", severity="SEV1")
        incident = Incident.objects.get()
        assert other.incident == incident
        assert incident.severity == "SEV1", "the graver alert raises it"
        verbs = list(Event.objects.filter(scope=incident.scope).order_by("pk").values_list("verb", flat=True))
        assert verbs.index("incident.opened") < verbs.index("alert.raised") < verbs.index("incident.alert.joined")

    @pytest.mark.parametrize(
        ("block", "at", "known"),
        [
            (7, "2024-01-13T00:00:00Z", (7, "2024-01-13T00:00:00+00:00")),
            (-1, "2024-13-45T00:00:00", (None, None)),
            (2**63, "2999-01-01T00:00:00Z", (None, None)),
            (True, "2024-01-13T00:00:00", (None, "2024-01-13T00:00:00+00:00")),
        ],
    )
    def test_no_clock_or_number_of_a_sender_keeps_an_incident_from_being_opened(
        self, helix: Protocol, block: Any, at: str, known: tuple[Any, Any]
    ) -> None:
        incident = an_alert(helix, detail={"first_bad_block": block, "first_bad_at": at}).incident
        assert incident is not None
        incident.refresh_from_db()
        found = incident.first_bad_at.isoformat() if incident.first_bad_at else None
        assert (incident.first_bad_block, found) == known

    def test_another_failure_mode_or_protocol_is_another_incident(self, helix: Protocol) -> None:
        an_alert(helix)
        an_alert(helix, key="b", failure_mode="drain")
        an_alert(Protocol.objects.create(slug="other", name="Other"), key="c")
        assert Incident.objects.count() == 3

    def test_a_slight_alert_without_failure_mode_opens_nothing(self, helix: Protocol) -> None:
        assert an_alert(helix, failure_mode="", severity="SEV3").incident is None
        assert an_alert(helix, key="grave", failure_mode="", severity="SEV2").incident is not None

    def test_after_the_end_it_opens_anew(self, helix: Protocol) -> None:
        incident = an_alert(helix).incident
        assert incident is not None
        services.move(incident=incident, to="declined", actor="user:1", reason="a test")
        clear_alert(key="oracle_stale:0xfeed", actor="monitor:x")
        assert an_alert(helix).incident != incident

    def test_responders_are_told_once(self, helix: Protocol) -> None:
        person("ana", "commander")
        an_alert(helix)
        an_alert(helix, key="another")
        message = Message.objects.get()
        assert "Stale oracle" in message.subject_line and message.audience is not None
        assert message.audience.slug == "responders"

    def test_an_alarm_is_not_lost_because_nobody_can_be_told(self, helix: Protocol) -> None:
        """The audience is gone: the incident opens all the same, and that nobody was told is an alert itself."""
        settle()
        Audience.objects.all().delete()
        assert an_alert(helix).incident is not None
        settle()
        untold = Alert.objects.get(key="responders_untold")
        assert (untold.incident, untold.status) == (Incident.objects.get(), "firing"), (
            "it belongs to what nobody heard of"
        )
        assert Incident.objects.count() == 1

    def test_the_longest_title_still_opens_an_incident(self, helix: Protocol) -> None:
        incident = an_alert(helix, title="x" * 300).incident
        assert incident is not None and len(incident.title) == 200
        assert len(Message.objects.get().subject_line) == 200

    def test_any_rooms_alarm_becomes_an_alert(self) -> None:
        settle()
        with transaction.atomic():
            record("executor.low", actor="system:chain", alarm=alarm("executor_low:3", "SEV3", title="Executor is low"))
        settle()
        assert Alert.objects.get().title == "Executor is low"
        with transaction.atomic():
            record("executor.filled", actor="system:chain", alarm=alarm("executor_low:3", "SEV3", cleared=True))
        settle()
        assert Alert.objects.get().status == "cleared"


class TestLeading:
    def test_command_severity_updates_and_the_end(self, helix: Protocol) -> None:
        ana, ben = person("ana", "commander"), person("ben", "commander")
        incident = services.open_incident(title=" Odd ", severity="SEV3", actor=ana.actor, protocol=helix)
        assert incident.title == "Odd" and incident.status == "triage"
        incident = services.take_command(incident=incident, user=ana)
        assert (incident.commander, incident.status) == (ana, "active")
        incident = services.take_command(incident=incident, user=ben)
        taken = Event.objects.filter(verb="incident.command.taken").order_by("-pk")[0]
        assert taken.before == {"commander": ana.actor}
        services.change_severity(incident=incident, severity="SEV1", actor=ben.actor, reason="worse")
        services.change_severity(incident=incident, severity="SEV1", actor=ben.actor)
        assert Event.objects.filter(verb="incident.severity.raised").count() == 1
        services.add_update(incident=incident, text="We look.", actor=ben.actor)
        with pytest.raises(Invalid):
            services.add_note(incident=incident, text="a\x00b", actor=ben.actor)
        for to in ("contained", "restored"):
            incident = services.move(incident=incident, to=to, actor=ben.actor)
        with pytest.raises(Invalid, match="reason"):
            services.move(incident=incident, to="closed", actor=ben.actor)
        incident = services.move(incident=incident, to="closed", actor=ben.actor, reason="done")
        assert incident.ended_at is not None
        with pytest.raises(Refused):
            services.take_command(incident=incident, user=ana)
        with pytest.raises(Refused):
            services.move(incident=incident, to="active", actor=ben.actor)

    def test_the_answering_playbook_contains_it_when_it_ends(self, helix: Protocol) -> None:
        settle()
        ana = person("ana", "commander")
        incident = an_alert(helix).incident
        assert incident is not None
        save_version(yaml=SMALL, actor=ana.actor)
        with pytest.raises(Invalid, match="inputs"):
            services.start_playbook(incident=incident, playbook=_playbook(), inputs={"x": 1}, actor=ana.actor)
        run = services.start_playbook(incident=incident, playbook=_playbook(), inputs={}, actor=ana.actor)
        settle()
        caller(ana).post(f"/api/v1/runs/{run.pk}/steps/look/complete/", {}, format="json")
        settle()
        incident.refresh_from_db()
        assert incident.status == "contained"
        moved = Event.objects.get(verb="incident.contained")
        assert moved.actor == run.subject and moved.scope == incident.scope


def _playbook() -> Any:
    from runbooks.playbooks.models import Playbook

    return Playbook.objects.get(slug="small")


class TestPrivacy:
    """Whoever is not a member of a private incident finds no trace of it, by any way in."""

    @pytest.fixture
    def people(self) -> dict[str, User]:
        levels = {"ana": "commander", "ben": "commander", "rob": "responder", "val": "viewer", "aud": "auditor"}
        return {name: person(name, level) for name, level in levels.items()}

    @pytest.fixture
    def secret(self, people: dict[str, User]) -> Incident:
        ana = people["ana"]
        save_version(yaml=SMALL, actor=ana.actor)
        incident = services.open_incident(
            title="Secret matter", severity="SEV1", actor=ana.actor, private=True, failure_mode="stale-oracle"
        )
        services.start_playbook(incident=incident, playbook=_playbook(), inputs={}, actor=ana.actor)
        services.add_note(incident=incident, text="secret words", actor=ana.actor)
        settle()
        return incident

    def test_pages(self, people: dict[str, User], secret: Incident) -> None:
        run = Run.objects.get()
        pages = [reverse("incidents:incident", args=[secret.pk]), reverse("runbooks:run", args=[run.pk])]
        for name, user in people.items():
            inside = name in ("ana", "aud")
            browser = browser_of(user)
            for page in pages:
                assert browser.get(page).status_code == (200 if inside else 404), (name, page)
            for page in ("/", "/desk/", "/incidents/", "/incidents/monitors/", "/runbooks/"):
                found = "Secret matter" in browser.get(page).content.decode()
                assert not found or inside, (name, page)
            for verb in ("take", "severity", "command", "move", "privacy"):
                answer = browser.post(
                    reverse(f"incidents:{verb}", args=[secret.pk]), {"severity": "SEV2", "line": "/note x"}
                )
                assert answer.status_code in ((302, 403) if inside else (403, 404)), (name, verb)

    def test_the_api(self, people: dict[str, User], secret: Incident) -> None:
        run = Run.objects.get()
        for name, user in people.items():
            inside = name in ("ana", "aud")
            api = caller(user)
            assert api.get(f"/api/v1/incidents/{secret.pk}/").status_code == (200 if inside else 404)
            assert api.get(f"/api/v1/runs/{run.pk}/").status_code == (200 if inside else 404)
            for listing in ("incidents", "runs", "alerts", "messages"):
                text = json.dumps(api.get(f"/api/v1/{listing}/").json())
                assert ("Secret matter" in text or "secret" in text.lower()) <= inside, (name, listing)
            assert api.post(f"/api/v1/incidents/{secret.pk}/notes/", {"text": "x"}, format="json").status_code == (
                {"ana": 200, "aud": 403}.get(name, 404) if name != "val" else 403
            )

    def test_sockets_guard_the_topic_by_its_scope(self, people: dict[str, User], secret: Incident) -> None:
        from ledger.access import ScopeGate

        run = Run.objects.get()
        for topic, pk in (("incident", secret.pk), ("run", run.pk)):
            gate = ScopeGate(TOPICS[topic].scope_of(pk))
            assert {name for name, user in people.items() if gate.lets(user)} == {"ana", "aud"}

    def test_mail_goes_to_members_only(self, people: dict[str, User], secret: Incident) -> None:
        opened, paged = Message.objects.order_by("pk")
        for message in (opened, paged):
            assert message.audience is None and message.scope == secret.scope
            assert {delivery.user for delivery in message.deliveries.all()} == {people["ana"]}

    def test_made_private_later_and_opened_again(self, people: dict[str, User]) -> None:
        ana, ben = people["ana"], people["ben"]
        incident = services.open_incident(title="Later", severity="SEV2", actor="user:0")
        services.make_private(incident=incident, private=True, user=ana)
        assert not Incident.objects.visible_to(ben).exists() and Incident.objects.visible_to(ana).exists()
        services.invite(incident=incident, user=ben, actor=ana.actor)
        assert Incident.objects.visible_to(ben).exists()
        services.make_private(incident=incident, private=False, user=ana)
        assert Incident.objects.visible_to(people["val"]).exists()


class TestWhoMayDoWhat:
    MATRIX = (
        ("post", "/api/v1/incidents/", {"title": "New", "severity": "SEV3"}, "responder"),
        ("post", "/api/v1/incidents/{pk}/severity/", {"severity": "SEV2"}, "responder"),
        ("post", "/api/v1/incidents/{pk}/updates/", {"text": "x"}, "responder"),
        ("post", "/api/v1/incidents/{pk}/notes/", {"text": "x"}, "responder"),
        ("post", "/api/v1/incidents/{pk}/take/", {}, "commander"),
        ("post", "/api/v1/incidents/{pk}/private/", {"private": False}, "commander"),
        ("post", "/api/v1/incidents/{pk}/move/", {"status": "contained"}, "commander"),
        ("post", "/api/v1/runs/", {"playbook": "small"}, "responder"),
        ("post", "/api/v1/playbooks/", {"yaml": SMALL}, "commander"),
        ("get", "/api/v1/incidents/", None, "viewer"),
        ("get", "/api/v1/monitors/", None, "viewer"),
        ("get", "/api/v1/playbooks/small/versions/", None, "viewer"),
    )

    @pytest.mark.parametrize("level", ["viewer", "auditor", "responder", "commander", "admin"])
    def test_each_level(self, level: str) -> None:
        user = person("someone", level)
        save_version(yaml=SMALL, actor="user:0")
        order = ["viewer", "responder", "commander", "admin"]
        rank = order.index(level) if level in order else 0
        for method, url, body, least in self.MATRIX:
            incident = services.open_incident(title="One", severity="SEV3", actor="user:0", tell=False)
            answer = getattr(caller(user), method)(url.format(pk=incident.pk), body, format="json")
            allowed = rank >= order.index(least)
            assert (answer.status_code < 300) is allowed, (level, url, answer.status_code, answer.content)
            assert allowed or answer.status_code == 403

    def test_a_token_needs_the_scope(self) -> None:
        ana = person("ana", "commander")
        body = {"title": "By a program", "severity": "SEV3"}
        assert program_of(ana, "read").post("/api/v1/incidents/", body, format="json").status_code == 403
        answer = program_of(ana, "incidents:write").post("/api/v1/incidents/", body, format="json")
        assert answer.status_code == 201 and answer.json()["opened_by"].startswith("token:")

    def test_nobody_gets_in_without_a_login(self) -> None:
        for url in ("/", "/incidents/", "/runbooks/", "/desk/"):
            assert Client().get(url).status_code == 302
        assert Client().get("/api/v1/incidents/").status_code == 401

    def test_a_create_sent_twice_happens_once(self) -> None:
        api = caller(person("ana", "commander"))
        for _ in range(2):
            answer = api.post("/api/v1/incidents/", {"title": "Once"}, format="json", headers={"Idempotency-Key": "k1"})
            assert answer.status_code == 201
        assert Incident.objects.count() == 1

    @pytest.mark.parametrize(
        ("url", "body", "field"),
        [
            ("/api/v1/incidents/", {"title": ""}, "title"),
            ("/api/v1/incidents/", {"title": "x", "severity": "SEV9"}, "severity"),
            ("/api/v1/incidents/", {"title": "x", "protocol": "none"}, "protocol"),
            ("/api/v1/incidents/", {"titel": "x"}, "titel"),
            ("/api/v1/incidents/", {"title": "a\u0007b"}, "title"),
            ("/api/v1/runs/", {"playbook": "none"}, "playbook"),
            ("/api/v1/runs/", {"playbook": "small", "inputs": {"x": 1}}, "inputs.x"),
            ("/api/v1/runs/", {"playbook": "small", "scope": 999}, "scope"),
            ("/api/v1/playbooks/", {"yaml": "a: 1"}, "yaml"),
        ],
    )
    def test_bad_input_is_named_and_changes_nothing(self, url: str, body: dict[str, Any], field: str) -> None:
        save_version(yaml=SMALL, actor="user:0")
        before = Event.objects.count()
        answer = caller(person("ana", "commander")).post(url, body, format="json")
        assert answer.status_code == 400, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        assert field in [error["field"] for error in answer.json()["errors"]]
        assert Event.objects.exclude(verb__startswith="role.").exclude(verb__startswith="grant.").count() <= before + 2
        assert not Incident.objects.exists() and not Run.objects.exists()


class TestInbound:
    @pytest.fixture
    def address(self, helix: Protocol) -> str:
        _, secret = create_key(name="script", actor="user:1", protocol=helix, severity="SEV3")
        return f"/api/v1/inbound/{secret}/"

    def send(self, address: str, body: Any, **kw: Any) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().post(address, raw, content_type=kw.pop("content_type", "application/json"), **kw)

    def test_fire_again_and_resolve(self, address: str) -> None:
        payload = {"key": "outflow", "title": "Outflow above limit", "severity": "high", "value": 1.5, "big": 2**70}
        first, second = self.send(address, payload), self.send(address, payload)
        assert first.status_code == second.status_code == 202
        assert first.json()["alerts"] == second.json()["alerts"]
        alert = Alert.objects.get()
        assert (alert.severity, alert.times, alert.status) == ("SEV2", 2, "firing")
        assert Incident.objects.get() == alert.incident
        assert InboundPayload.objects.get().times == 2
        assert self.send(address, {**payload, "status": "resolved"}).status_code == 202
        assert Alert.objects.get().status == "cleared"
        assert self.send(address, payload).json()["alerts"] != first.json()["alerts"], "it fires anew"

    @pytest.mark.parametrize(
        ("body", "code", "said"),
        [
            (b"{", 400, "not JSON"),
            (b"\xff\xfe", 400, "not JSON"),
            (b'{"title": NaN}', 400, "not JSON"),
            (b"[" * 100_000, 400, "not JSON"),
            (b'{"title":"x","a":' + b"[" * 40 + b"]" * 40 + b"}", 400, "deeper"),
            (b"[]", 400, "JSON object"),
            (b"{}", 400, "title"),
            (b'{"title": {"a": 1}}', 400, "title"),
            (b'{"title": "a\\u0007b"}', 400, "control"),
            (b'{"title": "x", "severity": "doom"}', 400, "severity"),
            (b'{"title": "' + b"x" * 300 + b'"}', 400, "longer"),
            (b'{"title": "' + b"x" * 1_100_000 + b'"}', 413, "larger"),
            (b'{"title": "x", "title": "y"}', 400, "key twice"),
            (b"", 400, "not JSON"),
        ],
        ids=range(14),
    )
    def test_what_is_malformed_is_told_and_nothing_is_stored(
        self, address: str, body: bytes, code: int, said: str
    ) -> None:
        answer = self.send(address, body)
        assert answer.status_code == code, answer.content
        assert said in answer.content.decode()
        assert not Alert.objects.exists() and not InboundPayload.objects.exists()

    def test_ten_megabytes_are_refused(self, address: str) -> None:
        assert self.send(address, b"x" * 10_000_000).status_code == 413

    def test_nul_and_script_are_kept_harmless(self, address: str) -> None:
        body = {"title": "<script>alert(1)</script>", "severity": "SEV1", "note": "a\x00b"}
        assert self.send(address, body).status_code == 202
        ana = person("ana", "commander")
        page = browser_of(ana).get("/incidents/").content.decode()
        assert "<script>alert(1)" not in page and "&lt;script&gt;" in page

    def test_a_wrong_or_disabled_key_is_nothing(self, address: str) -> None:
        assert self.send("/api/v1/inbound/wrong/", {"title": "x"}).status_code == 404
        InboundKey.objects.update(enabled=False)
        assert self.send(address, {"title": "x"}).status_code == 404

    def test_a_key_is_shown_once_and_only_to_admins(self) -> None:
        body = {"name": "grafana", "config": {"title": "alert.name"}}
        assert caller(person("c", "commander")).post("/api/v1/inbound-keys/", body, format="json").status_code == 403
        answer = caller(person("a", "admin")).post("/api/v1/inbound-keys/", body, format="json")
        assert answer.status_code == 201 and len(answer.json()["key"]) > 20
        sent = self.send(f"/api/v1/inbound/{answer.json()['key']}/", {"alert": {"name": "Deep title"}})
        assert sent.status_code == 202 and Alert.objects.get().title == "Deep title"


class TestStatusPage:
    def test_it_needs_no_login_and_knows_no_private_incident(self, helix: Protocol) -> None:
        page = Client().get("/status/")
        assert page.status_code == 200 and "operational" in page.content.decode()
        hidden = services.open_incident(
            title="Secret matter", severity="SEV1", actor="user:0", protocol=helix, tell=False
        )
        send(key="m1", actor="user:0", audience="users", scope=hidden.scope, authority="plan:0x", context=WORDS)
        set_private(scope=hidden.scope, private=True, actor="user:0")
        text = Client().get("/status/").content.decode()
        assert "operational" in text and "Secret" not in text and "Paused" not in text

    def test_it_says_what_was_let_out_and_nothing_else(self, helix: Protocol) -> None:
        incident = services.open_incident(
            title="Inner title", severity="SEV1", actor="user:0", protocol=helix, tell=False
        )
        services.add_update(incident=incident, text="inner words", actor="user:0")
        send(key="m2", actor="user:0", audience="users", scope=incident.scope, authority="plan:0x", context=WORDS)
        send(key="m3", actor="user:0", audience="users", scope=incident.scope, context={**WORDS, "subject": "Not yet"})
        text = Client().get("/status/").content.decode()
        assert "looked at" in text and "Paused for now" in text and "&lt;b&gt;" in text
        assert "inner words" not in text and "Inner title" not in text and "Not yet" not in text


def test_the_library_is_suggested_for_its_failure_mode(helix: Protocol) -> None:
    load_library(actor="system:test")
    incident = an_alert(helix).incident
    assert incident is not None
    ana = person("ana", "commander")
    page = browser_of(ana).get(f"/incidents/{incident.pk}/").content.decode()
    assert "Pause on a stale oracle" in page and "/start/pause-on-stale-oracle/" in page
    page = browser_of(person("val", "viewer")).get(f"/incidents/{incident.pk}/").content.decode()
    assert "Take command" not in page and "/start/" not in page
