"""What every fault is."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from integrations.devnet.deployment import Deployment
from integrations.devnet.faults.board import ActiveFault, Effect, FaultBoard
from integrations.devnet.rpc import Rpc
from integrations.families import Family, Member
from ledger.errors import Invalid


@dataclass(frozen=True, slots=True)
class World:
    """What a fault works on: the chain, what stands there, and the board that the keeper reads."""

    rpc: Rpc
    deployment: Deployment
    board: FaultBoard

    def require_feed(self, name: str) -> None:
        known = [feed.name for feed in self.deployment.feeds]
        if name not in known:
            raise Invalid("config.feed", f"there is no feed {name!r}", f"one of: {', '.join(known)}")


C = TypeVar("C", bound=BaseModel)


class Fault(Member, Generic[C]):
    """Turned on and off by `start` and `clear`; a member says what it does in `effect`, `begin` and `end`."""

    def __init__(self, config: C) -> None:
        self.config = config

    def effect(self, world: World) -> Effect:
        """What the keeper does differently while this is on."""
        return Effect()

    def begin(self, world: World) -> str:
        """What happens at once, on the chain; a sentence about it."""
        return f"{self.label}."

    def end(self, world: World) -> str:
        """What puts it right at once."""
        return f"{self.label}: over."

    def start(self, world: World) -> str:
        effect = self.effect(world)
        # The keeper must know before the chain is touched, or it would mend what is broken here.
        world.board.put(ActiveFault(self.name, self.config.model_dump(mode="json"), effect))
        return self.begin(world)

    def clear(self, world: World) -> str:
        if not world.board.remove(self.name):
            return f"{self.name} was not on."
        return self.end(world)


FAULTS: Family[Fault[Any]] = Family(
    "fault",
    Fault,
    packages=("integrations.devnet.faults",),
)
