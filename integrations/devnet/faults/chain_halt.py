"""The chain stops making blocks."""

from integrations.devnet.chain import BLOCK_SECONDS
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Nothing to say."""


@FAULTS.register("chain-halt")
class ChainHalt(Fault[Config]):
    """No more blocks: the head grows old, what is sent stays pending. The endpoint itself still answers."""

    label = "The chain halts"
    Config = Config

    def effect(self, world: World) -> Effect:
        return Effect(halted=True)

    def begin(self, world: World) -> str:
        world.rpc("evm_setIntervalMining", 0)
        return f"The chain stands at block {world.rpc.block_number()}."

    def end(self, world: World) -> str:
        world.rpc("evm_mine")
        world.rpc("evm_setIntervalMining", BLOCK_SECONDS)
        return f"The chain goes on from block {world.rpc.block_number()}."
