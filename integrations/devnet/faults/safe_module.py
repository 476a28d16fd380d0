"""A Safe gets a module, or an owner, that should not be there."""

from typing import Literal

from integrations.devnet.abi import ask, calldata
from integrations.devnet.faults.acting import THIEF, act
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.families import Config as BaseConfig

FIRST = "0x" + "00" * 19 + "01"


class Config(BaseConfig):
    """Which Safe, and what it gets."""

    safe: Literal["guardian", "council", "treasury"] = "guardian"
    what: Literal["module", "owner"] = "module"


@FAULTS.register("safe-module")
class SafeModule(Fault[Config]):
    """A Safe enables a module (which needs no signatures from then on), or takes a stranger as an owner."""

    label = "A Safe is changed"
    Config = Config

    def begin(self, world: World) -> str:
        if self.config.what == "module":
            self._do(world, calldata("enableModule(address)", THIEF))
        else:
            self._do(world, calldata("addOwnerWithThreshold(address,uint256)", THIEF, self._threshold(world)))
        return f"{THIEF} is a new {self.config.what} of the {self.config.safe} Safe."

    def end(self, world: World) -> str:
        if self.config.what == "module":
            self._do(world, calldata("disableModule(address,address)", FIRST, THIEF))
        else:
            threshold = self._threshold(world)
            self._do(world, calldata("removeOwner(address,address,uint256)", FIRST, THIEF, threshold))
        return f"The {self.config.safe} Safe is as it was."

    def _threshold(self, world: World) -> int:
        safe = world.deployment.safe(self.config.safe).address
        return int(ask(world.rpc, safe, "getThreshold()", returns="uint256")[0])

    def _do(self, world: World, data: bytes) -> None:
        """A Safe is changed by a call to itself."""
        safe = world.deployment.safe(self.config.safe).address
        act(world.rpc, safe, safe, data)
