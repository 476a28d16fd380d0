"""What a Safe transaction would do, before its owners have signed: state changes, logs, the reason of a revert.

Enough owners are made to have approved the hash by overriding `approvedHashes`, never the threshold: with an overridden
threshold a hostile changeThreshold would show no change, and guards would read a wrong number. Everything else is as
on chain, guards included.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.chain.abi import Abi, decode_revert
from integrations.chain.addresses import checksum
from integrations.chain.client import Client, RpcRefused, call_object
from integrations.chain.reading import block_ref, to_bytes
from integrations.safe.contracts import exec_transaction_data, execution_result
from integrations.safe.errors import explain
from integrations.safe.hashes import SafeTx
from integrations.safe.reads import NONCE_SLOT, SafeState, approved_hash_slot
from integrations.safe.signatures import approved, assemble
from ledger.errors import Invalid

SIMULATED_GAS = 25_000_000


class SimulationUnavailable(Exception):
    """No endpoint of this chain offers debug_traceCall."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that would be another afterwards. `field`: balance, nonce, code or a storage slot."""

    address: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class SimulatedLog:
    address: str
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Simulation:
    """`assumed_nonce`: the Safe has not come to this nonce yet, so it was overridden too."""

    ok: bool
    revert: str
    gas_used: int
    state_diff: tuple[Change, ...]
    logs: tuple[SimulatedLog, ...]
    block: int | str
    assumed_nonce: bool


def simulate(
    client: Client,
    tx: SafeTx,
    state: SafeState,
    block: int | str = "latest",
    sender: str | None = None,
    errors: Abi = (),
) -> Simulation:
    """Runs execTransaction on top of a block as if the first `threshold` owners had approved it.

    `errors`: an ABI whose custom errors put a revert into words.
    """
    if (tx.chain_id, tx.safe, tx.version) != (state.chain_id, state.address, state.version):
        raise Invalid("safe", "This state is of another Safe, chain or version.", "the Safe's own state")
    signers = sorted(state.owners, key=lambda owner: int(owner, 16))[: state.threshold]
    overrides = {approved_hash_slot(owner, tx.hash): f"0x{1:064x}" for owner in signers}
    if tx.nonce != state.nonce:
        overrides[f"0x{NONCE_SLOT:064x}"] = f"0x{tx.nonce:064x}"
    signatures = assemble(approved(owner) for owner in signers)
    message = call_object(tx.safe, exec_transaction_data(tx, signatures), sender=sender or signers[0])
    message["gas"] = hex(SIMULATED_GAS)
    calls, diff = _traces(client, message, block, {tx.safe: {"stateDiff": overrides}})
    hidden = {(tx.safe, slot) for slot in overrides if slot != f"0x{NONCE_SLOT:064x}"}
    if not sender:  # an owner stands in for whoever will send it: no gas is paid, so what moves its balance is told
        hidden.add((checksum(signers[0]), "nonce"))
    logs = tuple(logs_of(calls))
    revert = revert_reason(calls, errors)
    said = execution_result(tx.safe, tx.hash, [(one.address, one.topics, one.data) for one in logs])
    if not revert and said is False:
        revert = inner_failure(calls, errors)
    return Simulation(
        ok=not revert,
        revert=revert,
        gas_used=int(calls.get("gasUsed", "0x0"), 16),
        state_diff=tuple(state_changes(diff, drop=(message["from"],) if sender else (), hidden=hidden)),
        logs=() if calls.get("error") else logs,
        block=block,
        assumed_nonce=tx.nonce != state.nonce,
    )


def _traces(
    client: Client, message: Mapping[str, str], block: int | str, overrides: Mapping[str, object]
) -> tuple[dict[str, Any], dict[str, Any]]:
    tracers = (
        {"tracer": "callTracer", "tracerConfig": {"withLog": True}},
        {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}},
    )
    ref = block_ref(block)
    calls = [("debug_traceCall", [message, ref, {**tracer, "stateOverrides": overrides}]) for tracer in tracers]
    answers = client.batch(calls, timeout=20)
    for answer in answers:
        if isinstance(answer, RpcRefused):
            raise SimulationUnavailable(f"{answer.endpoint}: {answer.message}")
        if not isinstance(answer, dict):
            raise SimulationUnavailable("an answer that is no trace")
    return answers[0], answers[1]


def logs_of(frame: Mapping[str, Any]) -> list[SimulatedLog]:
    """Logs of a call and the calls in it, in order of emission; a reverted frame's logs never happened."""
    if frame.get("error"):
        return []
    items: list[tuple[int, list[SimulatedLog]]] = []
    for log in frame.get("logs") or ():
        topics = tuple(to_bytes(topic) for topic in log.get("topics", ()))
        one = SimulatedLog(checksum(to_bytes(log["address"])), topics, to_bytes(log.get("data", "0x")))
        # `position`: how many inner calls had been made before the log was written
        items.append((int(str(log.get("position", "0x0")), 16) * 2, [one]))
    for number, inner in enumerate(frame.get("calls") or ()):
        items.append((number * 2 + 1, logs_of(inner)))
    return [log for _, logs in sorted(items, key=lambda item: item[0]) for log in logs]


def revert_reason(frame: Mapping[str, Any], errors: Abi) -> str:
    """Why the whole call failed: the innermost reason, where the Safe only says that its inner call failed."""
    if not frame.get("error"):
        return ""
    reason = _reason(frame, errors)
    if reason.startswith("GS013"):
        inner = _deepest_failure(frame, errors)
        return f"{explain('GS013')}: {inner}" if inner else explain("GS013")
    return explain(reason)


def inner_failure(frame: Mapping[str, Any], errors: Abi) -> str:
    return f"the inner call failed: {_deepest_failure(frame, errors) or 'no reason given'}"


def _reason(frame: Mapping[str, Any], errors: Abi) -> str:
    output = frame.get("output")
    if isinstance(output, str) and len(output) > 2:
        return decode_revert(to_bytes(output), errors)
    return str(frame.get("revertReason") or frame.get("error") or "")


def _deepest_failure(frame: Mapping[str, Any], errors: Abi) -> str:
    """Follows the last failing call inwards to where the failure began."""
    for inner in reversed(frame.get("calls") or ()):
        deeper = _deepest_failure(inner, errors)
        if inner.get("error"):
            return deeper or _reason(inner, errors)
        if deeper:
            return deeper
    return ""


def state_changes(
    diff: Mapping[str, Any], *, drop: Collection[str] = (), hidden: Collection[tuple[str, str]] = ()
) -> list[Change]:
    """A diff-mode trace as changes, in one order: a prediction and a mined transaction's own trace compare by it.

    `drop`: accounts whose balance and nonce move with gas alone (sender, block producer); `hidden`: slots that we
    overrode ourselves, and the nonce of who stands in for the sender.
    """
    pre, post = diff.get("pre") or {}, diff.get("post") or {}
    paying = {checksum(address) for address in drop}
    changes: list[Change] = []
    for raw in sorted({*pre, *post}):
        address = checksum(raw)
        before, after = pre.get(raw) or {}, post.get(raw) or {}
        for name in ("balance", "nonce", "code"):
            if name in after and address not in paying and (address, name) not in hidden:
                changes.append(Change(address, name, str(before.get(name, "")), str(after[name])))
        slots = {**(before.get("storage") or {}), **(after.get("storage") or {})}
        for slot in sorted(slots):
            old = (before.get("storage") or {}).get(slot, "0x" + "0" * 64)
            new = (after.get("storage") or {}).get(slot, "0x" + "0" * 64)
            if old != new and (address, slot) not in hidden:
                changes.append(Change(address, slot, old, new))
    return changes
