"""Changes in words: what a contract says of balances, allowances, roles and owners before and after.

A simulation's events say what to ask about, and are believed in nothing else: each value is asked of the contract
twice, on the block as it is and with the simulated changes laid over it, and is shown where the two answers differ.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from governance.proposals.decoding import Names
from governance.proposals.effects import APPROVAL, FOR_ALL, OWNER, SINGLE, TRANSFER
from governance.protocols.models import Contract
from integrations.chain.abi import encode_call
from integrations.chain.abi_types import parse_abi
from integrations.chain.addresses import ZERO_ADDRESS, checksum
from integrations.chain.client import Client
from integrations.chain.errors import RpcRefused
from integrations.chain.hashing import keccak
from integrations.chain.reading import block_ref, to_bytes
from integrations.safe.simulate import Change, SimulatedLog
from ledger import Invalid

MOST_ASKED = 60
ROLE = (keccak(b"RoleGranted(bytes32,address,address)"), keccak(b"RoleRevoked(bytes32,address,address)"))
NAMES_OF_ROLES = (
    *("PAUSER_ROLE", "MINTER_ROLE", "BURNER_ROLE", "UPGRADER_ROLE", "GUARDIAN_ROLE", "KEEPER_ROLE", "OPERATOR_ROLE"),
    *("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE", "TIMELOCK_ADMIN_ROLE"),
)


@dataclass(frozen=True)
class Meaning:
    """One value that will be another: `HelixVault  paused  false → true`."""

    address: str
    label: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Question:
    """A getter of one contract, with what its answer is and how it is read."""

    address: str
    what: str
    data: bytes
    kind: str  # amount, number, address or flag


def overrides(changes: Sequence[Change]) -> dict[str, dict[str, Any]]:
    """The changes as an override of the state, for eth_call."""
    laid_over: dict[str, dict[str, Any]] = {}
    for change in changes:
        account = laid_over.setdefault(change.address, {})
        if change.field in ("balance", "code"):
            account[change.field] = change.after
        elif change.field.startswith("0x"):
            account.setdefault("stateDiff", {})[change.field] = change.after
    return laid_over


def meanings_of_logs(
    client: Client, logs: Sequence[SimulatedLog], changes: Sequence[Change], block: str, names: Names
) -> tuple[list[Meaning], int]:
    """What moved, our contracts' first, and how many values were not asked for since there are too many."""
    asked = list(dict.fromkeys(one for log in logs for one in _questions(log, names)))
    asked.sort(key=lambda one: one.address not in names.contracts)
    left_out, asked = max(len(asked) - MOST_ASKED, 0), asked[:MOST_ASKED]
    if not asked:
        return [], 0
    tokens = sorted({one.address for one in asked if one.kind == "amount" and one.address in names.contracts})
    ref, laid_over = block_ref(block), overrides(changes)
    messages = [{"to": one.address, "data": "0x" + one.data.hex()} for one in asked]
    decimals = [{"to": token, "data": "0x" + encode_call("decimals()").hex()} for token in tokens]
    questions = [("eth_call", [message, ref]) for message in (*decimals, *messages)]
    answers = client.batch([*questions, *(("eth_call", [message, ref, laid_over]) for message in messages)])
    places = {token: _places(answer) for token, answer in zip(tokens, answers, strict=False)}
    values = answers[len(tokens) :]
    found = []
    for one, *pair in zip(asked, values[: len(asked)], values[len(asked) :], strict=True):
        before, after = (_shown(answer, one.kind, places.get(one.address, 0), names) for answer in pair)
        if before != after:
            label = names.of(one.address) or f"{one.address} (by its own word)"
            found.append(Meaning(one.address, label, one.what, before, after))
    return found, left_out


def _questions(log: SimulatedLog, names: Names) -> Iterator[Question]:
    if len(log.topics) < 3:
        return
    a, b = _address(log.topics[1]), _address(log.topics[2])
    number = int.from_bytes(log.topics[3], "big") if len(log.topics) > 3 else None
    if log.topics[0] == TRANSFER:
        yield from _of_transfer(log, a, b, number, names)
    elif log.topics[0] == APPROVAL and number is None:
        what = f"what {_who(b, names)} may spend of {_who(a, names)}"
        yield _ask(log, what, "amount", "allowance(address,address)", a, b)
    elif log.topics[0] == APPROVAL:
        yield _ask(log, f"who may move token {number}", "address", "getApproved(uint256)", number)
    elif log.topics[0] == FOR_ALL:
        what = f"whether {_who(b, names)} may move every token of {_who(a, names)}"
        yield _ask(log, what, "flag", "isApprovedForAll(address,address)", a, b)
    else:
        yield from _of_powers(log, b, names)


def _of_transfer(log: SimulatedLog, a: str, b: str, number: int | None, names: Names) -> Iterator[Question]:
    if number is not None:
        yield _ask(log, f"owner of token {number}", "address", "ownerOf(uint256)", number)
        return
    for who in sorted({a, b} - {ZERO_ADDRESS}):
        yield _ask(log, f"balance of {_who(who, names)}", "amount", "balanceOf(address)", who)


def _of_powers(log: SimulatedLog, b: str, names: Names) -> Iterator[Question]:
    first = log.topics[0]
    if first == SINGLE and len(log.topics) > 3 and len(log.data) >= 32:
        token = int.from_bytes(log.data[:32], "big")
        for who in sorted({b, _address(log.topics[3])} - {ZERO_ADDRESS}):
            what = f"token {token} of {_who(who, names)}"
            yield _ask(log, what, "number", "balanceOf(address,uint256)", who, token)
    elif first in ROLE:
        role = _role(log.topics[1], names.contracts.get(log.address))
        what = f"whether {_who(b, names)} has {role}"
        yield _ask(log, what, "flag", "hasRole(bytes32,address)", log.topics[1], b)
    elif first in OWNER and log.address not in names.contracts:  # a registered one's getters are all asked
        yield _ask(log, "owner", "address", "owner()")


def _ask(log: SimulatedLog, what: str, kind: str, getter: str, *args: Any) -> Question:
    return Question(log.address, what, encode_call(getter, "", list(args)), kind)


def _role(role: bytes, contract: Contract | None) -> str:
    """By the name whose hash it is, as AccessControl's roles are made."""
    if not any(role):
        return "the admin role"
    own = [one.name for one in parse_abi(contract.abi, "function") if not one.inputs] if contract else []
    named: Collection[str] = [name for name in (*own, *NAMES_OF_ROLES) if keccak(name.encode()) == role]
    return next(iter(named), f"role 0x{role.hex()}")


def _who(address: str, names: Names) -> str:
    known = names.whose(address)
    return address if known == "not known here" else f"{known} {address[:6]}…{address[-4:]}"


def _address(word: bytes) -> str:
    return checksum(word[-20:])


def _places(answer: object) -> int:
    word = _word(answer)
    return int.from_bytes(word, "big") if word and not any(word[:31]) and word[31] <= 36 else 0


def _word(answer: object) -> bytes | None:
    if isinstance(answer, RpcRefused):
        return None
    try:
        found = to_bytes(answer)
    except Invalid:
        return None
    return found if len(found) == 32 else None


def _shown(answer: object, kind: str, places: int, names: Names) -> str:
    word = _word(answer)
    if word is None:
        return "none"
    number = int.from_bytes(word, "big")
    show: dict[str, Callable[[], str]] = {
        "amount": lambda: "without limit" if number == 2**256 - 1 else _amount(number, places),
        "number": lambda: str(number),
        "address": lambda: _who(_address(word), names),
        "flag": lambda: "yes" if number else "no",
    }
    return show[kind]()


def _amount(number: int, places: int) -> str:
    whole, fraction = divmod(number, 10**places)
    return f"{whole}.{str(fraction).rjust(places, '0').rstrip('0')}" if fraction else str(whole)
