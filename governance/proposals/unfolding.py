"""What a call carries: batches, timelocks, other Safes, upgrades and multicalls, one layer at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.chain.abi import selector
from integrations.chain.hashing import keccak
from integrations.chain.known_calls import read_known
from integrations.safe.contracts import MULTI_SEND_CALL_ONLY, decode_multi_send
from ledger import Invalid

DEEPEST, MOST = 6, 400
PINNED_BATCHES = {address: version for version, addresses in MULTI_SEND_CALL_ONLY.items() for address in addresses}


@dataclass(frozen=True)
class Carried:
    """A call inside another one. `how`: in words, of `through`; `delegated`: it runs as its sender."""

    sender: str
    to: str
    value: int
    data: bytes
    how: str = ""
    through: str = ""
    delegated: bool = False


Args = Mapping[str, Any]
Read = Callable[[Carried, Args], list[Carried]]


def _one(how: str, *, own: bool = False) -> Read:
    """A target, a value and data; made by the contract that is called, or by its caller (`own`)."""

    def read(call: Carried, args: Args) -> list[Carried]:
        sender = call.sender if own else call.to
        delegated = args.get("operation", 0) == 1
        return [Carried(sender, args["target"], args.get("value", 0), args["data"], how, call.to, delegated)]

    return read


def _compound(how: str) -> Read:
    """Compound's timelock: the function by its signature, then only its arguments; without one, whole calldata."""

    def read(call: Carried, args: Args) -> list[Carried]:
        head = keccak(args["a"].encode())[:4] if args["a"] else b""
        return [Carried(call.to, args["target"], args["value"], head + args["data"], how, call.to)]

    return read


def _many(how: str) -> Read:
    def read(call: Carried, args: Args) -> list[Carried]:
        targets, datas = args["targets"], args["datas"]
        values = args.get("values", [0] * len(targets))
        if not len(targets) == len(datas) == len(values):
            raise Invalid("data", "The lists differ in length.", "as many targets as values and data")
        rows = zip(targets, values, datas, strict=True)
        return [Carried(call.to, to, value, data, how, call.to) for to, value, data in rows]

    return read


def _tuples(call: Carried, args: Args) -> list[Carried]:
    """Multicall3: each entry begins with its target and ends with its data; a value stands before the data."""
    return [
        Carried(call.to, row[0], row[2] if len(row) == 4 else 0, row[-1], "called by", call.to) for row in args["calls"]
    ]


def _itself(call: Carried, args: Args) -> list[Carried]:
    return [Carried(call.sender, call.to, 0, data, "among the calls of", call.to) for data in args["datas"]]


def _upgraded(call: Carried, args: Args) -> list[Carried]:
    """The data are run by the new code as the proxy, which sees its own caller."""
    proxy = args.get("proxy", call.to)
    sender = call.to if "proxy" in args else call.sender
    return [Carried(sender, proxy, 0, args["data"], "run while upgrading", proxy)] if args["data"] else []


def _batched(call: Carried, args: Args) -> list[Carried]:
    version = PINNED_BATCHES.get(call.to)
    if version is None:
        raise Invalid("data", "A batch through a contract that is not pinned.", "the pinned MultiSendCallOnly")
    sender = call.sender if call.delegated else call.to
    how = "in the batch of" if call.delegated else "passed on by"
    calls = decode_multi_send(call.data, version=version, safe=sender)
    return [Carried(sender, one.to, one.value, one.data, how, sender) for one in calls]


_EXEC = (
    "execTransaction(address target, uint256 value, bytes data, uint8 operation, uint256 a, uint256 b, uint256 c, "
    "address d, address e, bytes f)"
)
_MODULE = "(address target, uint256 value, bytes data, uint8 operation)"
_ROLE = "(address target, uint256 value, bytes data, uint8 operation, bytes32 a, bool b)"
_COMPOUND = "(address target, uint256 value, string a, bytes data, uint256 b)"
CARRIERS: dict[str, Read] = {
    "multiSend(bytes transactions)": _batched,
    "schedule(address target, uint256 value, bytes data, bytes32 a, bytes32 b, uint256 c)": _one("scheduled in"),
    "scheduleBatch(address[] targets, uint256[] values, bytes[] datas, bytes32 a, bytes32 b, uint256 c)": _many(
        "scheduled in"
    ),
    "execute(address target, uint256 value, bytes data, bytes32 a, bytes32 b)": _one("executed by"),
    "executeBatch(address[] targets, uint256[] values, bytes[] datas, bytes32 a, bytes32 b)": _many("executed by"),
    "execute(address target, uint256 value, bytes data)": _one("executed by"),
    "execute(address target, uint256 value, bytes data, uint8 operation)": _one("executed by"),
    "forward(address target, uint256 value, bytes data)": _one("executed by"),
    "propose(address[] targets, uint256[] values, bytes[] datas, string a)": _many("proposed to"),
    "queue(address[] targets, uint256[] values, bytes[] datas, bytes32 a)": _many("queued in"),
    "execute(address[] targets, uint256[] values, bytes[] datas, bytes32 a)": _many("executed by"),
    _EXEC: _one("executed by"),
    "execTransactionFromModule" + _MODULE: _one("executed as a module of"),
    "execTransactionFromModuleReturnData" + _MODULE: _one("executed as a module of"),
    "execTransactionWithRole" + _ROLE: _one("executed by"),
    "execTransactionWithRoleReturnData" + _ROLE: _one("executed by"),
    "executeNextTx" + _MODULE: _one("executed by"),
    "queueTransaction" + _COMPOUND: _compound("queued in"),
    "executeTransaction" + _COMPOUND: _compound("executed by"),
    "schedule(address target, bytes data, uint48 a)": _one("scheduled in"),
    "execute(address target, bytes data)": _one("executed by"),
    "upgradeToAndCall(address code, bytes data)": _upgraded,
    "upgradeAndCall(address proxy, address code, bytes data)": _upgraded,
    "multicall(bytes[] datas)": _itself,
    "multicall(uint256 a, bytes[] datas)": _itself,
    "aggregate((address,bytes)[] calls)": _tuples,
    "aggregate3((address,bool,bytes)[] calls)": _tuples,
    "aggregate3Value((address,bool,uint256,bytes)[] calls)": _tuples,
    "tryAggregate(bool a, (address,bytes)[] calls)": _tuples,
    "approveAndCall(address target, uint256 a, bytes data)": _one("called back by"),
}
BY_SELECTOR = {selector(signature): signature for signature in CARRIERS}


@dataclass
class Budget:
    """How many calls may still be unfolded: a payload must not cost a server."""

    left: int = MOST


def carried(call: Carried) -> list[Carried] | None:
    """The calls right inside this one; None when it says that it carries some and they cannot be read."""
    signature = BY_SELECTOR.get(call.data[:4])
    if signature is None:
        return []
    found = read_known((signature,), call.data)
    try:
        return CARRIERS[signature](call, found[1]) if found else None
    except Invalid:
        return None
