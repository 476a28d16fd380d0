"""`kill -9` of a real worker process at every point of a transaction's way: the chain says that it happened once."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.chain.executors import add_remote_executor
from integrations.chain.executors.remote import SignerConfig
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import KIND, submit
from integrations.devnet.anvil import Anvil
from tests.chain.transactions import COUNTER_CODE, drive, make_chain, make_executor, turn
from tests.crash.worker import start_worker
from tests.signerserver import SignerServer
from work.models import Attempt, Work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
POINTS = ("work.claimed", "tx.reserved", "tx.signed", "tx.stored", "tx.public", "tx.broadcast", "tx.receipt", "tx.done")


@pytest.fixture
def node() -> Iterator[Anvil]:
    with Anvil(mining="interval", block_seconds=1) as anvil:
        yield anvil


@pytest.fixture
def chain(node: Anvil) -> Chain:
    return make_chain(node.url, finality_depth=2)


def counter(number: int) -> str:
    return "0x" + f"{0xC0 + number:02x}" * 20


def count(node: Anvil, number: int) -> int:
    return int(node.rpc("eth_getStorageAt", counter(number), hex(0), "latest"), 16)


def prepare(
    node: Anvil, chain: Chain, number: int, executor: Executor | None = None, *, private: bool = False
) -> Transaction:
    """One effect with an executor and a contract of its own, so that the judge can tell them apart."""
    node.rpc("anvil_setCode", counter(number), COUNTER_CODE.replace(" ", ""))
    executor = executor or make_executor(chain, node.rpc, label=f"executor {number}")
    return submit(
        chain=chain,
        executor=executor,
        to=counter(number),
        data=b"",
        key=f"k{number}",
        subject="step:1",
        scope=None,
        actor="system:test",
        private=private,
    )


def row_of(tx: Transaction) -> Work:
    return Work.objects.get(kind=KIND, key=str(tx.pk))


def judge(node: Anvil, number: int, executor: Executor) -> tuple[int, int]:
    """Only the chain is asked: how often the effect happened, and how many transactions the executor has sent."""
    return count(node, number), node.rpc.nonce(executor.address)


def until_final(sent: list[Transaction], seconds: float = 60) -> None:
    """Side by side, as one healthy worker takes them: the chain's blocks are waited for once."""
    end = time.monotonic() + seconds
    while any(tx.status != "final" for tx in sent):
        assert time.monotonic() < end, [(tx.key, tx.status, tx.reason) for tx in sent]
        for tx in sent:
            turn(tx)
        time.sleep(0.05)


def lapse(tx: Transaction) -> None:
    """The lease of whoever died is over; that it runs out by itself is tested with the leases."""
    Work.objects.filter(pk=row_of(tx).pk, status="running").update(lease_until=timezone.now() - timedelta(seconds=1))


def test_killed_at_every_point_it_is_mined_exactly_once(node: Anvil, chain: Chain) -> None:
    # a private one where there is no private endpoint is published at once: that is a commit of its own
    sent = {point: prepare(node, chain, number, private=point == "tx.public") for number, point in enumerate(POINTS)}
    workers = {point: start_worker(row_of(tx).pk, point) for point, tx in sent.items()}
    for point, worker in workers.items():
        assert worker.wait(120) == -signal.SIGKILL, f"did not reach {point}"
    until_final(list(sent.values()))
    for number, (point, tx) in enumerate(sent.items()):
        assert judge(node, number, tx.executor) == (1, 1), point
        assert tx.attempts.count() == 1, point
        receipt = node.rpc("eth_getTransactionReceipt", tx.attempts.get().hash)
        assert receipt["blockHash"] == tx.block_hash, point
        fences = Attempt.objects.filter(work=row_of(tx))
        assert fences.filter(outcome="lost").count() == (0 if point == "tx.done" else 1), point


def test_killed_again_and_again_on_its_way(node: Anvil, chain: Chain) -> None:
    tx = prepare(node, chain, 0)
    seen = []
    for point in ("tx.reserved", "tx.stored", "tx.broadcast"):
        worker = start_worker(row_of(tx).pk, point)
        assert worker.wait(120) == -signal.SIGKILL, point
        tx.refresh_from_db()
        seen.append((tx.status, tx.nonce, tx.attempts.count()))
        lapse(tx)
    assert seen == [("reserved", 0, 0), ("signed", 0, 1), ("signed", 0, 1)]
    last = start_worker(row_of(tx).pk, "")
    assert last.wait(120) == 0
    tx.refresh_from_db()
    assert tx.status == "final"
    assert judge(node, 0, tx.executor) == (1, 1)


def test_killed_with_a_remote_signature_in_hand_the_same_content_is_signed_again(node: Anvil, chain: Chain) -> None:
    with SignerServer().running() as signer:
        node.rpc("anvil_setBalance", signer.account.address, hex(10**19))
        executor = add_remote_executor(
            chain=chain,
            label="far",
            environment="devnet",
            address=signer.account.address,
            signer=SignerConfig(signer.url),
            actor="system:test",
        )
        tx = prepare(node, chain, 0, executor)
        worker = start_worker(row_of(tx).pk, "tx.signed")
        assert worker.wait(120) == -signal.SIGKILL
        drive(tx, "final", seconds=60)
        first, second = signer.signed_requests()
    same = ("from", "to", "nonce", "value", "data", "gas", "chainId")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert judge(node, 0, executor) == (1, 1)
    assert tx.attempts.count() == 1
