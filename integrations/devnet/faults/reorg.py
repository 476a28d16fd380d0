"""The newest blocks are replaced."""

from pydantic import Field

from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """How many blocks."""

    depth: int = Field(default=3, ge=1, le=100)


@FAULTS.register("reorg")
class Reorg(Fault[Config]):
    """The newest blocks are replaced by empty ones: what was in them has not happened."""

    label = "A reorg"
    Config = Config

    def begin(self, world: World) -> str:
        world.rpc("anvil_reorg", self.config.depth, [])
        return f"{self.config.depth} blocks were replaced below block {world.rpc.block_number() + 1}."

    def end(self, world: World) -> str:
        return "What was replaced stays so."
