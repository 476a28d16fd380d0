"""Executing signed proposals on real Safes: what is executed is what was signed, and everything else stops."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from eth_abi.abi import encode

from governance.plans.models import Plan
from governance.plans.services import create_plan
from governance.proposals.execution import check
from governance.proposals.models import Confirmation, Proposal
from governance.proposals.outcome import compare
from governance.proposals.services import confirm, execute, reject
from governance.safes.services import refresh
from integrations.chain.models import Endpoint, Executor
from integrations.devnet.chain import CAROL, DAN, ERIN, TREASURY
from integrations.devnet.proxy import Rewrite, RpcProxy
from integrations.devnet.safes import calldata
from integrations.safe.simulate import Change
from ledger import Refused
from ledger.models import Event
from ledger.scopes import open_scope
from tests.chain.conftest import Devnet
from tests.chain.transactions import make_executor
from tests.drain import settle
from tests.governance_world import World, sign, world
from work import leases
from work.models import Work

DUE_NOW = "UPDATE work_work SET run_at = now() WHERE status IN ('queued', 'waiting') AND run_at IS NOT NULL"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    """The thread that keeps leases ends before the database of the test does."""
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


@pytest.fixture
def executor(helix: World) -> Executor:
    return make_executor(helix.chain, helix.devnet.rpc)


def run(helix: World, rounds: int = 12, until: Proposal | None = None) -> None:
    """What workers, the linker and blocks do by themselves; at most until a proposal is executed."""
    for _ in range(rounds):
        settle()
        if until is not None and Proposal.objects.filter(pk=until.pk, status="executed").exists():
            return
        helix.devnet.rpc("evm_mine")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE work_work SET run_at = now() WHERE status IN ('queued', 'waiting') AND run_at IS NOT NULL"
            )


def signed(proposal: Proposal, *owners: Any) -> Proposal:
    for owner in owners or (CAROL, ERIN):
        confirm(proposal=proposal, signature=sign(proposal, owner.address), actor="user:1")
    proposal.refresh_from_db()
    return proposal


def verbs(proposal: Proposal) -> list[str]:
    return list(Event.objects.filter(subject=proposal.subject).order_by("pk").values_list("verb", flat=True))


def test_the_last_signature_pauses_the_vault(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose(auto_execute=True))
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped
    assert helix.devnet.rpc.call(helix.vault.address, calldata("paused()"))[-1] == 1
    outcome = proposal.outcome
    assert outcome is not None
    assert outcome["succeeded"] and outcome["compared"]
    assert [one for one in outcome["differences"] if one["kind"] == "difference"] == []
    assert {one["address"] for one in outcome["actual"]} == {helix.vault.address, helix.guardian.address}
    assert verbs(proposal) == [
        "proposal.drafted",
        "proposal.signing",
        "confirmation.added",
        "confirmation.added",
        "proposal.ready",
        "proposal.executing",
        "proposal.executed",
    ]
    sent = proposal.transaction
    assert sent is not None and sent.about == proposal.subject
    run(helix, 2)
    assert Proposal.objects.get(pk=proposal.pk).status == "executed"


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1", "1.5.0"])
def test_a_batch_is_executed_on_each_version(helix: World, executor: Executor, version: str) -> None:
    safe = helix.safe_of(version)
    before = int(helix.devnet.rpc("eth_getBalance", DAN.address, "latest"), 16)
    calls = [{"to": DAN.address, "value": str(value), "data": "0x"} for value in (5, 6)]
    proposal = signed(helix.propose(*calls, safe=safe, auto_execute=True), DAN, ERIN)
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped
    assert int(helix.devnet.rpc("eth_getBalance", DAN.address, "latest"), 16) == before + 11
    assert proposal.outcome is not None and proposal.outcome["differences"] == []
    meanings = (proposal.simulation or {})["meanings"]
    assert ("balance (wei)", str(10**18), str(10**18 - 11)) in [(m["what"], m["before"], m["after"]) for m in meanings]


def test_an_endpoint_that_begins_to_lie_midway_fails_nothing(
    helix: World, executor: Executor, rpc_proxy: RpcProxy
) -> None:
    """Other owners after both agreed on them: nothing is simulated with strangers. A failure that there is not: the
    execution waits until two foresee the same."""
    proposal = signed(helix.propose())
    Endpoint.objects.create(chain=helix.chain, url=rpc_proxy.url, label="liar", priority=1)
    getter = "0x" + calldata("getOwners()").hex()
    where = {"params.0.to": helix.guardian.address, "params.0.data": getter}
    lie = "0x" + encode(["address[]"], [[DAN.address, TREASURY.address]]).hex()
    rpc_proxy.add(Rewrite(methods=("eth_call",), where=where, path="result", value=lie, skip=1))
    checked = check(proposal)
    assert checked.simulation["ok"]
    with pytest.raises(Refused, match="disagree about this Safe"):
        check(proposal)
    rpc_proxy.clear()
    rpc_proxy.add(Rewrite(methods=("debug_traceCall",), path="result.error", value="execution reverted"))
    with pytest.raises(Refused, match="disagree about what this would do"):
        check(proposal)
    execute(proposal=proposal, actor="user:1")
    run(helix, 2)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.stopped) == ("ready", None)
    rpc_proxy.clear()
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped


def test_a_proposal_by_hand_waits_for_a_person(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose())
    run(helix, 2)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("ready", None)
    execute(proposal=proposal, actor="user:1")
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed"


def test_altered_calldata_is_never_executed(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose())
    Proposal.objects.filter(pk=proposal.pk).update(data=b"\x3f\x4b\xa8\x3a")
    execute(proposal=proposal, actor="user:1")
    run(helix, 3)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("failed", None)
    assert proposal.stopped is not None and "altered" in proposal.stopped["reason"]
    assert Event.objects.get(verb="proposal.failed").alarm is not None


def test_an_altered_signature_is_never_used(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose())
    row = Confirmation.objects.filter(proposal=proposal).earliest("pk")
    Confirmation.objects.filter(pk=row.pk).update(signature=bytes(row.signature)[:-10] + bytes(9) + b"\x1b")
    execute(proposal=proposal, actor="user:1")
    run(helix, 3)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("failed", None)
    assert proposal.stopped is not None and proposal.stopped["code"] == "signature"


def test_an_owner_removed_meanwhile_sends_it_back_to_signing(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose(auto_execute=True))
    rpc, guardian = helix.devnet.rpc, helix.guardian.address
    rpc("anvil_impersonateAccount", guardian)
    rpc("anvil_setBalance", guardian, hex(10**18))
    gone = calldata("removeOwner(address,address,uint256)", "0x" + "0" * 39 + "1", CAROL.address, 2)
    rpc("eth_sendTransaction", {"from": guardian, "to": guardian, "data": "0x" + gone.hex()})
    run(helix, 3)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("signing", None)
    assert proposal.stopped is not None and "1 of 2" in proposal.stopped["reason"]
    signed(proposal, DAN)
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped


def test_a_call_that_fails_meanwhile_stops_before_it_costs_anything(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose())
    rpc, guardian = helix.devnet.rpc, helix.guardian.address
    rpc("anvil_impersonateAccount", guardian)
    rpc("anvil_setBalance", guardian, hex(10**18))
    rpc("eth_sendTransaction", {"from": guardian, "to": helix.vault.address, "data": "0x8456cb59"})
    rpc("evm_mine")
    execute(proposal=proposal, actor="user:1")
    run(helix, 3)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("failed", None)
    assert proposal.stopped is not None and proposal.stopped["code"] == "would-fail"


def test_a_later_nonce_waits_its_turn(helix: World, executor: Executor) -> None:
    later = signed(helix.propose({"to": DAN.address, "value": "0", "data": "0x"}, nonce=1, auto_execute=True))
    run(helix, 2)
    later.refresh_from_db()
    assert later.status == "ready"
    assert Work.objects.get(kind="governance.execute").status == "waiting"
    first = signed(helix.propose(auto_execute=True))
    assert first.nonce == 0
    run(helix)
    waits = Work.objects.filter(kind="governance.execute", subject=later.subject)
    waits.update(status="running", lease_until=timezone.now() + timedelta(hours=1))  # it has just read the old nonce
    refresh(safe=helix.guardian)
    settle()
    assert waits.get().woken
    waits.update(status="queued", lease_until=None, run_at=timezone.now())
    run(helix, until=later)
    later.refresh_from_db()
    assert later.status == "executed", later.stopped


def test_a_rejection_supersedes_the_other(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose())
    empty = signed(reject(proposal=proposal, actor="user:1"))
    run(helix, until=empty)
    refresh(safe=helix.guardian)
    run(helix, 3)
    empty.refresh_from_db()
    proposal.refresh_from_db()
    assert (empty.status, proposal.status) == ("executed", "superseded")
    assert helix.devnet.rpc.call(helix.vault.address, calldata("paused()"))[-1] == 0


def test_executed_by_somebody_else_is_executed(helix: World, executor: Executor) -> None:
    from integrations.safe.contracts import exec_transaction_data
    from integrations.safe.signatures import assemble, parse

    proposal = signed(helix.propose())
    rows = [parse(bytes(row.signature), proposal.safe_tx_hash) for row in proposal.confirmations.all()]
    data = exec_transaction_data(proposal.safe_tx, assemble(rows))
    rpc = helix.devnet.rpc
    rpc("eth_sendTransaction", {"from": DAN.address, "to": helix.guardian.address, "data": "0x" + data.hex()})
    rpc("evm_mine")
    refresh(safe=helix.guardian)
    run(helix, 3)
    proposal.refresh_from_db()
    assert proposal.status == "executed"
    assert proposal.outcome is not None and proposal.outcome["elsewhere"]


def plan_of(helix: World, **changes: Any) -> Plan:
    where = {"chain_id": helix.chain.chain_id, "address": helix.guardian.address}
    document = {
        "kind": "playbook",
        "environment": "drill",
        "chains": [helix.chain.chain_id],
        "steps": [{"id": "pause", "type": "safe", "params": {"safe": where, "calls": [helix.pause]}}],
        **changes,
    }
    scope = open_scope(kind="incident", title="a drill", actor="user:1")
    return create_plan(document=document, scope=scope, actor="user:1")


def test_a_plans_proposal_is_made_once_and_executes_by_itself(helix: World, executor: Executor) -> None:
    plan = plan_of(helix)
    proposal = helix.propose(plan=plan, step_id="pause")
    assert helix.propose(plan=plan, step_id="pause") == proposal
    assert proposal.scope == plan.scope
    signed(proposal)
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped


def test_only_what_the_plan_contains_is_proposed(helix: World) -> None:
    plan = plan_of(helix)
    with pytest.raises(Refused, match="does not contain exactly"):
        helix.propose({**helix.pause, "data": "0x3f4ba83a"}, plan=plan, step_id="pause")
    with pytest.raises(Refused, match="another Safe"):
        helix.propose(safe=helix.safe_of("1.4.1"), plan=plan, step_id="pause")
    assert not Proposal.objects.exists()


def test_a_drill_does_not_touch_a_live_chain(helix: World) -> None:
    type(helix.chain).objects.update(kind="live")
    helix.guardian.chain.refresh_from_db()
    with pytest.raises(Refused, match="live chain"):
        helix.propose(plan=plan_of(helix), step_id="pause")


def test_an_emergency_does_not_queue_behind_what_nobody_signs(helix: World) -> None:
    idle = helix.propose({"to": DAN.address, "value": "0", "data": "0x"})
    urgent = helix.propose(plan=plan_of(helix), step_id="pause")
    assert (idle.nonce, urgent.nonce) == (0, 0)
    assert helix.propose({"to": ERIN.address, "value": "0", "data": "0x"}).nonce == 1


def test_predicted_and_actual_are_compared_by_cause() -> None:
    a, slot = CAROL.address, "0x" + "0" * 63
    predicted = [{"address": a, "field": slot + str(n), "before": "1", "after": "2"} for n in range(4)]
    actual = [
        Change(a, slot + "0", "1", "2"),
        Change(a, slot + "1", "7", "8"),  # somebody else moved it before
        Change(a, slot + "2", "1", "3"),  # depends on the time
        Change(a, slot + "9", "0", "5"),  # was never predicted
    ]
    retimed = [Change(a, slot + "2", "1", "3")]
    found = {(one.field[-1], one.kind) for one in compare(predicted, actual, retimed)}
    assert found == {("1", "moved"), ("2", "timed"), ("3", "difference"), ("9", "difference")}
    word, thief = f"0x{9:x}", f"0x{2**100:x}"
    kinds = lambda *args: [one.kind for one in compare(*args)]  # noqa: E731
    one = {"address": a, "field": "0x1", "before": "0x1", "after": "0x2"}
    assert kinds([one], [Change(a, "0x1", word, thief)]) == ["difference"]  # moved before us, and not as predicted
    assert kinds([one], [Change(a, "0x1", word, "0x2")]) == ["moved"]
    assert kinds([one], [Change(a, "0x1", word, "0xa")]) == ["moved"]  # a counter that others moved too
    put_back = [Change(a, "0x1", word, "0x1")]
    assert kinds([], put_back) == ["difference"]
    assert kinds([], put_back, None, {(a, "0x1"): "0x1"}) == ["moved"]
    assert kinds([one], [], None, {(a, "0x1"): "0x2"}) == ["moved"]
    assert kinds([one], [], None, {(a, "0x1"): "0x1"}) == ["difference"]


def test_without_an_executor_it_says_so_and_a_person_tries_again(helix: World) -> None:
    proposal = signed(helix.propose(auto_execute=True))
    run(helix, 2)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.transaction) == ("ready", None)
    assert proposal.stopped is not None and proposal.stopped["code"] == "no-executor"
    make_executor(helix.chain, helix.devnet.rpc)
    execute(proposal=proposal, actor="user:1")
    execute(proposal=proposal, actor="user:1")
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert (proposal.status, proposal.stopped) == ("executed", None)
    assert proposal.transaction is not None and proposal.transaction.attempts.count() == 1


def test_a_reorg_takes_it_back_and_it_is_executed_again(helix: World, executor: Executor) -> None:
    proposal = signed(helix.propose(auto_execute=True))
    run(helix, until=proposal)
    proposal.refresh_from_db()
    assert proposal.status == "executed", proposal.stopped
    first = (proposal.outcome or {})["block_hash"]
    rpc = helix.devnet.rpc
    rpc("anvil_reorg", 3, [])
    rpc("anvil_setBalance", executor.address, hex(10**19))  # the reorg took its ether as well
    for _ in range(40):  # the same bytes are sent again after about a block's time
        run(helix, 1)
        proposal.refresh_from_db()
        if proposal.status == "executed" and (proposal.outcome or {})["block_hash"] != first:
            break
        time.sleep(0.1)
    assert proposal.status == "executed", proposal.stopped
    assert (proposal.outcome or {})["block_hash"] != first
    assert verbs(proposal)[-3:] == ["proposal.executed", "proposal.executing", "proposal.executed"]
    assert rpc.call(helix.vault.address, calldata("paused()"))[-1] == 1
