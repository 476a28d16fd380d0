"""A price jumps."""

from pydantic import Field

from integrations.devnet import prices
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.devnet.helix import HLX_USD
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Which feed, and how far: -20 is a fall by a fifth."""

    feed: str = HLX_USD
    percent: int = Field(default=-20, ge=-95, le=500)


@FAULTS.register("price-jump")
class PriceJump(Fault[Config]):
    """The feed's price is somewhere else with its next answer, and stays there: accounts fall below their margin."""

    label = "A price jumps"
    Config = Config

    def effect(self, world: World) -> Effect:
        world.require_feed(self.config.feed)
        return Effect(price_percent={self.config.feed: self.config.percent})

    def begin(self, world: World) -> str:
        return self._publish(world)

    def end(self, world: World) -> str:
        return self._publish(world)

    def _publish(self, world: World) -> str:
        feed = world.deployment.feed(self.config.feed)
        if world.board.feed_is_stopped(feed.name):
            return f"{feed.name} is stopped: the price moves with its next answer."
        before = prices.latest(world.rpc, feed).price
        percent = world.board.price_percent(feed.name)
        prices.publish_now(world.rpc, feed, prices.price_at(feed.name, world.rpc.timestamp(), percent))
        after = prices.latest(world.rpc, feed).price
        return f"{feed.name} went from {prices.shown(before)} to {prices.shown(after)}."
