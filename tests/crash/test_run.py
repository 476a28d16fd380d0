"""`kill -9` of the Celery worker in the middle of a whole emergency: the pause is mined once and the run is finished.

A private stack without a worker, a real incident and its commander's run, two real signatures over HTTP; the worker is
a real Celery process that kills itself at a named point, and a healthy one follows: each with the options of the
command that `up` runs, forked by a parent that has everything imported. The judges are the chain, the mails that
arrived, and the ledger.
"""

import email
import email.policy
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from eth_account import Account
from eth_utils.crypto import keccak

from integrations.devnet.chain import CAROL, DAN
from integrations.devnet.deploy import describe
from integrations.devnet.deployment import Deployment
from integrations.devnet.keys import EXECUTOR_ADDRESS
from integrations.devnet.rpc import Rpc
from tests.crash.worker import Worker, celery_workers
from tests.stack import Stack, running
from work.models import Work

pytestmark = pytest.mark.timeout(300)
EXECUTED = "0x" + keccak(text="ExecutionSuccess(bytes32,uint256)").hex()
TITLE, SIGNERS = "The feed stands still", ("carol", "dan", "erin")
STEPS = {"confirm": "done", "pause": "done", "verify": "done", "tell": "done"}
# The two of a transaction's way that matter most; then one run that loses a worker again and again around them.
KILLS = (
    ("tx.stored",),
    ("tx.broadcast",),
    ("step.acted:2", "execute.handed", "tx.receipt", "outcome.read", "delivery.accepted"),
)


def until(what: Callable[[], Any], why: str | Callable[[], str], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"not within {seconds} s: {why() if callable(why) else why}"
        time.sleep(0.1)
    return found


class Person(requests.Session):
    """Somebody's browser, without the drawing."""

    def __init__(self, stack: Stack, name: str) -> None:
        super().__init__()
        self.base = stack.url
        page = self.get(f"{self.base}/accounts/login/", timeout=20).text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        form = {"login": name, "password": "breakglass-demo", "csrfmiddlewaretoken": token[1]}
        self.post(f"{self.base}/accounts/login/", form, headers=self._own(), timeout=20).raise_for_status()

    def _own(self) -> dict[str, str]:
        return {"X-CSRFToken": str(self.cookies.get("csrftoken")), "Referer": f"{self.base}/"}

    def read(self, path: str) -> Any:
        answer = super().get(f"{self.base}/api/v1/{path}", timeout=20)
        answer.raise_for_status()
        return answer.json()

    def do(self, path: str, **body: Any) -> Any:
        answer = super().post(f"{self.base}/api/v1/{path}", json=body, headers=self._own(), timeout=30)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()


class World:
    """The stack, the people, and the chain as a stranger sees it."""

    def __init__(self, stack: Stack, start_worker: Callable[[str], Worker]) -> None:
        self.start_worker = start_worker
        self.stack, self.rpc = stack, Rpc(stack.runtime["DEVNET_RPC_URL"])
        self.chain: Deployment = describe(self.rpc)
        self.executor = EXECUTOR_ADDRESS
        self.ana, self.carol, self.dan = (Person(stack, name) for name in ("ana", "carol", "dan"))

    @contextmanager
    def worker(self, crash_at: str = "") -> Iterator[Worker]:
        process = self.start_worker(crash_at)
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    def dies(self, victim: Worker, point: str, run: Any) -> None:
        """At the point, by its own hand, while the run is under way."""
        until(lambda: victim.poll() is not None, lambda: f"never at {point}: {self.said(run)}", 60)
        assert victim.returncode == -signal.SIGKILL, point
        assert self.ana.read(f"runs/{run['id']}/")["status"] in ("running", "done"), point

    def begin(self) -> Any:
        """An incident of a commander, and the run in it."""
        incident = self.ana.do("incidents/", title=TITLE, severity="SEV1", protocol="helix")
        self.ana.do(f"incidents/{incident['id']}/take/")
        feed = self.chain.feeds[0]
        inputs = {
            "feed": feed.address,
            "heartbeat": f"{feed.heartbeat}s",
            "vault": self.chain.vault,
            "guardian": self.chain.guardian_safe,
        }
        return self.ana.do(f"incidents/{incident['id']}/runs/", playbook="pause-on-stale-oracle", inputs=inputs)

    def sign(self, run: Any) -> Any:
        """Both owners, as soon as there is something to sign."""
        found = until(lambda: self.proposals(run), lambda: f"no proposal: {self.said(run)}")[0]
        for person, key in ((self.carol, CAROL.key), (self.dan, DAN.key)):
            signed = Account.unsafe_sign_hash(bytes.fromhex(found["hashes"]["safe_tx"][2:]), key)
            person.do(f"proposals/{found['id']}/confirmations/", signature="0x" + bytes(signed.signature).hex())
        return found

    def proposals(self, run: Any) -> list[Any]:
        every = self.ana.read("proposals/")["results"]
        return [one for one in every if one["plan"] == run["plan"] and one["status"] != "draft"]

    def over(self, run: Any) -> Any:
        """The run, once nothing of it moves by itself any more."""
        now = self.ana.read(f"runs/{run['id']}/")
        return now if now["status"] in ("done", "failed", "paused", "aborted") else None

    def said(self, run: Any) -> str:
        """Where it stands, for whoever reads why a test failed."""
        steps = [(one["step_id"], one["status"], one["reason"]) for one in self.ana.read(f"runs/{run['id']}/")["steps"]]
        proposals = [(one["status"], one["stopped"], one["nonce"]) for one in self.proposals(run)]
        log = self.stack.state_dir.with_name("worker.log").read_text(errors="replace")
        return f"{steps} {proposals} {log[-3000:]}"

    def events(self, verb: str, run: Any) -> list[str]:
        """What it happened to, in the run's scope."""
        found = self.ana.read(f"events/?verb={verb}&scope={run['scope']}")["results"]
        return [event["subject"] for event in found]

    def nonce(self) -> int:
        return int.from_bytes(self.rpc.call(self.chain.guardian_safe, bytes.fromhex("affed0e0")))

    def sent(self, since: int) -> list[Any]:
        """What the executor had mined to the Safe; it also anchors the record now and then."""
        numbers = range(since, self.rpc.block_number() + 1)
        blocks = self.rpc.batch([("eth_getBlockByNumber", (hex(number), True)) for number in numbers])
        found = [tx for block in blocks for tx in block["transactions"]]
        ends = self.executor.lower(), self.chain.guardian_safe.lower()
        return [tx for tx in found if (tx["from"].lower(), (tx["to"] or "").lower()) == ends]

    def executions(self, since: int) -> list[Any]:
        where = {"address": self.chain.guardian_safe, "fromBlock": hex(since), "topics": [EXECUTED]}
        return list(self.rpc("eth_getLogs", where))

    def letters(self) -> set[Path]:
        return set((self.stack.state_dir / "mail").glob("*.eml"))

    def arrived(self, before: set[Path], proposal: Any) -> dict[str, str]:
        """Subject and receiver of each new mail by its Message-ID, once everybody has one and a moment has passed."""
        until(lambda: {_head(path)[1] for path in self.letters() - before} >= self.expected(proposal), "mails", 20)
        time.sleep(1)
        wanted = self.expected(proposal)
        return {name: head for name, head in map(_head, self.letters() - before) if head in wanted}

    def expected(self, proposal: Any) -> set[str]:
        everybody = {f"SEV1 {TITLE} > {name}@helix.example" for name in ("ana", "ben", "carol", "dan", "erin")}
        signers = {f"Sign: {proposal['title']} (Guardian Safe) > {name}@helix.example" for name in SIGNERS}
        return everybody | signers | {"HelixVault is paused > partners@helix.example"}

    def calm(self) -> None:
        """Unpause as only the protocol's own roles could, so that the next run has something to do."""
        admin = self.chain.timelock
        self.rpc("anvil_impersonateAccount", admin)
        self.rpc("anvil_setBalance", admin, hex(10**18))
        sent = self.rpc("eth_sendTransaction", {"from": admin, "to": self.chain.vault, "data": "0x3f4ba83a"})
        until(lambda: self.rpc("eth_getTransactionReceipt", sent), "unpause was not mined")
        assert not self.paused()

    def paused(self) -> bool:
        return self.rpc.call(self.chain.vault, bytes.fromhex("5c975abb"))[-1] == 1


def _head(path: Path) -> tuple[str, str]:
    letter = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    return str(letter["Message-ID"]), f"{letter['Subject']} > {letter['X-To']}"


def open_work(stack: Stack) -> int:
    """Asked of the database itself: a `manage.py` for each look would take longer than the work."""
    with psycopg.connect(stack.runtime["DATABASE_URL"]) as db:
        found = db.execute(
            "SELECT count(*) FROM work_work WHERE status = ANY(%s)", [[str(status) for status in Work.OPEN]]
        ).fetchone()
    assert found
    return int(found[0])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running("--without", "worker,watch") as stack, celery_workers(stack) as start_worker:
        found = World(stack, start_worker)
        with found.worker():  # the demo's own work, an anchored record among it, must not meet the points first
            until(lambda: open_work(stack) == 0, "the demo's work does not end", 90)
        stack.fault("stale-feed")
        yield found


@pytest.mark.parametrize("points", KILLS, ids=" ".join)
def test_killed_in_the_middle_the_emergency_ends_well(world: World, points: tuple[str, ...]) -> None:
    nonce, letters, block = world.nonce(), world.letters(), world.rpc.block_number() + 1
    run = world.begin()
    with world.worker(points[0]) as victim:
        proposal = world.sign(run)
        world.dies(victim, points[0], run)
    for point in points[1:]:
        with world.worker(point) as victim:
            world.dies(victim, point, run)
    with world.worker():
        run = until(lambda: world.over(run), lambda: f"not over: {world.said(run)}")
        arrived = world.arrived(letters, proposal)

    assert (run["status"], {step["step_id"]: step["status"] for step in run["steps"]}) == ("done", STEPS)
    assert [step["attempt"] for step in run["steps"]] == [1, 1, 1, 1]
    assert world.paused()
    assert world.nonce() - nonce == 1
    (log,) = world.executions(block)
    (mined,) = world.sent(block)
    assert mined["hash"] == log["transactionHash"]
    assert log["topics"][1] == proposal["hashes"]["safe_tx"]
    (told,) = world.proposals(run)
    assert (told["status"], told["outcome"]["transaction_hash"]) == ("executed", log["transactionHash"])
    # A mail server that took a mail but was not heard is given the same one again, under the same Message-ID.
    assert sorted(set(arrived.values())) == sorted(world.expected(proposal))
    assert len(arrived) == len(world.expected(proposal)), arrived
    for verb in ("step.done", "proposal.executed", "run.done"):
        subjects = world.events(verb, run)
        assert len(subjects) == len(set(subjects)) == (4 if verb == "step.done" else 1), (verb, subjects)
    world.calm()


def test_after_all_that_the_ledger_verifies(world: World) -> None:
    assert "the ledger verifies" in world.stack.manage("ledger", "verify")
