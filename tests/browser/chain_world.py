"""An executor with transactions in three states, for pages: rows alone, since no chain stands beside these tests."""

from django.utils import timezone

from integrations.chain.executors import add_executor
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.chain.transactions.services import submit
from ledger.models import Scope

ACTOR = "system:test"
VAULT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def executor() -> Executor:
    chain = Chain.objects.create(chain_id=731999, name="Page devnet", short_name="page", kind="devnet")
    found = add_executor(chain=chain, label="Page executor", environment="devnet", actor=ACTOR)
    Executor.objects.filter(pk=found.pk).update(balance=31 * 10**15, chain_nonce=1, checked_at=timezone.now())
    now = timezone.now()
    mined = _sent(found, 0, "proposal:7")
    Transaction.objects.filter(pk=mined.pk).update(
        status="mined",
        block_number=18_204_356,
        block_hash="0x" + "ab" * 32,
        receipt_status=True,
        gas_used=81_234,
        gas_price=1_250_000_007,
        mined_at=now,
    )
    unsure = _sent(found, 1, "step:12")
    foreign = {"hash": "0x" + "fe" * 32, "block": 18_204_361, "to": VAULT, "value": "0"}
    Transaction.objects.filter(pk=unsure.pk).update(
        status="unknown",
        reason="another transaction was mined at our nonce",
        known={
            "why": "another transaction was mined at our nonce",
            "nonce": 1,
            "nonce_taken": True,
            "foreign": foreign,
        },
    )
    submit(
        chain=chain,
        executor=found,
        to=VAULT,
        data="0x8456cb59",
        key="page-queued",
        subject="run:3",
        scope=None,
        actor=ACTOR,
    )
    private = _sent(found, 2, "step:14")
    stuck = "not mined for 12 blocks: it waits behind nonce 1, which is not mined either"
    Transaction.objects.filter(pk=private.pk).update(
        private=True, sent_block=18_204_360, stuck_at=now, known={"stuck": stuck}
    )
    _known(found, private)
    return Executor.objects.select_related("chain").get(pk=found.pk)


def _known(executor: Executor, behind: Transaction) -> None:
    """What a look found: two things that are wrong, and what it may do."""
    since = timezone.now().isoformat()
    foreign = "nonce 1 on the chain was used by transactions that were not sent from here: somebody else has this key."
    held = f"Transaction #2 has nonce 1 and waits for a person's decision; transaction #{behind.pk} waits behind it."
    troubles = {
        "foreign": {"words": foreign, "severity": "SEV2", "since": since},
        "held": {"words": held, "severity": "SEV3", "since": since},
    }
    roles = [
        {"contract": "HelixVault", "address": VAULT, "role": "PAUSER_ROLE", "source": "chain"},
        {"contract": "HelixVault", "address": VAULT, "role": "Pause (pause(uint256))", "source": "register"},
    ]
    Executor.objects.filter(pk=executor.pk).update(
        troubles=troubles,
        roles=roles,
        roles_block=18_204_366,
        roles_at=timezone.now(),
        pending_nonce=3,
        accounted=0,
        signer="remote",
        signer_name="signer.internal:9000",
    )


def _sent(found: Executor, nonce: int, about: str, scope: Scope | None = None) -> Transaction:
    tx = submit(
        chain=found.chain,
        executor=found,
        to=VAULT,
        data="0x6a761202" + "00" * 300,
        key=f"page{nonce}",
        subject=about,
        scope=scope,
        actor=ACTOR,
    )
    digest = "0x" + f"{nonce + 1:064x}"
    SignedAttempt.objects.create(
        transaction=tx,
        number=1,
        raw=b"\2",
        hash=digest,
        max_fee=3_000_000_000,
        tip=1_000_000_000,
        broadcast_at=timezone.now(),
        answers={"rpc.first.example": "accepted", "rpc.second.example": "no clear answer: no answer within 10 s"},
    )
    Transaction.objects.filter(pk=tx.pk).update(status="broadcast", nonce=nonce, hash=digest, gas_limit=112_000)
    return tx
