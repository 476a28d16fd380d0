"""What tests of the transaction manager share: a chain row, a funded executor, and a worker's loop in this process."""

import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from eth_account import Account

from integrations.chain.addresses import checksum
from integrations.chain.executors import add_executor, open_account
from integrations.chain.models import Chain, Endpoint, Executor
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import KIND, ended, submit
from integrations.devnet.anvil import Anvil
from integrations.devnet.chain import CHAIN_ID
from integrations.devnet.rpc import Rpc
from work import runner
from work.models import Work

ACTOR = "system:test"
COUNTER = "0x" + "c0" * 20
# slot0 += 1; LOG1 with the new count: each effect on the chain leaves a trace that can be counted
COUNTER_CODE = "0x5f5460010180 5f55 5f52 7f" + "ee" * 32 + " 6020 5f a1 00"
FOREIGN_TO = checksum(bytes.fromhex("f0" * 20))


def put_counter(rpc: Rpc) -> None:
    rpc("anvil_setCode", COUNTER, COUNTER_CODE.replace(" ", ""))


def count(rpc: Rpc) -> int:
    return int(rpc("eth_getStorageAt", COUNTER, hex(0), "latest"), 16)


def make_chain(*urls: str, **changes: Any) -> Chain:
    values = {
        "chain_id": CHAIN_ID,
        "name": "Test devnet",
        "short_name": "test",
        "kind": "devnet",
        "block_time": 1,
        "finality_depth": 3,
        "stuck_after": 60,
        **changes,
    }
    chain = Chain.objects.create(**values)
    for number, url in enumerate(urls):
        Endpoint.objects.create(chain=chain, url=url, priority=number, timeout=2)
    return chain


def make_executor(chain: Chain, rpc: Rpc, label: str = "first", ether: int = 10) -> Executor:
    account = Account.create()
    rpc("anvil_setBalance", account.address, hex(ether * 10**18))
    return add_executor(
        chain=chain, label=label, environment="devnet", actor=ACTOR, key="0x" + bytes(account.key).hex()
    )


def increment(executor: Executor, key: str = "k1", **changes: Any) -> Transaction:
    values = {"to": COUNTER, "data": b"", "subject": "step:1", "scope": None, "actor": ACTOR, **changes}
    return submit(chain=executor.chain, executor=executor, key=key, **values)


def turn(tx: Transaction) -> Any:
    """One turn, if the row is due."""
    outcome = runner.run(Work.objects.get(kind=KIND, key=str(tx.pk)).pk)
    tx.refresh_from_db()
    return outcome


def drive(
    tx: Transaction, until: Callable[[Transaction], bool] | str = ended, seconds: float = 20, rpc: Rpc | None = None
) -> Transaction:
    """Turns as a worker takes them, until it is so; with `rpc` a block is mined between them, and looked at at once."""
    wanted = {"mined", "final"} if until == "mined" else {until}
    reached = until if callable(until) else lambda one: one.status in wanted
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        turn(tx)
        if reached(tx):
            return tx
        if rpc is not None:
            rpc("evm_mine")
            due_now(tx)
        time.sleep(0.05)
    row = Work.objects.get(kind=KIND, key=str(tx.pk))
    raise AssertionError(f"still {tx.status}: {row.status} {row.reason} {row.error}")


def events(tx: Transaction) -> list[str]:
    from ledger.models import Event

    return list(Event.objects.filter(subject=tx.subject).order_by("pk").values_list("verb", flat=True))


def due_now(tx: Transaction) -> None:
    """The database's clock, not ours, decides when a row is due: move the row instead of waiting."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE work_work SET run_at = now() WHERE kind = %s AND key = %s", [KIND, str(tx.pk)])


def foreign(rpc: Rpc, executor: Executor, nonce: int, tip: int = 10**9) -> str:
    """Somebody else uses the executor's key at this nonce."""
    signed = open_account(executor).sign_transaction(
        {
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": FOREIGN_TO,
            "value": 1,
            "gas": 21_000,
            "maxFeePerGas": 100 * 10**9,
            "maxPriorityFeePerGas": tip,
        }
    )
    known = str(rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex()))
    for _ in range(100 if rpc("anvil_getAutomine") else 0):  # it answers before it mines
        if rpc.nonce(executor.address) > nonce:
            break
        time.sleep(0.01)
    return known


def nonce_on_chain(node: Anvil, executor: Executor) -> int:
    return node.rpc.nonce(executor.address)


def once(node: Anvil, executor: Executor, tx: Transaction) -> None:
    """The judge: the effect is on the chain exactly once, and the executor has sent exactly one transaction."""
    assert count(node.rpc) == 1
    assert nonce_on_chain(node, executor) == 1
    receipt = node.rpc("eth_getTransactionReceipt", tx.hash)
    assert (receipt["status"], receipt["blockHash"]) == ("0x1", tx.block_hash)
