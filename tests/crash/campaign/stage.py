"""The campaign's own world inside the stack, and the runs it orders. Imported once Django knows the stack."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import Q

from governance.protocols.models import Contract, Protocol
from integrations.chain.executors import add_executor
from integrations.chain.models import Chain, Endpoint, Executor
from integrations.chain.transactions.models import Transaction
from integrations.devnet.anvil import Anvil
from integrations.devnet.rpc import Rpc
from ledger import Refused, StaleTransition
from notify.audiences.services import add_audience, add_destination
from notify.deliveries.models import Delivery
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import retry_step, skip_step, start_run
from tests.crash.campaign import books
from tests.crash.campaign.owners import Offer
from tests.people import person
from tests.workers import until
from work.models import Work

ARTIFACT = Path(__file__).resolve().parents[3] / "integrations/devnet/artifacts/Tally.json"
EXECUTORS = 4
FINALITY = 5
"""Blocks; the reorgs of the campaign are shallower, as a chain's finality promises."""


@dataclass(frozen=True, slots=True)
class Stage:
    chain: Chain
    tally: str
    executors: tuple[Executor, ...]
    versions: Mapping[str, PlaybookVersion]
    protocol: Protocol
    actor: str
    orders: Path
    unsure: list[int] = field(default_factory=list)

    def order(self, number: int, kind: str) -> int:
        """One run of a kind, written down for the judge before it is started. Its database number."""
        book = books.BOOKS[kind]
        keys = {name: number * 100 + place for place, name in enumerate(book.chain, start=1)}
        line = {
            "run": number,
            "kind": kind,
            "chain": [keys[name] for name in book.done_on_chain],
            "sink": [f"r{number}-{deed}" for deed in book.sink],
        }
        with self.orders.open("a") as out:
            out.write(json.dumps(line) + "\n")
        inputs = {"number": f"r{number}", "tally": self.tally, **{name: str(key) for name, key in keys.items()}}
        inputs |= book.answers
        while (run := self._start(number, kind, inputs)) is None:
            until(answers, "the database does not come back", 90)
        return run.pk

    def _start(self, number: int, kind: str, inputs: Mapping[str, str]) -> Run | None:
        """None: the database went away; whether it was started first is looked up the next time."""
        with suppress(DatabaseError, InterfaceError):
            found = Run.objects.filter(plan__document__contains=f'"value":"r{number}"').first() if self.unsure else None
            self.unsure.append(number)
            run = found or start_run(
                playbook=self.versions[kind], inputs=inputs, scope=None, actor=self.actor, protocol=self.protocol
            )
            self.unsure.clear()
            return run
        return None


def set_up(anvil: Anvil, endpoints: Sequence[str], folder: Path, sink: str) -> Stage:
    chain = Chain.objects.create(
        chain_id=anvil.chain_id,
        name="Campaign",
        short_name="campaign",
        kind="devnet",
        block_time=1,
        confirmations=1,
        finality_depth=FINALITY,
        stuck_after=20,
    )
    for number, url in enumerate(endpoints):
        Endpoint.objects.create(chain=chain, url=url, label=f"proxied {number}", timeout=3)
    tally = deploy(anvil.rpc)
    executors = []
    for number in range(EXECUTORS):
        executor = add_executor(chain=chain, label=f"executor {number}", environment="devnet", actor="system:campaign")
        anvil.rpc("anvil_setBalance", executor.address, hex(10**21))
        executors.append(executor)
    protocol = Protocol.objects.create(slug="campaign", name="Campaign")
    Contract.objects.create(
        protocol=protocol, chain=chain, address=tally, name="Tally", role="router", abi=artifact()["abi"]
    )
    audience = add_audience(slug="campaign", name="Campaign", kind="outside", actor="system:campaign")
    add_destination(
        channel="email",
        config={"address": "judge@example.org"},
        audience=audience,
        actor="system:campaign",
        pause=1,  # all runs write to one address
    )
    versions = {name: save_version(yaml=book.yaml(sink), actor="system:campaign") for name, book in books.BOOKS.items()}
    orders = folder / "orders.jsonl"
    head = {"tally": tally, "executors": [executor.address for executor in executors]}
    orders.write_text(json.dumps(head) + "\n")
    actor = person("kim", "commander").actor
    return Stage(chain, tally, tuple(executors), versions, protocol, actor, orders)


def artifact() -> Any:
    return json.loads(ARTIFACT.read_bytes())


def deploy(rpc: Rpc) -> str:
    """By one of Anvil's own accounts."""
    sender = rpc("eth_accounts")[0]
    sent = rpc("eth_sendTransaction", {"from": sender, "data": artifact()["bytecode"]})
    end = time.monotonic() + 20
    while (receipt := rpc("eth_getTransactionReceipt", sent)) is None:
        if time.monotonic() > end:
            raise RuntimeError("the tally was not deployed")
        time.sleep(0.1)
    return str(receipt["contractAddress"])


OVER = ("done", "failed", "aborted", "rolled_back")


def moving() -> int:
    """Runs, transactions, copies of messages and the work on them that have not come to an end.

    A copy that went out with another one has arrived before its own work hears of it.
    """
    runs = Run.objects.exclude(status__in=OVER).count()
    sent = Transaction.objects.exclude(Q(status__in=("final", "refused", "dropped", "failed", "unknown"))).count()
    copies = Delivery.objects.filter(status=Delivery.State.QUEUED).count()
    return runs + sent + copies + Work.objects.filter(status__in=Work.OPEN, kind__in=KINDS).count()


def runs_open() -> int:
    return Run.objects.exclude(status__in=OVER).count()


def decide(taken: set[str], actor: str) -> Counter[str]:
    """A person whom a run asks what became of a request looks at the receiver, as the step tells them to."""
    decided: Counter[str] = Counter()
    steps = StepRun.objects.filter(status="unknown", type="http", run__status="paused").select_related("run__plan")
    for step in steps:
        params = step.run.plan.data()["steps"][step.position - 1]["params"]
        with suppress(Refused, StaleTransition):
            if params["url"].rpartition("/")[2] in taken:
                skip_step(step=step, actor=actor, reason="the receiver has it")
                decided["skipped, since the receiver had it"] += 1
            else:
                retry_step(step=step, actor=actor, reason="the receiver does not have it")
                decided["tried again, since the receiver had nothing"] += 1
    return decided


def record_says(ordered: Mapping[int, str], offers: Iterable[Offer]) -> Iterator[str]:
    """What our own record says otherwise than it should; the judge does not hear of it."""
    close_old_connections()
    for run in Run.objects.all():
        kind = ordered.get(run.pk)
        wanted = books.BOOKS[kind].ends if kind else "nothing"
        if run.status != wanted:
            steps = [(s.step_id, s.status, s.reason) for s in run.steps.exclude(status__in=("done", "skipped"))]
            yield f"run {run.pk} ({kind}) is {run.status}, not {wanted}: {steps}"
    rivals = [f"proposal:{offer.pk}" for offer in offers if offer.must == "either"]
    for tx in Transaction.objects.exclude(status="final").exclude(status__in=("failed", "refused"), about__in=rivals):
        yield f"{tx} {tx.reason} {tx.known}"
    for offer in offers:
        status = offer.row.status
        if offer.must != "either" and (offer.must == "once") != (status == "executed"):
            yield f"proposal {offer.pk}, to be executed {offer.must}, is {status}: {offer.row.stopped}"
    for row in Work.objects.filter(status__in=(*Work.OPEN, "failed", "unknown"), kind__in=KINDS):
        yield f"work {row}: {row.error}"


KINDS = ("runbooks.step", "chain.transaction", "notify.delivery", "governance.execute", "governance.outcome")


def lost_claims() -> Counter[str]:
    """How many claims were taken over from a dead worker, by kind of work."""
    from work.models import Attempt

    return Counter(Attempt.objects.filter(outcome="lost").values_list("work__kind", flat=True))


def answers() -> bool:
    """Whether the database does."""
    try:
        close_old_connections()
        Run.objects.exists()
    except (DatabaseError, InterfaceError):
        return False
    return True
