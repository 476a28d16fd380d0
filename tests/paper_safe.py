"""A Safe without a chain beside it: its row, which is fresh for an hour, is its state. Keys that really sign."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from eth_account import Account

from governance.proposals.models import Confirmation, Proposal
from governance.proposals.services import propose
from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from integrations.chain.models import Chain

VAULT = "0x3E5c63644E683549055b9Be8653de26E0B4CD36E"
SAFE = "0x41675C099F32341bf84BFc5382aF534df5C7461a"
KEYS = [Account.from_key((9_100 + number).to_bytes(32, "big")) for number in range(3)]
PAUSE = [{"type": "function", "name": "pause", "inputs": [], "outputs": [], "stateMutability": "nonpayable"}]


def paper_safe(abi: list[dict[str, Any]] | None = None, nonce: int = 7, threshold: int = 2) -> Safe:
    """A 2-of-3 Safe on a devnet, and one registered contract."""
    chain = Chain.objects.create(chain_id=731337, name="Devnet", short_name="devnet", kind="devnet")
    protocol = Protocol.objects.create(slug="helix", name="Helix")
    Contract.objects.create(
        protocol=protocol, chain=chain, address=VAULT, name="HelixVault", role="vault", abi=abi or PAUSE
    )
    return Safe.objects.create(
        chain=chain,
        address=SAFE,
        label="Guardian Safe",
        version="1.4.1",
        owners=[account.address for account in KEYS],
        threshold=threshold,
        nonce=nonce,
        singleton=VAULT,
        code_hash="0x" + "11" * 32,
        proxy_version="1.4.1",
        read_block=7,
        read_at=timezone.now() + timedelta(hours=1),
    )


def offer(safe: Safe, value: int = 0, **more: Any) -> Proposal:
    """Some ether to somebody: another transaction for each value."""
    more.setdefault("title", f"Send {value}")
    more.setdefault("actor", "user:1")
    return propose(safe=safe, calls=[{"to": VAULT, "value": str(value), "data": "0x"}], **more)


def sign_row(proposal: Proposal, number: int) -> Confirmation:
    """An owner's signature as it is stored; whether it is right is judged elsewhere."""
    signed = KEYS[number].unsafe_sign_hash(bytes.fromhex(proposal.safe_tx_hash[2:]))
    return Confirmation.objects.create(
        proposal=proposal, owner=KEYS[number].address, signature=bytes(signed.signature), kind="eip712"
    )
