"""A Safe of ours pays the vendor at our word."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.nested(stage.call(stage.vendor, value=ETHER, safe="child"))


CASE = Honest("A Safe of ours pays the vendor at our word.", tx=tx)
