"""A Safe as it is on chain at one block: read from storage and getters, its version known by its code.

An unknown singleton is refused rather than guessed: hashes, storage slots and signature rules depend on the version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrations.chain.abi import decode_output, encode_call
from integrations.chain.addresses import ZERO_ADDRESS, checksum, pad32, parse_address
from integrations.chain.client import Client, RpcRefused, RpcUnavailable
from integrations.chain.hashing import keccak
from integrations.chain.reading import block_ref, to_bytes
from integrations.safe.contracts import BY_CODE_HASH, PROXY_CODE_HASHES, code_hash
from integrations.safe.hashes import SafeTx
from ledger.errors import Invalid

SENTINEL = "0x" + "0" * 39 + "1"
SINGLETON_SLOT, THRESHOLD_SLOT, NONCE_SLOT, APPROVED_HASHES_SLOT = 0, 4, 5, 8
FALLBACK_HANDLER_SLOT = int.from_bytes(keccak(b"fallback_manager.handler.address"), "big")
GUARD_SLOT = int.from_bytes(keccak(b"guard_manager.guard.address"), "big")
MODULE_GUARD_SLOT = int.from_bytes(keccak(b"module_manager.module_guard.address"), "big")
_SLOTS = (SINGLETON_SLOT, GUARD_SLOT, MODULE_GUARD_SLOT, FALLBACK_HANDLER_SLOT, THRESHOLD_SLOT, NONCE_SLOT)
MODULES_PAGE = 50

_GETTERS = (
    "VERSION() view returns (string)",
    "getOwners() view returns (address[])",
    "getThreshold() view returns (uint256)",
    "nonce() view returns (uint256)",
    "getModulesPaginated(address start, uint256 pageSize) view returns (address[] array, address next)",
)
_GET_HASH = (
    "getTransactionHash(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, "
    "uint256 gasPrice, address gasToken, address refundReceiver, uint256 nonce) view returns (bytes32)"
)
APPROVE_TOPIC = "0x" + keccak(b"ApproveHash(bytes32,address)").hex()
_APPROVED = "approvedHashes(address owner, bytes32 hash) view returns (uint256)"


@dataclass(frozen=True, slots=True)
class SafeState:
    """Comparable between endpoints: two honest nodes give equal values for one block."""

    chain_id: int
    address: str
    version: str
    l2: bool
    owners: tuple[str, ...]
    threshold: int
    nonce: int
    modules: tuple[str, ...]
    guard: str
    module_guard: str
    fallback_handler: str
    singleton: str
    code_hash: str
    proxy_version: str  # "" for a proxy that no official factory made
    block_number: int
    block_hash: str


def read_safe(client: Client, address: str, block: int | str = "latest") -> SafeState:
    """One Safe at one block (resolved to its hash first, so that all values are of the same state)."""
    address = parse_address(address, "safe")
    at = client.existing_block(block)
    ref = block_ref(at.hash)
    calls: list[tuple[str, list[object]]] = [
        ("eth_getCode", [address, ref]),
        *(("eth_getStorageAt", [address, f"0x{slot:064x}", ref]) for slot in _SLOTS),
        *(("eth_call", [{"to": address, "data": "0x" + _getter(one).hex()}, ref]) for one in _GETTERS),
    ]
    answers = client.batch(calls)
    proxy_code = _data(answers[0])
    if not proxy_code:
        raise Invalid("safe", f"No contract stands at {address} on this chain.", "the address of a Safe")
    slots = [_data(answer).rjust(32, b"\0") for answer in answers[1:7]]
    singleton = checksum(slots[0][12:])
    known = BY_CODE_HASH.get(code_hash(client.code(singleton, at.hash)))
    if known is None or any(isinstance(answer, RpcRefused) for answer in answers):
        raise _unknown(address, singleton, answers)
    version, owners, threshold, nonce, (modules, rest) = (
        _output(getter, answer) for getter, answer in zip(_GETTERS, answers[7:], strict=True)
    )
    if version != known.version or (threshold, nonce) != (int.from_bytes(slots[4]), int.from_bytes(slots[5])):
        raise Invalid("safe", "Its getters and its storage do not say the same.", "a Safe behind an official proxy")
    return SafeState(
        chain_id=client.chain_id,
        address=address,
        version=known.version,
        l2=known.l2,
        owners=tuple(checksum_all(owners)),
        threshold=threshold,
        nonce=nonce,
        modules=(*checksum_all(modules), *_more_modules(client, address, rest, at.hash)),
        guard=checksum(slots[1][12:]),
        module_guard=checksum(slots[2][12:]) if known.version == "1.5.0" else ZERO_ADDRESS,
        fallback_handler=checksum(slots[3][12:]),
        singleton=singleton,
        code_hash=known.code_hash,
        proxy_version=PROXY_CODE_HASHES.get(code_hash(proxy_code), ""),
        block_number=at.number,
        block_hash=at.hash,
    )


def read_safe_agreed(client: Client, address: str) -> SafeState:
    """The Safe at a recent block, as the chain's endpoints agree on it."""
    at = client.common_block()
    return client.agreed(lambda one: read_safe(one, address, at.hash))


def hash_by_contract(client: Client, tx: SafeTx, block: int | str = "latest") -> str:
    """The safeTxHash as the Safe itself computes it."""
    args = (
        tx.to,
        tx.value,
        tx.data,
        tx.operation,
        tx.safe_tx_gas,
        tx.base_gas,
        tx.gas_price,
        tx.gas_token,
        tx.refund_receiver,
        tx.nonce,
    )
    answer = client.call(tx.safe, encode_call(_GET_HASH, "", args), block)
    digest: bytes = decode_output(_GET_HASH, "", answer)[0]
    return "0x" + digest.hex()


def approved_hashes(
    client: Client, safe: str, owners: Sequence[str], tx_hash: str, block: int | str = "latest"
) -> frozenset[str]:
    """The owners who approved this hash on chain."""
    ref = block_ref(block)
    calls = [
        ("eth_call", [{"to": safe, "data": "0x" + encode_call(_APPROVED, "", [owner, tx_hash]).hex()}, ref])
        for owner in owners
    ]
    answers = client.batch(calls)
    return frozenset(owner for owner, answer in zip(owners, answers, strict=True) if any(_data(answer)))


def approved_hash_slot(owner: str, tx_hash: str) -> str:
    """The storage key of approvedHashes[owner][hash]."""
    inner = keccak(pad32(owner) + pad32(APPROVED_HASHES_SLOT))
    return "0x" + keccak(bytes.fromhex(tx_hash[2:]) + inner).hex()


def approvals_in(client: Client, safes: Sequence[str], first: int, last: int) -> list[tuple[str, str, str]]:
    """(Safe, owner, hash) of every approveHash in these blocks, as the Safes' own logs say."""
    if not safes or last < first:
        return []
    logs = client.logs(first=first, last=last, addresses=list(safes), topics=[APPROVE_TOPIC])
    return [(log.address, checksum(log.topics[2][12:]), "0x" + log.topics[1].hex()) for log in logs]


def _unknown(address: str, singleton: str, answers: Sequence[Any]) -> Invalid:
    """What it seems to be instead, so that whoever typed the address knows what to look for."""
    said = answers[7]
    try:
        version = "" if isinstance(said, RpcRefused) else str(_output(_GETTERS[0], said))[:20]
    except (Invalid, RpcRefused):
        version = ""
    if version:
        text = f"{address} is not a Safe of a known version: it says {version}, and its singleton is {singleton}."
        return Invalid("safe", text, "a Safe 1.3.0, 1.4.1 or 1.5.0 with an official singleton: upgrade it first")
    return Invalid("safe", f"{address} is not a Safe of a known version.", "a Safe 1.3.0, 1.4.1 or 1.5.0")


def checksum_all(addresses: Sequence[str]) -> list[str]:
    return [checksum(address) for address in addresses]


def _getter(text: str) -> bytes:
    return encode_call(text, "", [SENTINEL, MODULES_PAGE] if text.startswith("getModules") else [])


def _output(text: str, answer: object) -> Any:
    values = decode_output(text, "", _data(answer))
    return values if len(values) > 1 else values[0]


def _data(answer: object) -> bytes:
    if isinstance(answer, RpcRefused):
        raise answer
    return to_bytes(answer)


def _more_modules(client: Client, address: str, start: str, block_hash: str) -> list[str]:
    """Further pages of modules; a Safe with hundreds of them is not a Safe that anyone understands."""
    found: list[str] = []
    getter = _GETTERS[4]
    while start not in (SENTINEL, ZERO_ADDRESS):
        if len(found) > 20 * MODULES_PAGE:
            raise RpcUnavailable("The list of modules does not end.")
        answer = client.call(address, encode_call(getter, "", [start, MODULES_PAGE]), block_hash)
        page, start = decode_output(getter, "", answer)
        found.extend(checksum_all(page))
    return found
