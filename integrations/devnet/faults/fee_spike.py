"""Blocks become too dear."""

from pydantic import Field

from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.families import Config as BaseConfig

GWEI = 10**9


class Config(BaseConfig):
    """The base fee of the next block, in gwei. It falls by an eighth with every block that is empty."""

    gwei: int = Field(default=100_000, ge=1, le=10_000_000)


@FAULTS.register("fee-spike")
class FeeSpike(Fault[Config]):
    """The base fee is far above what our transactions offer: they stay in the pool."""

    label = "Fees spike"
    Config = Config

    def begin(self, world: World) -> str:
        self._next(world, self.config.gwei * GWEI)
        return f"The base fee is {self.config.gwei:,} gwei."

    def end(self, world: World) -> str:
        self._next(world, GWEI)
        return "The base fee is 1 gwei."

    def _next(self, world: World, fee: int) -> None:
        world.rpc("anvil_setNextBlockBaseFeePerGas", hex(fee))
        world.rpc("evm_mine")
