"""The smart account pays the vendor."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.purse, "execute(address,uint256,bytes)", stage.vendor, ETHER, b"")


CASE = Honest("The smart account pays the vendor.", tx=tx)
