"""Somebody stops the vault."""

from typing import Literal

from integrations.devnet.abi import ask, calldata
from integrations.devnet.faults.acting import act
from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """What the guardian does: pause it, or set it to reduce-only."""

    what: Literal["pause", "mode"] = "pause"


@FAULTS.register("pause-vault")
class PauseVault(Fault[Config]):
    """The guardian pauses the vault, or makes its mode stricter, without anybody having been told."""

    label = "The vault is paused"
    Config = Config

    def begin(self, world: World) -> str:
        call = calldata("pause()") if self.config.what == "pause" else calldata("setMode(uint8)", 1)
        act(world.rpc, world.deployment.guardian_safe, world.deployment.vault, call)
        return "The vault is paused." if self.config.what == "pause" else "The vault only lets positions shrink."

    def end(self, world: World) -> str:
        rpc, vault, admin = world.rpc, world.deployment.vault, world.deployment.timelock
        if ask(rpc, vault, "paused()", returns="bool")[0]:
            act(rpc, admin, vault, calldata("unpause()"))
        if ask(rpc, vault, "mode()", returns="uint8")[0]:
            act(rpc, admin, vault, calldata("setMode(uint8)", 0))
        return "The vault is open."
