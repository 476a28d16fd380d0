"""An owner leaves; still two must sign."""

from tests.hostile.case import Draft, Honest
from tests.hostile.stage import SENTINEL, Stage


def tx(stage: Stage) -> Draft:
    return stage.call(
        stage.treasury,
        "removeOwner(address,address,uint256)",
        SENTINEL,
        stage.ask(stage.treasury, "getOwners()", returns="address[]")[0],
        2,
    )


CASE = Honest("An owner leaves; still two must sign.", tx=tx)
