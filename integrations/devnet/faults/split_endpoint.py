"""One endpoint tells another story."""

from pydantic import Field

from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.proxied import ProxiedConfig, tell
from integrations.devnet.proxy.rules import Lag, Rewrite


class Config(ProxiedConfig):
    """`behind`: how many blocks it is late; 0: it is on a branch of its own instead."""

    behind: int = Field(default=0, ge=0, le=100)


@FAULTS.register("split-endpoint")
class SplitEndpoint(Fault[Config]):
    """The endpoint behind the proxy follows another branch of the chain, or falls behind the others."""

    label = "An endpoint disagrees"
    Config = Config

    def begin(self, world: World) -> str:
        if self.config.behind:
            tell(self.config.proxy, Lag(blocks=self.config.behind))
            return f"The endpoint behind the proxy is {self.config.behind} blocks late."
        lie = "0x" + "50117" * 12 + "5011"
        tell(self.config.proxy, Rewrite(methods=("eth_getBlockByNumber",), path="result.hash", value=lie))
        return "The endpoint behind the proxy knows other blocks than the others."

    def end(self, world: World) -> str:
        tell(self.config.proxy, None)
        return "The endpoint behind the proxy tells the truth."
