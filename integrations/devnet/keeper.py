"""Keeps the demo's price feeds fresh, and the chain's clock with the wall's, as far as the faults let it."""

import time

from integrations.devnet import prices
from integrations.devnet.deployment import Deployment, FeedRef
from integrations.devnet.faults.board import FaultBoard
from integrations.devnet.rpc import Rpc

REFRESH_AT = 0.5
"""A feed is refreshed when this share of its heartbeat has passed: a missed time or two does no harm."""


class Keeper:
    """`tick` often; it does what is due and nothing else."""

    def __init__(self, rpc: Rpc, deployment: Deployment, board: FaultBoard) -> None:
        self.rpc = rpc
        self.deployment = deployment
        self.board = board
        self._answered: dict[str, int] = {}
        self._slow = False

    def tick(self) -> list[str]:
        """Names of the feeds refreshed."""
        self.board.reload()
        if self.board.halted:
            return []
        self._pace_clock()
        now = max(self.rpc.timestamp(), int(time.time()))  # of a chain that stood still, the next block's
        for feed in self.deployment.references:
            self._compare_with(feed, now)
        return [feed.name for feed in self.deployment.feeds if self._refresh(feed, now)]

    def _refresh(self, feed: FeedRef, now: int) -> bool:
        if self.board.feed_is_stopped(feed.name):
            return False
        answer = prices.latest(self.rpc, feed)
        if now - answer.updated_at < feed.heartbeat * REFRESH_AT:
            return False
        if self._answered.get(feed.name) == answer.round_id:
            return False  # the next answer is on its way already
        prices.publish(self.rpc, feed, prices.price_at(feed.name, now, self.board.price_percent(feed.name)))
        self._answered[feed.name] = answer.round_id
        return True

    def _compare_with(self, feed: FeedRef, now: int) -> None:
        """A second source tells the truth, whatever is done to the first."""
        answer = prices.latest(self.rpc, feed)
        if (
            now - answer.updated_at >= feed.heartbeat * REFRESH_AT
            and self._answered.get(feed.address) != answer.round_id
        ):
            prices.publish(self.rpc, feed, prices.price_at(feed.name, now))
            self._answered[feed.address] = answer.round_id

    def _pace_clock(self) -> None:
        """A fault moves the chain's clock ahead, and it cannot go back: let the wall's catch up with it."""
        ahead = self.rpc.timestamp() - time.time()
        if ahead > 3 and not self._slow:
            self.rpc("anvil_setBlockTimestampInterval", 1)
            self._slow = True
        elif ahead <= 1 and self._slow:
            self.rpc("anvil_setTime", max(int(time.time()), self.rpc.timestamp() + 1))
            self.rpc("anvil_removeBlockTimestampInterval")
            self._slow = False
