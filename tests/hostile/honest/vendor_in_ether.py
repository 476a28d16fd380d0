"""The vendor is paid in ether."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.vendor, value=2 * ETHER)


CASE = Honest("The vendor is paid in ether.", tx=tx)
