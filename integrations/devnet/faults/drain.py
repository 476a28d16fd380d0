"""Money leaves the vault."""

from pydantic import Field

from integrations.devnet.faults.acting import THIEF, dollars, held, move_money
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """How much of what the vault holds, in per cent."""

    percent: int = Field(default=30, ge=1, le=100)


@FAULTS.register("drain")
class Drain(Fault[Config]):
    """A thief takes tokens out of the vault past its books: it holds less than it owes, and it went fast."""

    label = "The vault is drained"
    Config = Config

    def effect(self, world: World) -> Effect:
        return Effect()

    def begin(self, world: World) -> str:
        vault = world.deployment.vault
        amount = held(world, vault) * self.config.percent // 100
        move_money(world, vault, THIEF, amount)
        return f"{dollars(amount)} left the vault; it still holds {dollars(held(world, vault))}."

    def end(self, world: World) -> str:
        amount = held(world, THIEF)
        move_money(world, THIEF, world.deployment.vault, amount)
        return f"{dollars(amount)} came back."
