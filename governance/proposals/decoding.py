"""What a proposal does, in words: its calls decoded by pinned ABIs, their targets by the names we know."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from governance.proposals.building import calls_of
from governance.proposals.code_status import Codes, CodeStatus
from governance.proposals.models import Proposal
from governance.proposals.unfolding import DEEPEST, MOST, Carried, carried
from governance.protocols.models import Contract
from governance.protocols.pinned import functions_of, without_abis
from governance.safes.models import Safe
from integrations.chain.abi import DecodedCall, decode_as
from integrations.chain.abi_types import Function, parse_signature
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.models import Chain
from ledger import Invalid

SAFE_ABI = [
    "addOwnerWithThreshold(address owner, uint256 threshold)",
    "removeOwner(address prevOwner, address owner, uint256 threshold)",
    "swapOwner(address prevOwner, address oldOwner, address newOwner)",
    "changeThreshold(uint256 threshold)",
    "enableModule(address module)",
    "disableModule(address prevModule, address module)",
    "setGuard(address guard)",
    "setModuleGuard(address moduleGuard)",
    "setFallbackHandler(address handler)",
    "approveHash(bytes32 hashToApprove)",
]
SHORT = 1024  # bytes of calldata that are kept with what they say
OF_SAFES = {function.selector: function for function in map(parse_signature, SAFE_ABI)}


@dataclass(frozen=True)
class Names:
    """Every address that has a name on a chain, looked up once for a page."""

    contracts: dict[str, Contract]
    safes: dict[str, Safe]

    @classmethod
    def on(cls, chain: Chain) -> "Names":
        contracts = without_abis(Contract.objects.filter(chain=chain))
        safes = Safe.objects.filter(chain=chain)
        return cls({item.address: item for item in contracts}, {item.address: item for item in safes})

    def of(self, address: str) -> str:
        if address in self.contracts:
            return self.contracts[address].name
        return self.safes[address].label if address in self.safes else ""

    def whose(self, address: str) -> str:
        """Of an address that a call names, in a word."""
        if address == ZERO_ADDRESS:
            return "the zero address"
        return self.of(address) or ("an owner" if address in self.owners else "not known here")

    @cached_property
    def owners(self) -> set[str]:
        return {owner for safe in self.safes.values() for owner in safe.owners}


@dataclass(frozen=True)
class CallView:
    """One call as the page shows it."""

    number: int
    to: str
    label: str
    value: int
    data: bytes
    contract: Contract | None
    decoded: DecodedCall | None
    how: str = ""  # "Scheduled in HelixTimelock": how a payload comes to be called
    inner: tuple["CallView", ...] = ()
    delegated: bool = False
    code: CodeStatus | None = None
    who: Mapping[str, str] = field(default_factory=dict)  # whose its target and the addresses among its arguments are

    @property
    def receiver(self) -> str:
        """Whose it is, of an address without a name that only gets something."""
        return "" if self.label or self.data else self.who.get(self.to, "")

    @property
    def sentence(self) -> str:
        """e.g. `pause(3600) on HelixVault`; raw where no pinned ABI knows it."""
        where = self.label or self.to
        if not self.data:
            return f"send {self.value} wei to {where}" if self.value else f"an empty call to {where}"
        if self.decoded is None:
            return f"0x{self.data[:4].hex()}… on {where}"
        values = ", ".join(one["text"] for one in self.args)
        return f"{self.decoded.name}({values}) on {where}"

    @property
    def args(self) -> list[dict[str, str]]:
        """Name, type and text of each. The text of a list or a flag is JSON, since the browser recomputes it."""
        if self.decoded is None:
            return []
        return [
            {
                "name": one["name"],
                "type": one["type"],
                "text": (text := _spelled(one["value"])),
                "who": self.who.get(text, ""),
            }
            for one in self.decoded.as_json()["args"]
        ]

    @property
    def data_hex(self) -> str:
        return "0x" + self.data.hex()


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_as_safe(call: Carried, names: Names) -> bool:
    """Whether it is a function of a Safe: on one that we know, or of somebody unknown who calls itself."""
    unknown = call.to not in names.contracts
    return call.to in names.safes or (unknown and call.to in (call.sender, ZERO_ADDRESS))


def decode(data: bytes, *, contract: Contract | None, own: bool) -> DecodedCall | None:
    """By the contract's pinned ABI, or by a Safe's own functions; None when neither knows it."""
    return decode_by(OF_SAFES if own else functions_of(contract) if contract else {}, data)


def decode_by(known: Mapping[bytes, Function], data: bytes) -> DecodedCall | None:
    function = known.get(data[:4])
    if function is None:
        return None
    return _read_lately(function, data) if len(data) <= SHORT else _read(function, data)


def _read(function: Function, data: bytes) -> DecodedCall | None:
    try:
        return decode_as(function, data)
    except Invalid:
        return None


_read_lately = lru_cache(maxsize=1024)(_read)  # a page, its findings and every signature read the same calls


def call_views(proposal: Proposal, names: Names) -> list[CallView] | None:
    """The calls that will really be made, each with what it carries; None when the transaction is not plain calls."""
    tx = proposal.safe_tx
    calls = calls_of(tx)
    if calls is None:
        return None
    views = Views(names, Codes(proposal.simulation or {}))
    return [views.of(number, Carried(tx.safe, call.to, call.value, call.data)) for number, call in enumerate(calls, 1)]


@dataclass
class Views:
    """One proposal's calls with everything they carry, within a bound."""

    names: Names
    codes: Codes
    left: int = MOST

    def of(self, number: int, call: Carried, depth: int = 0) -> CallView:
        self.left -= 1
        inside = carried(call) or [] if depth < DEEPEST else []
        inside = inside if len(inside) <= self.left else []
        inner = tuple(self.of(at, one, depth + 1) for at, one in enumerate(inside, 1))
        return _view(number, call, self.names, self.codes, inner, depth)


def _view(number: int, call: Carried, names: Names, codes: Codes, inner: tuple[CallView, ...], depth: int) -> CallView:
    contract = names.contracts.get(call.to)
    own = read_as_safe(call, names)
    decoded = decode(call.data, contract=contract, own=own)
    addresses = [one.value for one in decoded.args if one.type == "address"] if decoded else []
    return CallView(
        number=number,
        to=call.to,
        label="this Safe itself" if call.to == call.sender and not depth else names.of(call.to),
        value=call.value,
        data=call.data,
        contract=contract,
        decoded=decoded,
        how=f"{call.how.capitalize()} {names.of(call.through) or call.through}" if call.how else "",
        inner=inner,
        delegated=call.delegated,
        code=codes.of(call.to, contract=contract, safe=call.to in names.safes),
        who={one: names.whose(one) for one in [call.to, *addresses]},
    )


def is_rejection(proposal: Proposal) -> bool:
    """The empty call to itself, whose only effect is to use up the nonce."""
    return (
        proposal.to == proposal.safe.address
        and not proposal.value
        and not bytes(proposal.data)
        and not proposal.operation
    )
