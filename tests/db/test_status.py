"""The public page: what it says and keeps to itself, how it is published, and that what was promised is watched."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.utils import timezone

from accounts.approvals.services import give
from accounts.models import Approval, User
from governance.protocols.models import Contract, Protocol
from incidents.alerts.models import Alert
from incidents.incidents import services as leading
from incidents.incidents.models import Incident
from incidents.status import publishing, services
from incidents.status.components import Group, groups
from incidents.status.document import page
from incidents.status.models import Publication
from integrations.chain.models import Chain
from ledger import Invalid, Refused
from ledger.models import Event
from notify.models import Message, Promise
from notify.services import send
from tests.audiences import load_audiences
from tests.drain import settle
from tests.people import browser_of, person
from tests.receiver import answer, receiver
from work.models import Work

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
MARK = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def audiences(db: None) -> None:
    load_audiences("system:test")


@pytest.fixture
def helix() -> Protocol:
    protocol = Protocol.objects.create(slug="helix", name="Helix")
    chain = Chain.objects.create(chain_id=731, name="Devnet", short_name="dev", kind="devnet")
    for number, role in enumerate(("vault", "oracle", "timelock")):
        Contract.objects.create(
            protocol=protocol, chain=chain, address=f"0x{number + 1:040x}", name=f"Helix{role.title()}", role=role
        )
    return protocol


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.STATUS_DIR = str(tmp_path / "published")
    yield tmp_path / "published"


def opened(helix: Protocol, **kw: Any) -> Incident:
    return leading.open_incident(
        **{"title": "Inner title", "severity": "SEV1", "actor": "user:0", "protocol": helix, "tell": False, **kw}
    )


def tell(key: str, incident: Incident | None = None, subject: str = "Paused for now", **kw: Any) -> Message:
    """To the public, as a plan that was approved does."""
    context = {"subject": subject, "body": kw.pop("body", "The vault is paused.")}
    scope = incident.scope if incident else None
    return send(
        key=key, actor="user:0", audience="users", scope=scope, context=context, **{"authority": "plan:0x", **kw}
    )


def only() -> Group:
    (group,) = groups()
    return group


class TestParts:
    def test_they_follow_the_incidents_until_a_commander_says_otherwise(self, helix: Protocol) -> None:
        vault = helix.contracts.get(role="vault")
        assert [part.name for part in only().parts] == ["HelixOracle", "HelixVault"], "a timelock is not shown"
        assert only().state.slug == "operational"
        incident = opened(helix)
        assert {part.state.slug for part in only().parts} == {"investigating"}
        services.state_part(part=helix.contracts.get(role="oracle"), state="operational", actor="user:1")
        services.state_part(part=vault, state="paused", words="Closed while we look.", actor="user:1")
        oracle, shown = only().parts
        assert (oracle.state.slug, shown.state.slug, shown.words) == ("operational", "paused", "Closed while we look.")
        opened(helix, title="Another")
        oracle, shown = only().parts
        assert oracle.state.slug == "investigating", "what began after the word is worse than the word says"
        assert shown.state.slug == "investigating"
        services.state_part(part=vault, state="down", actor="user:1")
        assert only().state.slug == "down"
        services.state_part(part=vault, state="", actor="user:1")
        leading.move(incident=incident, to="contained", actor="user:1")
        assert only().parts[1].state.slug == "investigating", "the worst of two"

    def test_what_is_private_or_nothing_is_not_there(self, helix: Protocol) -> None:
        opened(helix, private=True)
        opened(helix, severity="SEV4")
        leading.move(incident=opened(helix), to="declined", actor="user:1", reason="a false alarm")
        alarmed = opened(helix, actor="monitor:x")
        ours = opened(helix, protocol=None)
        assert only().state.slug == "operational" and page().matters == page().past == ()
        tell("m1", ours)
        assert [one.title for one in page().matters] == ["Paused for now"]
        assert page().state.slug == "investigating", "nothing is well while something is told that is not"
        assert only().state.slug == "operational", "what only an alarm says is nobody's word"
        said = opened(helix, actor="monitor:x", title="Other")
        tell("m2", said, subject="We look into it")
        assert only().state.slug == "investigating" and page().matters[0].title == "We look into it"
        assert len(page().matters) == 2
        leading.change_severity(incident=alarmed, severity="SEV1", actor="user:1")
        assert len(page().matters) == 3

    def test_bad_input_changes_nothing(self, helix: Protocol) -> None:
        ben = browser_of(person("ben", "commander"))
        for body in ({"part": "contract:0", "state": "down"}, {"part": "x"}, {"part": f"protocol:{'9' * 30}"}):
            assert ben.post("/incidents/status/state/", body).status_code == 302
        part = f"protocol:{helix.pk}"
        for body in ({"state": "on fire"}, {"state": "down", "words": "a\x00b"}, {"state": "down", "words": "x" * 300}):
            assert ben.post("/incidents/status/state/", {"part": part, **body}).status_code == 302
        assert ben.post("/incidents/status/guidance/", {"text": "a\u202eb"}).status_code == 400
        assert not Event.objects.filter(verb__startswith="component.").exists()
        assert ben.post("/incidents/status/state/", {"part": part, "state": "down"}).status_code == 302
        assert only().state.slug == "down"
        assert ben.post("/incidents/status/guidance/", {"text": f"Use the mirror. {MARK}"}).status_code == 302
        text = Client().get("/status/").content.decode()
        assert "Use the mirror." in text and MARK not in text
        assert "Does not work at present" in ben.get("/incidents/status/").content.decode()


class TestWords:
    def test_a_correction_and_what_it_corrects_name_each_other(self, helix: Protocol) -> None:
        incident = opened(helix)
        wrong = tell("m1", incident, subject=f"Everybody can withdraw {MARK}")
        with pytest.raises(Invalid, match="audience"):
            send(key="m0", actor="user:0", audience="lps", context={"subject": "x", "body": "y"}, corrects=wrong)
        waiting = send(key="m2", actor="user:0", audience="users", context={"subject": "x", "body": "y"})
        with pytest.raises(Refused, match="let out"):
            tell("m3", incident, corrects=waiting)
        right = tell("m4", incident, subject="Nobody can withdraw yet", corrects=wrong)
        assert right.digest != tell("m5", incident, subject="Nobody can withdraw yet").digest
        (matter,) = page().matters
        assert matter.title == wrong.subject_line, "the inner title stays inside"
        lines = {line.title: line for line in matter.lines}
        first, second = lines[wrong.subject_line], lines[right.subject_line]
        assert second.corrects and second.corrects.anchor == first.anchor and second.kind == "correction"
        assert [other.anchor for other in first.corrected_by] == [second.anchor]
        text = Client().get("/status/").content.decode()
        assert f'href="#{first.anchor}"' in text and f'href="#{second.anchor}"' in text
        assert MARK not in text and "Inner title" not in text
        feed = ElementTree.fromstring(Client().get("/status/feed.atom").content)
        titles = [entry.findtext(f"{ATOM}title") for entry in feed.iter(f"{ATOM}entry")]
        assert "Correction: Nobody can withdraw yet" in titles and wrong.subject_line in titles
        ids = [entry.findtext(f"{ATOM}id") for entry in feed.iter(f"{ATOM}entry")]
        assert len(ids) == len(set(ids)) == len(matter.lines)

    def test_what_is_over_is_history(self, helix: Protocol, django_assert_max_num_queries: Any) -> None:
        for number in range(3):
            incident = opened(helix, title=f"{number}")
            tell(f"m{number}", incident, subject=f"Said {number}")
            leading.move(incident=incident, to="contained", actor="user:1")
            leading.move(incident=incident, to="restored", actor="user:1")
            leading.move(incident=incident, to="closed", actor="user:1", reason="done")
        tell("note", subject="We move to another chain")
        with django_assert_max_num_queries(14):
            found = page()
        assert found.matters == () and [one.title for one in found.past] == ["Said 2", "Said 1", "Said 0"]
        assert [line.kind for line in found.past[0].lines] == ["over", "restored", "contained", "said", "seen"]
        assert [note.title for note in found.notes] == ["We move to another chain"]
        said = Client().get("/status/status.json").json()
        assert said["state"] == "operational" and len(said["past"]) == 3 and said["confirmed"] is True

    def test_making_an_incident_private_takes_it_off(self, helix: Protocol, folder: Path) -> None:
        incident = opened(helix)
        tell("m1", incident)
        settle()
        assert "Paused for now" in (folder / "index.html").read_text()
        leading.make_private(incident=incident, private=True, user=person("ben", "commander"))
        republish()
        for name in ("index.html", "status.json", "feed.atom"):
            assert "Paused for now" not in (folder / name).read_text()


def republish() -> None:
    """What comes within a second of the last is published with what follows: the test's own second has passed."""
    Publication.objects.update(confirmed_at=timezone.now() - timedelta(seconds=5))
    settle()


def tried() -> int:
    return Work.objects.get(kind=publishing.KIND, key="folder").fence


class TestPublishing:
    def test_each_change_is_published_by_a_worker_and_never_by_a_request(self, helix: Protocol, folder: Path) -> None:
        ben = browser_of(person("ben", "commander"))
        assert (
            ben.post("/incidents/status/state/", {"part": f"protocol:{helix.pk}", "state": "paused"}).status_code == 302
        )
        assert not folder.exists(), "the request writes no file"
        settle()
        text = (folder / "index.html").read_text()
        assert "Paused." in text and "<!--freshness-->" in text and "<script" not in text and "style=" not in text
        assert "--good-tint" in (folder / "style.css").read_text()
        assert {file.name for file in folder.iterdir()} == {
            *("index.html", "status.json", "feed.atom", "style.css", "heartbeat.json")
        }
        said = json.loads((folder / "status.json").read_text())
        assert said["state"] == "paused" and said["components"][0]["name"] == "Helix"
        before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
        (folder / "style.css").write_text("tampered")
        publishing.ask()
        republish()
        after = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
        assert {name for name in after if after[name] != before[name]} == {"heartbeat.json", "style.css"}
        assert "tampered" not in (folder / "style.css").read_text(), "mended"
        known = Publication.objects.get(place="folder")
        assert known.number == 1 and Event.objects.filter(verb="status.published").count() == 1
        assert "up to date" in ben.get("/incidents/status/").content.decode()

    def test_a_worker_that_dies_in_the_middle_costs_nothing(self, helix: Protocol, folder: Path) -> None:
        publishing.ask()
        folder.mkdir()
        (folder / ".index.html.new").write_text("<h1>Ha")  # what it was writing
        Work.objects.filter(kind=publishing.KIND).update(
            status="running", fence=1, lease_until=timezone.now() - timedelta(seconds=1)
        )
        settle()
        assert tried() == 2 and "</html>" in (folder / "index.html").read_text()
        assert not (folder / ".index.html.new").exists()

    def test_a_place_that_takes_nothing_is_an_alarm_until_it_is_mended(self, helix: Protocol, folder: Path) -> None:
        folder.write_text("in the way")
        publishing.ask()
        settle()
        alert = Alert.objects.get(key="status_unpublished:folder")
        assert alert.status == "firing" and "does not take" in Publication.objects.get().error
        ben = browser_of(person("ben", "commander"))
        assert "does not take" in ben.get("/incidents/status/").content.decode()
        folder.unlink()
        Work.objects.filter(kind=publishing.KIND).update(run_at=timezone.now())
        settle()
        alert.refresh_from_db()
        assert alert.status == "cleared" and (folder / "index.html").exists()
        assert Event.objects.filter(verb="status.place.failing").count() == 1

    def test_an_address_takes_the_same_files(self, helix: Protocol, settings: Any) -> None:
        with receiver(answer(503)) as bucket:
            settings.STATUS_PUT_URL, settings.STATUS_PUT_AUTHORIZATION = f"{bucket.url}/public/", "Bearer s3cret"
            settings.OUTGOING_ALLOW = [bucket.place]
            publishing.ask()
            settle()
            assert "answered 503" in Publication.objects.get(place="put").error
            Work.objects.filter(kind=publishing.KIND).update(run_at=timezone.now())
            settle()
        taken = {one.path: one for one in bucket.received[1:]}
        assert set(taken) == {
            f"/public/{name}" for name in ("index.html", "status.json", "feed.atom", "style.css", "heartbeat.json")
        }
        index = taken["/public/index.html"]
        assert index.method == "PUT" and index.headers["authorization"] == "Bearer s3cret"
        assert b"Confirmed at" in index.body and b"<!--freshness-->" not in index.body
        assert "s3cret" not in json.dumps(list(Event.objects.values_list("reason", flat=True)))


class TestPromises:
    @pytest.fixture
    def ben(self) -> User:
        return person("ben", "commander")

    def late(self, promise: Promise) -> None:
        """Its time has come."""
        Promise.objects.filter(pk=promise.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        Work.objects.filter(kind="notify.promise").update(run_at=timezone.now())
        settle()
        promise.refresh_from_db()

    def test_a_nudge_then_an_alarm_then_kept(self, helix: Protocol, ben: User) -> None:
        ana = person("ana", "responder")
        incident = opened(helix)
        due = timezone.now() + timedelta(minutes=30)
        context = {"subject": "Paused", "body": "We look."}
        send(key="m1", actor=ana.actor, audience="users", scope=incident.scope, context=context, next_update_by=due)
        assert not Promise.objects.exists(), "nothing is promised before it is approved"
        give(approval=Approval.objects.get(), user=ben)
        settle()
        promise = Promise.objects.get()
        assert promise.due_at == due and page().matters[0].next_update_by == due
        Work.objects.filter(kind="notify.promise").update(run_at=timezone.now())
        settle()
        nudge = Message.objects.get(key=f"promise:{promise.pk}:due")
        assert {copy.user for copy in nudge.deliveries.all()} == {ana, ben} and promise.status == "open"
        self.late(promise)
        alert = Alert.objects.get(key=f"update_overdue:{promise.pk}")
        assert promise.status == "overdue" and alert.status == "firing" and alert.incident == incident
        assert page().matters[0].late and "are late" in Client().get("/status/").content.decode()
        incident.refresh_from_db()
        assert incident.severity == "SEV1"
        tell("m2", incident, subject="Still paused")
        settle()
        promise.refresh_from_db()
        alert.refresh_from_db()
        assert promise.status == "kept" and alert.status == "cleared" and not page().matters[0].late

    def test_kept_in_time_or_over_is_no_alarm(self, helix: Protocol) -> None:
        incident, due = opened(helix), timezone.now() + timedelta(minutes=30)
        tell("m1", incident, next_update_by=due)
        tell("m2", incident, next_update_by=due + timedelta(minutes=5))
        settle()
        first, second = Promise.objects.order_by("pk")
        assert (first.status, second.status) == ("kept", "open")
        leading.move(incident=incident, to="declined", actor="user:1", reason="a false alarm")
        settle()
        self.late(second)
        assert second.status == "void" and not Alert.objects.exists()

    def test_what_cannot_be_promised(self, helix: Protocol) -> None:
        for by in (timezone.now() - timedelta(minutes=1), timezone.now() + timedelta(days=8)):
            with pytest.raises(Invalid, match="ahead"):
                tell("m1", next_update_by=by)
        with pytest.raises(Invalid, match="outside"):
            send(
                key="m2",
                actor="user:0",
                audience="responders",
                context={"subject": "x", "body": "y"},
                next_update_by=timezone.now() + timedelta(minutes=5),
            )
