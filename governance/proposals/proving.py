"""What only the chain can say of a signature: an approved hash, a contract owner's word."""

from collections.abc import Callable

from governance.safes.models import Safe
from integrations.chain.client import Client, client_for
from integrations.chain.errors import Disagreement, RpcError
from integrations.chain.models import Chain
from integrations.safe.hashes import SafeTx, safe_tx_hash
from integrations.safe.nested import holds
from integrations.safe.reads import approved_hashes
from integrations.safe.signatures import CONTRACT, Signature
from ledger import Refused


def proved_on_chain(parsed: Signature, safe: Safe, tx: SafeTx) -> bool:
    """As the chain's endpoints agree on it. Network: not inside a transaction."""
    if parsed.kind == CONTRACT:
        return _agreed(safe.chain, lambda one, block: holds(one, tx, parsed, block))
    return approved_on_chain(safe, parsed.owner, safe_tx_hash(tx))


def approved_on_chain(safe: Safe, owner: str, digest: str) -> bool:
    return _agreed(safe.chain, lambda one, block: bool(approved_hashes(one, safe.address, [owner], digest, block)))


def _agreed(chain: Chain, read: Callable[[Client, str], bool]) -> bool:
    client = client_for(chain)
    try:
        block = client.common_block().hash
        return client.agreed(lambda one: read(one, block))
    except Disagreement:
        raise Refused(
            f"The endpoints of {chain.name} disagree about this signature; nothing was stored.",
            "look at the chain's endpoints and disable the one that lies or lags",
            "endpoints-disagree",
        ) from None
    except RpcError:
        raise Refused(
            f"{chain.name} cannot be read at this moment; nothing was stored.", "try again", "chain-unavailable"
        ) from None
