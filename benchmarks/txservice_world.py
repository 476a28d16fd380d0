"""What `benchmarks.txservice` sends: a token, and transactions of the guardian Safe, signed as clients sign them."""

import json
import sys
from typing import Any

import django

django.setup()

from eth_account import Account  # noqa: E402  (Django comes first)

from accounts.models import User  # noqa: E402
from accounts.tokens.services import create_token  # noqa: E402
from governance.findings.nonce import FAR  # noqa: E402
from governance.protocols.models import Contract  # noqa: E402
from governance.safes.models import Safe  # noqa: E402
from integrations.devnet.chain import CAROL, DAN  # noqa: E402
from integrations.safe.hashes import SafeTx  # noqa: E402


def offer(tx: SafeTx, signature: str) -> dict[str, Any]:
    return {
        "to": tx.to,
        "value": str(tx.value),
        "data": "0x" + tx.data.hex(),
        "operation": tx.operation,
        "safeTxGas": "0",
        "baseGas": "0",
        "gasPrice": "0",
        "gasToken": tx.gas_token,
        "refundReceiver": tx.refund_receiver,
        "nonce": str(tx.nonce),
        "contractTransactionHash": tx.hash,
        "sender": CAROL.address,
        "signature": signature,
        "origin": "bench",
    }


def signed(tx: SafeTx, key: str) -> str:
    return "0x" + bytes(Account.unsafe_sign_hash(bytes.fromhex(tx.hash[2:]), key).signature).hex()


def main(count: int) -> None:
    safe = Safe.objects.select_related("chain").get(label="Guardian Safe")
    vault = Contract.objects.get(name="HelixVault")
    user = User.objects.get(username="ana")
    _, token = create_token(user=user, name="bench", scopes=["proposals:write"], actor="system:bench")
    data = bytes.fromhex("8456cb59")
    txs = [
        SafeTx(safe.chain.chain_id, safe.address, safe.version, vault.address, data=data, nonce=safe.nonce + number)
        for number in range(count)
    ]
    said = {
        "token": token,
        "far": FAR,
        "chain": safe.chain.chain_id,
        "safe": safe.address,
        "hashes": [tx.hash for tx in txs],
        "offers": [offer(tx, signed(tx, CAROL.key)) for tx in txs],
        "seconds": [signed(tx, DAN.key) for tx in txs],
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(int(sys.argv[1]))
