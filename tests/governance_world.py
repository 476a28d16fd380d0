"""Registered Safes on the test devnet, the demo protocol beside them, and owners who really sign."""

import json
from dataclasses import dataclass
from typing import Any

from eth_account import Account
from eth_utils.crypto import keccak

from governance.proposals.models import Proposal
from governance.proposals.services import propose
from governance.protocols.models import Contract, Protocol
from governance.safes.models import Safe
from governance.safes.services import register
from integrations.chain.models import Chain, Endpoint
from integrations.devnet.anvil import ROOT
from integrations.devnet.builder import Builder
from integrations.devnet.chain import CAROL, CHAIN_ID, DAN, ERIN
from integrations.devnet.safes import DemoSafe
from integrations.safe.hashes import safe_tx_hash
from tests.chain.conftest import Devnet

KEYS = {account.address: account.key for account in (CAROL, DAN, ERIN)}
PAUSE = {"to": "", "value": "0", "data": "0x8456cb59"}


@dataclass(frozen=True)
class World:
    """What a test starts from."""

    devnet: Devnet
    chain: Chain
    protocol: Protocol
    vault: Contract
    guardian: Safe

    @property
    def pause(self) -> dict[str, str]:
        return {**PAUSE, "to": self.vault.address}

    def propose(self, *calls: dict[str, str], safe: Safe | None = None, **more: Any) -> Proposal:
        more.setdefault("title", "Pause the vault")
        more.setdefault("actor", "user:1")
        return propose(safe=safe or self.guardian, calls=list(calls or (self.pause,)), **more)

    def safe_of(self, version: str, salt: int = 1) -> Safe:
        """A fresh 2-of-3 Safe of a version, with some ether."""
        owners = tuple(account.address for account in (CAROL, DAN, ERIN))
        made = DemoSafe(f"s{salt}", "a Safe", version, False, owners, 2, 9_000 + salt)
        builder = Builder(self.devnet.rpc)
        made.create(builder)
        builder.flush()
        self.devnet.rpc("anvil_setBalance", made.address, hex(10**18))
        return register(chain=self.chain, address=made.address, label=f"Safe {version}", actor="user:1")


def world(devnet: Devnet) -> World:
    chain = Chain.objects.create(
        chain_id=CHAIN_ID, name="Helix devnet", short_name="devnet", kind="devnet", block_time=1, finality_depth=3
    )
    Endpoint.objects.create(chain=chain, url=devnet.url)
    protocol = Protocol.objects.create(slug="helix", name="Helix")
    vault = Contract.objects.create(
        protocol=protocol,
        chain=chain,
        address=devnet.deployment.vault,
        name="HelixVault",
        role="vault",
        abi=json.loads((ROOT / "integrations/devnet/artifacts/HelixVault.json").read_bytes())["abi"],
        code_hash="0x" + keccak(devnet.rpc.code(devnet.deployment.vault)).hex(),
    )
    guardian = register(
        chain=chain, address=devnet.deployment.guardian_safe, label="Guardian Safe", protocol=protocol, actor="user:1"
    )
    return World(devnet, chain, protocol, vault, guardian)


def sign(proposal: Proposal, owner: str, *, digest: str = "") -> str:
    """A real signature of an owner over a proposal's hash (or over another one)."""
    digest = digest or safe_tx_hash(proposal.safe_tx)
    signed = Account.unsafe_sign_hash(bytes.fromhex(digest[2:]), KEYS[owner])
    return "0x" + bytes(signed.signature).hex()
