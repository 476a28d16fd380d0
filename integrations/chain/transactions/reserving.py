"""Before a transaction has a nonce: everything that can be refused is refused here, and burns none."""

from django.utils import timezone

from integrations.chain.abi import decode_revert
from integrations.chain.client import Client, RpcError, RpcRefused, RpcUnavailable
from integrations.chain.environments import check_signing
from integrations.chain.executors import troubles
from integrations.chain.executors.watching import note_balance, note_seen, see
from integrations.chain.models import Executor
from integrations.chain.transactions import sending
from integrations.chain.transactions.consent import to_send
from integrations.chain.transactions.endings import ACTOR
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.pricing import fees_of
from integrations.chain.transactions.settling import TX_GAS_CAP, pause_for
from integrations.safe.errors import explain
from ledger.services import record
from ledger.transitions import transition
from work import Lease, Outcome, faults


def reserve(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    check_signing(chain_id=tx.chain.chain_id, kind=tx.chain.kind, environment=tx.executor.environment)
    gas, refusal = 0, to_send.objection(tx)
    if not refusal:
        gas, refusal = _estimate(client, tx)
    if refusal:
        with lease.commit():
            also = {"reason": refusal, "ended_at": timezone.now()}
            transition(tx, "refused", actor=ACTOR, reason=refusal, also=also)
        return None
    seen = see(client, tx.executor)
    needed = tx.value + gas * fees_of(client).base
    if seen.balance < needed:
        with lease.commit():
            note_balance(tx.executor, seen.balance)
        return pause_for(5, f"the executor holds {seen.balance} wei and needs about {needed}")
    with lease.commit():
        # One executor's nonces are given one after another; the unique constraint is the last word.
        executor = Executor.objects.select_for_update(of=("self",)).select_related("chain").get(pk=tx.executor_id)
        note_seen(executor, seen)
        nonce = _free_nonce(executor, seen.nonce)
        also = {"nonce": nonce, "gas_limit": gas}
        transition(tx, "reserved", actor=ACTOR, also=also, after={"nonce": nonce})
        troubles.note_nonces(executor, seen.nonce, None)
    faults.point("tx.reserved")
    return None


def _estimate(client: Client, tx: Transaction) -> tuple[int, str]:
    """Gas to give it, or why it would fail. One endpoint that says it works outvotes those that lag behind."""

    def ask(one: Client) -> int:
        return one.estimate_gas(tx.executor.address, tx.to, bytes(tx.data), tx.value)

    said = client.everyone(ask)
    works = [answer for answer in said.values() if isinstance(answer, int)]
    if works:
        return tx.gas_limit or min(max(works) * 5 // 4 + 10_000, TX_GAS_CAP), ""
    refusals = [answer for answer in said.values() if isinstance(answer, RpcRefused)]
    reverts = [answer for answer in refusals if answer.reverted]
    if reverts:
        return 0, explain(_why(client, tx, reverts[0]))
    if any(sending.kind_of(answer) == sending.NO_FUNDS for answer in refusals):
        return tx.gas_limit or 1_000_000, ""  # the balance is looked at next
    if refusals:
        return 0, f"the node refuses it: {refusals[0].message[:300]}"
    raise RpcUnavailable(
        f"No endpoint of chain {client.chain_id} answers.", {name: str(error) for name, error in said.items()}
    )


def _why(client: Client, tx: Transaction, refusal: RpcRefused) -> str:
    """Estimations often hide the reason; the plain call gives it."""
    if not refusal.data:
        try:
            client.call(tx.to, bytes(tx.data), sender=tx.executor.address, value=tx.value)
        except RpcRefused as again:
            refusal = again if again.data else refusal
        except RpcError:
            pass
    return decode_revert(refusal.data) if refusal.data else refusal.message[:300]


def _free_nonce(executor: Executor, chain_nonce: int) -> int:
    """The first nonce from the chain's on that no transaction of ours holds."""
    held = Transaction.objects.filter(executor=executor, nonce__isnull=False).exclude(status="dropped", hash=None)
    taken = set(held.filter(nonce__gte=chain_nonce).values_list("nonce", flat=True))
    nonce = chain_nonce
    while nonce in taken:
        nonce += 1
    last = held.order_by("-nonce").values_list("nonce", flat=True).first()
    if last is not None and nonce < last:
        record("executor.gap.filled", actor=ACTOR, subject=executor.subject, after={"nonce": nonce, "highest": last})
    return nonce
