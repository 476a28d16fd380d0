"""What a step type works with when it is rehearsed: the forks, what people would have done, and a clock that can jump.

Whatever is done through it happens on the forks alone, and is noted for the report.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from governance.proposals.decoding import Names
from governance.proposals.simulating import meanings_of
from governance.safes.models import Safe
from integrations.chain.abi import Abi, decode_log
from integrations.chain.abi_types import to_json
from integrations.chain.client import Client
from integrations.chain.forks import Fork, Mined, NotTaken
from integrations.safe.contracts import EXECUTION_EVENTS, execution_result
from integrations.safe.simulate import SimulatedLog, inner_failure, logs_of, revert_reason, state_changes
from ledger.errors import Invalid

MOST_CHANGES = 400
MOST_EVENTS = 100
LONGEST = 1_000
ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\b")
_SAFE_TX = (
    "address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice"
)
_OF_ONE = ("AddedOwner", "RemovedOwner", "EnabledModule", "DisabledModule", "ChangedGuard", "ChangedFallbackHandler")
SAFE_EVENTS = (
    *EXECUTION_EVENTS,
    "ApproveHash(bytes32 indexed approvedHash, address indexed owner)",
    "SafeReceived(address indexed sender, uint256 value)",
    "ChangedThreshold(uint256 threshold)",
    f"SafeMultiSigTransaction({_SAFE_TX}, address gasToken, address refundReceiver, bytes signatures, bytes info)",
    *(f"{name}(address {how}who)" for name in _OF_ONE for how in ("", "indexed ")),
)
"""As the versions that we know write them: some index what others do not."""


class NotRehearsed(Exception):
    """A step cannot be rehearsed; the text says why."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One transaction of a rehearsal, as the report keeps it."""

    chain_id: int
    what: str
    sender: str
    to: str
    ok: bool = False
    reason: str = ""
    gas_used: int = 0
    hash: str = ""
    block: int = 0
    events: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[Mapping[str, str], ...] = ()
    meanings: tuple[Mapping[str, str], ...] = ()
    logs: tuple[SimulatedLog, ...] = ()

    @property
    def output(self) -> dict[str, Any]:
        """What a step that sent it yields to later ones."""
        return {"transaction_hash": self.hash, "block": self.block}

    def as_json(self) -> dict[str, Any]:
        """As it stands in the report; `logs` are there as `events`."""
        found = asdict(replace(self, logs=()))
        del found["logs"]
        return {**found, **{name: list(found[name]) for name in ("events", "changes", "meanings")}}


@dataclass(eq=False)
class Rehearsing:
    """One rehearsal under way. `outputs`: what earlier steps yielded, by plan id; `choices`: what people decide."""

    plan: int  # its row
    environment: str
    forks: Mapping[int, Fork]  # by the id of the chain that was forked
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    step: str = ""  # the plan id of the one whose turn it is
    _sent: list[Sent] = field(default_factory=list, init=False)
    _names: dict[int, Names] = field(default_factory=dict, init=False)

    def fork(self, chain_id: int) -> Fork:
        if chain_id not in self.forks:
            raise NotRehearsed(f"chain {chain_id} is not among the plan's chains")
        return self.forks[chain_id]

    def client(self, chain_id: int) -> Client:
        """Reads of the fork; its own chain id is another one."""
        return self.fork(chain_id).client

    def names(self, chain_id: int) -> Names:
        """Registered contracts and Safes, by address."""
        if chain_id not in self._names:
            self._names[chain_id] = Names.on(self.fork(chain_id).chain)
        return self._names[chain_id]

    def choice(self, options: Sequence[str]) -> str:
        """What a person would pick in this step: the first, unless another way is being tried."""
        return self.choices.get(self.step, options[0])

    def pass_time(self, seconds: int) -> None:
        """On every fork at once: there is one clock."""
        for fork in self.forks.values():
            fork.travel(seconds)

    def transact(
        self,
        chain_id: int,
        *,
        sender: str,
        to: str,
        data: bytes = b"",
        value: int = 0,
        what: str = "",
        safe: Safe | None = None,
        safe_tx_hash: str = "",
        quiet: bool = False,
    ) -> Sent:
        """Send as anybody and note what came of it. `quiet`: only its success matters (an owner's approval)."""
        fork = self.fork(chain_id)
        sent = Sent(chain_id, what, sender, to)
        try:
            mined = fork.transact(sender=sender, to=to, data=data, value=value)
        except NotTaken as error:
            sent = replace(sent, reason=f"no node would take it: {error}")
        else:
            logs = tuple(logs_of(mined.calls))
            reason = self._named(chain_id, self._reason(chain_id, mined, logs, to, safe_tx_hash))
            sent = replace(
                sent,
                ok=not reason,
                reason=reason,
                gas_used=mined.receipt.gas_used,
                hash=mined.receipt.tx_hash,
                block=mined.block.number,
                logs=logs,
            )
            sent = sent if quiet else self._explained(fork, sent, mined, safe)
        if not quiet:
            self._sent.append(sent)
        return sent

    def take_sent(self) -> list[Sent]:
        """What was sent since the last call."""
        found, self._sent = self._sent, []
        return found

    def _reason(self, chain_id: int, mined: Mined, logs: Sequence[SimulatedLog], to: str, safe_tx_hash: str) -> str:
        errors = self._errors(chain_id)
        if not mined.receipt.succeeded:
            return revert_reason(mined.calls, errors) or "reverted without a reason"
        said = execution_result(to, safe_tx_hash, [(log.address, log.topics, log.data) for log in logs])
        if safe_tx_hash and said is False:
            return inner_failure(mined.calls, errors)
        return "" if said or not safe_tx_hash else "the Safe did not say that it executed this one"

    def _named(self, chain_id: int, reason: str) -> str:
        """With the name of each address that has one."""
        names = self.names(chain_id)
        for address in set(ADDRESS.findall(reason)):
            if name := names.of(address):
                reason = reason.replace(address, f"{name} {address}")
        return reason

    def _errors(self, chain_id: int) -> Abi:
        contracts = self.names(chain_id).contracts.values()
        return [entry for contract in contracts for entry in contract.abi if entry.get("type") == "error"]

    def _explained(self, fork: Fork, sent: Sent, mined: Mined, safe: Safe | None) -> Sent:
        names = self.names(sent.chain_id)
        block = fork.client.request("eth_getBlockByHash", mined.block.hash, False)
        changes = tuple(state_changes(mined.diff, drop=(sent.sender, block["miner"]))) if sent.ok else ()
        before = fork.client.existing_block(mined.block.number - 1)
        meanings = meanings_of(fork.client, fork.chain, changes, before.hash, safe=safe, names=names)
        return replace(
            sent,
            events=tuple(_event(log, names) for log in sent.logs[:MOST_EVENTS]) if sent.ok else (),
            changes=tuple(asdict(change) for change in changes[:MOST_CHANGES]),
            meanings=tuple(asdict(meaning) for meaning in meanings),
        )


def _event(log: SimulatedLog, names: Names) -> dict[str, Any]:
    """In words by a pinned ABI; raw where none knows it."""
    contract = names.contracts.get(log.address)
    sources: list[Any] = [contract.abi] if contract else []
    if log.address in names.safes:
        sources += SAFE_EVENTS
    for source in sources:
        try:
            name, args = decode_log(source, log.topics, log.data)
        except Invalid:
            continue
        values = [
            {"name": one.name, "type": one.type, "value": _text(one.value), "label": names.of(str(one.value))}
            for one in args
        ]
        return {"address": log.address, "label": names.of(log.address), "name": name, "args": values}
    raw = {"topics": ["0x" + topic.hex() for topic in log.topics], "data": "0x" + log.data.hex()[:LONGEST]}
    return {"address": log.address, "label": names.of(log.address), "name": "", "args": [], **raw}


def _text(value: Any) -> str:
    plain = to_json(value)
    return str(plain).lower() if isinstance(plain, bool) else str(plain)[:LONGEST]
