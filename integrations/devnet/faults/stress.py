"""Several things get worse at once, none of them bad by itself."""

from pydantic import Field

from integrations.devnet import prices
from integrations.devnet.faults.acting import THIEF, dollars, held, move_money
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.devnet.helix import HLX_USD
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """How far the price moves, and how much leaves, in per cent."""

    price_percent: int = Field(default=-4, ge=-50, le=50)
    flow_percent: int = Field(default=15, ge=0, le=90)


@FAULTS.register("stress")
class Stress(Fault[Config]):
    """The price slides and money leaves, each less than its own alarm needs: what a run looks like when it begins."""

    label = "Stress builds up"
    Config = Config

    def effect(self, world: World) -> Effect:
        return Effect(price_percent={HLX_USD: self.config.price_percent})

    def begin(self, world: World) -> str:
        self._publish(world)
        amount = held(world, world.deployment.vault) * self.config.flow_percent // 100
        move_money(world, world.deployment.vault, THIEF, amount)
        return f"The price moved by {self.config.price_percent} %, and {dollars(amount)} left the vault."

    def end(self, world: World) -> str:
        self._publish(world)
        move_money(world, THIEF, world.deployment.vault, held(world, THIEF))
        return "Price and money are back."

    def _publish(self, world: World) -> None:
        feed = world.deployment.feed(HLX_USD)
        percent = world.board.price_percent(feed.name)
        prices.publish_now(world.rpc, feed, prices.price_at(feed.name, world.rpc.timestamp(), percent))
