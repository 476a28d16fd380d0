"""A registered router gets a bounded allowance."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.note, "increaseAllowance(address,uint256)", stage.passport, 900)


CASE = Honest("A registered router gets a bounded allowance.", tx=tx)
