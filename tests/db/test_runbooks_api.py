"""`/api/v1/runs/`: steering runs by program; the same press twice, two presses at once, and what is not right."""

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from ledger.models import Event
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, roll_back
from runbooks.steps import Failed
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.people import caller, person
from tests.runs import HOUSE, Script, always, asks, begun, does, drafted, fresh, script, statuses, step

__all__ = ["quiet", "script"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_draft_is_begun_followed_and_rolled_back(script: Script) -> None:
    api, run = caller(person("", "commander")), drafted(does("a", undo=True), asks("hand"), always("last"))
    address = f"/api/v1/runs/{run.pk}"
    assert api.get(f"{address}/").data["status"] == "draft"
    assert api.post(f"{address}/begin/", {}, format="json").data["status"] == "running"
    assert api.post(f"{address}/begin/", {}, format="json").status_code == 409
    settle()
    answer = api.post(f"{address}/roll-back/", {"reason": "the vault is fine"}, format="json")
    assert (answer.status_code, answer.data["status"], answer.data["phase"]) == (200, "rolling_back", "rollback")
    settle()
    found = api.get(f"{address}/").data
    assert (found["status"], found["reason"]) == ("rolled_back", "the vault is fine")
    assert [line["phase"] for line in found["steps"]] == ["main", "rollback", "main", "finally"]
    assert [line["step_id"] for line in found["steps"]][1] == "a.rollback"


def test_the_same_key_is_the_same_press(script: Script) -> None:
    script.says(a=[Failed("no"), Failed("no")])
    api, run = caller(person("", "commander")), begun(does("a"))
    path = f"/api/v1/runs/{run.pk}/steps/a/retry/"
    answers = [api.post(path, {}, format="json", headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    settle()
    assert step(run, "a").attempt == 2
    assert api.post(path, {}, format="json", headers={"Idempotency-Key": "k2"}).status_code == 200
    assert step(run, "a").attempt == 3


def test_a_rollback_step_is_named_by_its_id_in_the_plan(script: Script) -> None:
    script.says(**{"a.rollback": Failed("stuck")})
    api, run = caller(person("", "commander")), begun(does("a", undo=True))
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    answer = api.post(f"/api/v1/runs/{run.pk}/steps/a.rollback/skip/", {"reason": "by hand"}, format="json")
    assert answer.status_code == 200 and answer.data["status"] == "rolled_back"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("roll-back", {}, 400),
        ("roll-back", {"reason": "x", "force": True}, 400),
        ("abort", {"reason": "x" * 501}, 400),
        ("begin", {"now": True}, 400),
        ("begin", {}, 409),
        ("roll-back", {"reason": "x"}, 409),
        ("steps/nope/skip", {"reason": "x"}, 404),
        ("steps/a%00b/skip", {"reason": "x"}, 404),
        ("steps/A..B/retry", {}, 404),
        ("steps/hand/retry", {}, 409),
        ("steps/hand/complete", {"choice": "x"}, 400),
        ("steps/hand/complete", {"evidence": ["x"]}, 400),
    ],
)
def test_what_is_not_right_is_told_and_changes_nothing(script: Script, path: str, body: Any, status: int) -> None:
    api, run = caller(person("", "commander")), begun(asks("hand"))
    events = Event.objects.count()
    answer = api.post(f"/api/v1/runs/{run.pk}/{path}/", body, format="json")
    assert answer.status_code == status, answer.data
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (Event.objects.count(), statuses(run)) == (events, {"hand": "waiting"})


@pytest.mark.parametrize(
    ("role", "level", "status"),
    [
        ("signers", "responder", 200),
        ("responder", "responder", 200),
        ("commander", "responder", 409),
        ("commander", "commander", 200),
        ("admin", "commander", 409),
    ],
)
def test_a_step_is_answered_by_those_whose_it_is(script: Script, role: str, level: str, status: int) -> None:
    run = begun(asks("hand", role=role))
    answer = caller(person("", level)).post(f"/api/v1/runs/{run.pk}/steps/hand/complete/", {}, format="json")
    assert answer.status_code == status
    assert status == 200 or answer.data["type"].endswith("wrong-role")


def at_once(*presses: Callable[[], Any]) -> list[str]:
    """Each in a thread and connection of its own; what came of it: nothing, or the kind of refusal."""
    together, found = threading.Barrier(len(presses)), []

    def press(act: Callable[[], Any]) -> None:
        together.wait()
        try:
            act()
            found.append("done")
        except Exception as error:
            found.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=[act]) for act in presses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found)


def test_two_browsers_at_once_press_once(script: Script) -> None:
    script.says(a=Failed("no"))
    run = begun(does("a"), always("last"))
    failed = step(run, "a")
    found = at_once(*[lambda: retry_step(step=failed, actor=HOUSE) for _ in range(3)])
    assert found.count("done") == 1 and set(found) <= {"done", "Refused", "StaleTransition"}
    assert step(run, "a").attempt == 2
    settle()
    found = at_once(*[lambda: abort_run(run=run, actor=HOUSE, reason="enough") for _ in range(3)])
    assert found.count("done") == 1 and set(found) <= {"done", "Refused", "StaleTransition"}
    assert fresh(run).status == "aborted" and script.began == ["a", "last", "a", "last"]


def test_two_answers_at_once_are_one(script: Script) -> None:
    run = begun(asks("hand"), does("after"))
    hand = step(run, "hand")
    found = at_once(*[lambda: complete_step(step=hand, actor=HOUSE, answer={}) for _ in range(3)])
    assert found == ["StaleTransition", "StaleTransition", "done"]
    settle()
    assert fresh(run).status == "done" and script.began == ["after"]


@pytest.mark.parametrize("time", range(3))
def test_opposite_presses_at_once_leave_one_story(script: Script, time: int) -> None:
    script.says(b=[Failed("no")])
    run = begun(does("a", undo=True), does("b"), always("last"))
    failed = step(run, "b")
    found = at_once(
        lambda: abort_run(run=run, actor=HOUSE, reason="enough"),
        lambda: roll_back(run=run, actor=HOUSE, reason="back"),
        lambda: retry_step(step=failed, actor=HOUSE),
    )
    assert "done" in found and set(found) <= {"done", "Refused", "StaleTransition"}
    settle()
    assert fresh(run).status in ("done", "aborted", "rolled_back")
    told = Event.objects.filter(subject=run.subject, after__has_key="status").order_by("pk")
    states = [(event.before["status"], event.after["status"]) for event in told]
    assert all(one[1] == other[0] for one, other in pairwise(states))


def test_beginning_twice_at_once_begins_once(script: Script) -> None:
    run = drafted(does("a"))
    found = at_once(*[lambda: begin(run=run, actor=HOUSE) for _ in range(3)])
    assert found == ["StaleTransition", "StaleTransition", "done"]
    settle()
    assert script.began == ["a"]
