"""A thief gets a role."""

from eth_utils.crypto import keccak
from pydantic import Field

from integrations.devnet.abi import calldata
from integrations.devnet.faults.acting import THIEF, act
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Which role of the vault."""

    role: str = Field(default="UPGRADER_ROLE", pattern=r"^[A-Z_]{4,40}$")


@FAULTS.register("role-grant")
class RoleGrant(Fault[Config]):
    """The vault's admin grants a role to an address that nobody knows."""

    label = "A stranger gets a role"
    Config = Config

    def begin(self, world: World) -> str:
        self._do(world, "grantRole")
        return f"{THIEF} has {self.config.role}."

    def end(self, world: World) -> str:
        self._do(world, "revokeRole")
        return f"{THIEF} has {self.config.role} no more."

    def _do(self, world: World, function: str) -> None:
        data = calldata(f"{function}(bytes32,address)", keccak(text=self.config.role), THIEF)
        act(world.rpc, world.deployment.timelock, world.deployment.vault, data)
