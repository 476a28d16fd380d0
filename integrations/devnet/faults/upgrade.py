"""The vault's code changes."""

from eth_abi.abi import encode

from integrations.devnet.abi import calldata
from integrations.devnet.chain import DEPLOYER
from integrations.devnet.faults.acting import act
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.helix import artifact_code
from integrations.devnet.safe_contracts import CREATE2_DEPLOYER, create2_address
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Nothing to say."""


@FAULTS.register("upgrade")
class Upgrade(Fault[Config]):
    """The vault's proxy is pointed at another implementation, by somebody who may."""

    label = "The vault is upgraded"
    Config = Config

    def begin(self, world: World) -> str:
        engine = self._deployed(world, artifact_code("HelixEngineV2"))
        vault = self._deployed(world, artifact_code("HelixVaultV2") + encode(["address"], [engine]))
        self._lead_to(world, vault)
        return f"The vault runs the code at {vault}."

    def end(self, world: World) -> str:
        self._lead_to(world, world.deployment.vault_implementation)
        return "The vault runs its own code again."

    def _deployed(self, world: World, init_code: bytes) -> str:
        address = create2_address(CREATE2_DEPLOYER, init_code)
        if not world.rpc.code(address):
            act(world.rpc, DEPLOYER.address, CREATE2_DEPLOYER, bytes(32) + init_code)
        return address

    def _lead_to(self, world: World, implementation: str) -> None:
        data = calldata("upgradeToAndCall(address,bytes)", implementation, b"")
        act(world.rpc, world.deployment.timelock, world.deployment.vault, data)
