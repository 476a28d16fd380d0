"""Why a signature is nobody's here: over which chain or nonce it was made instead, or whose it used to be."""

from collections.abc import Iterator
from dataclasses import replace

from governance.safes.models import Safe
from integrations.chain.models import Chain
from integrations.safe.hashes import SafeTx, safe_tx_hash
from integrations.safe.signatures import Signature, parse
from ledger import Invalid
from ledger.models import Event

NEAR = 20  # nonces before and after


def stranger(signature: str | bytes, parsed: Signature, safe: Safe, tx: SafeTx) -> Invalid:
    """The error for a signature that recovers to no owner, with what is known about it."""
    wanted = f"a present owner's signature over {safe_tx_hash(tx)}"
    if parsed.needs_chain:
        return Invalid("signature", f"{parsed.owner} is not an owner of {safe.label}.", wanted)
    if _was_owner(parsed.owner, safe):
        text = f"{parsed.owner} is not an owner of {safe.label} any more, so this signature does not count."
        return Invalid("signature", text, wanted)
    for other, words, right in _alternatives(tx, safe):
        try:
            owner = parse(signature, safe_tx_hash(other), safe.owners).owner
        except Invalid:
            continue
        return Invalid("signature", f"It is {owner}'s, but {words}.", right)
    text = f"Over this proposal's hash it recovers to {parsed.owner}, who is not an owner of {safe.label}: "
    return Invalid("signature", text + "it is a stranger's, or it was made over another hash.", wanted)


def _alternatives(tx: SafeTx, safe: Safe) -> Iterator[tuple[SafeTx, str, str]]:
    names = {1: "Ethereum", **dict(Chain.objects.values_list("chain_id", "name"))}
    names.pop(tx.chain_id, None)
    for chain_id, name in names.items():
        words = f"it was made for {name} (chain {chain_id}), not for {safe.chain.name} (chain {tx.chain_id})"
        yield replace(tx, chain_id=chain_id), words, f"switch the wallet to chain {tx.chain_id} and sign again"
    for nonce in range(max(0, tx.nonce - NEAR), tx.nonce + NEAR + 1):
        if nonce != tx.nonce:
            words = f"it was made for nonce {nonce}, and this proposal is for nonce {tx.nonce}"
            yield tx.with_nonce(nonce), words, f"sign the hash of this proposal, {safe_tx_hash(tx)}"
    words = "it was made without a chain id, as for Safes before 1.3.0"
    yield replace(tx, version="1.2.0"), words, f"sign the hash of this proposal, {safe_tx_hash(tx)}"


def _was_owner(owner: str, safe: Safe) -> bool:
    changes = Event.objects.filter(subject=safe.subject, verb="safe.owners.changed")
    return changes.filter(before__owners__contains=[owner]).exists()
