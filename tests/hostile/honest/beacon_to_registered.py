"""A beacon gets registered code."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.beacon, "upgradeTo(address)", stage.plain2)


CASE = Honest("A beacon gets registered code.", tx=tx)
