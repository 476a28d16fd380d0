"""Puts everything on the devnet that the demo needs. Run twice, it recognises what is there."""

from pathlib import Path

from integrations.devnet.builder import Builder, BuildError, burst, code_hash
from integrations.devnet.chain import BLOCK_SECONDS, CHAIN_ID, FAUCET
from integrations.devnet.deployment import Deployment, SafeRef
from integrations.devnet.helix import (
    deploy_helix,
    deploy_references,
    feed_refs,
    hand_over,
    handed_over,
    parts,
    read_markets,
    reference_refs,
    references,
)
from integrations.devnet.keys import EXECUTOR_ADDRESS
from integrations.devnet.multicall import MULTICALL3, put_multicall
from integrations.devnet.population import TRADERS, populate, populated
from integrations.devnet.rpc import Rpc
from integrations.devnet.safe_contracts import SINGLETON_FACTORY, safe_contracts, singleton_factory_code
from integrations.devnet.safes import DemoSafe, demo_safes

ETHER = 10**18


class NotTheDevnet(Exception):
    """The endpoint serves another chain. Nothing of ours is ever sent there."""


def require_devnet(rpc: Rpc) -> None:
    """Everything that writes asks this first."""
    chain_id = rpc.chain_id()
    if chain_id != CHAIN_ID:
        raise NotTheDevnet(f"{rpc.url} serves chain {chain_id}; the devnet is chain {CHAIN_ID}. Nothing was sent.")


def deploy(rpc_url: str, *, state_dir: Path | None = None, block_seconds: int | None = BLOCK_SECONDS) -> Deployment:
    """Deploys what is missing; afterwards the chain mines every `block_seconds` (None: at each transaction)."""
    rpc = Rpc(rpc_url)
    try:
        require_devnet(rpc)
        whole = complete(rpc)
        if not whole or not extended(rpc):
            with burst(rpc, block_seconds=block_seconds) as builder:
                if not whole:
                    _deploy(builder)
                _extend(builder)
        deployment = describe(rpc)
        if state_dir:
            deployment.save(state_dir)
        return deployment
    finally:
        rpc.close()


def complete(rpc: Rpc) -> bool:
    """Whether everything stands already. Addresses follow from the bytes, so the chain alone can tell."""
    addresses = [safe.address for safe in demo_safes()] + [contract.address for contract in safe_contracts()]
    codes = rpc.batch([("eth_getCode", [address, "latest"]) for address in addresses])
    if "0x" in codes or not handed_over(rpc):
        return False
    return populated(rpc) >= TRADERS


def _deploy(builder: Builder) -> None:
    deploy_safe_contracts(builder)
    for safe in demo_safes():
        safe.create(builder)
    if int(builder.rpc("eth_getBalance", EXECUTOR_ADDRESS, "latest"), 16) < ETHER:
        builder.send(EXECUTOR_ADDRESS, sender=FAUCET.address, value=100 * ETHER, gas=21_000, what="the executor's gas")
    deploy_helix(builder)
    accounts = populated(builder.rpc)
    if accounts:
        raise BuildError(
            f"A deployment broke off half-way ({accounts} accounts): `manage.py devnet reset` begins anew."
        )
    populate(builder)
    hand_over(builder)


def extended(rpc: Rpc) -> bool:
    """Whether what stands beside the demo is there; a chain that was kept from before may lack it."""
    return all(rpc.code(address) for address in (MULTICALL3, *(part.address for part in references().values())))


def _extend(builder: Builder) -> None:
    put_multicall(builder.rpc)
    if not extended(builder.rpc):
        deploy_references(builder)


def describe(rpc: Rpc) -> Deployment:
    """What stands on this chain, with what only the chain knows (its genesis, the options' expiries)."""
    canonical: dict[str, dict[str, str]] = {}
    for contract in safe_contracts():
        canonical.setdefault(contract.version, {})[contract.role] = contract.address
    helix = {name: part.address for name, part in parts().items()}
    return Deployment(
        chain_id=CHAIN_ID,
        genesis=rpc("eth_getBlockByNumber", "0x0", False)["hash"],
        safe_contracts=canonical,
        safes=tuple(_safe_ref(safe) for safe in demo_safes()),
        usd=helix["usd"],
        vault=helix["vault"],
        vault_implementation=helix["vault_implementation"],
        engine=helix["engine"],
        timelock=helix["timelock"],
        feeds=feed_refs(),
        markets=read_markets(rpc),
        traders=TRADERS,
        executor=EXECUTOR_ADDRESS,
        references=reference_refs(),
    )


def _safe_ref(safe: DemoSafe) -> SafeRef:
    return SafeRef(
        slug=safe.slug,
        label=safe.label,
        address=safe.address,
        version=safe.version,
        owners=safe.owners,
        threshold=safe.threshold,
        singleton=safe.singleton,
        fallback_handler=safe.fallback_handler,
    )


def deploy_safe_contracts(builder: Builder) -> None:
    """Every version at its canonical address; the code that results must have the published hash."""
    rpc = builder.rpc
    if not rpc.code(SINGLETON_FACTORY):
        rpc("anvil_setCode", SINGLETON_FACTORY, "0x" + singleton_factory_code().hex())
    for contract in safe_contracts():
        builder.create(contract.init_code, deployer=contract.deployer, what=f"Safe {contract.version} {contract.role}")
    builder.flush()
    for contract in safe_contracts():
        if code_hash(rpc, contract.address) != contract.code_hash:
            raise BuildError(f"The code at {contract.address} is not Safe {contract.version}'s {contract.role}.")
