"""Accounts are liquidated, one after the other."""

from eth_abi.abi import decode
from pydantic import Field

from integrations.devnet import prices
from integrations.devnet.abi import ask, calldata
from integrations.devnet.chain import DEPLOYER, FAUCET
from integrations.devnet.faults.acting import act
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.devnet.helix import HLX_USD
from integrations.devnet.population import LOT, USD, traders
from integrations.devnet.rpc import RpcError
from integrations.families import Config as BaseConfig

RESTORED_SLOT = 3
"""`restoredAt` of a feed: after a gap nobody is liquidated for a while, and that would be no surge."""
PURSE = 50_000_000 * USD
MARKET = 0


class Config(BaseConfig):
    """How many accounts, and how far the price falls first."""

    count: int = Field(default=5, ge=1, le=40)
    percent: int = Field(default=-45, ge=-90, le=200)


@FAULTS.register("liquidations")
class Liquidations(Fault[Config]):
    """The price moves, and somebody liquidates accounts that fell below their maintenance margin."""

    label = "Liquidations surge"
    Config = Config

    def effect(self, world: World) -> Effect:
        return Effect(price_percent={HLX_USD: self.config.percent})

    def begin(self, world: World) -> str:
        rpc = world.rpc
        for feed in world.deployment.feeds:  # accounts hold positions in several markets
            rpc("anvil_setStorageAt", feed.address, hex(RESTORED_SLOT), "0x" + "00" * 32)
        self._publish(world)
        self._fund(world)
        done = 0
        for account, size in self._below_margin(world):
            done += done < self.config.count and self._liquidate(world, account, size)
        rpc("evm_mine")
        return f"{done} accounts were liquidated."

    def end(self, world: World) -> str:
        self._publish(world)
        return "The price is back; what was liquidated stays so."

    def _publish(self, world: World) -> None:
        feed = world.deployment.feed(HLX_USD)
        percent = world.board.price_percent(feed.name)
        prices.publish_now(world.rpc, feed, prices.price_at(feed.name, world.rpc.timestamp(), percent))

    def _fund(self, world: World) -> None:
        """The liquidator takes positions over, and needs the margin for them."""
        rpc, usd, vault = world.rpc, world.deployment.usd, world.deployment.vault
        if ask(rpc, vault, "collateralOf(address)", FAUCET.address, returns="int256")[0] > 0:
            return
        act(rpc, DEPLOYER.address, usd, calldata("mint(address,uint256)", FAUCET.address, PURSE))
        act(rpc, FAUCET.address, usd, calldata("approve(address,uint256)", vault, PURSE))
        act(rpc, FAUCET.address, vault, calldata("deposit(uint256)", PURSE))

    def _below_margin(self, world: World) -> list[tuple[str, int]]:
        """Accounts that may be liquidated, with their position's size."""
        people = [trader.address for trader in traders()]
        positions = self._of_all(world, [calldata("positionOf(address,uint256)", one, MARKET) for one in people])
        held = [(one, decode(["int128"], raw)[0]) for one, raw in zip(people, positions, strict=True)]
        held = [(one, size) for one, size in held if size]
        margins = self._of_all(world, [calldata("marginOf(address)", one) for one, _ in held])
        figures = [decode(["int256", "uint256", "uint256"], raw) for raw in margins]
        return [pair for pair, (equity, _, least) in zip(held, figures, strict=True) if equity < least]

    def _of_all(self, world: World, calls: list[bytes]) -> list[bytes]:
        to = world.deployment.vault
        asked = [("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"]) for data in calls]
        return [bytes.fromhex(answer[2:]) for answer in world.rpc.batch(asked)]

    def _liquidate(self, world: World, account: str, size: int) -> bool:
        """Half of it, which may always be taken; False where something else has to go first."""
        some = abs(size) // 2 // LOT * LOT
        data = calldata("liquidate(address,uint256,uint128)", account, MARKET, some)
        call = {"from": FAUCET.address, "to": world.deployment.vault, "data": "0x" + data.hex()}
        try:
            world.rpc("eth_call", call, "latest")
        except RpcError:
            return False
        world.rpc("eth_sendTransaction", {**call, "gas": hex(2_000_000)})
        return True
