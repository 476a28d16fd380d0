"""A registered guard that limits payments is set."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "setGuard(address)", stage.thrift)


CASE = Honest("A registered guard that limits payments is set.", tx=tx)
