"""A market's two sides drift apart."""

from eth_utils.crypto import keccak
from pydantic import Field

from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.families import Config as BaseConfig

MARKETS_SLOT = 0x22CDFD333F8A987A454C4AC5C99BABBC9A6F77814F04B38EBB28A000A8058400 + 6
"""The mapping of markets in the vault's storage (HelixStorage.sol)."""
LOW = (1 << 128) - 1


class Config(BaseConfig):
    """Which market by its number, and how much of its short side goes missing."""

    market: int = Field(default=0, ge=0, le=31)
    percent: int = Field(default=10, ge=1, le=100)


@FAULTS.register("lopsided-market")
class LopsidedMarket(Fault[Config]):
    """Part of a market's short open interest vanishes from the books: every long's profit is nobody's loss."""

    label = "A market is lopsided"
    Config = Config

    def begin(self, world: World) -> str:
        long, _ = self._sides(world)
        self._set_short(world, long * (100 - self.config.percent) // 100)
        return f"{self.config.percent} % of the short side of market {self.config.market} is gone."

    def end(self, world: World) -> str:
        self._set_short(world, self._sides(world)[0])
        return f"Both sides of market {self.config.market} match again."

    @property
    def _slot(self) -> int:
        key = self.config.market.to_bytes(32) + MARKETS_SLOT.to_bytes(32)
        return int.from_bytes(keccak(key))

    def _word(self, world: World, offset: int) -> int:
        return int(world.rpc("eth_getStorageAt", world.deployment.vault, hex(self._slot + offset), "latest"), 16)

    def _sides(self, world: World) -> tuple[int, int]:
        return self._word(world, 3) >> 128, self._word(world, 4) & LOW

    def _set_short(self, world: World, short: int) -> None:
        word = (self._word(world, 4) & ~LOW) | short
        world.rpc("anvil_setStorageAt", world.deployment.vault, hex(self._slot + 4), f"0x{word:064x}")
        world.rpc("evm_mine")
