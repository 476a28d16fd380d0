"""Playbooks in the page and through the API: written, refused, compared, archived, and never lost."""

import json
import time
from typing import Any

import pytest
from django.core.cache import cache
from django.db import ProgrammingError, transaction
from django.test import Client

from ledger.errors import Invalid, Refused
from ledger.models import Event
from runbooks.playbooks.changes import compare_lines, compare_meaning
from runbooks.playbooks.graph import picture_of
from runbooks.playbooks.models import Playbook, PlaybookVersion
from runbooks.playbooks.selectors import document_of, find_playbooks, step_lines
from runbooks.playbooks.services import Outdated, load_library, parse, save_version, set_archived
from runbooks.playbooks.shape import flow_of
from runbooks.playbooks.starter import STARTER, copy_of
from runbooks.runs.services import start_run
from tests.browser.pages import PROCEDURE
from tests.people import browser_of, caller, person, program_of

pytestmark = pytest.mark.django_db

BOOK = """\
playbook: look
title: Look at it
summary: Looks at the thing twice and then waits.
when: [stale-oracle]
steps:
  - {id: first, title: Look once, manual: {instruction: Look., evidence: text}, expect: 1m}
  - {id: second, title: Wait, wait: {duration: 1m}}
"""
LATER = BOOK.replace("expect: 1m", "expect: 5m").replace("title: Wait,", "title: Wait a little,")
WRONG = BOOK.replace("manual:", "manuel:")


@pytest.fixture(autouse=True)
def fresh() -> None:
    cache.clear()


@pytest.fixture
def commander() -> Client:
    return browser_of(person("", "commander"))


def saved(yaml: str = BOOK, **more: Any) -> PlaybookVersion:
    return save_version(yaml=yaml, actor="user:1", **more)


# --- services ------------------------------------------------------------------------------------------------------


def test_a_version_keeps_its_note_and_tells_it() -> None:
    version = saved(note="  after the\n drill in May ")
    assert version.note == "after the drill in May"
    event = Event.objects.get(verb="playbook.version.saved")
    assert event.after["note"] == "after the drill in May"


@pytest.mark.parametrize("note", ["x" * 201, "bell \x07", "turned \u202e round"])
def test_a_note_is_one_printable_line(note: str) -> None:
    with pytest.raises(Invalid) as error:
        saved(note=note)
    assert error.value.field == "note"
    assert not Playbook.objects.exists()


def test_who_began_from_an_older_version_is_told_and_nothing_is_stored() -> None:
    saved(base=0)
    saved(LATER, base=1)
    with pytest.raises(Outdated) as error:
        saved(BOOK.replace("Look once", "Look hard"), base=1)
    assert error.value.newest.number == 2
    assert PlaybookVersion.objects.count() == 2
    assert saved(BOOK.replace("Look once", "Look hard"), base=2).number == 3


def test_a_new_playbook_does_not_take_a_name_that_is_taken() -> None:
    saved()
    with pytest.raises(Outdated):
        saved(LATER, base=0)


def test_the_same_text_again_is_the_same_version() -> None:
    assert saved(base=0) == saved(base=0, note="again")


def test_the_database_keeps_versions_as_they_are() -> None:
    version = saved()
    for change in (lambda: version.delete(), lambda: PlaybookVersion.objects.update(note="another")):
        with pytest.raises(ProgrammingError, match="never changes"), transaction.atomic():
            change()


def test_an_archived_playbook_is_not_listed_not_changed_and_comes_back() -> None:
    playbook = saved().playbook
    set_archived(playbook=playbook, archived=True, actor="user:1")
    assert find_playbooks() == []
    assert find_playbooks(archived=True) == [playbook]
    with pytest.raises(Refused, match="archived"):
        saved(LATER)
    with pytest.raises(Refused, match="archived"):
        start_run(playbook=playbook, inputs={}, scope=None, actor="user:1")
    set_archived(playbook=playbook, archived=False, actor="user:1")
    set_archived(playbook=playbook, archived=False, actor="user:1")  # twice is once
    assert find_playbooks(words="LOOK twice", mode="stale-oracle") == [playbook]
    assert find_playbooks(words="look nowhere") == find_playbooks(mode="bridge") == []
    assert list(Event.objects.filter(verb__startswith="playbook.").order_by("pk").values_list("verb", flat=True)) == [
        "playbook.version.saved",
        "playbook.archived",
        "playbook.unarchived",
    ]


def test_loading_the_library_again_leaves_what_people_made_of_it() -> None:
    first = load_library(actor="system:demo")[0]
    edited = save_version(yaml=first.yaml + "# ours\n", actor="user:1")
    set_archived(playbook=first.playbook, archived=True, actor="user:1")
    load_library(actor="system:demo")
    assert first.playbook.versions.order_by("-number")[0] == edited


# --- what differs --------------------------------------------------------------------------------------------------


def said(before: str, after: str) -> list[tuple[str, str, tuple[tuple[str, str, str], ...]]]:
    return [(c.kind, c.what, c.details) for c in compare_meaning(parse(before), parse(after))]


def test_what_a_change_means_for_a_run() -> None:
    assert said(BOOK, LATER) == [
        ("changed", "step first", (("expect", "1m", "5m"),)),
        ("changed", "step second", (("title", "Wait", "Wait a little"),)),
    ]
    assert said(BOOK, BOOK + "# only a remark\n") == []
    longer = BOOK + "  - {id: third, wait: {duration: 2m}}\n"
    assert said(BOOK, longer) == [("added", "step third", (("title", "", "third"),))]
    assert said(longer, BOOK) == [("removed", "step third", (("title", "third", ""),))]
    needy = longer.replace("{id: third,", "{id: third, needs: first,")
    assert said(longer, needy) == [("changed", "step third", (("needs", "second", "first"),))]
    spelled = longer.replace("{id: third,", "{id: third, needs: second,")
    assert said(longer, spelled) == [], "what it would need anyway is no change"
    aimed = BOOK.replace("steps:", "targets: {safe: 10m}\nsteps:")
    assert said(BOOK, aimed) == [("changed", "the playbook", (("targets.safe", "", "10m"),))]


def test_steps_that_change_places_are_told() -> None:
    lines = BOOK.splitlines(keepends=True)
    turned = "".join([*lines[:5], lines[6], lines[5]])
    kinds = [(kind, what) for kind, what, _ in said(BOOK, turned)]
    assert ("moved", "the order of the steps") in kinds


def test_lines_side_by_side() -> None:
    hunks = compare_lines(BOOK, LATER)
    assert [hunk.kind for hunk in hunks] == ["gap", "same", "change", "same"]
    assert hunks[0].pairs[0].hidden == 2
    change = hunks[2]
    assert [side.number for side in change.removed] == [6, 7] == [side.number for side in change.added]
    differing = [piece.text for side in change.added for piece in side.pieces if piece.differs]
    assert differing == ["5m", " a little"]


def test_comparing_long_texts_takes_no_long_time() -> None:
    began = time.monotonic()
    compare_lines("\n" * 60_000, "\n" * 59_000 + "x\n" * 500)
    compare_lines("".join(f"a{n}\n" for n in range(9_000)), "".join(f"b{n}\n" for n in range(9_000)))
    compare_lines("x" * 64_000, "y" * 64_000)
    assert time.monotonic() - began < 10


def test_every_kind_of_step_is_compared() -> None:
    """Inside branches, under rollback, at the end: each change is told once, at its step."""
    assert said(PROCEDURE, PROCEDURE) == []
    again = PROCEDURE.replace("title: Let them resume", "title: Let them go on")
    assert said(PROCEDURE, again) == [
        ("changed", "step exchanges.rollback", (("title", "Let them resume", "Let them go on"),))
    ]
    bigger = PROCEDURE.replace("that: inputs.size > 5", "that: inputs.size > 9")
    assert said(PROCEDURE, bigger) == [("changed", "step large", (("if.that", "inputs.size > 5", "inputs.size > 9"),))]
    guard = PROCEDURE.replace("if: inputs.size > 3", "if: inputs.size > 4")
    assert said(PROCEDURE, guard) == [("changed", "step last", (("if", "inputs.size > 3", "inputs.size > 4"),))]
    end = PROCEDURE.replace("instruction: Tidy up.", "instruction: Tidy well.")
    assert said(PROCEDURE, end) == [("changed", "step tidy", (("manual.instruction", "Tidy up.", "Tidy well."),))]
    line = "        - {id: await, title: Await their answer, wait: {duration: 1m}}\n"
    moved = PROCEDURE.replace(line, "").replace("      else:\n", "      else:\n" + line)
    changes = said(PROCEDURE, moved)
    assert ("stands in", "large then", "large else") in next(c[2] for c in changes if c[1] == "step await")


# --- the graph -----------------------------------------------------------------------------------------------------


def test_every_step_has_a_box_and_its_line() -> None:
    picture = picture_of(flow_of(parse(BOOK)), step_lines(BOOK))
    assert [(box.id, box.line) for box in picture.boxes] == [("first", 6), ("second", 7)]
    assert picture.boxes[1].words == "Wait: Wait, after first"
    assert len(picture.lines) == 1
    assert all(box.x >= 0 and box.x + box.width <= picture.width for box in picture.boxes)


def test_frames_hold_what_is_inside_and_nothing_touches() -> None:
    picture = picture_of(flow_of(parse(PROCEDURE)))
    boxes = {box.id: box for box in picture.boxes}
    assert {"exchanges", "lawyers", "note", "halt", "tidy"} <= set(boxes)
    assert "exchanges.rollback" not in boxes, "what undoes a step stands in its box"
    for one in picture.boxes:
        assert one.x >= 0 and one.y >= 0
        assert one.x + one.width <= picture.width and one.y + one.height <= picture.height
        for other in picture.boxes:
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert one is other or apart or one.y + one.height <= other.y or other.y + other.height <= one.y
    frames = {frame.kind: frame for frame in picture.frames}
    assert set(frames) == {"parallel", "if", "switch", "last"}
    for kind, inside in (("parallel", ("exchanges", "page")), ("if", ("lawyers", "note")), ("last", ("tidy",))):
        frame = frames[kind]
        for name in inside:
            box = boxes[name]
            assert frame.x < box.x and box.x + box.width < frame.x + frame.width
            assert frame.y < box.y and box.y + box.height < frame.y + frame.height
    assert {label.text for label in picture.labels} == {"then", "else", "pause", "otherwise", "Always, at the end"}
    assert [line.kind for line in picture.lines].count("fails") == 1


def test_the_largest_playbook_is_drawn_soon() -> None:
    """Two hundred steps, each needing as many above it as the file has room for."""
    steps = "".join(
        f"- {{id: s{n}, wait: {{duration: 1s}}, needs: [{', '.join(f's{k}' for k in range(max(n - 12, 0), n, 3))}]}}\n"
        for n in range(200)
    )
    document = parse(f"playbook: large\ntitle: Large\nsummary: As large as can be.\nsteps:\n{steps}")
    began = time.monotonic()
    picture = picture_of(flow_of(document))
    assert len(picture.boxes) == 200
    assert time.monotonic() - began < 5


# --- pages ---------------------------------------------------------------------------------------------------------


def test_editing_in_the_page(commander: Client) -> None:
    saved()
    page = commander.get("/runbooks/playbooks/look/edit/")
    assert b"No mistakes." in page.content
    wrong = commander.post("/runbooks/playbooks/look/edit/", {"yaml": WRONG, "base": "1", "do": "save"})
    assert wrong.status_code == 400
    assert "`manuel` is not known here" in wrong.content.decode()
    assert "manuel: {instruction" in wrong.content.decode(), "what was typed is kept"
    lines = {"yaml": LATER.replace("\n", "\r\n"), "base": "1", "note": "slower"}
    done = commander.post("/runbooks/playbooks/look/edit/", lines, follow=True)
    assert done.redirect_chain == [("/runbooks/playbooks/look/", 302)]
    newest = PlaybookVersion.objects.get(number=2)
    assert (newest.yaml, newest.note) == (LATER, "slower"), "line ends as they were"
    nothing = commander.post("/runbooks/playbooks/look/edit/", {"yaml": LATER, "base": "2"}, follow=True)
    assert "nothing was saved" in nothing.content.decode()
    difference = commander.get("/runbooks/playbooks/look/diff/").content.decode()
    assert "Version 2 against version 1" in difference
    assert "<ins>5m</ins>" in difference
    older = commander.get("/runbooks/playbooks/look/versions/1/").content.decode()
    assert "This is an older version." in older
    assert 'id="b-start"' not in older
    assert commander.get("/runbooks/playbooks/look/versions/1/yaml/").content.decode() == BOOK


def test_a_conflict_shows_both_sides_and_keeps_the_text(commander: Client) -> None:
    saved()
    save_version(yaml=LATER, actor="user:1", note="theirs")
    mine = BOOK.replace("Look once", "Look hard")
    answer = commander.post("/runbooks/playbooks/look/edit/", {"yaml": mine, "base": "1", "note": "mine"})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "saved version 2 while you were editing" in text
    assert "What they changed: theirs" in text
    assert "Look hard" in text
    assert 'value="mine"' in text
    assert 'name="base" value="2"' in text
    assert PlaybookVersion.objects.count() == 2
    again = commander.post("/runbooks/playbooks/look/edit/", {"yaml": mine, "base": "2"})
    assert again.status_code == 302
    assert PlaybookVersion.objects.get(number=3).yaml == mine


def test_a_new_playbook_from_the_starter_or_a_copy(commander: Client) -> None:
    parse(STARTER)
    saved()
    page = commander.get("/runbooks/new/?copy=look").content.decode()
    assert "playbook: look-copy" in page
    assert (
        commander.post("/runbooks/new/", {"yaml": STARTER, "base": "0"}).headers["Location"].endswith("/my-playbook/")
    )
    taken = commander.post("/runbooks/new/", {"yaml": LATER, "base": "0"})
    assert taken.status_code == 409
    assert "There is a playbook called look already" in taken.content.decode()
    assert Playbook.objects.get(slug="look").versions.count() == 1
    assert copy_of("playbook: 'a'\n", "a") == "playbook: a-copy\n"
    other = commander.post("/runbooks/playbooks/my-playbook/edit/", {"yaml": BOOK, "base": "1"})
    assert other.status_code == 400
    assert "but this is my-playbook" in other.content.decode()


def test_the_name_is_checked_while_it_is_typed(commander: Client) -> None:
    saved()
    other = BOOK.replace("playbook: look", "playbook: other")
    told = commander.post("/runbooks/check/", {"yaml": other, "slug": "look"}).content.decode()
    assert "`other` is another name than look" in told
    assert 'data-line="1" data-column="11"' in told
    assert "already" in commander.post("/runbooks/check/", {"yaml": BOOK, "slug": ""}).content.decode()
    assert "No mistakes." in commander.post("/runbooks/check/", {"yaml": BOOK, "slug": "look"}).content.decode()
    assert "No mistakes." in commander.post("/runbooks/check/", {"yaml": other}).content.decode()


def test_archiving_in_the_page(commander: Client) -> None:
    saved()
    commander.post("/runbooks/playbooks/look/archive/")
    page = commander.get("/runbooks/playbooks/look/").content.decode()
    assert "This playbook is in the archive." in page
    assert 'id="b-start"' not in page
    assert "Look at it" not in commander.get("/runbooks/?q=look").content.decode()
    assert "Look at it" in commander.get("/runbooks/?archived=1").content.decode()
    refused = commander.post("/runbooks/playbooks/look/edit/", {"yaml": LATER, "base": "1"})
    assert refused.status_code == 409
    assert "expect: 5m" in refused.content.decode()
    commander.post("/runbooks/playbooks/look/unarchive/")
    assert 'id="b-start"' in commander.get("/runbooks/playbooks/look/").content.decode()


@pytest.mark.parametrize("query", ["?before=9", "?after=x", "?before=-1", "?before=99999999999999", "?after=²"])
def test_versions_that_are_not_there_are_a_404(commander: Client, query: str) -> None:
    saved()
    assert commander.get(f"/runbooks/playbooks/look/diff/{query}").status_code == 404


@pytest.mark.parametrize(
    "form", [{}, {"yaml": ""}, {"yaml": BOOK}, {"yaml": BOOK, "base": "-1"}, {"yaml": "\0", "base": "1"}]
)
def test_a_broken_form_is_a_400(commander: Client, form: dict[str, str]) -> None:
    saved()
    assert commander.post("/runbooks/playbooks/look/edit/", form).status_code == 400
    assert PlaybookVersion.objects.count() == 1


# --- hostile text --------------------------------------------------------------------------------------------------

LOLS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join('*' + chr(97 + n) for _ in range(9))}]" for n in range(8)
)
HOSTILE = {
    "laughs": LOLS,
    "deep": "[" * 30_000,
    "deep maps": "a: " + "{a: " * 8_000,
    "indented": "\n".join(" " * n + "a:" for n in range(300)),
    "wide": "a: [" + "x," * 30_000 + "]",
    "long key": "? " + "k" * 60_000 + "\n: 1",
    "long line": "playbook: " + "x" * 60_000,
    "blank lines": "\n" * 65_000,
    "object": "!!python/object/apply:os.system ['true']",
    "tag": "playbook: !!binary aGVsbG8=",
    "two documents": BOOK + "---\n" + BOOK,
    "bom and bell": "\ufeffplaybook: \x07",
    "half a pair": "playbook: \ud800",
    "colons": ":" * 60_000,
    "quotes": '"' * 59_999,
    "dashes": "- " * 30_000,
    "merge": "<<: {a: b}\nplaybook: x",
    "expression": BOOK.replace("title: Look once", "title: ${{ " + "(" * 200 + " }}"),
    "power": BOOK.replace("title: Look once", "title: ${{ 9**9**9**9 }}"),
    "many steps": "playbook: many\ntitle: Many\nsummary: A great many steps.\nsteps:\n" + "- {id: a}\n" * 900,
    "braces": "${{" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_told_and_soon(name: str, commander: Client) -> None:
    text = HOSTILE[name].encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    began = time.monotonic()
    checked = commander.post("/runbooks/check/", {"yaml": text})
    assert checked.status_code == 200
    assert "editor-verdict-bad" in checked.content.decode()
    assert commander.post("/runbooks/new/", {"yaml": text, "base": "0"}).status_code == 400
    api = caller(person("", "commander"))
    body = json.dumps({"yaml": HOSTILE[name]})  # escapes what UTF-8 cannot say
    linted = api.post("/api/v1/playbooks/lint/", body, content_type="application/json")
    assert linted.status_code == 400 or (linted.status_code == 200 and linted.json()["ok"] is False)
    assert api.post("/api/v1/playbooks/", body, content_type="application/json").status_code == 400
    assert not Playbook.objects.exists()
    assert time.monotonic() - began < 20


def test_too_much_text_is_refused_before_it_is_read(commander: Client) -> None:
    assert commander.post("/runbooks/check/", {"yaml": "x" * 3_000_000}).status_code in (400, 413)
    api = caller(person("", "commander"))
    assert api.post("/api/v1/playbooks/lint/", {"yaml": "x" * 70_000}, format="json").status_code == 400


# --- the API -------------------------------------------------------------------------------------------------------


def test_versions_through_the_api() -> None:
    api = program_of(person("", "commander", "admin"), "admin")
    body = {"yaml": BOOK, "note": "first", "base": 0}
    first = api.post("/api/v1/playbooks/", body, format="json", headers={"Idempotency-Key": "k1"})
    assert (first.status_code, first.json()["number"], first.json()["note"]) == (201, 1, "first")
    replay = api.post("/api/v1/playbooks/", body, format="json", headers={"Idempotency-Key": "k1"})
    assert (replay.json(), replay.headers["Idempotency-Replayed"]) == (first.json(), "true")
    assert api.post("/api/v1/playbooks/", {"yaml": LATER, "base": 1}, format="json").json()["number"] == 2
    conflict = api.post("/api/v1/playbooks/", {"yaml": BOOK + "# x\n", "base": 1}, format="json")
    assert conflict.status_code == 409
    assert conflict.json()["type"].endswith("version-outdated")
    found = api.get("/api/v1/playbooks/look/diff/?before=1").json()
    assert found["changes"][0] == {
        "kind": "changed",
        "what": "step first",
        "details": [{"path": "expect", "before": "1m", "after": "5m"}],
    }
    assert found["lines"].startswith("--- look v1\n+++ look v2\n@@")
    assert api.get("/api/v1/playbooks/look/diff/?before=7").status_code == 404
    assert api.get("/api/v1/playbooks/look/diff/?before=x").status_code == 400
    assert [v["number"] for v in api.get("/api/v1/playbooks/look/versions/").json()["results"]] == [2, 1]
    assert api.post("/api/v1/playbooks/look/archive/").json()["archived"] is True
    assert api.get("/api/v1/playbooks/").json()["results"] == []
    assert len(api.get("/api/v1/playbooks/?archived=1&q=look&mode=stale-oracle").json()["results"]) == 1
    assert api.get("/api/v1/playbooks/look/").status_code == 200
    assert api.post("/api/v1/playbooks/look/unarchive/").json()["archived"] is False


def test_the_schema_is_open_and_kept() -> None:
    for path in ("/api/v1/playbooks/schema/", "/api/v1/playbooks/cacao-extension/"):
        answer = Client().get(path)
        assert answer.status_code == 200
        assert answer.json()["$schema"].startswith("https://json-schema.org/")
        assert "max-age" in answer.headers["Cache-Control"]
        assert Client().get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_documents_of_versions_are_read_once_a_text() -> None:
    assert document_of(saved()) is document_of(PlaybookVersion.objects.get())
