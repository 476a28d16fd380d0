"""Steps that people answer: manual (with files), checklist, decide. What they keep, and what they refuse."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, transaction

from ledger.errors import Invalid, Refused
from ledger.models import Event
from ledger.scopes import open_scope
from runbooks.evidence.models import LARGEST, Evidence
from runbooks.evidence.services import attach
from runbooks.evidence.sniff import clean_name, media_type_of
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import complete_step, start_run
from tests.drain import settle
from tests.people import browser_of, caller, person

pytestmark = pytest.mark.django_db(transaction=True)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
PLAYBOOK = """\
playbook: people
title: What people do
summary: One step of each kind that a person answers.
steps:
  - id: shot
    role: responder
    manual: {instruction: Photograph the screen., evidence: file}
  - id: desks
    role: responder
    needs: []
    checklist:
      items:
        - The market makers were called
        - The exchange was called
        - {text: The insurer was told, required: false}
  - id: how_far
    role: responder
    needs: []
    decide:
      question: Late, or wrong?
      options: [{choice: only late, text: Trading pauses.}, wrong]
"""


@pytest.fixture
def run() -> Run:
    version = save_version(yaml=PLAYBOOK, actor="user:1")
    found = start_run(playbook=version, inputs={}, scope=None, actor="user:1")
    settle()
    return found


def step(run: Run, name: str) -> StepRun:
    return StepRun.objects.get(run=run, step_id=name)


def answer(run: Run, name: str, actor: str = "system:seven", **given: Any) -> StepRun:
    complete_step(step=step(run, name), actor=actor, answer=given)
    settle()
    return step(run, name)


def test_a_checklist_ends_when_all_that_is_required_is_ticked_and_says_who_did(run: Run) -> None:
    assert answer(run, "desks", items=[1]).status == "waiting"
    held = answer(run, "desks", actor="system:eight", items=[1, 3])
    assert held.reason == "2 of 3 ticked"
    assert {number: tick["actor"] for number, tick in (held.answer or {})["ticks"].items()} == {
        "1": "system:seven",
        "3": "system:eight",
    }
    assert "1" not in (answer(run, "desks", off=[1]).answer or {})["ticks"]
    held = answer(run, "desks", items=[1, 2])
    assert (held.status, held.proof, held.output["done"]) == ("done", "3 of 3 ticked", True)
    told = Event.objects.filter(subject=held.subject, verb__in=("step.ticked", "step.unticked")).order_by("pk")
    assert [event.verb for event in told] == ["step.ticked", "step.ticked", "step.unticked", "step.ticked"]
    assert told[0].after["what"] == "The market makers were called"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"items": []},
        {"items": [0]},
        {"items": [4]},
        {"items": ["1"]},
        {"items": [True]},
        {"items": 1},
        {"items": [1], "off": [1]},
        {"off": [9]},
        {"items": [1] * 50},
        {"choice": "wrong"},
        {"items": [1.5]},
    ],
)
def test_a_checklist_refuses_what_is_no_item_and_changes_nothing(run: Run, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        complete_step(step=step(run, "desks"), actor="system:seven", answer=given)
    assert step(run, "desks").answer is None


def test_a_decision_is_one_of_the_written_options_and_is_handed_on(run: Run) -> None:
    for wrong in ({}, {"choice": "Wrong"}, {"choice": 1}, {"choice": "wrong", "reason": 5}, {"evidence": "wrong"}):
        with pytest.raises(Invalid):
            complete_step(step=step(run, "how_far"), actor="system:seven", answer=wrong)
    held = answer(run, "how_far", choice="only late", reason=" two venues agree ")
    assert (held.status, held.proof) == ("done", "only late · two venues agree")
    assert (held.output["choice"], held.output["actor"]) == ("only late", "system:seven")
    with pytest.raises(Refused):
        complete_step(step=held, actor="system:eight", answer={"choice": "wrong"})


def test_a_file_is_kept_under_its_hash_and_never_changes(run: Run) -> None:
    held = step(run, "shot")
    with pytest.raises(Invalid, match="file"):
        complete_step(step=held, actor="system:seven", answer={"evidence": "it was red"})
    kept = attach(step=held, name="../../etc/shot\n.png", content=PNG, actor="system:seven")
    assert (kept.name, kept.media_type, kept.size, len(kept.sha256)) == ("shot.png", "image/png", len(PNG), 64)
    assert attach(step=held, name="again.png", content=PNG, actor="system:eight").pk == kept.pk
    done = answer(run, "shot", file=kept.pk, evidence="it was red")
    assert (done.status, done.proof) == ("done", "shot.png · it was red")
    assert done.output["sha256"] == kept.sha256
    for change in (lambda: Evidence.objects.update(name="x"), lambda: Evidence.objects.all().delete()):
        with pytest.raises(Error, match="never changes"), transaction.atomic():
            change()
    assert Event.objects.get(verb="step.evidenced").after["sha256"] == kept.sha256


def test_files_that_do_not_fit_are_refused(run: Run) -> None:
    held = step(run, "shot")
    for content in (b"", bytes(LARGEST + 1)):
        with pytest.raises(Invalid, match="file"):
            attach(step=held, name="x", content=content, actor="system:seven")
    with pytest.raises(Refused, match="does not ask"):
        attach(step=step(run, "desks"), name="x", content=PNG, actor="system:seven")
    other = start_run(playbook=run.version, inputs={}, scope=None, actor="user:1")
    settle()
    foreign = attach(step=step(other, "shot"), name="x", content=PNG, actor="system:seven")
    for number in (foreign.pk, 0, "1", True, None):
        with pytest.raises(Invalid, match="file"):
            complete_step(step=held, actor="system:seven", answer={"file": number})


def test_a_file_is_handed_in_by_whoever_may_do_the_step() -> None:
    yaml = PLAYBOOK.replace("role: responder\n    manual", "role: commander\n    manual")
    run = start_run(playbook=save_version(yaml=yaml, actor="user:1"), inputs={}, scope=None, actor="user:1")
    settle()
    for level, answered in (("responder", 403), ("commander", 201)):
        body = {"run": run.pk, "step": "shot", "file": SimpleUploadedFile("a.png", PNG)}
        got = caller(person("", level)).post("/api/v1/evidence/", body, format="multipart")
        assert got.status_code in (answered, 409 if answered == 403 else answered)
    assert Evidence.objects.count() == 1


def test_a_file_in_the_page_and_its_download(run: Run) -> None:
    held, ana = step(run, "shot"), browser_of(person("ana", "responder"))
    script = SimpleUploadedFile("shot.png", b"<script>alert(1)</script>", content_type="text/html")
    sent = ana.post(f"/runbooks/steps/{held.pk}/complete/", {"file": script, "evidence": "see"})
    assert sent.status_code == 302
    kept = Evidence.objects.get(step=held)
    assert kept.media_type == "text/plain"
    got = ana.get(f"/runbooks/evidence/{kept.pk}/")
    assert got.content == b"<script>alert(1)</script>"
    assert got["Content-Type"] == "text/plain"
    assert got["Content-Disposition"] == 'attachment; filename="shot.png"'
    assert (got["X-Content-Type-Options"], got["Content-Security-Policy"]) == ("nosniff", "default-src 'none'; sandbox")


def test_evidence_is_seen_by_whoever_sees_the_run() -> None:
    member = person("", "responder")
    scope = open_scope(kind="incident", title="secret", actor="user:1", private=True, members=[member.actor])
    version = save_version(yaml=PLAYBOOK, actor="user:1")
    hidden = start_run(playbook=version, inputs={}, scope=scope, actor=member.actor)
    settle()
    kept = attach(step=step(hidden, "shot"), name="x.png", content=PNG, actor=member.actor)
    outsider = person("", "commander")
    for path in (f"/runbooks/evidence/{kept.pk}/", f"/api/v1/evidence/{kept.pk}/content/"):
        assert caller(outsider).get(path).status_code == 404
        assert caller(member).get(path).status_code == 200
    assert caller(outsider).get("/api/v1/evidence/").data["results"] == []
    body = {"run": hidden.pk, "step": "shot", "file": SimpleUploadedFile("y.png", PNG + b"y")}
    assert caller(outsider).post("/api/v1/evidence/", body, format="multipart").status_code == 404


def test_the_api_takes_files_ticks_and_choices(run: Run) -> None:
    api = caller(person("", "responder"))
    steps = f"/api/v1/runs/{run.pk}/steps"
    body = {"run": run.pk, "step": "shot", "file": SimpleUploadedFile("a.pdf", b"%PDF-1.7 ...")}
    made = api.post("/api/v1/evidence/", body, format="multipart")
    assert (made.status_code, made.data["media_type"]) == (201, "application/pdf")
    for name, given in {
        "shot": {"file": made.data["id"]},
        "desks": {"items": [1, 2]},
        "how_far": {"choice": "wrong"},
    }.items():
        assert api.post(f"{steps}/{name}/complete/", given, format="json").status_code == 200
    settle()
    run.refresh_from_db()
    assert run.status == "done"
    for bad in ({"run": run.pk, "step": "shot"}, {"run": "x", "step": "shot"}, {"run": run.pk, "file": "no file"}):
        assert api.post("/api/v1/evidence/", bad, format="multipart").status_code == 400
    assert api.post("/api/v1/evidence/", {"run": run.pk}, format="json").status_code == 415


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
        (b"<svg onload='x'>", "text/plain"),
        ("Größe\n".encode(), "text/plain"),
        (b"\xff\xfe\x00", "application/octet-stream"),
        (b"MZ\x90\x00", "application/octet-stream"),
    ],
)
def test_a_type_is_read_from_the_bytes(content: bytes, found: str) -> None:
    assert media_type_of(content) == found


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("C:\\temp\\a.png", "a.png"),
        ("", "evidence"),
        ("..", "evidence"),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie: b.txt"),
        ("x" * 300 + ".png", "x" * 146 + ".png"),
        ("\u202egnp.exe", "gnp.exe"),
    ],
)
def test_a_name_is_made_harmless(given: str, kept: str) -> None:
    assert clean_name(given) == kept
