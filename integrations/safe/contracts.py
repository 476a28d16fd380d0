"""The Safe contracts that we know: where they stand, what code they have, how they are called.

Addresses and code hashes are those of @safe-global/safe-deployments (a test compares them with the package). A code
hash is what counts: an address says nothing about what stands there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from integrations.chain.abi import decode_call, decode_log, encode_call
from integrations.chain.addresses import ZERO_ADDRESS, checksum, pad32, parse_address, parse_hex
from integrations.chain.hashing import keccak
from integrations.safe.hashes import SUPPORTED, SafeTx
from ledger.errors import Invalid

__all__ = ["MULTI_SEND_CALL_ONLY", "SINGLETONS", "SUPPORTED", "exec_transaction_data"]


@dataclass(frozen=True, slots=True)
class Singleton:
    """One master copy."""

    version: str
    l2: bool
    addresses: tuple[str, ...]
    code_hash: str


SINGLETONS: tuple[Singleton, ...] = (
    Singleton(
        "1.3.0",
        False,
        ("0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552", "0x69f4D1788e39c87893C980c06EdF4b7f686e2938"),
        "0xbba688fbdb21ad2bb58bc320638b43d94e7d100f6f3ebaab0a4e4de6304b1c2e",
    ),
    Singleton(
        "1.3.0",
        True,
        ("0x3E5c63644E683549055b9Be8653de26E0B4CD36E", "0xfb1bffC9d739B8D520DaF37dF666da4C687191EA"),
        "0x21842597390c4c6e3c1239e434a682b054bd9548eee5e9b1d6a4482731023c0f",
    ),
    Singleton(
        "1.4.1",
        False,
        ("0x41675C099F32341bf84BFc5382aF534df5C7461a",),
        "0x1fe2df852ba3299d6534ef416eefa406e56ced995bca886ab7a553e6d0c5e1c4",
    ),
    Singleton(
        "1.4.1",
        True,
        ("0x29fcB43b46531BcA003ddC8FCB67FFE91900C762",),
        "0xb1f926978a0f44a2c0ec8fe822418ae969bd8c3f18d61e5103100339894f81ff",
    ),
    Singleton(
        "1.5.0",
        False,
        ("0xFf51A5898e281Db6DfC7855790607438dF2ca44b",),
        "0xdda019cbd7c867a533a2a86e5c53434fdc50b13122b5a5ddb4a8df61b31c20f2",
    ),
    Singleton(
        "1.5.0",
        True,
        ("0xEdd160fEBBD92E350D4D398fb636302fccd67C7e",),
        "0x180193227186ccb85316c94db1f0d156ed932b14712cfaac78901899178572dc",
    ),
)
BY_CODE_HASH = {one.code_hash: one for one in SINGLETONS}

PROXY_CODE_HASHES = {
    "0xb89c1b3bdf2cf8827818646bce9a8f6e372885f8c55e5c07acbd307cb133b000": "1.3.0",
    "0xd7d408ebcd99b2b70be43e20253d6d92a8ea8fab29bd3be7f55b10032331fb4c": "1.4.1",
    "0x4e381985ca68b3e5d27b4425fa581c19cf33146d3f887a3cfca96f55528ea46f": "1.5.0",
}
"""Proxies made by the official factories. Another proxy may answer its getters as it likes."""

MULTI_SEND_CALL_ONLY = {
    "1.3.0": ("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D", "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"),
    "1.4.1": ("0x9641d764fc13c8B624c04430C7356C1C7C8102e2",),
    "1.5.0": ("0xA83c336B20401Af773B6219BA5027174338D1836",),
}
MULTI_SEND_CALL_ONLY_CODE_HASHES = {
    "1.3.0": "0xa9865ac2d9c7a1591619b188c4d88167b50df6cc0c5327fcbd1c8c75f7c066ad",
    "1.4.1": "0xecd5bd14a08c5d2122379900b2f272bdf107a7e92423c10dd5fe3254386c9939",
    "1.5.0": "0xcdbdcec38d2f1c7d961b0029ff8416b7e86e9974d6f0e9c9580c7d17fcfb6663",
}
FALLBACK_HANDLERS = {
    "0xf48f2B2d2a534e402487b3ee7C18c33Aec0Fe5e4": "1.3.0",
    "0x017062a1dE2FE6b99BE3d9d37841FeD19F573804": "1.3.0",
    "0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99": "1.4.1",
    "0x3EfCBb83A4A7AfcB4F68D501E2c2203a38be77f4": "1.5.0",
    "0x85a8ca358D388530ad0fB95D0cb89Dd44Fc242c3": "1.5.0",
}
FALLBACK_HANDLER_CODE_HASHES = {
    "0xf48f2B2d2a534e402487b3ee7C18c33Aec0Fe5e4": "0x03e69f7ce809e81687c69b19a7d7cca45b6d551ffdec73d9bb87178476de1abf",
    "0x017062a1dE2FE6b99BE3d9d37841FeD19F573804": "0x03e69f7ce809e81687c69b19a7d7cca45b6d551ffdec73d9bb87178476de1abf",
    "0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99": "0x7c6007a5d711cea8dfd5d91f5940ec29c7f200fe511eb1fc1397b367af3c42f9",
    "0x3EfCBb83A4A7AfcB4F68D501E2c2203a38be77f4": "0x3c6a85bcf7b563daa624b884b4e9a1b9fa5371edde7be945d998071a48f28bbc",
    "0x85a8ca358D388530ad0fB95D0cb89Dd44Fc242c3": "0xba5bafdfba82e226b6dc8ae29bedf5026bd854ab4bee00128ca322717a5f2acf",
}

EXEC = (
    "execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, "
    "uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures) payable returns (bool success)"
)
MULTI_SEND = "multiSend(bytes transactions) payable"
EXECUTION_EVENTS = (
    "ExecutionSuccess(bytes32 txHash, uint256 payment)",
    "ExecutionFailure(bytes32 txHash, uint256 payment)",
    "ExecutionSuccess(bytes32 indexed txHash, uint256 payment)",
    "ExecutionFailure(bytes32 indexed txHash, uint256 payment)",
)
"""Not indexed in 1.3.0, indexed since."""


def exec_transaction_data(tx: SafeTx, signatures: bytes) -> bytes:
    """Calldata of execTransaction, from the raw fields and assembled signatures."""
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
        signatures,
    )
    return encode_call(EXEC, "execTransaction", args)


def read_exec_transaction(data: bytes | str, *, chain_id: int, safe: str, version: str, nonce: int) -> SafeTx:
    """The Safe transaction inside execTransaction's calldata; strict, so nothing hides behind the arguments."""
    call = decode_call(EXEC, data)
    if not call.canonical:
        raise Invalid("data", "Not the canonical encoding of a Safe's execution.", "calldata made by this server")
    to, value, inner, operation, safe_tx_gas, base_gas, gas_price, gas_token, refund_receiver = (
        one.value for one in call.args[:9]
    )
    return SafeTx(
        chain_id=chain_id,
        safe=safe,
        version=version,
        to=to,
        value=value,
        data=inner,
        operation=operation,
        safe_tx_gas=safe_tx_gas,
        base_gas=base_gas,
        gas_price=gas_price,
        gas_token=gas_token,
        refund_receiver=refund_receiver,
        nonce=nonce,
    )


@dataclass(frozen=True, slots=True)
class InnerCall:
    """One call of a batch."""

    to: str
    value: int
    data: bytes


def multi_send_address(version: str) -> str:
    """The MultiSendCallOnly that belongs to a Safe's version."""
    if version not in MULTI_SEND_CALL_ONLY:
        raise Invalid("version", f"Safe {version} is not supported.", ", ".join(SUPPORTED))
    return MULTI_SEND_CALL_ONLY[version][0]


def encode_multi_send(calls: Sequence[InnerCall]) -> bytes:
    """A batch of calls (never delegate calls) for MultiSendCallOnly."""
    if not calls:
        raise Invalid("calls", "An empty batch.", "at least one call")
    packed = b""
    for number, one in enumerate(calls):
        to = parse_address(one.to, f"calls[{number}].to")
        if to == ZERO_ADDRESS:
            raise Invalid(
                f"calls[{number}].to", "The zero address: Safes of different versions read it differently.", "a target"
            )
        packed += b"\0" + bytes.fromhex(to[2:]) + pad32(one.value) + pad32(len(one.data)) + one.data
    return encode_call(MULTI_SEND, "multiSend", [packed])


def decode_multi_send(data: bytes | str, *, version: str, safe: str) -> list[InnerCall]:
    """The calls of a batch, as the contract of that version runs them; anything it would run otherwise is Invalid."""
    raw = parse_hex(data)
    call = decode_call(MULTI_SEND, raw)
    if not call.canonical:
        raise Invalid("data", "There are bytes beyond the batch.", "the canonical encoding of multiSend(bytes)")
    packed: bytes = call.args[0].value
    calls: list[InnerCall] = []
    position = 0
    while position < len(packed):
        head = packed[position : position + 85]
        length = int.from_bytes(head[53:85], "big")
        body = packed[position + 85 : position + 85 + length]
        if len(head) < 85 or len(body) != length:
            raise Invalid("data", f"Call {len(calls)} of the batch runs past its end.", "complete calls")
        if head[0] != 0:
            raise Invalid("data", f"Call {len(calls)} of the batch is a delegate call.", "calls only")
        to = checksum(head[1:21])
        if to == ZERO_ADDRESS and version == "1.5.0":
            to = safe  # since 1.5.0 the zero address stands for the Safe itself
        calls.append(InnerCall(to, int.from_bytes(head[21:53], "big"), body))
        position += 85 + length
    return calls


def is_multi_send(to: str, version: str) -> bool:
    """Whether a delegate call goes to this version's own MultiSendCallOnly (its code is checked where it matters)."""
    return to in MULTI_SEND_CALL_ONLY.get(version, ())


def execution_result(safe: str, tx_hash: str, logs: Sequence[tuple[str, Sequence[bytes], bytes]]) -> bool | None:
    """What the Safe itself said of a transaction in a receipt's logs (address, topics, data): True executed, False its
    inner call failed, None: it said nothing of this one."""
    for address, topics, data in logs:
        if address != safe:
            continue
        for signature in EXECUTION_EVENTS:
            try:
                name, args = decode_log(signature, topics, data)
            except Invalid:
                continue
            if "0x" + args[0].value.hex() == tx_hash:
                return name == "ExecutionSuccess"
    return None


def code_hash(code: bytes) -> str:
    """EXTCODEHASH of a contract."""
    return "0x" + keccak(code).hex()
