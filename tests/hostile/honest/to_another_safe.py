"""Ether for another of our Safes."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.old, value=10 * ETHER)


CASE = Honest("Ether for another of our Safes.", tx=tx)
