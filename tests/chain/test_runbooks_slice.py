"""The slice on real parts: a feed goes stale, a run confirms it, a Safe pauses the vault, the chain says so."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection

from accounts.approvals.models import Approval
from accounts.approvals.services import give, take_back
from governance.proposals.models import Proposal
from governance.proposals.services import confirm, execute, withdraw
from governance.protocols.models import Contract
from incidents.incidents.models import Incident
from incidents.incidents.selectors import WarRoom, prefilled
from incidents.incidents.services import start_playbook, take_command
from incidents.watch.lease import take
from incidents.watch.runner import ChainWatch
from incidents.watch.services import save_monitor
from integrations.chain.models import Executor
from integrations.devnet import prices
from integrations.devnet.chain import CAROL, ERIN
from ledger.chain import verify
from ledger.models import Event
from notify.models import Message
from runbooks.playbooks.models import Playbook
from runbooks.playbooks.services import load_library, save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import abort_run, retry_step, start_run
from tests.audiences import load_audiences
from tests.chain.conftest import Devnet
from tests.chain.transactions import make_executor
from tests.drain import settle
from tests.governance_world import World, sign, world
from tests.people import person
from work import leases
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
FEED_ONLY = """\
playbook: look
title: Only look
summary: Is the feed stale?
inputs:
  feed: {type: contract, role: oracle}
steps:
  - id: confirm
    check: {feed: "${{ inputs.feed }}", is: stale, heartbeat: 2m}
    retry: {attempts: 2, delay: 0s}
"""


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    leases.Heart.BEAT = 0.1
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
    return made


@pytest.fixture
def executor(helix: World) -> Executor:
    return make_executor(helix.chain, helix.devnet.rpc)


def work_on(helix: World, rounds: int = 12) -> None:
    """What workers, the linker and blocks do by themselves."""
    for _ in range(rounds):
        settle()
        helix.devnet.rpc("evm_mine")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE work_work SET run_at = now() WHERE status IN ('queued', 'waiting') AND run_at IS NOT NULL"
            )
    settle()


def stale(helix: World) -> None:
    feed = helix.devnet.deployment.feeds[0]
    helix.devnet.rpc("evm_mine", prices.latest(helix.devnet.rpc, feed).updated_at + feed.heartbeat + 1)


def inputs(helix: World) -> dict[str, str]:
    feed = helix.devnet.deployment.feeds[0]
    return {
        "feed": feed.address,
        "heartbeat": f"{feed.heartbeat}s",
        "vault": helix.vault.address,
        "guardian": helix.guardian.address,
    }


def step(run: Run, name: str) -> StepRun:
    return StepRun.objects.get(run=run, step_id=name)


def test_from_the_alarm_to_the_proof_and_the_people_told(helix: World, executor: Executor) -> None:
    ana, rob = person("ana", "commander"), person("rob", "responder")
    feed = helix.devnet.deployment.feeds[0]
    save_monitor(
        slug="oracle-stale",
        name="fresh",
        kind="oracle_stale",
        config={"feed": feed.address, "name": feed.name, "heartbeat": feed.heartbeat},
        chain=helix.chain,
        protocol=helix.protocol,
        severity="SEV1",
        failure_mode="stale-oracle",
        actor="system:test",
    )
    held = take("test")
    assert held is not None
    watch = ChainWatch(helix.chain, held)
    watch.step()
    settle()
    stale(helix)
    watch.step()
    settle()
    incident = Incident.objects.get()
    take_command(incident=incident, user=ana)
    given = {**inputs(helix), **prefilled(incident)}
    run = start_playbook(
        incident=incident,
        playbook=Playbook.objects.get(slug="pause-on-stale-oracle"),
        inputs=given,
        actor=rob.actor,  # not a commander: the words to the outside wait for one
    )
    settle()
    assert (step(run, "confirm").status, step(run, "pause").status) == ("done", "waiting")
    proposal = Proposal.objects.get()
    assert (proposal.plan, proposal.step_id, proposal.status) == (run.plan, "pause", "signing")
    assert Work.objects.get(key=step(run, "pause").key).status == "waiting", "waiting for signatures costs no worker"
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:9")
    work_on(helix)
    assert helix.devnet.rpc.call(helix.vault.address, bytes.fromhex("5c975abb"))[-1:] == b"\x01"
    assert step(run, "pause").output["transaction_hash"].startswith("0x")
    assert step(run, "verify").proof.startswith("paused is true at block")
    incident.refresh_from_db()
    assert incident.status == "contained"
    assert step(run, "tell").status == "waiting"
    message = Message.objects.get(pk=step(run, "tell").output["message"])
    assert "is paused" in message.subject_line
    give(approval=Approval.objects.get(about=message.subject), user=ana)
    work_on(helix, rounds=2)
    assert Run.objects.get(pk=run.pk).status == "done"
    legs = {leg.name: leg.state for leg in WarRoom(incident, ana).legs}
    assert {legs[name] for name in ("detect", "declare", "ack", "propose", "quorum", "safe")} == {"done"}
    assert verify().ok


def test_a_fresh_feed_stops_the_run_before_anything_is_proposed(helix: World) -> None:
    yaml = save_version(yaml=FEED_ONLY, actor="user:1")
    run = start_run(
        playbook=yaml, inputs={"feed": inputs(helix)["feed"]}, scope=None, actor="user:1", protocol=helix.protocol
    )
    work_on(helix, rounds=2)
    confirm_step = step(run, "confirm")
    assert (confirm_step.status, confirm_step.tries) == ("failed", 2)
    assert "is fresh: last answer" in confirm_step.reason
    assert Run.objects.get(pk=run.pk).status == "failed" and not Proposal.objects.exists()


def test_a_withdrawn_proposal_stops_the_step_and_a_retry_proposes_anew(helix: World, executor: Executor) -> None:
    stale(helix)
    book = Playbook.objects.get(slug="pause-on-stale-oracle")
    run = start_run(playbook=book, inputs=inputs(helix), scope=None, actor="user:1", protocol=helix.protocol)
    settle()
    first = Proposal.objects.get()
    withdraw(proposal=first, actor="user:1", reason="wrong Safe")
    settle()
    assert step(run, "pause").status == "failed" and "rejected" in step(run, "pause").reason
    assert Run.objects.get(pk=run.pk).status == "failed"
    retry_step(step=step(run, "pause"), actor="system:test", reason="it was right after all")
    settle()
    assert step(run, "pause").status == "waiting"
    second = Proposal.objects.exclude(pk=first.pk).get()
    assert (second.status, second.safe_tx_hash) == ("signing", first.safe_tx_hash)
    assert Event.objects.filter(verb="step.failed").count() == 1


def test_two_runs_of_the_same_inputs_are_two_plans_and_propose_one_after_the_other(helix: World) -> None:
    """The vault is locked by the first: the second begins to act when that one is over."""
    stale(helix)
    book = Playbook.objects.get(slug="pause-on-stale-oracle")
    runs = [
        start_run(playbook=book, inputs=inputs(helix), scope=None, actor="user:1", protocol=helix.protocol)
        for _ in range(2)
    ]
    settle()
    assert runs[0].plan_hash == runs[1].plan_hash and runs[0].plan_id != runs[1].plan_id
    assert [p.plan_id for p in Proposal.objects.all()] == [runs[0].plan_id]
    waiting = runs[1].steps.get(step_id="pause")
    assert (waiting.status, waiting.reason) == ("waiting", f"locked by run {runs[0].pk}")
    abort_run(run=runs[0], actor="user:1", reason="the other one does it")
    settle()
    assert sorted(p.plan_id for p in Proposal.objects.all()) == sorted(r.plan_id for r in runs)


ASK_FIRST = """\
playbook: ask-first
title: Ask first
summary: Nothing is executed that people no longer want.
inputs:
  vault: {type: contract, title: Vault}
  guardian: {type: safe, title: Guardian}
steps:
  - {id: ask, approve: {question: Shall we pause?, required: 1, role: commander}}
  - id: pause
    safe:
      safe: ${{ inputs.guardian }}
      title: Pause the vault
      calls:
        - {on: "${{ inputs.vault }}", call: pause()}
"""


def test_a_yes_that_is_taken_back_stops_even_what_is_fully_signed(helix: World, executor: Executor) -> None:
    starter, ana, ben = (person(name, "commander") for name in ("sam", "ana", "ben"))
    given = {name: inputs(helix)[name] for name in ("vault", "guardian")}
    book = save_version(yaml=ASK_FIRST, actor="user:1")
    run = start_run(playbook=book, inputs=given, scope=None, actor=starter.actor, protocol=helix.protocol)
    settle()
    give(approval=Approval.objects.get(), user=ana)
    settle()
    proposal = Proposal.objects.get()
    take_back(approval=Approval.objects.get(), user=ana)
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:9")
    work_on(helix)
    proposal.refresh_from_db()
    assert (proposal.status, (proposal.stopped or {})["code"]) == ("ready", "approval")
    assert step(run, "pause").reason.startswith("fully signed, but stopped: the approval “Shall we pause?” no longer")
    assert helix.devnet.rpc.call(helix.vault.address, bytes.fromhex("5c975abb"))[-1:] == b"\x00"
    give(approval=Approval.objects.get(), user=ben)
    execute(proposal=proposal, actor=ben.actor)
    work_on(helix)
    assert Run.objects.get(pk=run.pk).status == "done"
