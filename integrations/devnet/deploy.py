"""Puts everything on the devnet that the demo needs. Run twice, it recognises what is there."""

from pathlib import Path

from integrations.devnet.builder import Builder, BuildError, burst, code_hash
from integrations.devnet.chain import BLOCK_SECONDS, CHAIN_ID, FAUCET
from integrations.devnet.deployment import Deployment, SafeRef
from integrations.devnet.keys import EXECUTOR_ADDRESS
from integrations.devnet.rpc import Rpc
from integrations.devnet.safe_contracts import SINGLETON_FACTORY, safe_contracts, singleton_factory_code
from integrations.devnet.safes import demo_safes

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
        known = Deployment.load(state_dir) if state_dir else None
        if known and stands(rpc, known):
            return known
        with burst(rpc, block_seconds=block_seconds) as builder:
            deployment = _deploy(builder)
        if state_dir:
            deployment.save(state_dir)
        return deployment
    finally:
        rpc.close()


def stands(rpc: Rpc, deployment: Deployment) -> bool:
    """Whether this very chain carries this deployment."""
    if rpc("eth_getBlockByNumber", "0x0", False)["hash"] != deployment.genesis:
        return False
    addresses = [safe.address for safe in deployment.safes]
    return all(rpc.batch([("eth_getCode", [address, "latest"]) for address in addresses]))


def _deploy(builder: Builder) -> Deployment:
    rpc = builder.rpc
    deploy_safe_contracts(builder)
    for safe in demo_safes():
        safe.create(builder)
    if int(rpc("eth_getBalance", EXECUTOR_ADDRESS, "latest"), 16) < ETHER:
        builder.send(EXECUTOR_ADDRESS, sender=FAUCET.address, value=100 * ETHER, gas=21_000, what="the executor's gas")
    builder.flush()
    canonical: dict[str, dict[str, str]] = {}
    for contract in safe_contracts():
        canonical.setdefault(contract.version, {})[contract.role] = contract.address
    return Deployment(
        chain_id=CHAIN_ID,
        block=rpc.block_number(),
        genesis=rpc("eth_getBlockByNumber", "0x0", False)["hash"],
        safe_contracts=canonical,
        safes=tuple(
            SafeRef(
                slug=safe.slug,
                label=safe.label,
                address=safe.address,
                version=safe.version,
                owners=safe.owners,
                threshold=safe.threshold,
                singleton=safe.singleton,
                fallback_handler=safe.fallback_handler,
            )
            for safe in demo_safes()
        ),
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
