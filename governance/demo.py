"""What the demo protects: Helix on the devnet, its Safes, who holds which power, and what can go wrong."""

import json
from typing import Any

from governance.protocols.models import Contract, FailureMode, Power, Protocol
from governance.protocols.services import allow
from governance.safes.models import Safe
from governance.safes.services import register
from integrations.chain.client import client_for
from integrations.chain.models import Chain
from integrations.devnet.anvil import ROOT
from integrations.devnet.deployment import Deployment
from integrations.safe.contracts import code_hash

LABELS = {"guardian": "Guardian Safe", "council": "Council Safe", "treasury": "Treasury Safe"}
POWERS = (
    ("pause", "Pause the vault", "pause()", "guardian"),
    ("set-mode", "Make the vault stricter", "setMode(uint8)", "guardian"),
    ("unpause", "End a pause", "unpause()", "timelock"),
    ("upgrade", "Replace the vault's code", "upgradeToAndCall(address,bytes)", "timelock"),
    ("set-feed", "Point a market to another feed", "setMarketFeed(uint256,address)", "timelock"),
)
# What the Safes may have called besides their powers; the council proposes to the timelock.
ALLOWED = {
    "vault": ("deposit(uint256)", "depositFor(address,uint256)", "withdraw(uint256,address)", "fundInsurance(uint256)"),
    "usd": ("transfer(address,uint256)", "approve(address,uint256)"),
    "timelock": (
        "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
        "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)",
        "execute(address,uint256,bytes,bytes32,bytes32)",
        "executeBatch(address[],uint256[],bytes[],bytes32,bytes32)",
        "cancel(bytes32)",
    ),
}
# slug, title, category, likelihood, impact, monitor, playbook, power
FAILURE_MODES = (
    ("stale-oracle", "The price feed stops", "oracle", 4, 4, "oracle-stale", "pause-on-stale-oracle", "pause"),
    (
        "price-manipulated",
        "The price is pushed away",
        "oracle",
        3,
        5,
        "oracle-deviation",
        "pause-on-manipulated-oracle",
        "pause",
    ),
    ("vault-drained", "Collateral leaves that should not", "contract", 2, 5, "outflow", "stop-a-drain", "pause"),
    (
        "bad-upgrade",
        "An upgrade breaks the vault",
        "upgrade",
        2,
        5,
        "implementation-changed",
        "roll-forward-a-bad-upgrade",
        "upgrade",
    ),
    (
        "insolvency",
        "The vault owes more than it holds",
        "contract",
        1,
        5,
        "collateral-gap",
        "handle-insolvency",
        "set-mode",
    ),
    ("guardian-key-lost", "A guardian loses a key", "key", 3, 3, "safe-changed", "replace-a-compromised-signer", None),
    ("signer-unreachable", "Too few signers answer", "key", 3, 4, "", "signer-reachability", None),
    ("hostile-operation", "Somebody else schedules an upgrade", "key", 1, 5, "", "cancel-a-hostile-operation", None),
    ("endpoints-disagree", "Endpoints tell two chains", "infrastructure", 3, 2, "", "wait-out-a-deep-reorg", None),
    ("chain-halted", "The chain stops", "infrastructure", 3, 4, "head-lag", "sit-out-a-halted-chain", "pause"),
    ("bridge-failure", "A bridge is not backed", "infrastructure", 2, 4, "", "contain-a-bridge-failure", "set-mode"),
    ("interface-down", "The interface is down or hijacked", "infrastructure", 4, 3, "", "interface-is-down", None),
)


def load(actor: str) -> None:
    """Does nothing without a devnet; again, it changes nothing."""
    deployment = Deployment.load()
    chain = Chain.objects.filter(chain_id=deployment.chain_id).first() if deployment else None
    if deployment is None or chain is None:
        return
    protocol, _ = Protocol.objects.get_or_create(
        slug="helix",
        defaults={
            "name": "Helix",
            "description": "A small derivatives protocol on the devnet: perpetuals and options, margined in hUSD.",
        },
    )
    contracts = _contracts(protocol, chain, deployment)
    _safes(protocol, chain, deployment, actor)
    _powers(protocol, contracts["vault"], deployment)
    for key, functions in ALLOWED.items():
        row = contracts[key]
        allow(protocol=protocol, chain=chain, address=row.address, label=row.name, functions=functions, actor=actor)
    _failure_modes(protocol)


def _abi(name: str) -> Any:
    return json.loads((ROOT / "integrations/devnet/artifacts" / f"{name}.json").read_bytes())["abi"]


def _contracts(protocol: Protocol, chain: Chain, deployment: Deployment) -> dict[str, Contract]:
    client = client_for(chain)
    wanted = [
        ("vault", deployment.vault, "HelixVault", "vault", "HelixVault"),
        ("usd", deployment.usd, "hUSD", "token", "HelixUSD"),
        ("timelock", deployment.timelock, "HelixTimelock", "timelock", "TimelockController"),
        *((feed.name, feed.address, f"{feed.name} feed", "oracle", "HelixFeed") for feed in deployment.feeds),
    ]
    found = {}
    for key, address, name, role, artifact in wanted:
        defaults = {
            "protocol": protocol,
            "name": name,
            "role": role,
            "abi": _abi(artifact),
            "code_hash": code_hash(client.code(address)),
        }
        found[key], _ = Contract.objects.get_or_create(chain=chain, address=address, defaults=defaults)
    return found


def _safes(protocol: Protocol, chain: Chain, deployment: Deployment, actor: str) -> None:
    for ref in deployment.safes:
        if not Safe.objects.filter(chain=chain, address=ref.address).exists():
            register(chain=chain, address=ref.address, label=LABELS[ref.slug], protocol=protocol, actor=actor)


def _powers(protocol: Protocol, vault: Contract, deployment: Deployment) -> None:
    holders = {"guardian": deployment.guardian_safe, "timelock": deployment.timelock}
    for slug, title, function, holder in POWERS:
        Power.objects.get_or_create(
            protocol=protocol,
            slug=slug,
            defaults={"contract": vault, "title": title, "function": function, "holder": holders[holder]},
        )


def _failure_modes(protocol: Protocol) -> None:
    powers = {power.slug: power for power in Power.objects.filter(protocol=protocol)}
    for slug, title, category, likelihood, impact, monitor, playbook, power in FAILURE_MODES:
        FailureMode.objects.get_or_create(
            protocol=protocol,
            slug=slug,
            defaults={
                "title": title,
                "category": category,
                "likelihood": likelihood,
                "impact": impact,
                "monitor": monitor,
                "playbook": playbook,
                "power": powers.get(power or ""),
            },
        )
