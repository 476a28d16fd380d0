"""What the demo watches: each failure mode that the devnet can show, and what warns before one."""

from typing import Any

from governance.protocols.models import Protocol
from incidents.watch.services import save_monitor
from integrations.chain.models import Chain
from integrations.devnet.deployment import Deployment
from integrations.devnet.helix import HLX_USD

ROLES = ["GUARDIAN_ROLE", "UPGRADER_ROLE", "MIGRATOR_ROLE", "KEEPER_ROLE"]
TARGET = "migrationTarget() view returns (address)"
NOBODY = "0x0000000000000000000000000000000000000000"
Line = tuple[str, str, str, str, str, dict[str, Any]]


def load(deployment: Deployment, chain: Chain, protocol: Protocol | None, actor: str) -> None:
    for slug, name, kind, severity, failure_mode, config in [*_feeds(deployment), *_vault(deployment), *CHAIN]:
        save_monitor(
            slug=slug,
            name=name,
            kind=kind,
            config=config,
            chain=chain,
            protocol=protocol,
            severity=severity,
            failure_mode=failure_mode,
            actor=actor,
        )


def _feeds(deployment: Deployment) -> list[Line]:
    """Each feed's heartbeat; the one with a second source also by its price."""
    found: list[Line] = []
    for number, feed in enumerate(deployment.feeds):
        slug = "oracle-stale" if number == 0 else f"oracle-stale-{feed.name.lower().replace('/', '-')}"
        config = {"feed": feed.address, "name": feed.name, "heartbeat": feed.heartbeat}
        severity = "SEV1" if number == 0 else "SEV2"
        found.append((slug, f"{feed.name} is fresh", "oracle_stale", severity, "stale-oracle", config))
    priced = {"feed": deployment.feed(HLX_USD).address, "name": HLX_USD}
    for second in deployment.references:
        config = {**priced, "other": second.address, "limit_bps": 300}
        told = ("price-apart", f"{HLX_USD} has one price", "oracle_deviation", "SEV1", "price-manipulated")
        found.append((*told, config))
    found.append(("volatility", f"{HLX_USD} moves calmly", "volatility", "SEV3", "", priced))
    return found


def _vault(deployment: Deployment) -> list[Line]:
    vault, guardian = deployment.vault, deployment.safe("guardian")
    named = {"contract": vault, "name": "HelixVault"}
    money = {"token": deployment.usd, "holder": vault, "decimals": 6}
    feed = deployment.feed(HLX_USD)
    stress = {**money, "feed": feed.address, "name": "Helix", "heartbeat": feed.heartbeat}
    code = {"proxy": vault, "name": "HelixVault", "implementation": deployment.vault_implementation}
    target = {**named, "name": "migration target", "function": TARGET, "expected": NOBODY}
    safe: dict[str, Any] = {"safe": guardian.address, "name": "Guardian Safe", "singleton": guardian.singleton}
    safe |= {"owners": list(guardian.owners), "threshold": guardian.threshold, "guard": NOBODY, "module_guard": NOBODY}
    perpetual = {**named, "market": 0, "name": "HLX-PERP"}
    outflow = {**money, "name": "hUSD in the vault"}
    return [
        ("outflow", "Money stays in the vault", "outflow", "SEV1", "vault-drained", outflow),
        ("solvency", "The vault is whole", "collateral_gap", "SEV1", "insolvency", {**named, "decimals": 6}),
        ("interest", "HLX-PERP is matched", "interest_imbalance", "SEV2", "insolvency", perpetual),
        ("liquidations", "Few liquidations", "liquidation_surge", "SEV3", "", named),
        ("paused", "The vault is open", "paused", "SEV3", "", {**named, "mode": 0}),
        ("code", "The vault's code", "implementation_changed", "SEV1", "bad-upgrade", code),
        ("role-changed", "The vault's roles", "role_changed", "SEV1", "hostile-operation", {**named, "roles": ROLES}),
        ("migration-target", "The migration target", "value_changed", "SEV2", "hostile-operation", target),
        ("safe-changed", "The guardian Safe", "safe_changed", "SEV1", "guardian-key-lost", safe),
        ("stress", "Stress of Helix", "stress_score", "SEV3", "", stress),
    ]


CHAIN: list[Line] = [
    ("head-lag", "Blocks come", "head_lag", "SEV2", "chain-halted", {"limit": 60}),
    ("finality-lag", "Blocks become final", "finality_lag", "SEV3", "", {"limit": 32}),
    ("reorg-depth", "Blocks stay", "reorg_depth", "SEV3", "", {"limit": 2}),
    ("stuck-transaction", "Transactions are mined", "stuck_transaction", "SEV3", "", {}),
]
