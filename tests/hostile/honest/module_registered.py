"""A registered module is enabled."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.treasury, "enableModule(address)", stage.standing)


CASE = Honest("A registered module is enabled.", tx=tx)
