"""A run's page and the forms that lead to it: every type of input, drafts, questions, what may be undone."""

import re

import pytest

from accounts.approvals.models import Approval
from accounts.approvals.services import give
from governance.protocols.models import Contract, Protocol
from integrations.chain.models import Chain
from ledger.errors import Refused
from ledger.models import Event
from runbooks.live import run_and_step
from runbooks.playbooks.services import save_version, set_archived
from runbooks.runs.drafts import about_plan
from runbooks.runs.models import Run, StepRun
from runbooks.runs.selectors import checklist
from runbooks.runs.services import begin, complete_step, roll_back, start_run
from tests.drain import settle
from tests.people import browser_of, person

pytestmark = pytest.mark.django_db(transaction=True)
VAULT = "0x" + "11" * 20
TYPED = """\
playbook: typed
title: Every type of input
summary: One of each.
inputs:
  where: {type: address}
  vault: {type: contract, role: vault}
  count: {type: uint256}
  most: {type: amount, unit: hUSD, decimals: 6}
  long: {type: duration, default: 5m}
  mode: {type: choice, choices: [soft, hard]}
  note: {type: text, max_length: 80, default: none}
  hold: {type: text, max_length: 20, default: a name of ours}
steps:
  - id: look
    manual:
      instruction: >-
        ${{ inputs.where }} ${{ inputs.vault.name }} ${{ inputs.count }} ${{ inputs.most.text }} ${{ inputs.long.text }}
        ${{ inputs.mode }} ${{ inputs.note }} ${{ inputs.hold }}
      evidence: text
"""
GOOD = {
    "input-where": "0x" + "22" * 20,
    "input-vault": VAULT,
    "input-count": "7",
    "input-most": "1500.25",
    "input-long": "90s",
    "input-mode": "hard",
    "input-note": "now",
    "input-hold": "mine",
}
BRANCHED = """\
playbook: branched
title: Both ways
summary: A decision, two branches, something to take back, and an end.
steps:
  - id: pick
    decide: {question: Which way?, options: [left, right]}
    role: responder
  - id: fork
    if:
      that: steps.pick.choice == 'left'
      then:
        - {id: one, title: Go left, manual: {instruction: Go left., evidence: none}, role: responder}
        - {id: two, title: Go on, manual: {instruction: Go on., evidence: none}, role: responder}
      else:
        - id: three
          title: Go right
          manual: {instruction: Go right., evidence: none}
          rollback: {manual: {instruction: Come back., evidence: none}, title: Come back, role: responder}
          role: responder
  - id: agree
    approve: {question: Shall we go on?, required: 1, role: commander}
finally:
  - {id: keys, manual: {instruction: Lock up., evidence: none}, role: responder}
"""


@pytest.fixture
def vault(db: None) -> Contract:
    chain = Chain.objects.create(chain_id=31337, name="c", short_name="c", kind="devnet", block_time=1)
    protocol = Protocol.objects.create(slug="p", name="P")
    return Contract.objects.create(protocol=protocol, chain=chain, address=VAULT, name="Vault", role="vault")


def step(run: Run, name: str) -> StepRun:
    return StepRun.objects.get(run=run, step_id=name)


def test_every_type_of_input_has_its_field_and_the_plan_what_was_given(vault: Contract) -> None:
    save_version(yaml=TYPED, actor="user:1")
    client = browser_of(person("", "responder"))
    page = client.get("/runbooks/playbooks/typed/").content.decode()
    for name in GOOD:
        assert f'name="{name}"' in page
    assert "In hUSD, with at most 6 decimals." in page and "Such as 30s, 5m or 2h." in page
    sent = client.post("/runbooks/playbooks/typed/start/", GOOD)
    run = Run.objects.get()
    assert (sent.status_code, sent["Location"], run.status) == (302, f"/runbooks/runs/{run.pk}/", "running")
    wanted = f"0x{'22' * 20} Vault 7 1500.25 hUSD 1m30s hard now mine"
    assert run.plan.parsed().steps[0].params["instruction"] == wanted


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("input-where", "0x12", "40 hex digits"),
        ("input-vault", "0x" + "33" * 20, "valid choice"),
        ("input-count", "-1", "whole number"),
        ("input-count", str(2**256), "whole number"),
        ("input-most", "1.1234567", "decimals"),
        ("input-long", "soon", "input-long_error"),
        ("input-mode", "medium", "valid choice"),
        ("input-note", "x" * 81, "at most 80"),
        ("input-note", "a\x07b", "control characters"),
    ],
)
def test_a_wrong_input_is_told_at_its_field_and_starts_nothing(
    vault: Contract, field: str, value: str, said: str
) -> None:
    save_version(yaml=TYPED, actor="user:1")
    answer = browser_of(person("", "responder")).post("/runbooks/playbooks/typed/start/", {**GOOD, field: value})
    page = answer.content.decode()
    assert answer.status_code == 400 and not Run.objects.exists()
    assert said in page and f'id="id_{field}_error"' in page


def test_a_draft_is_read_compared_and_then_begun(vault: Contract) -> None:
    save_version(yaml=TYPED, actor="user:1")
    ana = person("", "responder")
    client = browser_of(ana)
    client.post("/runbooks/playbooks/typed/start/", {**GOOD, "hold": "on"})
    client.post("/runbooks/playbooks/typed/start/", {**GOOD, "input-count": "8", "hold": "on"})
    draft = Run.objects.latest("pk")
    assert draft.status == "draft"
    page = client.get(f"/runbooks/runs/{draft.pk}/").content.decode()
    assert "A draft: nothing has begun." in page and draft.plan_hash[2:6] in page
    told = about_plan(draft, ana).differences
    assert (told[0].what, told[0].before, told[0].after) == ("inputs count value", "7", "8")
    assert client.post(f"/runbooks/runs/{draft.pk}/begin/").status_code == 302
    assert client.post(f"/runbooks/runs/{draft.pk}/begin/", HTTP_HX_REQUEST="true").status_code == 409
    draft.refresh_from_db()
    assert draft.status == "running" and about_plan(draft, ana).before is None


def branched(choice: str) -> Run:
    version = save_version(yaml=BRANCHED, actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1")
    settle()
    complete_step(step=step(run, "pick"), actor=person("", "responder").actor, answer={"choice": choice})
    settle()
    return Run.objects.get(pk=run.pk)


def test_a_branch_that_is_not_taken_is_one_line_and_a_join_is_none() -> None:
    found = checklist(branched("right"))
    shown = [line for line in found.lines if not line.hidden]
    assert [line.state for line in shown] == ["done", "unneeded", "now", "later"]
    assert shown[1].folds == ("Go left", "Go on")
    assert [words for _, words in shown[2].place.captions] == ["Otherwise"]
    assert [line.number for line in shown] == [1, 2, 4, 5] and [line.number for line in found.last] == [6]
    assert found.now is not None and (found.now.step.title, found.now.whose) == ("Go right", "responder")
    page = browser_of(person("", "viewer")).get(f"/runbooks/runs/{found.run.pk}/").content.decode()
    assert "not needed: Go left, Go on" in page


def test_a_question_is_answered_in_the_page_by_whoever_may() -> None:
    run = branched("right")
    complete_step(step=step(run, "three"), actor=person("", "responder").actor, answer={})
    settle()
    asked = Approval.objects.get(about=step(run, "agree").subject)
    address = f"/runbooks/questions/{asked.pk}/"
    ben = person("", "commander")
    assert "Approve</button>" in browser_of(ben).get(address).content.decode()
    told = browser_of(person("", "viewer")).get(address).content.decode()
    assert "needs somebody who is commander" in told and "<form" not in told
    sent = browser_of(ben).post(f"/approvals/{asked.pk}/give/", {"back": "1"})
    assert sent["Location"] == f"/runbooks/runs/{run.pk}/"
    assert "You have said yes." in browser_of(ben).get(address).content.decode()
    settle()
    assert step(run, "agree").status == "done"


def test_rolling_back_says_first_what_it_undoes_and_then_in_which_order() -> None:
    run = branched("right")
    ben, rita = person("", "commander"), person("", "responder")
    complete_step(step=step(run, "three"), actor=rita.actor, answer={})
    settle()
    found = checklist(Run.objects.get(pk=run.pk))
    assert [line.undo.step.title for line in found.will_be_undone if line.undo] == ["Come back"]
    client = browser_of(ben)
    page = client.get(f"/runbooks/runs/{run.pk}/").content.decode()
    assert "Will be undone, in this order" in page and "Undo this step" in page
    assert (
        client.post(f"/runbooks/runs/{run.pk}/roll-back/", {"reason": " "}, HTTP_HX_REQUEST="true").status_code == 409
    )
    roll_back(run=run, actor=ben.actor, reason="wrong way")
    settle()
    complete_step(step=step(run, "three.rollback"), actor=rita.actor, answer={})
    settle()
    found = checklist(Run.objects.get(pk=run.pk))
    states = {line.step.step_id: line.state for line in found.every}
    assert (states["three"], states["three.rollback"], states["keys"]) == ("undone", "done", "now")
    page = client.get(f"/runbooks/runs/{run.pk}/").content.decode()
    assert "Undone, in reverse" in page and re.search(r"undone: done by hand", page)


def test_events_of_what_hangs_on_a_step_reach_the_page_of_its_run() -> None:
    run = branched("right")
    complete_step(step=step(run, "three"), actor=person("", "responder").actor, answer={})
    settle()
    asked = Approval.objects.get(about=step(run, "agree").subject)
    give(approval=asked, user=person("", "commander"))

    def event(subject: str) -> Event:
        return Event(subject=subject)

    agree = step(run, "agree")
    assert run_and_step(event(asked.subject)) == (run.pk, agree.pk)
    assert run_and_step(event(agree.subject)) == (run.pk, agree.pk)
    assert run_and_step(event(run.subject)) == (run.pk, None)
    for other in (
        "transaction:999",
        "proposal:999",
        "approval:999",
        "message:9",
        "step:999999",
        "moon:1",
        "step:x",
        "",
    ):
        assert run_and_step(event(other)) is None


def test_begin_is_for_drafts_only(vault: Contract) -> None:
    version = save_version(yaml=TYPED, actor="user:1")
    given = {key.removeprefix("input-"): value for key, value in GOOD.items()}
    run = start_run(playbook=version, inputs=given, scope=None, actor="user:1", protocol=vault.protocol, hold=True)
    begin(run=run, actor="user:1")
    settle()
    assert step(run, "look").status == "waiting"


DRAFTED = """\
playbook: drafted
title: Kept for later
summary: One look, and no more.
steps:
  - {id: look, manual: {instruction: Look., evidence: text}}
"""


def test_a_draft_of_an_archived_playbook_does_not_begin() -> None:
    version = save_version(yaml=DRAFTED, actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1", hold=True)
    set_archived(playbook=version.playbook, archived=True, actor="user:1")
    with pytest.raises(Refused, match="archived"):
        begin(run=run, actor="user:1")
    run.refresh_from_db()
    assert (run.status, run.begun_by) == ("draft", "")
    browser = browser_of(person("rob", "responder"))
    assert browser.post(f"/runbooks/runs/{run.pk}/begin/").status_code < 500
    run.refresh_from_db()
    assert run.status == "draft"


def test_a_draft_says_that_its_playbook_has_a_newer_version() -> None:
    version = save_version(yaml=DRAFTED, actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1", hold=True)
    browser, page = browser_of(person("rob", "responder")), f"/runbooks/runs/{run.pk}/"
    assert "is newer" not in browser.get(page).content.decode()
    save_version(yaml=DRAFTED.replace("Look.", "Look twice."), actor="user:1")
    save_version(yaml=DRAFTED.replace("Look.", "Look thrice."), actor="user:1")
    shown = browser.get(page).content.decode()
    assert "It follows version 1 of its playbook" in shown and "version 3</a> is newer" in shown
    begin(run=run, actor="user:1")
    settle()
    assert step(run, "look").status == "waiting"
    assert "is newer" not in browser.get(page).content.decode()
