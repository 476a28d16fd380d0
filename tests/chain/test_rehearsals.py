"""Rehearsals on real parts: a plan gone through on a fork of the devnet, and the devnet none the wiser."""

import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from governance.plans.canonical import canonical_bytes, hash_of
from governance.plans.models import Plan
from governance.plans.services import create_plan
from governance.proposals.models import Proposal
from governance.protocols.models import Contract
from governance.safes.models import Safe
from governance.safes.services import register
from incidents.incidents.services import open_incident
from integrations.chain.abi import encode_args, encode_call
from integrations.chain.abi_types import parse_signature
from integrations.chain.forks import fork_chain_id, slots
from integrations.chain.models import Chain, Endpoint, Head
from integrations.devnet import prices
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import CAROL, CHAIN_ID
from ledger.errors import Refused
from ledger.live.topics import parse
from ledger.models import Event
from ledger.scopes import open_scope
from runbooks.playbooks.models import Playbook
from runbooks.playbooks.services import load_library
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.selectors import standing, why_old
from runbooks.rehearsals.services import KIND, refresh, rehearse, rehearse_plan
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import complete_step, start_run
from tests.audiences import load_audiences
from tests.chain.conftest import Devnet
from tests.chain.transactions import make_executor
from tests.crash.worker import start_worker
from tests.drain import settle
from tests.governance_world import World, world
from tests.people import browser_of, caller, person
from tests.rehearsed import CHOICE, FORBIDDEN, PAUSE, held, taken
from work import leases, runner
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quiet_heart(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(leases.Heart, "BEAT", 0.1)
    monkeypatch.setattr(settings, "FORKS_AT_ONCE", 16)
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    made = world(devnet)
    feed = devnet.deployment.feeds[0]
    Contract.objects.create(
        protocol=made.protocol, chain=made.chain, address=feed.address, name=feed.name, role="oracle"
    )
    load_audiences("system:test")
    load_library(actor="system:test")
    make_executor(made.chain, devnet.rpc)
    return made


def stale(helix: World) -> None:
    feed = helix.devnet.deployment.feeds[0]
    helix.devnet.rpc("evm_mine", prices.latest(helix.devnet.rpc, feed).updated_at + feed.heartbeat + 1)


def pause_run(helix: World) -> Run:
    feed = helix.devnet.deployment.feeds[0]
    inputs = {
        "feed": feed.address,
        "heartbeat": f"{feed.heartbeat}s",
        "vault": helix.vault.address,
        "guardian": helix.guardian.address,
    }
    book = Playbook.objects.get(slug="pause-on-stale-oracle")
    return start_run(playbook=book, inputs=inputs, scope=None, actor="user:1", protocol=helix.protocol)


def state_of(devnet: Devnet) -> dict[str, Any]:
    rpc = devnet.rpc
    return {
        "block": rpc.block_number(),
        "nonces": [rpc.nonce(account) for account in (devnet.deployment.executor, devnet.deployment.guardian_safe)],
        "pool": rpc("txpool_status"),
        "root": rpc("eth_getBlockByNumber", "latest", False)["stateRoot"],
    }


def test_the_pause_playbook_passes_and_says_what_it_changes(helix: World) -> None:
    stale(helix)
    run = pause_run(helix)
    before = state_of(helix.devnet)
    rehearsal = taken(run)
    assert (rehearsal.status, rehearsal.reason) == ("passed", "")
    assert state_of(helix.devnet) == before, "the chain itself is untouched"
    report = rehearsal.report
    assert report is not None
    assert [(step["id"], step["result"]) for step in report["steps"]] == [
        ("confirm", "passed"),
        ("pause", "passed"),
        ("verify", "passed"),
        ("tell", "outside"),
    ]
    paused = {
        "address": helix.vault.address,
        "label": "HelixVault",
        "what": "paused",
        "before": "false",
        "after": "true",
    }
    assert paused in report["totals"]["meanings"]
    events = {event["name"]: event["args"] for event in report["steps"][1]["transactions"][0]["events"]}
    assert set(events) == {"SafeMultiSigTransaction", "Paused", "ExecutionSuccess"}
    assert (events["Paused"][0]["value"], events["Paused"][0]["label"]) == (helix.guardian.address, "Guardian Safe")
    assert report["steps"][2]["said"].startswith("paused is true at block")
    assert report["blocks"][0]["block"] == before["block"]
    assert report["totals"]["gas"] > 50_000
    assert rehearsal.sha256 == hash_of(canonical_bytes(report))
    assert Event.objects.filter(verb="rehearsal.passed", subject=rehearsal.subject).exists()


def test_a_call_that_reverts_fails_with_its_reason_and_the_rest_is_tried_all_the_same(helix: World) -> None:
    rehearsal = taken(held(helix, FORBIDDEN))
    assert rehearsal.status == "failed"
    reason = f"the inner call failed: NotAllowed(account Guardian Safe {helix.guardian.address})"
    assert reason in rehearsal.reason
    report = rehearsal.report
    assert report is not None
    unpause, verify = report["steps"]
    assert (unpause["result"], unpause["beyond"], reason in unpause["said"]) == ("failed", False, True)
    assert unpause["transactions"][0]["ok"] is False and unpause["transactions"][0]["meanings"] == []
    assert (verify["result"], verify["beyond"]) == ("passed", True)
    assert report["totals"]["meanings"] == []


def test_the_threshold_stays_as_it_is_and_a_contract_that_owns_approves_too(helix: World) -> None:
    """Changing the threshold is seen as a change; the council has a Safe among its owners."""
    council = register(
        chain=helix.chain, address=helix.devnet.deployment.council_safe, label="Council Safe", actor="user:1"
    )
    assert council.threshold == 3 and helix.devnet.deployment.nested_safe in council.owners
    calls = [
        {"to": council.address, "value": "0", "data": "0x" + encode_call(f"{name}(uint256 threshold)", "", [2]).hex()}
        for name in ("changeThreshold",)
    ]
    calls.append({"to": council.address, "value": "0", "data": "0x"})
    plan = a_plan(helix, a_step("lower", "safe", safe=ref(council), safe_name="Council Safe", calls=calls))
    rehearsal = planned(plan)
    assert (rehearsal.status, rehearsal.reason) == ("passed", "")
    assert rehearsal.report is not None
    changes = {(one["label"], one["what"], one["before"], one["after"]) for one in meanings(rehearsal)}
    assert ("Council Safe", "threshold", "3", "2") in changes
    said = rehearsal.report["steps"][0]["transactions"][0]
    assert said["what"] == "Council Safe executes, approved by 3 of 5 owners"
    names = [event["name"] for event in said["events"]]
    assert "" not in names and {"ChangedThreshold", "ExecutionSuccess"} <= set(names)


def test_guards_values_rollback_and_the_steps_that_always_run(helix: World) -> None:
    pause = a_step(
        "pause", "safe", **safe_call(helix, "pause"), rules={"undo": "pause.rollback", "after": [is_paused(helix)]}
    )
    undo = a_step("pause.rollback", "safe", **safe_call(helix, "unpause"), rules={"phase": "rollback"})
    choose = a_step("choose", "decide", question="How?", options=[{"choice": c, "text": ""} for c in ("fast", "slow")])
    chosen = {"inputs": {}, "run": {}, "steps": {"choose": "choose"}, "types": {"choose": {"choice": "text"}}}
    slow = a_step("slow", "wait", seconds=60, rules={"if": [{"that": "steps.choose.choice == 'slow'", **chosen}]})
    fast = a_step("fast", "wait", seconds=5, rules={"if": [{"that": "steps.choose.choice == 'fast'", **chosen}]})
    note = a_step("note", "manual", instruction="Look.", evidence="text")
    tell = a_step("tell", "notify", audience="lps", subject={"$ref": "seen"}, text="x", rules={"phase": "finally"})
    seen = {"id": "seen", "type": "text", "rule": "step:note.evidence", "bounds": {"one_of": ["all calm", "not calm"]}}
    rehearsal = planned(a_plan(helix, pause, undo, choose, slow, fast, note, tell, references=[seen]))
    assert rehearsal.report is not None
    steps = {step["id"]: step for step in rehearsal.report["steps"]}
    assert {name: step["result"] for name, step in steps.items()} == {
        "pause": "passed",
        "choose": "outside",
        "slow": "skipped",
        "fast": "passed",
        "note": "outside",
        "pause.rollback": "failed",  # the guardian may not unpause
        "tell": "outside",
    }
    assert list(steps)[-2:] == ["pause.rollback", "tell"], "undone aside, then what always runs"
    assert rehearsal.status == "passed", "what a rollback would do is told, and is no part of the plan's way"
    assert "NotAllowed" in steps["pause.rollback"]["said"]
    assert steps["pause"]["after"] == [{"said": steps["pause"]["after"][0]["said"], "holds": True}]
    assert steps["choose"]["assumed"] == "“fast” is chosen"
    assert steps["slow"]["said"] == "not needed: steps.choose.choice == 'slow'"
    assert steps["note"]["assumed"] == "evidence is “all calm”"
    assert "would be told “all calm”" in steps["tell"]["said"]
    assert steps["fast"]["seconds"] == 5
    (way,) = rehearsal.report["ways"]
    assert (way["step"], way["choice"], way["result"], rehearsal.report["untried"]) == ("choose", "slow", "passed", 0)
    assert {step["id"]: step["result"] for step in way["steps"]} == {"slow": "passed", "fast": "skipped"}
    assert way["totals"]["meanings"] == rehearsal.report["totals"]["meanings"], "each way begins where the first began"
    assert way["totals"]["seconds"] == rehearsal.report["totals"]["seconds"] + 55


def test_a_way_that_fails_is_told_and_leaves_the_verdict(helix: World) -> None:
    choose = a_step("choose", "decide", question="How?", options=[{"choice": c, "text": ""} for c in ("go", "no", "x")])
    chosen = {"inputs": {}, "run": {}, "steps": {"choose": "choose"}, "types": {"choose": {"choice": "text"}}}
    wrong = {"if": [{"that": "steps.choose.choice == 'no'", **chosen}]}
    barred = a_step("barred", "safe", **safe_call(helix, "unpause"), rules=wrong)
    rehearsal = planned(a_plan(helix, choose, barred))
    assert rehearsal.status == "passed" and rehearsal.report is not None
    ways = {way["choice"]: (way["result"], way["reason"]) for way in rehearsal.report["ways"]}
    assert ways["no"][0] == "failed" and "NotAllowed" in ways["no"][1]
    assert ways["x"] == ("passed", "")
    page = browser_of(person("ina", "responder")).get(f"/runbooks/rehearsals/{rehearsal.pk}/").content.decode()
    assert "If people decide otherwise" in page and "“no”" in page


def test_something_unforeseen_in_a_step_is_that_steps_failure(helix: World) -> None:
    strange = a_step("strange", "wait")  # a plan that no compiler makes
    rehearsal = planned(a_plan(helix, strange, a_step("after", "wait", seconds=1)))
    assert rehearsal.status == "failed" and "something unexpected went wrong here" in rehearsal.reason
    assert rehearsal.report is not None and rehearsal.report["steps"][1]["result"] == "passed"


def test_conditions_stop_a_step_and_on_failure_decides_what_it_means(helix: World) -> None:
    early = a_step("early", "wait", seconds=1, rules={"before": [is_paused(helix)], "on_failure": "continue"})
    jump = a_step("jump", "wait", seconds=1, rules={"after": [is_paused(helix)], "on_failure": "there"})
    between = a_step("between", "wait", seconds=1)
    there = a_step("there", "wait", seconds=1)
    rehearsal = planned(a_plan(helix, early, jump, between, there))
    assert rehearsal.status == "passed" and rehearsal.report is not None
    steps = {step["id"]: (step["result"], step["said"]) for step in rehearsal.report["steps"]}
    assert steps["early"][0] == "failed" and steps["early"][1].startswith("must hold before it: paused is false")
    assert steps["jump"][0] == "failed" and steps["jump"][1].startswith("must hold after it: paused is false")
    assert steps["between"] == ("skipped", "left out: the plan goes on at there")
    assert steps["there"][0] == "passed"


def test_an_executor_sends_as_itself_with_what_it_has(helix: World) -> None:
    """Its own money for values; what a contract refuses it is told."""
    executor = helix.devnet.deployment.executor
    rich = a_step("rich", "send", **sending(helix, executor, "0x" + "11" * 20, value="3"))
    poor = a_step("poor", "send", **sending(helix, "0x" + "22" * 20, "0x" + "11" * 20, value="3"))
    barred = a_step("barred", "send", **sending(helix, executor, helix.vault.address, data="0x8456cb59"))
    for one in (rich, poor, barred):
        one["params"]["rules"]["on_failure"] = "continue"
    rehearsal = planned(a_plan(helix, rich, poor, barred))
    assert rehearsal.report is not None
    results = {step["id"]: (step["result"], step["said"]) for step in rehearsal.report["steps"]}
    assert results["rich"][0] == "passed"
    assert results["poor"][0] == "failed" and "no node would take it" in results["poor"][1]
    assert results["barred"][0] == "failed" and "AccessControlUnauthorizedAccount" in results["barred"][1]


def test_what_the_run_has_done_is_not_done_once_more(helix: World) -> None:
    run = held(helix, PAUSE)
    StepRun.objects.filter(run=run, step_id="pause").update(status="done", output={"block": "7"})
    rehearsal = taken(run)
    assert rehearsal.report is not None
    assert [step["result"] for step in rehearsal.report["steps"]] == ["before", "failed", "passed", "outside"]
    assert rehearsal.report["totals"]["transactions"] == 0


def test_a_second_asking_is_the_same_rehearsal_and_an_ended_run_has_none(helix: World) -> None:
    run = held(helix, PAUSE)
    first = rehearse(run=run, actor="user:1")
    assert rehearse(run=run, actor="user:2") == first
    assert Work.objects.filter(kind=KIND).count() == 1
    settle(kinds=(KIND,))
    assert rehearse(run=run, actor="user:2") != first
    Run.objects.filter(pk=run.pk).update(status="aborted")
    with pytest.raises(Refused, match="aborted"):
        rehearse(run=Run.objects.get(pk=run.pk), actor="user:1")
    settle(kinds=(KIND,))
    assert Rehearsal.objects.order_by("-pk").values_list("status", flat=True)[0] == "error"


def test_without_room_it_waits_its_turn(helix: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("integrations.chain.forks.tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(settings, "FORKS_AT_ONCE", 1)
    run = held(helix, PAUSE)
    with slots(1):
        asked = rehearse(run=run, actor="user:1")
        runner.run(Work.objects.get(key=asked.key).pk)
    work = Work.objects.get(key=asked.key)
    assert (work.status, work.failures) == ("waiting", 0)
    assert Rehearsal.objects.get(pk=asked.pk).status == "queued"
    Work.objects.filter(pk=work.pk).update(run_at=timezone.now())
    settle(kinds=(KIND,))
    assert Rehearsal.objects.get(pk=asked.pk).status == "passed"


def test_a_chain_that_does_not_answer_ends_as_no_result(helix: World) -> None:
    run = held(helix, PAUSE)
    asked = rehearse(run=run, actor="user:1")
    Endpoint.objects.update(url="http://127.0.0.1:9")
    for _ in range(6):
        Work.objects.filter(key=asked.key, status="queued").update(run_at=timezone.now())
        runner.run(Work.objects.get(key=asked.key).pk)
    found = Rehearsal.objects.get(pk=asked.pk)
    assert found.status == "error" and found.reason.endswith("the chain's endpoints gave no usable answer")


def test_no_live_chain_is_touched_from_a_drill(helix: World) -> None:
    run = held(helix, PAUSE)
    Chain.objects.update(kind="live")
    document = {**run.plan.data(), "environment": "drill"}
    plan = create_plan(document=document, scope=run.scope, actor="user:1")
    found = planned(plan)
    assert found.status == "error" and "cannot be reached from a drill" in found.reason


def test_a_hostile_contract_cannot_spoil_the_report(helix: World) -> None:
    """Its error holds what PostgreSQL does not keep and what no canonical text may hold, and is far too long."""
    words = "no\x00pe \U000e0fff <script>" + "x" * 200
    data = bytes.fromhex("08c379a0") + encode_args(parse_signature("f(string s)").inputs, [words])
    code = bytes([0x61, *len(data).to_bytes(2, "big"), 0x80, 0x60, 12, 0x5F, 0x39, 0x5F, 0xFD, 0, 0]) + data
    hostile = "0x" + "66" * 20
    helix.devnet.rpc("anvil_setCode", hostile, "0x" + code.hex())
    helix.devnet.rpc("evm_mine")
    step = a_step("ask", "send", **sending(helix, helix.devnet.deployment.executor, hostile, data="0x01"))
    rehearsal = planned(a_plan(helix, step))
    assert rehearsal.status == "failed" and "no\ufffdpe \ufffd <script>xxx" in rehearsal.reason
    assert rehearsal.report is not None and hash_of(canonical_bytes(rehearsal.report)) == rehearsal.sha256
    page = browser_of(person("ina", "responder")).get(f"/runbooks/rehearsals/{rehearsal.pk}/").content.decode()
    assert "&lt;script&gt;xxx" in page and "<script>xxx" not in page


def test_a_plan_over_two_chains_has_a_fork_of_each(helix: World) -> None:
    with Anvil(mining="auto", chain_id=731_400) as second:
        chain = Chain.objects.create(chain_id=731_400, name="Second", short_name="second", kind="devnet")
        Endpoint.objects.create(chain=chain, url=second.url)
        sender = helix.devnet.deployment.executor
        here = a_step("here", "send", **sending(helix, sender, "0x" + "11" * 20, value="1"))
        there = a_step(
            "there", "send", **{**sending(helix, CAROL.address, "0x" + "11" * 20, value="1"), "chain_id": 731_400}
        )
        rehearsal = planned(a_plan(helix, here, there, chains=[731_337, 731_400]))
        assert second.rpc.block_number() == 0
    assert (rehearsal.status, rehearsal.reason) == ("passed", "")
    blocks = {one["chain_id"]: one["fork_chain_id"] for one in rehearsal.blocks}
    assert blocks == {731_337: fork_chain_id(731_337), 731_400: fork_chain_id(731_400)}


# --- old


def test_what_the_chain_has_left_behind_is_redone_and_less_often_each_time(helix: World) -> None:
    run = held(helix, PAUSE)
    first = taken(run)
    assert why_old(first) == "" and refresh() == []
    Head.objects.create(
        chain=helix.chain,
        number=first.blocks[0]["block"] + settings.REHEARSAL_MAX_BLOCKS + 1,
        hash="0x" + "aa" * 32,
        parent_hash="0x" + "bb" * 32,
        timestamp=timezone.now(),
    )
    assert "blocks further" in why_old(first)
    assert standing(run.plan).word == "stale"
    assert refresh() == [], "not twice within a minute"
    Rehearsal.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    (second,) = refresh()
    assert (second.run, second.taken_by, refresh()) == (run, "system:rehearsals", [])
    settle(kinds=(KIND,))
    Head.objects.all().delete()
    late = timezone.now() - timedelta(seconds=settings.REHEARSAL_MAX_AGE + 60)
    Rehearsal.objects.update(created_at=late, started_at=late)
    assert "11 minutes ago" in why_old(Rehearsal.objects.get(pk=second.pk))
    (third,) = refresh()
    settle(kinds=(KIND,))
    Rehearsal.objects.update(created_at=late, started_at=late)
    assert refresh() == [], "after two by itself it waits twice as long"
    assert standing(run.plan).newest == third


def test_a_run_that_has_nothing_left_to_do_is_not_redone(helix: World) -> None:
    run = held(helix, PAUSE)
    first = taken(run)
    late = timezone.now() - timedelta(days=1)
    Rehearsal.objects.update(created_at=late, started_at=late)
    StepRun.objects.filter(run=run, step_id="pause").update(status="done", ended_at=timezone.now())
    assert why_old(Rehearsal.objects.get(pk=first.pk)) == "" and refresh() == []
    assert standing(run.plan).word == "passed"


def test_a_new_run_that_will_act_is_rehearsed_by_itself(helix: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "REHEARSE_NEW_RUNS", True)
    run = held(helix, PAUSE)
    settle()
    (found,) = Rehearsal.objects.filter(run=run)
    assert (found.status, found.taken_by) == ("passed", "system:rehearsals")
    monkeypatch.setattr(settings, "REHEARSE_NEW_RUNS", False)
    held(helix, PAUSE, slug="started")
    draft = held(helix, PAUSE, slug="kept", hold=True)
    settle()
    assert [one.run for one in Rehearsal.objects.exclude(pk=found.pk)] == [draft], "kept in order to be rehearsed"


def test_a_decision_opens_another_way_and_what_is_signed_then_is_rehearsed(
    helix: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "REHEARSE_NEW_RUNS", True)
    run = held(helix, CHOICE)
    settle()
    first = Rehearsal.objects.get(run=run)
    assert first.report is not None
    assert {step["id"]: step["result"] for step in first.report["steps"]}["pause"] == "skipped"
    assert [(way["choice"], way["result"]) for way in first.report["ways"]] == [("pause", "passed")]
    cora = person("cora", "commander")
    complete_step(step=run.steps.get(step_id="judge"), actor=cora.actor, answer={"choice": "pause"})
    assert why_old(first) == ""
    settle()
    assert why_old(first) == "it was decided otherwise, for “pause”"
    second = Rehearsal.objects.exclude(pk=first.pk).get(run=run)
    assert second.status == "passed" and second.report is not None
    results = {step["id"]: step["result"] for step in second.report["steps"]}
    assert (results["judge"], results["pause"], results["pause.rollback"]) == ("before", "passed", "failed")
    assert second.report["ways"] == [], "what is decided is decided"


# --- seen by people


def test_the_api_asks_and_shows_and_a_private_run_is_for_its_members(helix: World) -> None:
    inside, outside = person("ina", "responder"), person("otto", "responder")
    incident = open_incident(title="Krakatoa", severity="SEV2", private=True, actor=inside.actor)
    run = held(helix, PAUSE, scope=incident.scope, actor=inside.actor)
    answer = caller(inside).post(f"/api/v1/runs/{run.pk}/rehearse/", {}, format="json")
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    settle(kinds=(KIND,))
    number = answer.json()["id"]
    shown = caller(inside).get(f"/api/v1/rehearsals/{number}/").json()
    assert (shown["status"], shown["report"]["result"], shown["old"]) == ("passed", "passed", "")
    assert caller(inside).get("/api/v1/rehearsals/", {"run": run.pk}).json()["results"][0]["id"] == number
    for path in (f"/api/v1/rehearsals/{number}/", f"/runbooks/rehearsals/{number}/"):
        assert caller(outside).get(path).status_code == 404
    assert caller(outside).get("/api/v1/rehearsals/").json()["results"] == []
    assert caller(outside).post(f"/api/v1/runs/{run.pk}/rehearse/", {}, format="json").status_code == 404


def test_signers_read_on_the_proposal_how_it_went(helix: World) -> None:
    ina = person("ina", "responder")
    run = held(helix, PAUSE)
    settle()
    proposal = run.plan.proposals.get()
    page = f"/governance/proposals/{proposal.pk}/"
    assert "has not been rehearsed" in browser_of(ina).get(page).content.decode()
    rehearsal = taken(run)
    said = browser_of(ina).get(page).content.decode()
    assert "On a fork this step" in said and f"/runbooks/rehearsals/{rehearsal.pk}/" in said
    assert "does not match the simulation" not in said and "no longer speaks" not in said
    late = timezone.now() - timedelta(hours=2)
    Rehearsal.objects.update(started_at=late)
    assert "This no longer speaks of the chain as it is: it was taken 120 minutes ago" in (
        browser_of(ina).get(page).content.decode()
    )
    simulation = proposal.simulation or Proposal.objects.get(pk=proposal.pk).simulation
    simulation["meanings"] = [one for one in simulation["meanings"] if one["what"] != "paused"]
    Proposal.objects.filter(pk=proposal.pk).update(simulation=simulation, simulated_at=timezone.now())
    assert "only the rehearsal changes HelixVault paused" in browser_of(ina).get(page).content.decode()


def test_the_pages_follow_it(helix: World) -> None:
    run = held(helix, PAUSE)
    settle()
    asked = rehearse(run=run, actor="user:1")
    event = Event.objects.get(verb="rehearsal.queued", subject=asked.subject)
    found = parse(f"rehearsals:{run.plan_id}")
    assert found is not None
    topic = found[0]
    assert list(topic.matches(event)) == [run.plan_id] and topic.scope_of(run.plan_id) == run.scope_id
    html = topic.render(event, run.plan_id, "responder")
    for place in (
        f"rehearsal-{asked.pk}",
        f"rehearsal-of-run-{run.pk}",
        f"rehearsal-of-proposal-{run.plan.proposals.get().pk}",
    ):
        assert f'id="{place}"' in html
    assert "It begins as soon as" in html and html.count("hx-swap-oob") == 3
    with pytest.raises(LookupError):
        topic.scope_of(987654)


# --- killed


def test_killed_in_the_middle_it_is_done_again_and_its_fork_is_gone(helix: World) -> None:
    run = held(helix, PAUSE)
    asked = rehearse(run=run, actor="user:1")
    row = Work.objects.get(key=asked.key)
    worker = start_worker(row.pk, "rehearsal.forked")
    assert worker.wait(60) == -signal.SIGKILL
    assert Rehearsal.objects.get(pk=asked.pk).status == "running"
    end = time.monotonic() + 5
    while forks_of(helix) and time.monotonic() < end:
        threading.Event().wait(0.05)
    assert forks_of(helix) == []
    Work.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    settle(kinds=(KIND,))
    found = Rehearsal.objects.get(pk=asked.pk)
    assert (found.status, found.report and found.report["result"]) == ("passed", "passed")
    assert Event.objects.filter(subject=asked.subject, verb="rehearsal.passed").count() == 1


def forks_of(helix: World) -> list[int]:
    """Processes of this machine that fork this very chain."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            alive = (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            continue
        if alive and str(fork_chain_id(helix.chain.chain_id)).encode() in command:
            found.append(int(process.name))
    return found


# --- plans by hand: what compiling playbooks makes of them is tested with the compiler


def a_step(name: str, kind: str, rules: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    usual = {"attempts": 1, "delay": 0, "phase": "main", "undo": "", "on_failure": "stop", "if": [], "before": []}
    return {
        "id": name,
        "type": kind,
        "title": name,
        "params": {**params, "rules": {**usual, "after": [], **(rules or {})}},
    }


def ref(safe: Safe) -> dict[str, Any]:
    return {"chain_id": CHAIN_ID, "address": safe.address}


def safe_call(helix: World, name: str) -> dict[str, Any]:
    call = {"to": helix.vault.address, "value": "0", "data": "0x" + encode_call(f"{name}()", "", []).hex()}
    return {"safe": ref(helix.guardian), "safe_name": "Guardian Safe", "calls": [call]}


def is_paused(helix: World) -> dict[str, Any]:
    read = {"name": "paused", "to": helix.vault.address, "contract": "HelixVault", "call": "paused() returns (bool)"}
    return {"chain_id": CHAIN_ID, "reads": [{**read, "data": "0x5c975abb"}], "that": "paused == true"}


def sending(helix: World, sender: str, to: str, *, value: str = "0", data: str = "0x") -> dict[str, Any]:
    who = {"label": "Executor", "address": sender}
    call = {"to": to, "value": value, "data": data}
    return {"chain_id": CHAIN_ID, "executor": who, "call": call, "words": "something", "private": None}


def a_plan(
    helix: World, *steps: dict[str, Any], references: list[dict[str, Any]] | None = None, chains: Any = (CHAIN_ID,)
) -> Plan:
    document = {
        "kind": "playbook",
        "environment": "live",
        "chains": list(chains),
        "steps": list(steps),
        "references": references or [],
    }
    return create_plan(document=document, scope=open_scope(kind="run", title="By hand", actor="user:1"), actor="user:1")


def planned(plan: Plan) -> Rehearsal:
    asked = rehearse_plan(plan=plan, actor="user:1")
    settle(kinds=(KIND,))
    return Rehearsal.objects.get(pk=asked.pk)


def meanings(rehearsal: Rehearsal) -> list[dict[str, str]]:
    assert rehearsal.report is not None
    return list(rehearsal.report["totals"]["meanings"])
