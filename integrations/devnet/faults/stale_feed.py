"""A price feed stops."""

from integrations.devnet import prices
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.devnet.helix import HLX_USD
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Which feed."""

    feed: str = HLX_USD


@FAULTS.register("stale-feed")
class StaleFeed(Fault[Config]):
    """The feed gets no more answers; the chain's clock is moved past its heartbeat, so that it shows at once."""

    label = "A price feed stops"
    Config = Config

    def effect(self, world: World) -> Effect:
        world.require_feed(self.config.feed)
        return Effect(stopped_feeds=(self.config.feed,))

    def begin(self, world: World) -> str:
        feed = world.deployment.feed(self.config.feed)
        # An answer that the keeper sent a moment ago may still be mined with the first of these blocks.
        for _ in range(3):
            answer, now = prices.latest(world.rpc, feed), world.rpc.timestamp()
            if now > answer.updated_at + feed.heartbeat:
                break
            world.rpc("evm_mine", max(now + 1, answer.updated_at + feed.heartbeat + 1))
        answer, now = prices.latest(world.rpc, feed), world.rpc.timestamp()
        age = now - answer.updated_at
        return f"{feed.name} is stale: its last answer is {age} s old, its heartbeat {feed.heartbeat} s."

    def end(self, world: World) -> str:
        feed = world.deployment.feed(self.config.feed)
        price = prices.price_at(feed.name, world.rpc.timestamp(), world.board.price_percent(feed.name))
        prices.publish_now(world.rpc, feed, price)
        return f"{feed.name} answers again: {prices.shown(prices.latest(world.rpc, feed).price)}."
