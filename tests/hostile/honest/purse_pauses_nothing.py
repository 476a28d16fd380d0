"""The smart account calls an allowed function."""

from integrations.devnet.abi import calldata
from tests.hostile.case import Draft, Honest
from tests.hostile.stage import ETHER, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(stage.purse, "execute(address,uint256,bytes)", stage.till, ETHER, calldata("fund()"))


CASE = Honest("The smart account calls an allowed function.", tx=tx)
