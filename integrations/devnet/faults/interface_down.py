"""Helix's page is gone."""

from integrations.devnet.faults.base import FAULTS, Fault, World
from integrations.devnet.faults.board import Effect
from integrations.families import Config as BaseConfig


class Config(BaseConfig):
    """Nothing to say."""


@FAULTS.register("interface-down")
class InterfaceDown(Fault[Config]):
    """Helix's own page answers with an error; the chain is well."""

    label = "The interface is down"
    Config = Config

    def effect(self, world: World) -> Effect:
        return Effect(interface_down=True)

    def begin(self, world: World) -> str:
        return "/devnet/interface/ answers 503."

    def end(self, world: World) -> str:
        return "/devnet/interface/ answers again."
