"""Finality stands still."""

from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.proxied import ProxiedConfig, tell
from integrations.devnet.proxy.rules import Rewrite


@FAULTS.register("finality-stalls")
class FinalityStalls(Fault[ProxiedConfig]):
    """Blocks go on, but the endpoint behind the proxy keeps naming the same finalised block."""

    label = "Finality stalls"
    Config = ProxiedConfig

    def begin(self, world: World) -> str:
        block = world.rpc("eth_getBlockByNumber", "finalized", False)
        where = {"params.0": "finalized"}
        tell(self.config.proxy, Rewrite(methods=("eth_getBlockByNumber",), where=where, path="result", value=block))
        return f"Block {int(block['number'], 16)} stays the last finalised one."

    def end(self, world: World) -> str:
        tell(self.config.proxy, None)
        return "Finality follows the head again."
