"""The till is filled."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.till, "fund()", value=3 * ETHER)


CASE = Honest("The till is filled.", tx=tx)
