"""What a proposal would change, pinned to a block, with meaning where we know it.

A raw change is a slot; its meaning comes from asking every pinned getter of the contract twice: on the block as it is,
and on the block with the simulated changes laid over it. So no storage layout has to be known, or believed.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from governance.proposals.ages import born
from governance.proposals.building import calls_of
from governance.proposals.decoding import Names
from governance.proposals.effects import effects_of
from governance.proposals.facts import everything_called
from governance.proposals.meaning import Meaning, meanings_of_logs, overrides
from governance.proposals.models import Proposal
from governance.proposals.unfolding import Carried
from governance.protocols.models import Contract
from governance.protocols.pinned import functions_of
from governance.safes.models import Safe
from integrations.chain.abi import decode_args, encode_call
from integrations.chain.abi_types import Function, to_json
from integrations.chain.addresses import checksum
from integrations.chain.client import Client, client_for
from integrations.chain.errors import RpcError, RpcRefused
from integrations.chain.models import Chain
from integrations.chain.reading import block_ref, to_bytes
from integrations.safe.contracts import FALLBACK_HANDLERS, MULTI_SEND_CALL_ONLY, SINGLETONS, code_hash
from integrations.safe.hashes import SafeTx
from integrations.safe.reads import (
    FALLBACK_HANDLER_SLOT,
    GUARD_SLOT,
    MODULE_GUARD_SLOT,
    NONCE_SLOT,
    SINGLETON_SLOT,
    THRESHOLD_SLOT,
    SafeState,
    read_safe_agreed,
)
from integrations.safe.simulate import Change, Simulation, SimulationUnavailable, simulate
from ledger import Invalid

STALE = timedelta(seconds=20)
MOST_GETTERS = 80
MOST_CODES = 800  # everything that may be called (400), and as much again that is named
# As Compound's timelocks, Zodiac's Delay and OpenZeppelin's name it.
DELAYS = ("delay()", "txCooldown()", "getMinDelay()")
OFFICIAL = {
    *(address for one in SINGLETONS for address in one.addresses),
    *(address for addresses in MULTI_SEND_CALL_ONLY.values() for address in addresses),
    *FALLBACK_HANDLERS,
}

SAFE_SLOTS = {
    SINGLETON_SLOT: ("singleton", "address"),
    3: ("number of owners", "number"),
    THRESHOLD_SLOT: ("threshold", "number"),
    NONCE_SLOT: ("nonce", "number"),
    GUARD_SLOT: ("guard", "address"),
    MODULE_GUARD_SLOT: ("module guard", "address"),
    FALLBACK_HANDLER_SLOT: ("fallback handler", "address"),
}
PROXY_SLOTS = {
    0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC: ("implementation", "address"),
    0xB53127684A568B3173AE13B9F8A6016E243E63B6E8EE1178D6A717850B5D6103: ("proxy admin", "address"),
}


def simulated(
    proposal: Proposal, *, sender: str | None = None, client: Client | None = None, state: SafeState | None = None
) -> dict[str, Any]:
    """Simulate on a block, and a Safe in it, that the endpoints agree on; as JSON, to be stored. Raises RpcError.

    One endpoint that lies about owners would let every simulation fail, and what fails is neither signed nor executed.
    """
    client = client or client_for(proposal.safe.chain)
    tx = proposal.safe_tx
    state = state or read_safe_agreed(client, tx.safe)
    block = client.existing_block(state.block_hash)
    result: dict[str, Any] = {
        "block": block.number,
        "block_hash": block.hash,
        "at": min(datetime.fromtimestamp(block.timestamp, UTC), datetime.now(UTC)).isoformat(),  # a devnet runs ahead
        "chain_nonce": str(state.nonce),
        **looked_up(client, proposal, block.hash, block.number),
    }
    try:
        run = simulate(client, tx, state, block.hash, sender, errors=_errors(proposal, tx))
    except SimulationUnavailable:
        return {**result, "ok": None, "revert": "no endpoint of this chain can simulate", "changes": [], "meanings": []}
    safe = proposal.safe
    names = Names.on(safe.chain)
    meanings = meanings_of(client, safe.chain, run.state_diff, block.hash, safe=safe, names=names) if run.ok else []
    moved, left_out = meanings_of_logs(client, run.logs, run.state_diff, block.hash, names) if run.ok else ([], 0)
    effects = effects_of(run, safe=safe.address, safes=names.safes, contracts=names.contracts) if run.ok else []
    return {
        **result,
        "ok": run.ok,
        "revert": run.revert,
        "gas_used": run.gas_used,
        "assumed_nonce": run.assumed_nonce,
        "changes": [asdict(change) for change in run.state_diff],
        "meanings": [asdict(meaning) for meaning in [*meanings, *moved]],
        "left_out": left_out,
        "effects": [asdict(effect) for effect in effects],
    }


def _errors(proposal: Proposal, tx: SafeTx) -> list[Any]:
    """The custom errors of every registered contract that is called."""
    called = {call.to for call in calls_of(tx) or ()}
    contracts = Contract.objects.filter(chain=proposal.safe.chain, address__in=called)
    return [entry for contract in contracts for entry in contract.abi if entry.get("type") == "error"]


def looked_up(client: Client, proposal: Proposal, block: str, number: int) -> dict[str, Any]:
    """What findings ask of the chain: the code of everything that is called or named, its age, timelocks' delays."""
    calls = everything_called(proposal)
    called = {call.to for call in calls} | {proposal.to}
    codes = code_hashes(client, [*sorted(called), *sorted(_named(calls) - called)], block)
    contracts = Contract.objects.filter(chain=proposal.safe.chain, address__in=called)
    roles = dict(contracts.values_list("address", "role"))
    strangers = {call.to for call in calls if call.data and codes.get(call.to)} - set(roles) - OFFICIAL
    strangers -= set(
        Safe.objects.filter(chain=proposal.safe.chain, address__in=strangers).values_list("address", flat=True)
    )
    chain = proposal.safe.chain
    return {
        "targets": codes,
        "born": born(client, strangers, head=number, block_time=float(chain.block_time)) if strangers else {},
        "delays": _delays(client, [one for one, role in roles.items() if role == Contract.Role.TIMELOCK], block),
    }


def code_hashes(client: Client, addresses: Sequence[str], block: str) -> dict[str, str]:
    """The code hash at every address; "" where nothing stands."""
    asked = list(addresses)[:MOST_CODES]
    answers = client.batch([("eth_getCode", [address, block_ref(block)]) for address in asked])
    codes = [(one, to_bytes(answer)) for one, answer in zip(asked, answers, strict=True) if not _refused(answer)]
    return {address: code_hash(code) if code else "" for address, code in codes}


def _refused(answer: object) -> bool:
    return isinstance(answer, RpcRefused)


def _named(calls: Sequence[Carried]) -> set[str]:
    """Words of calldata that look like addresses: new owners, implementations, spenders."""
    found = set()
    for call in calls:
        for at in range(4, len(call.data) - 31, 32):
            word = call.data[at : at + 32]
            if not any(word[:12]) and any(word[12:18]):
                found.add(checksum(word[12:]))
    return found


def _delays(client: Client, timelocks: Sequence[str], block: str) -> dict[str, int]:
    if not timelocks:
        return {}
    both = [(one, "0x" + encode_call(getter).hex()) for getter in DELAYS for one in timelocks]
    answers = client.batch([("eth_call", [{"to": one, "data": data}, block_ref(block)]) for one, data in both])
    said = zip(both, answers, strict=True)
    return {one: int(answer, 16) for (one, _), answer in said if isinstance(answer, str) and len(answer) == 66}


def store_simulation(proposal: Proposal, result: dict[str, Any]) -> None:
    """Kept on the row as the last look: a cache, so it is no event."""
    now = timezone.now()
    Proposal.objects.filter(pk=proposal.pk, status__in=("draft", "signing", "ready")).update(
        simulation=result, simulated_at=now
    )
    proposal.simulation, proposal.simulated_at = result, now


def keep_fresh(proposal: Proposal) -> None:
    """Simulate again when the last look is old. A chain that does not answer leaves the old one, with its age."""
    if proposal.status not in ("draft", "signing", "ready"):
        return
    if proposal.simulated_at and timezone.now() - proposal.simulated_at < STALE:
        return
    try:
        store_simulation(proposal, simulated(proposal))
    except (RpcError, Invalid):
        return


# --- meaning


def meanings_of(
    client: Client,
    chain: Chain,
    changes: tuple[Change, ...],
    block: str,
    *,
    safe: Safe | None = None,
    names: Names | None = None,
) -> list[Meaning]:
    """`client` may be a fork's; the names are those of `chain`. `safe`: the one that acts, registered or not."""
    names = names or Names.on(chain)
    found: list[Meaning] = []
    touched = {change.address for change in changes}
    for address in sorted(touched & set(names.contracts)):
        found += _by_getters(client, names.contracts[address], changes, block)
    return found + [meaning for change in changes if (meaning := _by_slot(change, safe, names))]


def _by_slot(change: Change, safe: Safe | None, names: Names) -> Meaning | None:
    """Places that mean the same on every Safe, every ERC-1967 proxy, every account."""
    own = safe is not None and change.address == safe.address
    label = safe.label if safe and own else names.of(change.address)
    if change.field == "balance":
        return Meaning(change.address, label, "balance (wei)", _number(change.before), _number(change.after))
    if change.field == "code":
        return Meaning(change.address, label, "code", "none" if change.before in ("", "0x") else "present", "replaced")
    if not change.field.startswith("0x"):
        return None
    known = PROXY_SLOTS | (SAFE_SLOTS if change.address in names.safes or own else {})
    what, kind = known.get(int(change.field, 16), ("", ""))
    if not what:
        return None
    show = _number if kind == "number" else _address
    return Meaning(change.address, label, what, show(change.before), show(change.after))


def _number(value: str) -> str:
    return str(int(value, 16)) if value.startswith("0x") else value or "0"


def _address(word: str) -> str:
    return checksum("0x" + word[-40:])


def _by_getters(client: Client, contract: Contract, changes: tuple[Change, ...], block: str) -> list[Meaning]:
    getters = [
        function
        for function in functions_of(contract).values()
        if function.reads_only and not function.inputs and function.outputs and all(o.is_word for o in function.outputs)
    ][:MOST_GETTERS]
    ref, laid_over = block_ref(block), overrides(changes)
    asked = [{"to": contract.address, "data": "0x" + getter.selector.hex()} for getter in getters]
    before = client.batch([("eth_call", [message, ref]) for message in asked])
    after = client.batch([("eth_call", [message, ref, laid_over]) for message in asked])
    moved = [row for row in zip(getters, before, after, strict=True) if _plain(row[1]) != _plain(row[2])]
    # A getter of many values mostly repeats those of one; it speaks only where they are silent.
    return [
        Meaning(contract.address, contract.name, getter.name, *(_shown(getter, one) for one in values))
        for getter, *values in [row for row in moved if len(row[0].outputs) == 1] or moved
    ]


def _plain(answer: object) -> str:
    return f"reverts: {answer.message}" if isinstance(answer, RpcRefused) else str(answer)


def _shown(getter: Function, answer: object) -> str:
    if isinstance(answer, RpcRefused):
        return "reverts"
    try:
        values, _, _ = decode_args(getter.outputs, to_bytes(answer))
    except Invalid:
        return "unreadable"
    texts = [str(to_json(value)).lower() if isinstance(value, bool) else str(to_json(value)) for value in values]
    return ", ".join(
        f"{output.name}: {text}" if output.name and len(texts) > 1 else text
        for output, text in zip(getter.outputs, texts, strict=True)
    )


__all__ = ["Meaning", "SafeState", "Simulation", "keep_fresh", "simulated", "store_simulation"]
