"""Owners that are contracts: how a Safe that owns a Safe says yes."""

from typing import Protocol

from integrations.chain.abi import encode_call, selector
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.client import Client, RpcRefused
from integrations.chain.hashing import keccak
from integrations.safe.contracts import FALLBACK_HANDLERS
from integrations.safe.hashes import SafeTx, domain_hash, preimage, safe_message_hash, safe_message_struct_hash
from integrations.safe.signatures import CONTRACT, Signature, assemble, contract

BYTES_MAGIC = bytes.fromhex("20c13b0b")
HASH_MAGIC = bytes.fromhex("1626ba7e")
_BY_BYTES = "isValidSignature(bytes data, bytes signature) view returns (bytes4)"
_BY_HASH = "isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)"
_APPROVE = "approveHash(bytes32 hashToApprove)"
APPROVE_HASH = selector(_APPROVE)


class Owner(Protocol):
    """A Safe that owns a Safe, as it was read from its chain or as it is kept."""

    @property
    def address(self) -> str: ...

    @property
    def version(self) -> str: ...


def why_no_signature(parent: str, child: str, handler: str) -> str:
    """ "" when a Safe of version `child` can sign for its parent through its fallback handler, or why it cannot.

    Parents up to 1.4.1 ask isValidSignature(bytes,bytes), parents of 1.5.0 isValidSignature(bytes32,bytes). Handlers up
    to 1.4.1 answer both, 1.5.0's only the second. Whoever cannot sign approves the hash on chain, which always works.
    """
    if handler == ZERO_ADDRESS:
        return "it has no fallback handler, so it cannot answer isValidSignature"
    known = FALLBACK_HANDLERS.get(handler)
    if known is None or (known == "1.5.0") != (child == "1.5.0"):
        return (
            f"its fallback handler {handler} is not the official one of its version, so its answer cannot be foreseen"
        )
    if known == "1.5.0" and parent != "1.5.0":
        return (
            f"a Safe {parent} asks its owners isValidSignature(bytes,bytes), "
            "which the fallback handler of Safe 1.5.0 no longer answers"
        )
    return ""


def asked_of_owner(tx: SafeTx) -> bytes:
    """What a contract owner is asked about: the 66-byte preimage before 1.5.0, the hash itself since."""
    return bytes.fromhex(tx.hash[2:]) if tx.version == "1.5.0" else preimage(tx)


def message_hash_for_owner(tx: SafeTx, owner: Owner) -> str:
    """What the owners of the owning Safe sign so that it signs `tx` (through its fallback handler)."""
    return safe_message_hash(owner.version, tx.chain_id, owner.address, asked_of_owner(tx))


def signature_of_safe(owner: Owner, signatures: list[Signature]) -> Signature:
    """The contract signature of an owning Safe, from its own owners' signatures over `message_hash_for_owner`."""
    return contract(owner.address, assemble(signatures))


def holds(client: Client, tx: SafeTx, signature: Signature, block: int | str = "latest") -> bool:
    """Whether a contract owner accepts its signature now, asked in the way in which the Safe will ask."""
    if signature.kind != CONTRACT:
        raise ValueError("only a contract's signature is asked of a contract")
    by_hash = tx.version == "1.5.0"
    data = encode_call(_BY_HASH if by_hash else _BY_BYTES, "", [asked_of_owner(tx), signature.dynamic[32:]])
    try:
        answer = client.call(signature.owner, data, block, sender=tx.safe)
    except RpcRefused:
        return False
    return answer == (HASH_MAGIC if by_hash else BYTES_MAGIC).ljust(32, b"\0")


def message_hash_for_owners_owner(tx: SafeTx, owner: Owner, deeper: Owner) -> str:
    """What the owners of a Safe that owns the owning Safe would sign: a message about a message."""
    message = safe_message_struct_hash(asked_of_owner(tx))
    asked = b"\x19\x01" + domain_hash(owner.version, tx.chain_id, owner.address) + message
    about = keccak(asked) if owner.version == "1.5.0" else asked
    return safe_message_hash(deeper.version, tx.chain_id, deeper.address, about)


def approve_hash_data(digest: str) -> bytes:
    """The calldata by which an owner approves a hash on chain: the other way, which always works."""
    return encode_call(_APPROVE, "", [digest])


def approve_hash_tx(tx: SafeTx, owner: Owner, nonce: int) -> SafeTx:
    """The transaction of an owning Safe that does so."""
    return SafeTx(tx.chain_id, owner.address, owner.version, tx.safe, data=approve_hash_data(tx.hash), nonce=nonce)
