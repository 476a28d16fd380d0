"""Collateral is about to be migrated to a stranger."""

from integrations.devnet.abi import calldata
from integrations.devnet.faults.acting import THIEF, act
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.safes import ZERO
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Nothing to say."""


@FAULTS.register("migration-target")
class MigrationTarget(Fault[Config]):
    """The vault's admin names a stranger's address as the one to migrate collateral to."""

    label = "The migration target changes"
    Config = Config

    def begin(self, world: World) -> str:
        self._set(world, THIEF)
        return f"Collateral would be migrated to {THIEF}."

    def end(self, world: World) -> str:
        self._set(world, ZERO)
        return "There is no migration target again."

    def _set(self, world: World, target: str) -> None:
        act(
            world.rpc,
            world.deployment.timelock,
            world.deployment.vault,
            calldata("setMigrationTarget(address)", target),
        )
