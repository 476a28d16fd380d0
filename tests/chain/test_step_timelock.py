"""Timelocked operations on a real TimelockController, by an executor and by a Safe, and what others do meanwhile."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from eth_abi.abi import encode

from governance.proposals.models import Proposal
from governance.proposals.services import confirm
from governance.protocols.models import Contract
from integrations.chain.abi import encode_call
from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from integrations.devnet.anvil import ROOT
from integrations.devnet.chain import CAROL, DEPLOYER, ERIN
from integrations.devnet.helix import artifact_code
from integrations.devnet.rpc import Rpc
from ledger.errors import Invalid
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import retry_step, start_run
from tests.chain.conftest import Devnet
from tests.chain.transactions import COUNTER, count, make_executor, put_counter
from tests.drain import settle
from tests.governance_world import World, sign, world
from tests.rehearsed import taken
from work import leases

pytestmark = pytest.mark.django_db(transaction=True)
DELAY = 600
HASH = "hashOperation(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) returns (bytes32)"
BATCH = (
    "hashOperationBatch(address[] targets, uint256[] values, bytes[] payloads, bytes32 predecessor, bytes32 salt)"
    " returns (bytes32)"
)
ZERO = "0x" + "00" * 32
COUNTS = [
    {"type": "function", "name": name, "inputs": [], "outputs": [], "stateMutability": "nonpayable"}
    for name in ("count", "again")
]


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    put_counter(devnet.rpc)
    return world(devnet)


@pytest.fixture
def executor(helix: World) -> Executor:
    return make_executor(helix.chain, helix.devnet.rpc)


def receipt(rpc: Rpc, sent: str) -> dict[str, Any]:
    """It mines by itself, a moment later."""
    for _ in range(100):
        if found := rpc("eth_getTransactionReceipt", sent):
            return dict(found)
        threading.Event().wait(0.05)
    raise AssertionError(f"{sent} was never mined")


@pytest.fixture
def lock(helix: World, executor: Executor) -> str:
    """A timelock to which the executor and the guardian Safe may propose."""
    code = artifact_code("TimelockController") + encode(
        ("uint256", "address[]", "address[]", "address"),
        [DELAY, [executor.address, helix.guardian.address], ["0x" + "00" * 20], "0x" + "00" * 20],
    )
    rpc = helix.devnet.rpc
    sent = rpc("eth_sendTransaction", {"from": DEPLOYER.address, "data": "0x" + code.hex(), "gas": hex(8_000_000)})
    address = str(receipt(rpc, sent)["contractAddress"])
    made = Contract.objects.create(
        protocol=helix.protocol,
        chain=helix.chain,
        address=address,
        name="Lock",
        role="timelock",
        abi=json.loads((ROOT / "integrations/devnet/artifacts/TimelockController.json").read_bytes())["abi"],
    )
    Contract.objects.create(
        protocol=helix.protocol, chain=helix.chain, address=COUNTER, name="Counter", role="vault", abi=COUNTS
    )
    return str(made.address)


def start(helix: World, lock: str, hold: bool = False, **config: Any) -> Run:
    made = {"timelock": "${{ inputs.lock }}", "via": "first", "delay": "10m", **config}
    if "calls" not in made and "operation" not in made:
        made["calls"] = [{"on": "${{ inputs.counter }}", "call": "count()"}]
    if made.get("cancel"):
        del made["delay"]
    if made["via"] == "safe":
        made["via"] = "${{ inputs.safe }}"
    inputs = {"lock": {"type": "contract"}, "counter": {"type": "contract"}, "safe": {"type": "safe"}}
    given = {"lock": lock, "counter": COUNTER, "safe": helix.guardian.address}
    text = json.dumps(made)
    used = {name: spec for name, spec in inputs.items() if f"inputs.{name}" in text}
    book = {
        "playbook": "lock",
        "title": "Timelocked",
        "summary": "One operation of a timelock.",
        "inputs": used,
        "steps": [{"id": "op", "timelock": made, "retry": {"attempts": 3, "delay": "0s"}}],
    }
    version = save_version(yaml=json.dumps(book), actor="user:1")
    run = start_run(
        playbook=version,
        inputs={name: given[name] for name in used},
        scope=None,
        actor="user:1",
        protocol=helix.protocol,
        hold=hold,
    )
    if not hold:
        settle()
    return run


def work_on(helix: World, rounds: int = 6) -> None:
    """What workers, the linker and blocks do by themselves."""
    for _ in range(rounds):
        settle()
        helix.devnet.rpc("evm_mine")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE work_work SET run_at = now() WHERE status IN ('queued', 'waiting') AND run_at IS NOT NULL"
            )
    settle()


def later(helix: World, seconds: int = DELAY + 1) -> None:
    helix.devnet.rpc("evm_increaseTime", seconds)
    helix.devnet.rpc("evm_mine")


def steps(run: Run) -> dict[str, StepRun]:
    return {step.step_id: step for step in StepRun.objects.filter(run=run)}


def outside(helix: World, executor: Executor, lock: str, signature: str, *args: Any) -> None:
    """Somebody else with the same role does something on the timelock."""
    rpc: Rpc = helix.devnet.rpc
    rpc("anvil_impersonateAccount", executor.address)
    data = "0x" + encode_call(signature, "", args).hex()
    sent = rpc("eth_sendTransaction", {"from": executor.address, "to": lock, "data": data, "gas": hex(500_000)})
    assert receipt(rpc, sent)["status"] == "0x1"
    rpc("anvil_stopImpersonatingAccount", executor.address)


def increment_data() -> str:
    return "0x" + encode_call("count()", "", []).hex()


SCHEDULE = "schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay)"
EXECUTE = "execute(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt) payable"


def test_schedule_wait_execute_by_an_executor(helix: World, lock: str) -> None:
    run = start(helix, lock)
    assert [step.id for step in run.plan.parsed().steps] == ["op.schedule", "op.ready", "op"]
    params = run.plan.parsed().steps[0].params
    known = helix.devnet.rpc.call(lock, encode_call(HASH, "", [COUNTER, "0", increment_data(), ZERO, ZERO]))
    assert params["operation"] == "0x" + known.hex(), "the id in the plan is the contract's own"
    work_on(helix)
    found = steps(run)
    assert (found["op.schedule"].status, found["op.ready"].status, found["op"].status) == ("done", "waiting", "pending")
    assert found["op.ready"].reason.startswith("ready at ") and count(helix.devnet.rpc) == 0
    later(helix)
    work_on(helix)
    assert {step.status for step in steps(run).values()} == {"done"} and count(helix.devnet.rpc) == 1
    assert steps(run)["op"].output["operation"] == params["operation"]
    assert Run.objects.get(pk=run.pk).status == "done" and Transaction.objects.count() == 2


def test_a_batch_by_a_safe_and_executed_by_anybody(helix: World, lock: str) -> None:
    calls = [{"on": "${{ inputs.counter }}", "call": "count()"}, {"on": "${{ inputs.counter }}", "call": "again()"}]
    run = start(helix, lock, via="safe", execute_via="first", calls=calls, salt="end of the drain of May")
    proposal = Proposal.objects.get()
    assert (proposal.step_id, proposal.plan) == ("op.schedule", run.plan)
    for owner in (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:9")
    work_on(helix, 8)
    assert steps(run)["op.ready"].status == "waiting"
    params = run.plan.parsed().steps[0].params
    later(helix)
    work_on(helix)
    assert {step.status for step in steps(run).values()} == {"done"} and count(helix.devnet.rpc) == 2
    assert Transaction.objects.filter(about__startswith="step:").count() == 1
    again = start(helix, lock, calls=calls, salt="end of the drain of May")
    work_on(helix, 2)
    assert again.plan.parsed().steps[0].params["operation"] == params["operation"]
    assert steps(again)["op.schedule"].reason == "the same operation was executed before; give it another `salt`"


def test_the_delay_is_held_against_what_the_timelock_wants_now(helix: World, lock: str) -> None:
    run = start(helix, lock, delay="5m")
    assert steps(run)["op.schedule"].reason.startswith("the timelock now wants 10m, the plan has 5m")
    assert not Transaction.objects.exists()


def test_what_somebody_scheduled_before_is_not_scheduled_again(helix: World, executor: Executor, lock: str) -> None:
    outside(helix, executor, lock, SCHEDULE, COUNTER, "0", increment_data(), ZERO, ZERO, "600")
    run = start(helix, lock)
    assert steps(run)["op.schedule"].proof.startswith("scheduled already, not by this run; ")
    later(helix)
    work_on(helix)
    assert Run.objects.get(pk=run.pk).status == "done"
    assert Transaction.objects.count() == 1 and count(helix.devnet.rpc) == 1


def test_an_operation_cancelled_outside_stops_the_run(helix: World, executor: Executor, lock: str) -> None:
    run = start(helix, lock)
    work_on(helix)
    operation = run.plan.parsed().steps[0].params["operation"]
    outside(helix, executor, lock, "cancel(bytes32 id)", operation)
    work_on(helix, 2)
    assert steps(run)["op.ready"].reason == "the timelock no longer knows the operation: somebody cancelled it"
    assert Run.objects.get(pk=run.pk).status == "failed" and count(helix.devnet.rpc) == 0


def test_an_operation_executed_outside_is_told_and_not_executed_again(
    helix: World, executor: Executor, lock: str
) -> None:
    run = start(helix, lock)
    work_on(helix)
    later(helix)
    outside(helix, executor, lock, EXECUTE, COUNTER, "0", increment_data(), ZERO, ZERO)
    work_on(helix)
    assert steps(run)["op.ready"].proof == steps(run)["op"].proof == "executed already, not by this run"
    assert Run.objects.get(pk=run.pk).status == "done" and count(helix.devnet.rpc) == 1


def test_a_reorg_of_the_scheduling_is_waited_for(helix: World, lock: str) -> None:
    type(helix.chain).objects.update(finality_depth=50)
    helix.devnet.rpc("evm_mine")
    run = start(helix, lock)
    work_on(helix, 3)
    found = steps(run)
    assert (found["op.schedule"].status, found["op.ready"].status) == ("done", "waiting")
    mined = int(found["op.schedule"].output["block"])
    helix.devnet.rpc("anvil_reorg", helix.devnet.rpc.block_number() - mined + 1, [])
    work_on(helix, 8)
    found = steps(run)
    assert (found["op.schedule"].attempt, found["op.schedule"].status) == (2, "done")
    assert found["op.ready"].status == "waiting"
    later(helix)
    work_on(helix)
    assert Run.objects.get(pk=run.pk).status == "done" and count(helix.devnet.rpc) == 1


def test_cancel_by_what_it_is_made_of_or_by_its_id(helix: World, executor: Executor, lock: str) -> None:
    outside(helix, executor, lock, SCHEDULE, COUNTER, "0", increment_data(), ZERO, ZERO, "600")
    run = start(helix, lock, cancel=True)
    work_on(helix)
    cancelled = steps(run)["op"]
    assert (cancelled.status, Transaction.objects.count()) == ("done", 1)
    operation = run.plan.parsed().steps[0].params["operation"]
    run = start(helix, lock, cancel=True, operation=operation)
    assert steps(run)["op"].proof == "nothing to cancel: the timelock does not know the operation"
    outside(helix, executor, lock, SCHEDULE, COUNTER, "0", increment_data(), ZERO, ZERO, "600")
    later(helix)
    outside(helix, executor, lock, EXECUTE, COUNTER, "0", increment_data(), ZERO, ZERO)
    run = start(helix, lock, cancel=True, operation=operation)
    assert steps(run)["op"].reason == "it is too late to cancel: the operation was executed"
    assert Transaction.objects.count() == 1


def test_what_is_no_timelock_says_so(helix: World, lock: str) -> None:
    run = start(helix, helix.vault.address)
    assert steps(run)["op.schedule"].status == "failed"
    assert not Transaction.objects.exists()


def test_what_may_not_be_scheduled_is_said_before_anything_is_sent(helix: World, lock: str) -> None:
    make_executor(helix.chain, helix.devnet.rpc, label="second")
    run = start(helix, lock, via="second")
    assert steps(run)["op.schedule"].reason.startswith("second cannot do this now: ")
    assert not Transaction.objects.exists()
    retry_step(step=steps(run)["op.schedule"], actor="system:test")
    settle()
    assert steps(run)["op.schedule"].status == "failed"


def test_a_part_cannot_be_written_by_hand(helix: World, lock: str) -> None:
    with pytest.raises(Invalid, match="`part` is not known here"):
        start(helix, lock, part="execute")


@pytest.mark.parametrize("via", ["first", "safe"])
def test_it_is_rehearsed_to_its_end_and_the_chain_is_none_the_wiser(helix: World, lock: str, via: str) -> None:
    rehearsal = taken(start(helix, lock, hold=True, via=via))
    report = rehearsal.report
    assert report is not None
    told = [(step["id"], step["result"]) for step in report["steps"]]
    assert told == [("op.schedule", "passed"), ("op.ready", "passed"), ("op", "passed")], report["steps"]
    assert report["steps"][1]["said"] == "10m passed" and count(helix.devnet.rpc) == 0
    assert not Transaction.objects.exists() and not Proposal.objects.exists()


def test_a_rehearsal_says_that_the_delay_is_too_short(helix: World, lock: str) -> None:
    rehearsal = taken(start(helix, lock, hold=True, delay="5m"))
    assert rehearsal.status == "failed" and "the timelock now wants 10m" in rehearsal.reason
