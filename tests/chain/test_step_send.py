"""The send step on a real chain: an executor's call, what it may not do, and every way it can end."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from accounts.approvals.models import Approval
from accounts.approvals.services import give, take_back
from governance.protocols.models import Contract, Protocol
from integrations.chain.abi import encode_call
from integrations.chain.executors import add_executor
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import resolve
from integrations.devnet.anvil import Anvil
from ledger.errors import Invalid
from ledger.models import Event
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import retry_step, skip_step, start_run
from tests.chain.transactions import COUNTER, count, foreign, make_chain, make_executor, put_counter
from tests.drain import settle
from tests.people import person
from tests.receiver import answer, receiver
from tests.rehearsed import taken
from work import leases

pytestmark = pytest.mark.django_db(transaction=True)
YAML = """\
playbook: count
title: Count once
summary: One call of an executor.
inputs:
  counter: {type: contract}
steps:
  - id: count
    send: {executor: first, on: "${{ inputs.counter }}", call: "count()"}
    retry: {attempts: 3, delay: 0s}
"""
GUARDED = "0x" + "9a" * 20
# reverts with Error("only the guardian may") for everybody
GUARDED_CODE = (
    "0x"
    + "7f08c379a0"
    + "00" * 28
    + "5f5260206004526015602452"
    + "74"
    + b"only the guardian may".hex()
    + "60581b604452"
    + "60645ffd"
)


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def chain(anvil: Anvil) -> Chain:
    put_counter(anvil.rpc)
    anvil.rpc("anvil_setCode", GUARDED, GUARDED_CODE)
    made = make_chain(anvil.url)
    protocol = Protocol.objects.create(slug="p", name="P")
    for name, address in (("Counter", COUNTER), ("Guarded", GUARDED)):
        Contract.objects.create(protocol=protocol, chain=made, address=address, name=name, role="vault")
    return made


@pytest.fixture
def executor(chain: Chain, anvil: Anvil) -> Executor:
    return make_executor(chain, anvil.rpc)


def start(target: str = COUNTER, yaml: str = YAML, **kw: Any) -> Run:
    version = save_version(yaml=yaml, actor="user:1")
    run = start_run(playbook=version, inputs={"counter": target}, scope=None, **{"actor": "user:1", **kw})
    if not kw.get("hold"):
        settle()
    return run


def work_on(anvil: Anvil, rounds: int = 6, mine: bool = True) -> None:
    """What workers, the linker and blocks do by themselves."""
    for _ in range(rounds):
        settle()
        if mine:
            anvil.rpc("evm_mine")
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE work_work SET run_at = now() WHERE status IN ('queued', 'waiting') AND run_at IS NOT NULL"
            )
    settle()


def step() -> StepRun:
    return StepRun.objects.select_related("run").get()


def test_it_sends_once_and_is_done_when_the_chain_has_it(chain: Chain, executor: Executor, anvil: Anvil) -> None:
    run = start()
    waited = Event.objects.get(subject=step().subject, verb="step.waiting")
    assert (waited.after or {})["for"] == Transaction.objects.get().subject, "a slow machine may be past it by now"
    params = run.plan.parsed().steps[0].params
    assert params["executor"] == {"label": "first", "address": executor.address}
    work_on(anvil)
    sent = Transaction.objects.get()
    assert (step().status, step().run.status, count(anvil.rpc)) == ("done", "done", 1)
    assert step().output["transaction_hash"] == sent.hash and step().output["block"] == str(sent.block_number)
    assert step().proof == f"mined in block {sent.block_number}" and sent.key == f"{step().subject}:1"


def test_what_it_may_not_do_is_said_before_anything_is_signed(chain: Chain, executor: Executor) -> None:
    start(GUARDED)
    assert step().reason == "first cannot do this now: only the guardian may"
    assert step().status == "failed" and not Transaction.objects.exists()


def test_another_key_under_the_label_is_not_what_was_approved(chain: Chain, executor: Executor, anvil: Anvil) -> None:
    run = start(GUARDED)
    Executor.objects.filter(pk=executor.pk).update(label="old")
    other = make_executor(chain, anvil.rpc)
    retry_step(step=step(), actor="system:test")
    settle()
    assert step().reason == f"first is now {other.address}; approved was {executor.address}"
    Executor.objects.filter(pk=other.pk).update(label="else")
    retry_step(step=step(), actor="system:test")
    settle()
    assert step().reason == "there is no executor first any more" and run.steps.count() == 1


def test_a_disabled_executor_sends_nothing(chain: Chain, executor: Executor) -> None:
    start(GUARDED)
    Executor.objects.filter(pk=executor.pk).update(enabled=False)
    with pytest.raises(Invalid, match="there is no executor first on chain"):
        start()


def test_an_unknown_label_does_not_compile(chain: Chain, executor: Executor) -> None:
    add_executor(chain=chain, label="keeper", environment="drill", actor="user:1")
    with pytest.raises(Invalid, match="there is no executor nobody on chain 731337; there is first, keeper"):
        start(yaml=YAML.replace("executor: first", "executor: nobody"))


def test_a_transaction_that_reverts_fails_the_step_with_the_reason(
    chain: Chain, executor: Executor, anvil: Anvil
) -> None:
    anvil.rpc("evm_setAutomine", False)
    start()
    work_on(anvil, rounds=3, mine=False)
    anvil.rpc("anvil_setCode", COUNTER, GUARDED_CODE)  # somebody was faster
    work_on(anvil)
    anvil.rpc("evm_setAutomine", True)
    assert step().status == "failed" and "reverted in block" in step().reason
    assert "only the guardian may" in step().reason
    put_counter(anvil.rpc)
    retry_step(step=step(), actor="system:test")
    work_on(anvil)
    assert (step().status, Transaction.objects.count(), count(anvil.rpc)) == ("done", 2, 1)


def test_a_foreign_nonce_is_unknown_and_a_retry_makes_no_second_one(
    chain: Chain, executor: Executor, anvil: Anvil
) -> None:
    anvil.rpc("evm_setAutomine", False)
    start()
    work_on(anvil, rounds=1, mine=False)
    sent = Transaction.objects.get()
    anvil.rpc("anvil_dropTransaction", sent.hash)
    foreign(anvil.rpc, executor, 0, tip=50 * 10**9)
    anvil.rpc("evm_setAutomine", True)
    for _ in range(8):
        work_on(anvil, rounds=2)
        if step().status == "unknown":
            break
        threading.Event().wait(0.4)
    assert (step().status, step().run.status) == ("unknown", "paused")
    assert "give-up" in step().output["choices"]
    retry_step(step=step(), actor="system:test")
    settle()
    assert step().status == "unknown" and Transaction.objects.count() == 1
    resolve(transaction=Transaction.objects.get(), choice="give-up", actor="user:1")
    settle()
    assert (step().status, step().run.status) == ("failed", "failed")
    retry_step(step=step(), actor="system:test")
    work_on(anvil)
    assert (step().status, Transaction.objects.count(), count(anvil.rpc)) == ("done", 2, 1)


def test_a_reorg_takes_the_proof_back_and_the_same_bytes_are_sent_again(
    chain: Chain, executor: Executor, anvil: Anvil
) -> None:
    Chain.objects.filter(pk=chain.pk).update(finality_depth=50)
    anvil.rpc("evm_mine")
    start()
    work_on(anvil, rounds=2)
    assert step().status == "done"
    first = Transaction.objects.get()
    depth = int(anvil.rpc("eth_blockNumber"), 16) - (first.block_number or 0) + 1
    anvil.rpc("anvil_reorg", depth, [])
    assert count(anvil.rpc) == 0
    work_on(anvil)
    assert (step().status, step().attempt, step().run.status) == ("done", 2, "done")
    assert Transaction.objects.count() == 1 and count(anvil.rpc) == 1
    assert Transaction.objects.get().block_hash != first.block_hash


TWICE = """\
playbook: twice
title: At the end, twice
summary: What always runs is sent anew when the run has gone on.
inputs:
  counter: {type: contract}
  guarded: {type: contract}
steps:
  - id: forbidden
    send: {executor: first, on: "${{ inputs.guarded }}", call: "count()"}
finally:
  - id: hand_back
    send: {executor: first, on: "${{ inputs.counter }}", call: "count()"}
"""


def test_what_always_runs_is_sent_again_when_the_run_has_gone_on(
    chain: Chain, executor: Executor, anvil: Anvil
) -> None:
    """The first one is mined; the second must not be taken for it."""
    version = save_version(yaml=TWICE, actor="user:1")
    given = {"counter": COUNTER, "guarded": GUARDED}
    run = start_run(playbook=version, inputs=given, scope=None, actor="user:1")
    work_on(anvil)
    assert (Run.objects.get().status, count(anvil.rpc)) == ("failed", 1)
    skip_step(step=run.steps.get(step_id="forbidden"), actor="system:test", reason="it was done by hand")
    work_on(anvil)
    last = run.steps.get(step_id="hand_back")
    assert (Run.objects.get().status, count(anvil.rpc), Transaction.objects.count()) == ("done", 2, 2)
    assert (last.since, last.output["transaction"]) == (2, Transaction.objects.order_by("-pk")[0].pk)


def test_a_drill_reaches_no_live_chain(chain: Chain, executor: Executor) -> None:
    run = start(GUARDED, environment="drill")
    Chain.objects.filter(pk=chain.pk).update(kind="live")
    retry_step(step=step(), actor="system:test")
    settle()
    assert "cannot be reached from a drill" in step().reason and run.environment == "drill"
    assert not Transaction.objects.exists()


CARRIED = """\
playbook: carried
title: Values are carried
summary: What an API and the chain answer goes into a call, a message and the next request.
inputs:
  counter: {type: contract}
steps:
  - id: ask
    http: {url: "URL/limit", extract: {limit: {path: limit, type: uint256, maximum: "1000"}}}
  - id: look
    check:
      reads: {height: {on: "${{ inputs.counter }}", call: height() returns (uint64)}}
      that: height >= ${{ steps.ask.limit }}
  - id: send
    send:
      executor: first
      on: ${{ inputs.counter }}
      call: setLimit(uint256 limit, uint64 height)
      args: ["${{ steps.ask.limit }}", "${{ steps.look.height }}"]
  - id: tell
    http:
      method: POST
      url: URL/done/${{ steps.ask.limit }}
      body:
        hash: ${{ steps.send.transaction_hash }}
        text: limit ${{ steps.ask.limit }} in ${{ steps.send.block }}
"""


def test_typed_values_are_carried_into_calls_conditions_and_requests(
    chain: Chain, executor: Executor, anvil: Anvil, settings: Any
) -> None:
    # answers 9 to a read; counts only calls of setLimit(7, 9)
    call = encode_call("setLimit(uint256 limit, uint64 height)", "", ["7", "9"])
    with receiver() as there:
        settings.OUTGOING_ALLOW = [there.place]
        there.script = [answer(200, {"limit": 7})]
        anvil.rpc("anvil_setCode", COUNTER, "0x60095f5260205ff3")
        version = save_version(yaml=CARRIED.replace("URL", there.url), actor="user:1")
        run = start_run(playbook=version, inputs={"counter": COUNTER}, scope=None, actor="user:1")
        planned = {step.id: step.params for step in run.plan.parsed().steps}
        assert planned["send"]["call"]["data"]["$call"] == "setLimit(uint256 limit, uint64 height)"
        assert run.plan.document.count('"maximum":"1000"') >= 1, "the bounds stand in the approved plan"
        work_on(anvil)
        assert Run.objects.get(pk=run.pk).status == "done"
        sent = Transaction.objects.get()
        assert bytes(sent.data) == call
        posted = there.received[-1]
        assert posted.path == "/done/7"
        assert posted.json() == {"hash": sent.hash, "text": f"limit 7 in {sent.block_number}"}


def test_a_value_beyond_what_was_approved_stops_before_the_call(
    chain: Chain, executor: Executor, anvil: Anvil, settings: Any
) -> None:
    with receiver() as there:
        settings.OUTGOING_ALLOW = [there.place]
        there.otherwise = answer(200, {"limit": 1001})
        version = save_version(yaml=CARRIED.replace("URL", there.url), actor="user:1")
        run = start_run(playbook=version, inputs={"counter": COUNTER}, scope=None, actor="user:1")
        settle()
        assert "limit is 1001, above 1000" in run.steps.get(step_id="ask").reason
        assert Run.objects.get(pk=run.pk).status == "failed" and not Transaction.objects.exists()


def test_it_is_rehearsed_as_the_account_that_the_plan_names(chain: Chain, executor: Executor, anvil: Anvil) -> None:
    passed = taken(start(hold=True))
    assert passed.report is not None and passed.report["steps"][0]["result"] == "passed", passed.report
    refused = taken(start(GUARDED, hold=True))
    assert refused.status == "failed" and "first cannot do this: " in refused.reason
    assert "only the guardian may" in refused.reason and not Transaction.objects.exists()


ASKED = YAML.replace(
    "steps:",
    """steps:
  - id: ask
    approve: {question: Count now?}""",
)


def test_a_yes_taken_back_while_it_waits_for_its_executor_stops_it(
    chain: Chain, executor: Executor, anvil: Anvil
) -> None:
    """It has no nonce yet, so nothing is burnt; whoever wants it after all has it approved anew and tries again."""
    anvil.rpc("anvil_setBalance", executor.address, "0x0")
    starter, ana = person("val", "commander"), person("ana", "commander")
    run = start(yaml=ASKED, actor=starter.actor)
    give(approval=Approval.objects.get(), user=ana)
    work_on(anvil, 2)
    assert Transaction.objects.get().status == "queued"
    take_back(approval=Approval.objects.get(), user=ana)
    anvil.rpc("anvil_setBalance", executor.address, hex(10**18))
    work_on(anvil)
    held = run.steps.get(step_id="count")
    assert held.reason == "nothing was sent: the approval “Count now?” no longer holds"
    assert (Transaction.objects.get().nonce, count(anvil.rpc)) == (None, 0)
    give(approval=Approval.objects.get(), user=person("ben", "commander"))
    retry_step(step=held, actor="system:test")
    work_on(anvil)
    assert (Run.objects.get().status, count(anvil.rpc)) == ("done", 1)
